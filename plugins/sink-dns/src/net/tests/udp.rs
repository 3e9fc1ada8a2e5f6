use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize};

use socket2::{Domain, Socket, Type};

use super::*;
use crate::net::batch::{LONGEST_DATAGRAM, MOST};
use crate::net::is_answered;
use crate::net::listen::ListenError;

#[test]
fn both_families_are_answered_from_the_address_asked() {
    let running = Running::start(&["127.0.0.1:0", "[::1]:0"], &Setting::default());
    for &at in &running.at {
        udp_echo(at, 7);
    }
}

#[test]
fn a_wildcard_answers_from_the_address_asked() {
    let running = Running::start(&["0.0.0.0:0"], &Setting::default());
    let port = running.at[0].port();
    for asked in ["127.0.0.1", "127.0.0.2", "127.200.3.4"] {
        let asked: IpAddr = asked.parse().unwrap();
        let socket = udp_client(running.at[0]);
        let question = query(1, WHO_AND_WHERE, 20);
        socket.send_to(&question, (asked, port)).unwrap();
        let (answer, from) = heard(&socket);
        assert_eq!(from, SocketAddr::new(asked, port));
        assert!(answer.ends_with(format!(" {asked}").as_bytes()), "the responder is told as well");
    }
}

#[test]
fn the_wildcard_of_ipv6_is_that_of_ipv6_alone() {
    until("a port that nobody has in IPv4", || {
        let v6 = Running::start(&["[::]:0"], &Setting::default());
        let port = v6.at[0].port();
        udp_echo(SocketAddr::new("::1".parse().unwrap(), port), 1);
        tcp_echo(SocketAddr::new("::1".parse().unwrap(), port), 2);
        let v4 = ("127.0.0.1", port);
        UdpSocket::bind(v4).is_ok() && std::net::TcpListener::bind(v4).is_ok()
    });
}

/// More than a batch, of which the answers leave as one or as several.
#[test]
fn a_burst_from_one_port_is_answered_whole() {
    for listen in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"] {
        let running = Running::start(&[listen], &Setting::default());
        let mut at = running.at[0];
        if at.ip().is_unspecified() {
            at.set_ip("127.0.0.9".parse().unwrap());
        }
        let socket = udp_client(at);
        let queries: BTreeSet<_> =
            (0..3 * MOST as u16).map(|id| query(id, ECHO, 30 + usize::from(id) / 50)).collect();
        for query in &queries {
            socket.send_to(query, at).unwrap();
        }
        let answers: BTreeSet<_> = queries
            .iter()
            .map(|_| {
                let (answer, from) = heard(&socket);
                assert_eq!(from, at);
                answer
            })
            .collect();
        assert_eq!(answers, queries.iter().map(|q| answer_to(q)).collect());
    }
}

#[test]
fn what_is_no_query_is_not_answered_and_does_no_harm() {
    let running = Running::usual();
    let socket = udp_client(running.at[0]);
    let too_long = query(1, ECHO, LONGEST_DATAGRAM + 1);
    for nothing in [&[][..], &too_long, &query(2, SILENCE, 20), &query(3, OVERLONG, 20)] {
        socket.send_to(nothing, running.at[0]).unwrap();
    }
    // As long as an answer may be: the responder has no more room.
    let longest = query(4, ECHO, LONGEST_UDP);
    socket.send_to(&longest, running.at[0]).unwrap();
    assert_eq!(heard(&socket).0, answer_to(&longest));
}

#[test]
fn a_transfer_is_none_over_udp() {
    let running = Running::usual();
    let socket = udp_client(running.at[0]);
    socket.send_to(&query(1, TRANSFER, 20), running.at[0]).unwrap();
    socket.send_to(&echo(2), running.at[0]).unwrap();
    assert_eq!(heard(&socket).0, answer_to(&echo(2)));
}

#[test]
fn many_workers_share_the_clients() {
    let running = Running::start(&["127.0.0.1:0"], &Setting { workers: 4, ..Setting::default() });
    // Which of four it is follows from a hash of the client's port: all in one is as good as impossible.
    let answering: BTreeSet<_> = (0..64)
        .map(|id| {
            let socket = udp_client(running.at[0]);
            let question = query(id, WHO_AND_WHERE, 20);
            socket.send_to(&question, running.at[0]).unwrap();
            let answer = heard(&socket).0;
            assert_eq!(answer[..2], id.to_be_bytes());
            answer[question.len()]
        })
        .collect();
    assert!(answering.len() > 1, "{answering:?}");
    running.stop();
}

#[test]
fn after_a_panic_the_thread_goes_on() {
    let running = Running::start(&["127.0.0.1:0", "127.0.0.1:0"], &Setting::default());
    for &at in &running.at {
        let socket = udp_client(at);
        socket.send_to(&query(1, PANIC, 20), at).unwrap();
        // The batch of the panic is lost.
        until("an answer", || {
            socket.send_to(&echo(2), at).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            socket.recv(&mut [0; 100]).is_ok()
        });
    }
}

#[test]
fn it_stops_at_once_however_many_sockets_wait() {
    let many = Setting { workers: 3, ..Setting::default() };
    for listen in [&["127.0.0.1:0"][..], &["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"]] {
        let running = Running::start(listen, &many);
        let at = running.at.clone();
        udp_echo(at[0], 1);
        running.stop();
        // Its addresses are free again.
        Sockets::bind(&at, some(2)).unwrap();
    }
}

/// That of a new configuration starts before the old one stops.
#[test]
fn one_server_takes_over_from_another_and_no_query_is_lost() {
    let mut serving = Running::start(&["0.0.0.0:0"], &Setting { workers: 2, ..Setting::default() });
    let at = serving.at[0];
    let server = SocketAddr::from(([127, 0, 0, 1], at.port()));
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let serving = thread::scope(|scope| {
        let asking = (0..4).map(|_| {
            scope.spawn(|| {
                let (mut asked, mut socket) = (0_u32, udp_client(server));
                while !done.load(Ordering::Relaxed) {
                    // Now and then from another port, which another worker may have.
                    if asked % 64 == 0 {
                        socket = udp_client(server);
                    }
                    let query = echo((asked & 0xffff) as u16);
                    socket.send_to(&query, server).unwrap();
                    // Waits for as long as for anything that must come.
                    assert_eq!(heard(&socket).0, answer_to(&query));
                    asked += 1;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let asking: Vec<_> = asking.collect();
        for workers in [1, 3, 2].into_iter().cycle().take(15) {
            let next =
                Running::start(&[&at.to_string()], &Setting { workers, ..Setting::default() });
            serving.stop();
            serving = next;
            let before = answered.load(Ordering::Relaxed);
            until("answers of the next", || answered.load(Ordering::Relaxed) > before + 200);
        }
        done.store(true, Ordering::Relaxed);
        asking.into_iter().for_each(|asks| asks.join().unwrap());
        serving
    });
    udp_echo(server, 1);
    tcp_echo(server, 2);
    serving.stop();
}

/// Also where one has all addresses and the other one of them.
#[test]
fn a_server_that_waits_for_another_to_end_takes_nothing_of_it() {
    for (first, second) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
        ("0.0.0.0", "127.0.0.1"),
        ("[::]", "[::]"),
    ] {
        let serving = Running::start(&[&format!("{first}:0")], &Setting::default());
        let port = serving.at[0].port();
        let mut server = serving.at[0];
        if server.ip().is_unspecified() {
            server.set_ip(if server.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                IpAddr::from(std::net::Ipv6Addr::LOCALHOST)
            });
        }
        let next = [format!("{second}:{port}").parse().unwrap()];
        assert!(is_answered(&next));
        // Nobody answers from the sockets of these.
        let dropped = Sockets::bind(&next, some(2)).unwrap();
        (0..32).for_each(|id| udp_echo(server, id));
        (0..8).for_each(|id| tcp_echo(server, id));
        drop(dropped);
        (0..32).for_each(|id| udp_echo(server, id));
        let waiting = Sockets::bind(&next, some(1)).unwrap();
        (0..32).for_each(|id| udp_echo(server, id));
        let door = waiting.door();
        serving.stop();
        assert_eq!(door.pass(|| ()), Passage::Answer);
        assert!(is_answered(&next));
        let client = udp_client(server);
        client.send_to(&echo(1), server).unwrap();
        let came = &waiting.workers[0].udp[0].socket;
        came.set_read_timeout(Some(LIMIT)).unwrap();
        assert_eq!(came.recv(&mut [0; 100]).unwrap(), echo(1).len());
        tcp_client(server);
    }
}

#[test]
fn all_addresses_and_one_of_them_are_served_at_once() {
    let free = Sockets::bind(&["0.0.0.0:0".parse().unwrap()], some(1)).unwrap().addresses()[0];
    let one = format!("127.0.0.1:{}", free.port());
    let running = Running::start(&[&free.to_string(), &one], &Setting::default());
    for ip in [[127, 0, 0, 1], [127, 0, 0, 2]] {
        udp_echo((ip, free.port()).into(), 1);
    }
    running.stop();
}

#[test]
fn who_waits_at_a_door_ends_with_its_server() {
    let serving = Running::usual();
    let next = Sockets::bind(&serving.at, some(1)).unwrap();
    let door = next.door();
    let waits = thread::spawn(move || door.pass(|| ()));
    drop(next);
    assert_eq!(waits.join().unwrap(), Passage::End);
}

#[test]
fn an_address_that_cannot_be_had_is_named_with_what_is_allowed() {
    let refused = |listen: &[SocketAddr]| Sockets::bind(listen, some(1)).unwrap_err().to_string();
    let foreign = "192.0.2.1:5300".parse().unwrap();
    let text = refused(&[foreign]);
    assert!(text.contains("192.0.2.1:5300") && text.contains("addresses of this host"), "{text}");

    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let text = refused(&[at]);
    assert!(text.contains(&format!("{at} (UDP)")) && text.contains("another server"), "{text}");

    // One that would share it takes a part of the queries, without a word.
    let sharing = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    sharing.set_reuse_port(true).unwrap();
    sharing.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    let at = sharing.local_addr().unwrap().as_socket().unwrap();
    let text = refused(&[at]);
    assert!(text.contains(&format!("{at} (UDP)")) && text.contains("another server"), "{text}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let text = refused(&[at]);
    assert!(text.contains(&format!("{at} (TCP)")) && text.contains("another server"), "{text}");

    assert!(matches!(Sockets::bind(&[], some(1)), Err(ListenError::Nowhere)));
    let twice = [foreign, foreign];
    assert!(matches!(Sockets::bind(&twice[..0], some(1)), Err(ListenError::Nowhere)));
    let here: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let free = Sockets::bind(&[here], some(1)).unwrap().addresses()[0];
    assert!(matches!(Sockets::bind(&[free, free], some(1)), Err(ListenError::Twice(_))));
}

/// One thread has both addresses: at one of them queries come faster than it answers.
#[test]
fn a_flood_at_one_address_keeps_no_other_waiting() {
    let running = Running::start(&["127.0.0.1:0", "127.0.0.2:0"], &Setting::default());
    let [flooded, other] = running.at[..] else { panic!("{:?}", running.at) };
    let done = AtomicBool::new(false);
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let client = udp_client(flooded);
                let query = echo(1);
                while !done.load(Ordering::Relaxed) {
                    // What has no room is lost, as a flood's datagrams are.
                    let _ = client.send_to(&query, flooded);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..100 {
            let before = sent.load(Ordering::Relaxed);
            udp_echo(other, round);
            until("the flood", || sent.load(Ordering::Relaxed) > before + 100);
        }
        done.store(true, Ordering::Relaxed);
    });
}
