//! What leaves as one datagram.

use std::os::fd::AsFd;

use super::*;
use crate::net::Moment;
use crate::net::batch::{Batch, Segments, Wait};
use crate::net::listen::{Local, UdpEndpoint};

/// Sends queries of these lengths from these clients, until they come as one batch; how many datagrams
/// their answers are, once the clients have them.
fn sends(local: &str, queries: &[(&UdpSocket, usize)], segments: Segments) -> usize {
    let mut sockets = Sockets::bind(&[local.parse().unwrap()], some(1)).unwrap();
    let mut at = sockets.addresses()[0];
    let endpoint = sockets.workers.remove(0).udp.remove(0);
    assert_eq!(endpoint.segments, Segments::Allowed, "a kernel from 4.18 on");
    if endpoint.local == Local::Wildcard {
        at.set_ip("127.0.0.7".parse().unwrap());
    }
    let mut batch = Batch::new(LONGEST_UDP);
    let mut responder = Wishes { number: 0, is_fresh: true };
    let mut sends = None;
    until("a batch that is whole", || {
        for (i, (client, length)) in queries.iter().enumerate() {
            client.send_to(&query(i as u16, ECHO, *length), at).unwrap();
        }
        let mut left = queries.len();
        let mut is_whole = false;
        while left > 0 {
            let count = batch.receive(endpoint.socket.as_fd(), Wait::ForOne).unwrap();
            is_whole = count == queries.len();
            left -= count;
            answer(&mut batch, &mut responder, &endpoint, segments);
        }
        for (i, (client, length)) in queries.iter().enumerate() {
            let (answer, from) = heard(client);
            assert_eq!(from, at);
            assert_eq!(answer, answer_to(&query(i as u16, ECHO, *length)));
        }
        sends = Some(batch.sends());
        is_whole
    });
    sends.unwrap()
}

fn answer(batch: &mut Batch, responder: &mut Wishes, endpoint: &UdpEndpoint, segments: Segments) {
    batch.answer(responder, endpoint.local, Moment::now(), segments);
    batch.send(endpoint.socket.as_fd()).unwrap();
}

fn client() -> UdpSocket {
    udp_client("127.0.0.1:1".parse().unwrap())
}

#[test]
fn answers_of_one_length_to_one_client_leave_as_one() {
    let client = client();
    for local in ["127.0.0.1:0", "0.0.0.0:0"] {
        assert_eq!(sends(local, &[(&client, 100); 64], Segments::Allowed), 1);
        assert_eq!(sends(local, &[(&client, 100); 64], Segments::Refused), 64);
        assert_eq!(sends(local, &[(&client, 100)], Segments::Allowed), 1);
    }
}

#[test]
fn the_last_of_them_may_be_shorter_and_no_other() {
    let client = client();
    let lengths = |lengths: &[usize]| lengths.iter().map(|&l| (&client, l)).collect::<Vec<_>>();
    let sends = |l: &[usize]| sends("127.0.0.1:0", &lengths(l), Segments::Allowed);
    assert_eq!(sends(&[100, 100, 100, 80]), 1);
    assert_eq!(sends(&[100, 80, 80]), 2);
    assert_eq!(sends(&[80, 100, 100]), 2);
    assert_eq!(sends(&[100, 80, 100]), 2);
}

#[test]
fn together_they_are_a_datagram_still() {
    let client = client();
    assert_eq!(sends("127.0.0.1:0", &[(&client, LONGEST_UDP); 64], Segments::Allowed), 2);
}

#[test]
fn each_client_has_its_own() {
    let (one, other) = (client(), client());
    let queries: Vec<_> = [&one, &one, &other, &other, &one].map(|c| (c, 100)).into();
    assert_eq!(sends("127.0.0.1:0", &queries, Segments::Allowed), 3);
}

/// What the worker does where an interface has refused it.
#[test]
fn segments_that_are_refused_leave_each_for_itself() {
    let mut sockets = Sockets::bind(&["127.0.0.1:0".parse().unwrap()], some(1)).unwrap();
    let at = sockets.addresses()[0];
    let endpoint = sockets.workers.remove(0).udp.remove(0);
    let client = client();
    let mut batch = Batch::new(LONGEST_UDP);
    let queries: Vec<_> = [90, 90, 70].iter().zip(0..).map(|(&l, id)| query(id, ECHO, l)).collect();
    until("a batch that is whole", || {
        for query in &queries {
            client.send_to(query, at).unwrap();
        }
        let count = batch.receive(endpoint.socket.as_fd(), Wait::ForOne).unwrap();
        let mut responder = Wishes { number: 0, is_fresh: true };
        batch.answer(&mut responder, endpoint.local, Moment::now(), Segments::Allowed);
        let is_whole = count == queries.len();
        if is_whole {
            assert!(batch.is_at_segments());
            batch.send_apart(endpoint.socket.as_fd());
            batch.send(endpoint.socket.as_fd()).unwrap();
        }
        is_whole
    });
    for query in &queries {
        assert_eq!(heard(&client).0, answer_to(query));
    }
}
