//! A service for the monitors to probe: a process of its own, so that it can be killed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::binary::sibling;
use crate::host::Host;
use crate::netns::Namespace;
use crate::process::Process;
use crate::wait;

/// A running server that answers everyone who connects, with a small page where one is asked for.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where it is told how to answer.
    manner: PathBuf,
}

impl Server {
    /// Starts one that listens on `address` (`0.0.0.0:80`) of `host`, and waits until it does.
    #[track_caller]
    #[must_use]
    pub fn start(host: &Host, address: &str) -> Self {
        let mut server = Self::spawn(host, address);
        let listen: SocketAddr = address.parse().expect("address:port");
        wait::until(&format!("{} to listen on {address}", host.name()), || {
            assert!(server.process.is_running(), "{}", server.process.stderr());
            if connects(host.net(), listen) { Ok(()) } else { Err("refused".to_owned()) }
        });
        server
    }

    /// As [`start`](Self::start), without waiting.
    #[track_caller]
    #[must_use]
    pub fn spawn(host: &Host, address: &str) -> Self {
        let name = format!("server-{address}");
        let manner = format!("/run/{name}");
        let mut command = host.command(sibling("rais-test-server"));
        let process = host.spawn(&name, command.args(["--manner", &manner, address]));
        Self { process, manner: host.path(&manner) }
    }

    /// From now on it answers with this status, so long after it was asked.
    #[track_caller]
    pub fn answer(&self, status: u16, delay: Duration) {
        // In one step: it never finds half a file.
        let written = PathBuf::from(format!("{}.new", self.manner.display()));
        std::fs::write(&written, format!("{status} {}", delay.as_millis())).expect("its manner");
        std::fs::rename(&written, &self.manner).expect("its manner");
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
