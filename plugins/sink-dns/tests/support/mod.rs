//! Real name servers on loopback, and questions to them.
#![allow(dead_code)] // each test file takes what it needs

use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::base::Message;
use tempfile::TempDir;

/// For what comes by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A name server in a folder of its own, ended when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    folder: TempDir,
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
}

/// A port on which nobody listens, for UDP and TCP. It is none that the kernel gives to who asks for any,
/// so that nobody has it before the daemon does.
pub(crate) fn free_address() -> SocketAddr {
    const BELOW_ALL_OF_THE_KERNELS: std::ops::Range<u16> = 10_000..32_000;
    loop {
        let port = fastrand::u16(BELOW_ALL_OF_THE_KERNELS);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

impl Daemon {
    fn start(
        name: &'static str,
        address: SocketAddr,
        folder: TempDir,
        configuration: &str,
        arguments: &[&str],
    ) -> Daemon {
        let file = folder.path().join("configuration");
        fs::write(&file, configuration).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(Path::new("/usr/sbin").join(name))
            .args(arguments)
            .arg("-c")
            .arg(&file)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Daemon { child, folder, name, address }
    }

    /// named with this in its configuration.
    pub(crate) fn named(address: SocketAddr, folder: TempDir, zones: &str) -> Daemon {
        let path = folder.path().display();
        let port = address.port();
        let configuration = format!(
            "options {{ directory \"{path}\"; listen-on port {port} {{ 127.0.0.1; }}; \
             listen-on-v6 {{ none; }}; recursion no; pid-file none; session-keyfile none; \
             dnssec-validation no; notify no; minimal-responses yes; minimal-any yes; \
             cookie-secret \"e5e973e5a6b2a43f48e7dc849e37bfcf\"; }};\ncontrols {{ }};\n{zones}"
        );
        Daemon::start("named", address, folder, &configuration, &["-g", "-n", "1"])
    }

    pub(crate) fn knotd(address: SocketAddr, folder: TempDir, zones: &str) -> Daemon {
        let path = folder.path().display();
        let (ip, port) = (address.ip(), address.port());
        let configuration = format!(
            "server:\n  listen: {ip}@{port}\n  rundir: {path}\n  udp-workers: 1\n  tcp-workers: 1\n  \
             background-workers: 1\ndatabase:\n  storage: {path}\nlog:\n  - target: stderr\n    \
             any: info\n{zones}"
        );
        Daemon::start("knotd", address, folder, &configuration, &[])
    }

    pub(crate) fn nsd(address: SocketAddr, folder: TempDir, zones: &str) -> Daemon {
        let path = folder.path().display();
        let (ip, port) = (address.ip(), address.port());
        let configuration = format!(
            "server:\n  ip-address: {ip}@{port}\n  zonesdir: {path}\n  database: \"\"\n  pidfile: \"\"\n  \
             username: \"\"\n  xfrdfile: {path}/xfrd.state\n  zonelistfile: {path}/zone.list\n  \
             xfrdir: {path}\n  server-count: 1\n  minimal-responses: yes\n  refuse-any: no\n  verbosity: 2\nremote-control:\n  \
             control-enable: no\n{zones}"
        );
        Daemon::start("nsd", address, folder, &configuration, &["-d"])
    }

    /// What it has written.
    /// Whether it keeps such a file.
    pub(crate) fn keeps(&self, file: &str) -> bool {
        self.folder.path().join(file).exists()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its answer to a query, once that is `right`.
    pub(crate) fn answers(&self, query: &[u8], right: impl Fn(&Message<Vec<u8>>) -> bool) {
        let begin = Instant::now();
        let mut last = None;
        while begin.elapsed() < PATIENCE {
            last = exchange(self.address, query, Duration::from_millis(200));
            if last.as_ref().is_some_and(&right) {
                return;
            }
            std::thread::yield_now();
        }
        panic!("{} does not answer so: {last:?}\n{}", self.name, self.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// By UDP; nothing, where no answer came in time.
pub(crate) fn exchange(
    server: SocketAddr,
    query: &[u8],
    patience: Duration,
) -> Option<Message<Vec<u8>>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    socket.connect(server).unwrap();
    socket.send(query).ok()?;
    let mut room = vec![0; 65_535];
    let length = socket.recv(&mut room).ok()?;
    room.truncate(length);
    Message::from_octets(room).ok()
}
