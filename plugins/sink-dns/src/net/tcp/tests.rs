use std::num::NonZeroUsize;

use socket2::{Domain, Socket, Type};

use super::*;
use crate::net::Reply;

struct Nobody;

impl Respond for Nobody {
    fn refresh(&mut self) {}

    fn release(&mut self) {}

    fn respond(&mut self, _: &[u8], _: &Peer, _: &mut [u8]) -> Reply {
        Reply::Silence
    }
}

/// It would be tried again and again, for ever.
#[test]
fn a_socket_that_does_not_listen_is_left_until_an_event_tells_of_it() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    let ip = IpAddr::from([127, 0, 0, 1]);
    let endpoint = TcpEndpoint { socket: socket.try_clone().unwrap().into(), ip };
    let one = NonZeroUsize::MIN;
    let limits = TcpLimits { connections: one, per_client: one, idle: LONGEST_SWEEP, unread: 1 };
    let mut worker = TcpWorker::new(vec![endpoint], Arc::default(), limits, Nobody).unwrap();
    worker.accept(0, Moment::now());
    assert_eq!((&worker.unfinished[..], worker.patience()), (&[][..], None));

    let wait = Some(Duration::from_secs(60));
    let mut events = Events::with_capacity(EVENTS);
    // What a socket in that state says once.
    worker.poll.poll(&mut events, wait).unwrap();
    socket.bind(&SocketAddr::new(ip, 0).into()).unwrap();
    socket.listen(1).unwrap();
    let at = socket.local_addr().unwrap().as_socket().unwrap();
    let _client = std::net::TcpStream::connect(at).unwrap();
    worker.poll.poll(&mut events, wait).unwrap();
    assert!(events.iter().any(|event| worker.due(event.token()) == Some(Due::Listener(0))));
    worker.accept(0, Moment::now());
    assert_eq!(worker.table.len(), 1);
}
