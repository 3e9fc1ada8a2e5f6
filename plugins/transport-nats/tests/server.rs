//! With a real nats-server on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use common::{AMPLE, End, Server, at, until, until_flows};

#[test]
fn what_monitors_send_every_binder_hears() {
    let server = Server::start("");
    let binders = [End::binder(&at(&[&server])), End::binder(&at(&[&server]))];
    for binder in &binders {
        binder.says("connected to nats://");
    }
    let monitors = [End::monitor(&at(&[&server])), End::monitor(&at(&[&server]))];
    for binder in &binders {
        for monitor in &monitors {
            until_flows(monitor, binder);
        }
    }
    let beat: Vec<u8> = (0..1200).map(|i| u8::try_from(i % 251).unwrap()).collect();
    for _ in 0..100 {
        monitors[0].transport.send(&beat).unwrap();
    }
    for binder in &binders {
        let mut whole = 0;
        until("all beats arrive, whole", || {
            // Some of what was tried before may come first.
            let heard = binder.heard.take(1, AMPLE);
            whole += heard.iter().filter(|(from, data)| from.is_none() && *data == beat).count();
            whole >= 100
        });
    }
}

#[test]
fn the_first_beats_wait_for_the_first_connection() {
    let server = Server::start("");
    until("they come, as no machine is always too slow for that", || {
        let end = End::binder(&at(&[&server]));
        // Its own are heard, too: so one table shows whether a server lets both through.
        end.transport.send(b"1").unwrap();
        end.transport.send(b"2").unwrap();
        let heard = end.heard.take(2, Duration::from_secs(2));
        heard == [(None, b"1".to_vec()), (None, b"2".to_vec())]
    });
}

#[test]
fn no_beat_is_sent_late_where_the_first_connection_takes_long() {
    let server = Server::start("");
    server.hang();
    let end = End::binder(&at(&[&server]));
    let begun = Instant::now();
    for _ in 0..8 {
        end.transport.send(b"old").unwrap();
    }
    until("that is long ago", || begun.elapsed() > Duration::from_millis(600));
    server.go_on();
    until("it hears", || {
        let _ = end.transport.send(b"new");
        let heard = end.heard.take(1, Duration::from_millis(50));
        assert!(heard.iter().all(|(_, data)| data == b"new"), "an old beat: {heard:?}");
        !heard.is_empty()
    });
}

#[test]
fn other_subjects_are_other_sites() {
    let server = Server::start("");
    let table = |subject: &str| format!("{}\nsubject = \"{subject}\"", at(&[&server]));
    let (one, other) = (End::binder(&table("rais.one")), End::binder(&table("rais.other")));
    let monitor = End::monitor(&table("rais.one"));
    until_flows(&other, &other);
    until_flows(&monitor, &one);
    monitor.transport.send(b"for one").unwrap();
    other.transport.send(b"for other").unwrap();
    let last = |end: &End| {
        let heard = end.heard.take(1, AMPLE);
        String::from_utf8(heard.into_iter().next_back().unwrap().1).unwrap()
    };
    assert_eq!(last(&one), "for one");
    assert_eq!(last(&other), "for other");
}

#[test]
fn a_server_that_is_down_at_the_start_is_waited_for_and_told_once() {
    let mut server = Server::down();
    let (binder, monitor) = (End::binder(&at(&[&server])), End::monitor(&at(&[&server])));
    // The first beat has the connection made.
    let _ = monitor.transport.send(b"nobody is there");
    for end in [&binder, &monitor] {
        end.says("connection refused; beats are lost until it is");
    }
    let fault = monitor.transport.send(b"too early").unwrap_err();
    assert!(fault.text.starts_with("not connected: nats://127."), "{fault}");
    server.run();
    until_flows(&monitor, &binder);
    for end in [&binder, &monitor] {
        let lines = end.bench.lines();
        assert_eq!((end.said("not connected"), end.said("connected to")), (1, 1), "{lines:?}");
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
}

#[test]
fn a_restart_is_told_once_and_loses_what_was_sent_meanwhile() {
    let mut server = Server::start("");
    let (binder, monitor) = (End::binder(&at(&[&server])), End::monitor(&at(&[&server])));
    until_flows(&monitor, &binder);
    for times in 1..=3 {
        server.kill();
        until("a fault", || monitor.transport.send(b"meanwhile").is_err());
        // It has tried, and not only noticed.
        for end in [&binder, &monitor] {
            until("it is said", || end.said("not connected") == times);
        }
        for _ in 0..1000 {
            assert!(monitor.transport.send(b"meanwhile").is_err());
        }
        server.run();
        until("a way again", || monitor.transport.send(b"again").is_ok());
        until("it hears again", || {
            let _ = monitor.transport.send(b"again");
            let heard = binder.heard.take(1, Duration::from_millis(50));
            assert!(heard.iter().all(|(_, data)| data == b"again"), "an old beat: {heard:?}");
            !heard.is_empty()
        });
        for end in [&binder, &monitor] {
            let lines = end.bench.lines();
            assert_eq!(end.said("not connected"), times, "{lines:?}");
            assert_eq!(end.said("connected to nats"), times + 1, "{lines:?}");
        }
    }
}

#[test]
fn the_next_server_is_taken_where_one_is_down() {
    let (mut first, mut second) = (Server::start(""), Server::down());
    let table = at(&[&first, &second]);
    let (binder, monitor) = (End::binder(&table), End::monitor(&table));
    until_flows(&monitor, &binder);
    // They are not one cluster here, so that it shows where the two are.
    second.run();
    first.kill();
    until_flows(&monitor, &binder);
    for end in [&binder, &monitor] {
        assert_eq!(end.said(&format!("connected to {}", second.url())), 1);
    }
}

#[test]
fn a_server_that_hangs_is_left() {
    let (first, mut second) = (Server::start(""), Server::down());
    let table = at(&[&first, &second]);
    let (binder, monitor) = (End::binder(&table), End::monitor(&table));
    until_flows(&monitor, &binder);
    first.hang();
    second.run();
    until_flows(&monitor, &binder);
    assert_eq!(monitor.said(&format!("connected to {}", second.url())), 1);
}
