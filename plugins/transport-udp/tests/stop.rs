//! The end of a transport. One test in this file: it counts the threads of its process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{End, alone, receiver_threads, shared_port, until};

#[test]
fn stop_ends_the_thread_and_gives_back_the_socket() {
    let (_holder, port) = shared_port("0.0.0.0");
    let on_lo = format!("port = {port}\ninterfaces = [\"lo\"]");
    for _ in 0..20 {
        let (unicast, unicast_port) = alone("127.0.0.1");
        let broadcast = End::binder(&on_lo);
        let multicast = End::binder(&format!("mode = \"multicast\"\n{on_lo}"));
        until(|| receiver_threads() == 3, "three receivers, three threads");

        // No datagram comes: the threads wait in poll(2) without an end.
        unicast.transport.stop();
        broadcast.transport.stop();
        // Dropped without a stop.
        drop(multicast.transport);
        until(|| receiver_threads() == 0, "a thread goes on");

        let listen = format!("mode = \"unicast\"\nlisten = \"127.0.0.1:{unicast_port}\"");
        End::binder(&listen).transport.stop();
    }
}
