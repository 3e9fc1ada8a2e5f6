//! The end of a transport. One test in this file: it counts the threads of its process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{AMPLE, End, Server, at, named, threads, until, until_flows};

#[test]
fn stop_leaves_no_thread_and_what_was_sent_before_it_arrives() {
    let server = Server::start("");
    let nobody = Server::down();
    assert_eq!(threads(), 0);
    let binder = End::binder(&at(&[&server]));
    for _ in 0..20 {
        let monitor = End::monitor(&at(&[&server]));
        until_flows(&monitor, &binder);
        let alone = End::binder(&at(&[&nobody]));
        let dropped = End::binder(&at(&[&server]));
        dropped.says("connected to");
        until("a thread each", || named("rais-nats") == 4);

        monitor.transport.send(b"goodbye").unwrap();
        monitor.transport.stop();
        alone.transport.stop();
        // Dropped without a stop.
        drop(dropped.transport);
        until("its own is left", || threads() == 1);
        assert_eq!(binder.heard.take(1, AMPLE), [(None, b"goodbye".to_vec())]);

        // Nothing begins again by itself.
        assert!(monitor.transport.send(b"late").is_err());
        assert_eq!(threads(), 1);
    }
    binder.transport.stop();
    until("none is left", || threads() == 0);
    binder.start();
    until_flows(&binder, &binder);
}
