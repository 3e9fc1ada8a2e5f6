//! A real nats-server, and transports at it.
#![allow(dead_code)] // not every test uses all of it

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rais_plugin_transport_nats::Nats;
use rais_sdk::Fault;
use rais_sdk::host::TransportObject;
use rais_sdk::testing::{Bench, Deliveries};
use tempfile::TempDir;

/// Long enough on the busiest machine; nothing waits for it to pass.
pub(crate) const AMPLE: Duration = Duration::from_secs(60);

/// A nats-server on a loopback address that nobody else has, so that its port is its own also while
/// it is down.
pub(crate) struct Server {
    pub(crate) ip: String,
    pub(crate) folder: TempDir,
    child: Option<Child>,
}

impl Server {
    /// One that runs, with `settings` beside its address.
    pub(crate) fn start(settings: &str) -> Self {
        let mut server = Self::down();
        server.configure(settings);
        server.run();
        server
    }

    /// One that does not run yet.
    pub(crate) fn down() -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let [.., high, low] = std::process::id().to_be_bytes();
        let ip = format!("127.{}.{high}.{low}", COUNT.fetch_add(1, Ordering::Relaxed) + 100);
        let server = Self { ip, folder: tempfile::tempdir().unwrap(), child: None };
        server.configure("");
        server
    }

    pub(crate) fn configure(&self, settings: &str) {
        let text = format!("listen: \"{}:4222\"\n{settings}\n", self.ip);
        fs::write(self.folder.path().join("nats.conf"), text).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}:4222", self.ip)
    }

    /// Runs it, and waits until it listens.
    pub(crate) fn run(&mut self) {
        let log = self.folder.path().join("nats.log");
        let out = fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new("nats-server");
        command.arg("-c").arg(self.folder.path().join("nats.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(out);
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("nats-server: {error}; tests/run installs it (Debian: nats-server)")
        });
        let address = format!("{}:4222", self.ip);
        until("nats-server listens", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", fs::read_to_string(&log).unwrap());
            TcpStream::connect(&address).is_ok()
        });
        self.child = Some(child);
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// It answers nobody any more, and closes nothing.
    pub(crate) fn hang(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// It answers again.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// It reads its configuration again.
    pub(crate) fn reload(&self) {
        self.signal(Signal::SIGHUP);
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill(Pid::from_raw(id.try_into().unwrap()), signal).unwrap();
    }

    /// A secret in a file of its own.
    pub(crate) fn secret(&self, name: &str, text: &str) -> PathBuf {
        secret(self.folder.path(), name, text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn secret(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A transport with its host, and what it received.
pub(crate) struct End {
    pub(crate) bench: Bench,
    pub(crate) transport: TransportObject,
    pub(crate) heard: Deliveries,
}

impl End {
    /// One that only sends.
    pub(crate) fn monitor(table: &str) -> Self {
        Self::try_monitor(table).unwrap()
    }

    pub(crate) fn try_monitor(table: &str) -> Result<Self, Fault> {
        let bench = Bench::new();
        let transport = bench.transport::<Nats>(table)?;
        Ok(Self { bench, transport, heard: Deliveries::new() })
    }

    /// One that receives, once the server is there.
    pub(crate) fn binder(table: &str) -> Self {
        let end = Self::monitor(table);
        end.start();
        end
    }

    pub(crate) fn start(&self) {
        self.transport.start(Arc::new(self.heard.clone())).unwrap();
    }

    /// How many lines of the log contain `text`.
    pub(crate) fn said(&self, text: &str) -> usize {
        self.bench.lines().iter().filter(|(_, line)| line.contains(text)).count()
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        until(&format!("`{text}` is said; {:?}", self.bench.lines()), || self.said(text) > 0);
    }
}

/// At `servers`, with no more than that.
pub(crate) fn at(servers: &[&Server]) -> String {
    let urls: Vec<String> = servers.iter().map(|server| format!("{:?}", server.url())).collect();
    format!("servers = [{}]", urls.join(", "))
}

/// Sends until what was sent now arrives: who has just connected may not be known everywhere yet.
#[track_caller]
pub(crate) fn until_flows(from: &End, to: &End) {
    let mut number = 0;
    until("a datagram goes through", || {
        number += 1;
        let text = format!("try {number}");
        if from.transport.send(text.as_bytes()).is_err() {
            return false;
        }
        let limit = Duration::from_millis(100);
        to.heard.take(1, limit).iter().any(|(_, data)| *data == text.as_bytes())
    });
}

#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + AMPLE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How many threads of this process are the transport's, those for files and names among them.
pub(crate) fn threads() -> usize {
    comms().iter().filter(|name| name.starts_with("rais-nats")).count()
}

/// How many have exactly this name.
pub(crate) fn named(name: &str) -> usize {
    comms().iter().filter(|comm| *comm == name).count()
}

fn comms() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let comms = tasks.filter_map(|t| fs::read_to_string(t.ok()?.path().join("comm")).ok());
    comms.map(|comm| comm.trim().to_owned()).collect()
}
