//! A web server that many have.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::Identity;

/// nginx on 127.0.0.1, at a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Nginx {
    address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

/// Where Debian has it, for those whose `PATH` lacks it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Nginx {
    /// Serves what `server` says: directives of a block of that name.
    #[must_use]
    pub fn http(server: &str) -> Self {
        Self::start("", server)
    }

    /// The same over TLS.
    #[must_use]
    pub fn https(identity: &Identity, server: &str) -> Self {
        let (certificate, key) = (identity.certificate.display(), identity.key.display());
        let files = format!("ssl_certificate {certificate}; ssl_certificate_key {key};");
        Self::start("ssl", &format!("{files} {server}"))
    }

    fn start(kind: &str, server: &str) -> Self {
        // The listener is handed over, as one nginx does to the next: nobody else can get the port
        // meanwhile, and who connects early only waits.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path temp; "))
            .collect();
        let configuration = format!(
            "daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log off; {paths}\n\
             server {{ listen {address} {kind}; {server} }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let process = Command::new("nginx")
            .env("PATH", PATH)
            .env("NGINX", "0;")
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .args(["-e", "error.log", "-p"])
            .arg(folder.path())
            .arg("-c")
            .arg(file)
            // Its worker is to stop and to end with it.
            .process_group(0)
            .spawn()
            .expect("nginx cannot be run; on Debian it is the package nginx-light");
        Self { address, process, _folder: folder }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// It hangs: its kernel takes connections, and nobody answers.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// It goes on.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process_group(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.process.wait();
    }
}
