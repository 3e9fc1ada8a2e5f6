//! The probe and a real name server, asked as the sample says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rais_plugin_probe_udp::Udp;
use rais_sdk::testing::probe;
use rais_sdk::{Fault, FaultKind, Probe};

/// A running named; ends with the value.
struct Named(Child);

impl Named {
    /// On loopback, at a port that was free; where another process was quicker, at another one.
    fn start(folder: &std::path::Path) -> (Self, SocketAddr) {
        loop {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let (root, port) = (folder.display(), address.port());
            let options = format!(
                "options {{ directory \"{root}\"; managed-keys-directory \"{root}\";
                 session-keyfile \"{root}/session.key\"; pid-file none; lock-file none;
                 listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
                 recursion no; dnssec-validation no; }};
                 controls {{ }};"
            );
            fs::write(folder.join("named.conf"), options).unwrap();
            let mut child = Command::new("named")
                .args(["-g", "-n", "1", "-c"])
                .arg(folder.join("named.conf"))
                .env("PATH", "/usr/sbin:/usr/local/sbin:/usr/bin")
                .stdin(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("named is installed");
            let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
            let named = Self(child);
            let told = log.by_ref().map(Result::unwrap);
            let told = told.filter(|it| it.ends_with(" running") || it.contains("address in use"));
            let first = { told }.next().expect("named runs");
            if first.ends_with(" running") {
                // Read on, so that named can go on writing.
                std::thread::spawn(move || log.map_while(Result::ok).count());
                return (named, address);
            }
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_name_server_listens_and_answers_until_it_is_gone() {
    const AMPLE: Duration = Duration::from_secs(60);
    let folder = tempfile::tempdir().unwrap();
    let (named, address) = Named::start(folder.path());
    let active = Udp::SAMPLE.replace("# send", "send").replace("# expect", "expect");
    assert!(probe::<Udp>(Udp::SAMPLE, address, AMPLE).is_ok());
    let up = probe::<Udp>(&active, address, AMPLE).unwrap();
    assert!(up.detail.ends_with(" octets"), "{up:?}");
    // That there is no such record is another answer than that there is no error.
    let other = active.replace("[\\x00\\x80]", "[\\x03\\x83]");
    assert_eq!(probe::<Udp>(&other, address, AMPLE).unwrap_err().kind, FaultKind::Down);

    drop(named);
    let gone = |table: &str| probe::<Udp>(table, address, AMPLE).unwrap_err();
    assert_eq!(gone(Udp::SAMPLE), Fault::down("no process listens"));
    assert_eq!(gone(&active), Fault::down("connection refused"));
}
