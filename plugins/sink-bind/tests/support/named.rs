//! A named of the test's own, on loopback, on ports that were free.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Far beyond what anything here takes; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

pub const SECRET: &str = "vTR1IiazC0fyKwdsD9dzYR4fvFdW+zG+Pe7d9C804VY=";

/// A running named; ends with the value.
pub struct Named {
    child: Child,
    lines: Receiver<String>,
    /// Zone files stand here.
    pub zones: PathBuf,
    pub key_file: PathBuf,
    /// DNS.
    pub dns: SocketAddr,
    /// The command channel.
    pub control: SocketAddr,
    directory: tempfile::TempDir,
}

/// How named is to run.
pub struct Setup<'a> {
    pub address: IpAddr,
    pub algorithm: &'a str,
    /// Zone names, each with further lines of its `zone` block.
    pub zones: &'a [(&'a str, &'a str)],
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Setup {
            address: [127, 0, 0, 1].into(),
            algorithm: "hmac-sha256",
            zones: &[("www.example", "")],
        }
    }
}

impl Named {
    pub fn start() -> Named {
        Setup::default().start()
    }

    /// The sink's `reload` for this named.
    pub fn reload(&self) -> String {
        let key_file = self.key_file.to_str().unwrap();
        format!(
            "reload = {{ type = \"rndc\", address = \"{}\", key_file = {key_file:?} }}",
            self.control
        )
    }

    /// A whole table: rndc and verify.
    pub fn table(&self) -> String {
        let lines = format!("{}\nverify = \"{}\"\ntimeout = \"30s\"", self.reload(), self.dns);
        super::table(&self.zones, &lines)
    }

    /// What `dig +short` says, line by line, in order.
    pub fn dig(&self, name: &str, rtype: &str) -> Vec<String> {
        let out = Command::new("dig")
            .args([&format!("@{}", self.dns.ip()), "-p", &self.dns.port().to_string()])
            .args(["+short", "+norec", "+tries=20", name, rtype])
            .output()
            .expect("dig is installed");
        let text = String::from_utf8(out.stdout).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.zones.join(name)
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends named and waits for it.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until named serves, or finds a port taken.
    fn starts(&self) -> bool {
        let mut seen = String::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.ends_with(" running") => return true,
                Ok(line) if line.contains("address in use") => return false,
                Ok(line) => {
                    seen.push_str(&line);
                    seen.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => panic!("named ended:\n{seen}"),
                Err(RecvTimeoutError::Timeout) => panic!("named does not start:\n{seen}"),
            }
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Setup<'_> {
    /// Starts named; where another process was quicker to take a port, again with other ports.
    pub fn start(&self) -> Named {
        loop {
            let named = self.attempt();
            if named.starts() {
                return named;
            }
        }
    }

    fn attempt(&self) -> Named {
        let directory = tempfile::tempdir().unwrap();
        let zones = directory.path().join("zones");
        fs::create_dir(&zones).unwrap();
        let key_file = directory.path().join("rndc.key");
        let algorithm = self.algorithm;
        let key = format!("key \"test\" {{ algorithm {algorithm}; secret \"{SECRET}\"; }};\n");
        fs::write(&key_file, &key).unwrap();
        // Held until both are known, so that they differ.
        let free = || TcpListener::bind((self.address, 0)).unwrap();
        let (first, second) = (free(), free());
        let dns = first.local_addr().unwrap();
        let control = second.local_addr().unwrap();
        drop((first, second));

        let root = directory.path().display();
        let address = self.address;
        let (on, off) = if address.is_ipv4() {
            ("listen-on", "listen-on-v6")
        } else {
            ("listen-on-v6", "listen-on")
        };
        let mut conf = format!(
            "{key}
options {{
    directory \"{root}\";
    managed-keys-directory \"{root}\";
    session-keyfile \"{root}/session.key\";
    pid-file none;
    lock-file none;
    {on} port {} {{ {address}; }};
    {off} {{ none; }};
    recursion no;
    dnssec-validation no;
    empty-zones-enable no;
    notify no;
}};
controls {{ inet {address} port {} allow {{ {address}; }} keys {{ \"test\"; }}; }};
",
            dns.port(),
            control.port()
        );
        for (zone, lines) in self.zones {
            let _ = writeln!(
                conf,
                "zone \"{zone}\" {{ type primary; file \"zones/{zone}.zone\"; {lines} }};"
            );
            fs::write(zones.join(format!("{zone}.zone")), super::HEADER).unwrap();
        }
        let conf_file = directory.path().join("named.conf");
        fs::write(&conf_file, conf).unwrap();
        // So that the kernel ends it where the test has no time to: killed, for one.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "named", "-g", "-n", "1", "-c"])
            .arg(&conf_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("named is installed");
        let (sender, lines) = channel();
        let log = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                // The receiver may be gone, named must not wait for it.
                let _ = sender.send(line);
            }
        });
        Named { child, lines, zones, key_file, dns, control, directory }
    }
}
