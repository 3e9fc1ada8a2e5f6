use std::net::Shutdown;

use socket2::{Domain, Socket, Type};

use super::*;
use crate::net::LONGEST_QUERY;

#[test]
fn both_families_are_answered() {
    let running = Running::start(&["127.0.0.1:0", "[::1]:0"], &Setting::default());
    for &at in &running.at {
        tcp_echo(at, 7);
    }
}

#[test]
fn a_wildcard_tells_which_address_was_asked() {
    let running = Running::start(&["0.0.0.0:0"], &Setting::default());
    let mut at = running.at[0];
    at.set_ip("127.0.0.3".parse().unwrap());
    let mut stream = tcp_client(at);
    stream.write_all(&framed(&query(1, WHO_AND_WHERE, 20))).unwrap();
    assert!(next_message(&mut stream).unwrap().ends_with(b" 127.0.0.3"));
}

#[test]
fn a_pipeline_is_answered_in_order() {
    let running = Running::usual();
    let mut stream = tcp_client(running.at[0]);
    let pipeline: Vec<_> = (0..2000).flat_map(|id| framed(&echo(id))).collect();
    let mut sender = stream.try_clone().unwrap();
    let sending = thread::spawn(move || sender.write_all(&pipeline).unwrap());
    for id in 0..2000 {
        assert_eq!(next_message(&mut stream).unwrap(), answer_to(&echo(id)));
    }
    sending.join().unwrap();
}

#[test]
fn a_query_may_come_in_pieces() {
    let running = Running::usual();
    let mut stream = tcp_client(running.at[0]);
    stream.set_nodelay(true).unwrap();
    for octet in framed(&echo(1)) {
        stream.write_all(&[octet]).unwrap();
    }
    assert_eq!(next_message(&mut stream).unwrap(), answer_to(&echo(1)));
    // The end of one, the whole of another, and the beginning of a third.
    let two = [framed(&echo(2)), framed(&echo(3)), framed(&echo(4))].concat();
    let (first, second) = two.split_at(20);
    stream.write_all(first).unwrap();
    ask(&mut tcp_client(running.at[0]), 5).unwrap();
    stream.write_all(&second[..60]).unwrap();
    assert_eq!(next_message(&mut stream).unwrap(), answer_to(&echo(2)));
    stream.write_all(&second[60..]).unwrap();
    for id in [3, 4] {
        assert_eq!(next_message(&mut stream).unwrap(), answer_to(&echo(id)));
    }
}

#[test]
fn who_says_no_more_is_still_answered() {
    let running = Running::usual();
    let mut stream = tcp_client(running.at[0]);
    stream.write_all(&[framed(&query(1, LONG_ANSWER, 20)), framed(&echo(2))].concat()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(next_message(&mut stream).unwrap().len(), LONG);
    assert_eq!(next_message(&mut stream).unwrap(), answer_to(&echo(2)));
    is_closed(&mut stream);
}

#[test]
fn a_query_of_any_length_that_needs_be_is_read() {
    let running = Running::usual();
    let mut stream = tcp_client(running.at[0]);
    let longest = query(1, ECHO, LONGEST_QUERY);
    stream.write_all(&[framed(&[]), framed(&longest), framed(&longest)].concat()).unwrap();
    for _ in 0..2 {
        assert_eq!(next_message(&mut stream).unwrap(), answer_to(&longest));
    }
    stream.write_all(&(LONGEST_QUERY as u16 + 1).to_be_bytes()).unwrap();
    is_closed(&mut stream);
}

#[test]
fn silence_holds_up_nothing() {
    let running = Running::usual();
    let mut stream = tcp_client(running.at[0]);
    let mute = [query(1, SILENCE, 20), query(2, OVERLONG, 20), echo(3)];
    stream.write_all(&mute.map(|q| framed(&q)).concat()).unwrap();
    assert_eq!(next_message(&mut stream).unwrap(), answer_to(&echo(3)));
}

#[test]
fn half_open_connections_shut_nobody_out() {
    for workers in [1, 2] {
        let setting = Setting { workers, connections: 100, ..Setting::default() };
        let running = Running::start(&["127.0.0.1:0"], &setting);
        let mut half_open: Vec<_> = (0..300).map(|_| tcp_client(running.at[0])).collect();
        for stream in half_open.iter_mut().skip(1).step_by(2) {
            // Some have begun to ask. Those that had to go refuse it.
            let _ = stream.write_all(&framed(&echo(1))[..5]);
        }
        for id in 0..50 {
            tcp_echo(running.at[0], id);
        }
        // The first ones had to go.
        is_closed(&mut half_open[0]);
        // Where something was sent to it, the end may be a reset.
        is_closed(&mut half_open[1]);
        running.stop();
    }
}

#[test]
fn who_asks_outlives_who_does_not() {
    let setting = Setting { connections: 10, ..Setting::default() };
    let running = Running::start(&["127.0.0.1:0"], &setting);
    let mut asking = tcp_client(running.at[0]);
    let mut silent = tcp_client(running.at[0]);
    let mut crowd = Vec::new();
    for id in 0..50 {
        ask(&mut asking, id).unwrap();
        crowd.push(tcp_client(running.at[0]));
    }
    is_closed(&mut silent);
    ask(&mut asking, 50).unwrap();
}

/// A client with another address.
fn tcp_client_from(source: &str, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let source: SocketAddr = format!("{source}:0").parse().unwrap();
    socket.bind(&source.into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

#[test]
fn one_client_takes_its_part_and_no_more() {
    let setting = Setting { per_client: 4, ..Setting::default() };
    let running = Running::start(&["127.0.0.1:0"], &setting);
    let mut others = tcp_client_from("127.0.0.2", running.at[0]);
    let mut greedy: Vec<_> = (0..12).map(|_| tcp_client_from("127.0.0.3", running.at[0])).collect();
    for stream in &mut greedy[..8] {
        is_closed(stream);
    }
    for (stream, id) in greedy[8..].iter_mut().zip(0..) {
        ask(stream, id).unwrap();
    }
    ask(&mut others, 9).unwrap();
}

#[test]
fn who_is_idle_is_closed() {
    let setting = Setting { idle: Duration::from_millis(50), ..Setting::default() };
    let running = Running::start(&["127.0.0.1:0"], &setting);
    let mut silent = tcp_client(running.at[0]);
    is_closed(&mut silent);
    let mut slow = tcp_client(running.at[0]);
    slow.write_all(&framed(&echo(1))[..5]).unwrap();
    is_closed(&mut slow);
}

/// Asks for long answers on and on, and reads none, until the connection is cut.
fn ask_and_do_not_read(server: SocketAddr) -> thread::JoinHandle<()> {
    let mut stream = tcp_client(server);
    thread::spawn(move || {
        let pipeline = framed(&query(1, LONG_ANSWER, 20)).repeat(100);
        let error = loop {
            if let Err(error) = stream.write_all(&pipeline) {
                break error;
            }
        };
        let cut = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(cut.contains(&error.kind()), "{error}");
    })
}

#[test]
fn who_does_not_read_is_cut_in_time() {
    let setting = Setting { idle: Duration::from_millis(300), ..Setting::default() };
    let running = Running::start(&["127.0.0.1:0"], &setting);
    let unread: Vec<_> = (0..10).map(|_| ask_and_do_not_read(running.at[0])).collect();
    for id in 0..100 {
        tcp_echo(running.at[0], id);
    }
    for client in unread {
        client.join().unwrap();
    }
}

#[test]
fn who_does_not_read_is_cut_where_it_is_too_much() {
    // Nothing is kept for anybody.
    let setting = Setting { unread: 0, ..Setting::default() };
    let running = Running::start(&["127.0.0.1:0"], &setting);
    let unread: Vec<_> = (0..10).map(|_| ask_and_do_not_read(running.at[0])).collect();
    for client in unread {
        client.join().unwrap();
    }
    tcp_echo(running.at[0], 1);
}

#[test]
fn a_transfer_is_written_as_it_is_taken() {
    let running = Running::usual();
    let mut stream = tcp_client(running.at[0]);
    let mut wish = query(1, TRANSFER, 20);
    *wish.last_mut().unwrap() = 200;
    // Those behind it wait for its end.
    let asked = [framed(&echo(1)), framed(&wish), framed(&echo(2))].concat();
    stream.write_all(&asked).unwrap();
    assert_eq!(next_message(&mut stream).unwrap(), answer_to(&echo(1)));
    // 10 MB: more than the kernel keeps, while others are answered.
    tcp_echo(running.at[0], 3);
    for left in (0..200).rev() {
        let message = next_message(&mut stream).unwrap();
        assert!(message.len() == LONG && message.iter().all(|&o| o == left));
    }
    assert_eq!(next_message(&mut stream).unwrap(), answer_to(&echo(2)));
    ask(&mut stream, 4).unwrap();
}

#[test]
fn a_transfer_that_cannot_be_whole_is_cut() {
    let running = Running::usual();
    let mut stream = tcp_client(running.at[0]);
    let mut wish = query(1, BROKEN_TRANSFER, 20);
    *wish.last_mut().unwrap() = 1;
    stream.write_all(&framed(&wish)).unwrap();
    while let Ok(message) = next_message(&mut stream) {
        assert_eq!(message.len(), LONG);
    }
    tcp_echo(running.at[0], 1);
}

#[test]
fn after_a_panic_the_thread_begins_anew() {
    let running = Running::usual();
    let mut other = tcp_client(running.at[0]);
    ask(&mut other, 1).unwrap();
    let mut stream = tcp_client(running.at[0]);
    stream.write_all(&framed(&query(1, PANIC, 20))).unwrap();
    is_closed(&mut stream);
    is_closed(&mut other);
    tcp_echo(running.at[0], 2);
}

#[test]
fn it_stops_with_connections_open() {
    let running = Running::start(&["127.0.0.1:0"], &Setting { workers: 3, ..Setting::default() });
    let mut streams: Vec<_> = (0..30).map(|_| tcp_client(running.at[0])).collect();
    for stream in &mut streams {
        ask(stream, 1).unwrap();
    }
    running.stop();
    for stream in &mut streams {
        is_closed(stream);
    }
}

/// As another takes its place: the thread is at a query while the others come.
#[test]
fn what_has_come_is_answered_before_it_stops_also_where_nobody_has_accepted_it() {
    let serving = Running::usual();
    let at = serving.at[0];
    let mut asked_before = tcp_client(at);
    ask(&mut asked_before, 1).unwrap();
    let gate = super::GATE.lock().unwrap();
    let mut held = tcp_client(at);
    held.write_all(&framed(&query(2, HELD, 20))).unwrap();
    until("the thread to be at it", || IS_HELD.load(Ordering::SeqCst));
    asked_before.write_all(&framed(&echo(3))).unwrap();
    let mut waiting: Vec<_> = (0..80).map(|_| tcp_client(at)).collect();
    for stream in &mut waiting {
        stream.write_all(&framed(&echo(4))).unwrap();
    }
    let next = Sockets::bind(&serving.at, some(1)).unwrap();
    let door = next.door();
    let stopping = thread::spawn(move || serving.stop());
    assert_eq!(door.pass(|| ()), Passage::Answer);
    drop(gate);
    assert_eq!(next_message(&mut held).unwrap(), answer_to(&query(2, HELD, 20)));
    assert_eq!(next_message(&mut asked_before).unwrap(), answer_to(&echo(3)));
    for stream in &mut waiting {
        assert_eq!(next_message(stream).unwrap(), answer_to(&echo(4)));
        is_closed(stream);
    }
    stopping.join().unwrap();
}
