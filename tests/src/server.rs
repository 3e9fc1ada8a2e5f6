//! A service for the monitors to probe: a process of its own, so that it can be killed.

use std::net::SocketAddr;

use crate::binary::sibling;
use crate::host::Host;
use crate::netns::Namespace;
use crate::process::Process;
use crate::wait;

/// A running server that answers everyone who connects.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
}

impl Server {
    /// Starts one that listens on `address` (`0.0.0.0:80`) of `host`, and waits until it does.
    #[track_caller]
    #[must_use]
    pub fn start(host: &Host, address: &str) -> Self {
        let listen: SocketAddr = address.parse().expect("address:port");
        let name = format!("server-{}", listen.port());
        let program = sibling("rais-test-server");
        let mut process = host.spawn(&name, host.command(program).arg(address));
        wait::until(&format!("{} to listen on {address}", host.name()), || {
            assert!(process.is_running(), "{}", process.stderr());
            if connects(host.net(), listen) { Ok(()) } else { Err("refused".to_owned()) }
        });
        Self { process }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.process.kill();
    }
}

/// Whether something accepts there.
fn connects(net: &Namespace, address: SocketAddr) -> bool {
    net.enter(|| std::net::TcpStream::connect(address).is_ok())
}
