//! Addresses that are away just when a server comes in the place of another.

use std::net::TcpListener;

use rais_sdk::testing::Bench;

use super::*;
use crate::Dns;
use crate::net::Transport;

#[test]
fn what_cannot_be_bound_as_a_server_comes_is_bound_later() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let old = Sockets::bind(&["127.0.0.1:0".parse().unwrap()], some(1)).unwrap();
        let at = old.addresses()[0];
        assert!(old.latecomers().is_none());
        let sockets = Sockets::bind(&[at], some(2)).unwrap();
        let latecomers = sockets.latecomers().unwrap();
        let new = Running::of(sockets, &Setting { workers: 2, ..Setting::default() });
        // Its sockets go before it leaves, and somebody else comes.
        let Sockets { workers, place } = old;
        drop(workers);
        let taken: (Option<UdpSocket>, Option<TcpListener>) = match transport {
            Transport::Udp => (Some(UdpSocket::bind(at).unwrap()), None),
            Transport::Tcp => (None, Some(TcpListener::bind(at).unwrap())),
        };
        drop(place);
        assert_eq!(latecomers.pass(), Passage::Answer);
        for _ in 0..3 {
            let faults = latecomers.bind();
            assert!(faults.len() == 1 && faults[0].address() == Some(at), "{faults:?}");
        }
        drop(taken);
        assert!(latecomers.bind().is_empty());
        (0..8).for_each(|id| udp_echo(at, id));
        (0..8).for_each(|id| tcp_echo(at, id));
        new.stop();
        assert!(latecomers.bind().is_empty());
    }
}

#[test]
fn a_sink_tells_what_it_cannot_bind_and_answers_there_once_it_can() {
    let old = Sockets::bind(&["127.0.0.1:0".parse().unwrap()], some(1)).unwrap();
    let at = old.addresses()[0];
    let bench = Bench::new();
    let sink = bench.sink::<Dns>(&format!("listen = ['{at}']\nworkers = 1")).unwrap();
    sink.assign(&[]).unwrap();
    let Sockets { workers, place } = old;
    drop(workers);
    let taken = UdpSocket::bind(at).unwrap();
    drop(place);
    let told = |text: &str| bench.lines().iter().filter(|(_, line)| line.contains(text)).count();
    until("a warning", || told("it is tried again each second") == 1);
    drop(taken);
    // Once at the start, which speaks of what is meant.
    until("the address", || told(&format!("answering at {at}")) == 2);
    let query = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
    let client = udp_client(at);
    client.send_to(query, at).unwrap();
    assert_eq!(heard(&client).1, at);
    let mut stream = tcp_client(at);
    stream.write_all(&framed(query)).unwrap();
    next_message(&mut stream).unwrap();
    assert_eq!(told("it is tried again each second"), 1);
    sink.stop();
}
