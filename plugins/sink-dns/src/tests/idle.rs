//! Threads that wait, and what they keep meanwhile.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Weak;
use std::time::Instant;

use super::*;
use crate::net::{Limits, Server, Sockets, TcpLimits, Work};

/// For what comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(engine: &Arc<Engine>) -> (Server, SocketAddr) {
    let sockets = Sockets::bind(&["127.0.0.1:0".parse().unwrap()], NonZeroUsize::MIN).unwrap();
    let address = sockets.addresses()[0];
    let few = NonZeroUsize::new(10).unwrap();
    let tcp = TcpLimits { connections: few, per_client: few, idle: PATIENCE * 10, unread: 1 << 20 };
    let limits = Limits { udp_answer: 1232, tcp };
    let spawn = |_: &str, work: Work| std::thread::Builder::new().spawn(work);
    let responder = || Responder::new(Arc::clone(engine));
    (Server::start(sockets, &limits, responder, &spawn).unwrap(), address)
}

/// The zone, once it is served no more.
fn withdrawn(engine: &Engine, apex: &[u8]) -> Weak<Zone> {
    let zone = Arc::downgrade(&engine.zone(apex).unwrap());
    engine.withdraw(apex);
    zone
}

#[test]
fn a_thread_that_waits_keeps_no_zone_that_is_served_no_more() {
    let engine = engine();
    let (mut server, address) = start(&engine);
    let query = question("www.example.com", "A");
    let mut room = [0; 512];
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(PATIENCE)).unwrap();
    udp.send_to(&query, address).unwrap();
    udp.recv(&mut room).unwrap();
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.write_all(&[&[0, query.len() as u8], &query[..]].concat()).unwrap();
    tcp.read_exact(&mut room[..2]).unwrap();

    let zone = withdrawn(&engine, &to_wire("example.com"));
    let begun = Instant::now();
    while zone.strong_count() > 0 {
        assert!(begun.elapsed() < PATIENCE, "the zone is still there");
        std::thread::yield_now();
    }
    server.stop();
}
