//! A real nats-server on a host of the test, from Debian's package.

use crate::host::Host;
use crate::process::Process;
use crate::wait;

/// A running `nats-server`.
#[derive(Debug)]
pub struct NatsServer<'a> {
    host: &'a Host,
    process: Process,
}

const CONFIG: &str = "/run/nats.conf";

impl<'a> NatsServer<'a> {
    /// One that listens on port 4222 of every address of `host`, with `settings` beside that.
    #[track_caller]
    #[must_use]
    pub fn start(host: &'a Host, settings: &str) -> Self {
        host.write(CONFIG, &format!("listen: \"0.0.0.0:4222\"\n{settings}\n"));
        Self { host, process: run(host) }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Runs it again; it listens when this returns.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        self.process = run(self.host);
    }
}

#[track_caller]
fn run(host: &Host) -> Process {
    let mut process = host.spawn("nats", host.command("nats-server").args(["-c", CONFIG]));
    wait::until("nats-server to listen", || {
        assert!(process.is_running(), "nats-server ended:\n{}", process.stderr());
        let connect = || std::net::TcpStream::connect("127.0.0.1:4222").map(drop);
        host.net().enter(connect).map_err(|error| error.to_string())
    });
    process
}
