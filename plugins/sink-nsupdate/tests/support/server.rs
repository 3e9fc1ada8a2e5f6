//! Name servers of the test's own, from Debian's packages, on loopback, on ports that were free,
//! each with a folder of its own.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::relay::Relay;

/// Far beyond what anything here takes; only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const SECRET: &str = "vTR1IiazC0fyKwdsD9dzYR4fvFdW+zG+Pe7d9C804VY=";
pub const ZONE: &str = "example.com";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    Bind,
    Knot,
    PowerDns,
}

/// What becomes of updates that are signed by the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updates {
    Taken,
    NotAllowed,
    /// They cannot be stored.
    Failing,
}

/// How many answers by UDP who asks may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    Unlimited,
    /// One a second; Knot only.
    Limited,
}

/// How a server is to run.
#[derive(Clone)]
pub struct Setup {
    pub make: Make,
    pub address: IpAddr,
    pub algorithm: &'static str,
    pub zones: Vec<String>,
    /// Further records of each zone, as in its file.
    pub records: String,
    pub updates: Updates,
    pub rate: Rate,
}

/// A running server; ends with the value.
pub struct Server {
    child: Child,
    pub dns: SocketAddr,
    setup: Setup,
    directory: TempDir,
}

impl Setup {
    pub fn of(make: Make) -> Setup {
        Setup {
            make,
            address: Ipv4Addr::LOCALHOST.into(),
            algorithm: "hmac-sha256",
            zones: vec![ZONE.to_owned()],
            records: String::new(),
            updates: Updates::Taken,
            rate: Rate::Unlimited,
        }
    }

    /// Starts it and waits until it serves; again with other ports where another process was
    /// quicker to take one.
    pub fn start(self) -> Server {
        loop {
            let directory = tempfile::tempdir().unwrap();
            // Two, held until both are known: one for what it may command by.
            let free = || TcpListener::bind((self.address, 0)).unwrap();
            let dns = free().local_addr().unwrap();
            // Who asks for it finds this server and no other that took its port.
            let mark = directory.path().file_name().unwrap().to_str().unwrap().to_owned();
            self.write(directory.path(), dns, &mark);
            let child = run(&self, directory.path());
            let mut server = Server { child, dns, setup: self.clone(), directory };
            if server.serves(&mark) {
                return server;
            }
        }
    }

    /// The same with a relay in front of it.
    pub fn start_behind_relay(self) -> (Server, Relay) {
        let server = self.start();
        let relay = Relay::to(server.dns);
        (server, relay)
    }

    fn write(&self, directory: &Path, dns: SocketAddr, mark: &str) {
        for folder in ["zones", "db"] {
            fs::create_dir(directory.join(folder)).unwrap();
        }
        for zone in &self.zones {
            let text = format!(
                "$TTL 1h\n@ IN SOA ns.other.example. hostmaster.{zone}. ( 100 3h 1h 1w 10 )\n\
                 @ IN NS ns.other.example.\n@ IN MX 10 mail.other.example.\nmark IN TXT \"{mark}\"\n\
                 others IN A 203.0.113.1\nothers IN TXT \"kept\"\n{}",
                self.records
            );
            fs::write(directory.join(format!("zones/{zone}.zone")), text).unwrap();
        }
        match self.make {
            Make::Bind => self.write_bind(directory, dns),
            Make::Knot => self.write_knot(directory, dns),
            Make::PowerDns => self.write_powerdns(directory, dns),
        }
    }

    fn write_bind(&self, directory: &Path, dns: SocketAddr) {
        let (root, address, algorithm) = (directory.display(), self.address, self.algorithm);
        let (on, off) = match address {
            IpAddr::V4(_) => ("listen-on", "listen-on-v6"),
            IpAddr::V6(_) => ("listen-on-v6", "listen-on"),
        };
        let mut conf = format!(
            "key \"rais\" {{ algorithm {algorithm}; secret \"{SECRET}\"; }};
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
controls {{ }};
",
            dns.port()
        );
        let updates = match self.updates {
            Updates::Taken => "allow-update { key \"rais\"; };",
            Updates::NotAllowed => "",
            Updates::Failing => "allow-update { key \"rais\"; }; journal \"nowhere/journal\";",
        };
        for zone in &self.zones {
            let _ = writeln!(
                conf,
                "zone \"{zone}\" {{ type primary; file \"zones/{zone}.zone\"; {updates} \
                 max-records-per-type 0; }};"
            );
        }
        fs::write(directory.join("named.conf"), conf).unwrap();
    }

    fn write_knot(&self, directory: &Path, dns: SocketAddr) {
        let (root, algorithm) = (directory.display(), self.algorithm);
        let storage = if self.updates == Updates::Failing { "nowhere" } else { "db" };
        let (limit, limited) = match self.rate {
            Rate::Unlimited => ("", ""),
            Rate::Limited => (
                "mod-rrl:\n  - id: default\n    rate-limit: 1\n    slip: 0\n",
                "    global-module: mod-rrl/default\n",
            ),
        };
        let acl = if self.updates == Updates::NotAllowed { "" } else { "\n    acl: rais" };
        let mut conf = format!(
            "server:
    rundir: {root}
    listen: {}@{}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {root}/{storage}
key:
  - id: rais
    algorithm: {algorithm}
    secret: {SECRET}
acl:
  - id: rais
    key: rais
    action: update
{limit}template:
  - id: default
{limited}    storage: {root}/zones
    file: \"%s.zone\"
zone:
",
            self.address,
            dns.port()
        );
        for zone in &self.zones {
            let _ = writeln!(conf, "  - domain: {zone}{acl}");
        }
        fs::write(directory.join("knot.conf"), conf).unwrap();
    }

    fn write_powerdns(&self, directory: &Path, dns: SocketAddr) {
        let root = directory.display();
        assert_ne!(self.updates, Updates::Failing, "not known how");
        let updates = if self.updates == Updates::Taken { "yes" } else { "no" };
        // Without its caches, as the README says: who asks during an update has an old answer kept.
        let conf = format!(
            "launch=gsqlite3
gsqlite3-database={root}/pdns.sqlite3
gsqlite3-dnssec=yes
local-address={}
local-port={}
socket-dir={root}
daemon=no
guardian=no
dnsupdate={updates}
allow-dnsupdate-from=127.0.0.0/8,::1
security-poll-suffix=
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
",
            self.address,
            dns.port()
        );
        fs::write(directory.join("pdns.conf"), conf).unwrap();
        let schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
        let database = directory.join("pdns.sqlite3");
        succeeds(Command::new("sqlite3").arg(&database).arg(format!(".read {schema}")));
        let util = |words: &[&str]| {
            succeeds(Command::new("pdnsutil").arg("--config-dir").arg(directory).args(words));
        };
        util(&["import-tsig-key", "rais", self.algorithm, SECRET]);
        for zone in &self.zones {
            let file = directory.join(format!("zones/{zone}.zone"));
            util(&["load-zone", zone, file.to_str().unwrap()]);
            util(&["set-kind", zone, "master"]);
            util(&["set-meta", zone, "TSIG-ALLOW-DNSUPDATE", "rais"]);
        }
    }
}

fn succeeds(command: &mut Command) {
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {said}");
}

fn run(setup: &Setup, directory: &Path) -> Child {
    let words = match setup.make {
        Make::Bind => vec!["named", "-g", "-n", "1", "-c", "named.conf"],
        Make::Knot => vec!["knotd", "-c", "knot.conf"],
        Make::PowerDns => vec!["pdns_server", "--config-dir=."],
    };
    // So that the kernel ends it where the test has no time to: killed, for one.
    let mut command = Command::new("setpriv");
    let log = fs::File::options().create(true).append(true).open(directory.join("log")).unwrap();
    command
        .args(["--pdeathsig", "KILL"])
        .args(&words)
        .process_group(0)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}: tests/run installs it", words[0]))
}

impl Server {
    /// The sink's table for this server.
    pub fn table(&self, more: &str) -> String {
        self.table_at(self.dns, more)
    }

    /// The same for who listens in front of it.
    pub fn table_at(&self, address: SocketAddr, more: &str) -> String {
        table(address, &self.key_file(), more)
    }

    /// The key in a file as `tsig-keygen` writes it.
    pub fn key_file(&self) -> PathBuf {
        let name = format!("{}.key", self.setup.algorithm);
        write_key(&self.directory.path().join(name), "rais", self.setup.algorithm, SECRET)
    }

    /// What `dig +short` says, line by line, in order.
    pub fn dig(&self, name: &str, rtype: &str) -> Vec<String> {
        dig(self.dns, self.setup.rate, name, rtype)
    }

    /// For whoever asks by himself.
    pub fn asked(&self) -> rais_dns::Server {
        rais_dns::Server { address: self.dns, way: rais_dns::Way::Udp, timeout: PATIENCE }
    }

    pub fn serial(&self) -> u32 {
        let soa = self.dig(ZONE, "SOA");
        soa[0].split(' ').nth(2).unwrap().parse().unwrap()
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn log(&self) -> String {
        let log = fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Somebody else's update, by BIND's own `nsupdate`.
    pub fn nsupdate(&self, lines: &str) {
        let (ip, port) = (self.dns.ip(), self.dns.port());
        let text = format!("server {ip} {port}\nzone {ZONE}\n{lines}\nsend\n");
        let path = self.directory.path().join("nsupdate.txt");
        fs::write(&path, text).unwrap();
        succeeds(Command::new("nsupdate").arg("-k").arg(self.key_file()).arg(path));
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends it, with all that it started, and waits for it.
    pub fn stop(&mut self) {
        // Once it was waited for, its number may be another's.
        if matches!(self.child.try_wait(), Ok(None)) {
            let group = Pid::from_raw(self.child.id().try_into().unwrap());
            let _ = killpg(group, Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }

    /// At the place of the one that was stopped, with what that had stored.
    pub fn start_again(&mut self) {
        let mark = self.directory.path().file_name().unwrap().to_str().unwrap().to_owned();
        self.child = run(&self.setup, self.directory.path());
        assert!(self.serves(&mark), "the port is taken:\n{}", self.log());
    }

    /// Waits until it serves its zones; not where its port is another's.
    fn serves(&mut self, mark: &str) -> bool {
        let end = Instant::now() + PATIENCE;
        let zones = self.setup.zones.clone();
        for zone in zones {
            loop {
                let found = self.dig(&format!("mark.{zone}"), "TXT");
                if found == [format!("\"{mark}\"")] {
                    break;
                }
                let log = self.log();
                if self.child.try_wait().unwrap().is_some() || log.contains("address in use") {
                    let taken = ["in use", "already"].iter().any(|word| log.contains(word));
                    assert!(taken, "{:?} ended:\n{log}", self.setup.make);
                    return false;
                }
                assert!(Instant::now() < end, "{:?} does not start:\n{log}", self.setup.make);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        true
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("--- {:?}\n{}", self.setup.make, self.log());
        }
    }
}

/// A sink's table.
pub fn table(server: SocketAddr, key_file: &Path, more: &str) -> String {
    format!("server = \"{server}\"\nkey = {:?}\n{more}\n", key_file.to_str().unwrap())
}

pub fn write_key(path: &Path, name: &str, algorithm: &str, secret: &str) -> PathBuf {
    let text =
        format!("key \"{name}\" {{\n\talgorithm {algorithm};\n\tsecret \"{secret}\";\n}};\n");
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_owned()
}

/// What `dig +short` of `server` says, line by line, in order.
fn dig(server: SocketAddr, rate: Rate, name: &str, rtype: &str) -> Vec<String> {
    let out = Command::new("dig")
        .args((rate == Rate::Limited).then_some("+tcp"))
        .args([&format!("@{}", server.ip()), "-p", &server.port().to_string()])
        .args(["+short", "+norec", "+tries=1", "+time=2", name, rtype])
        .output()
        .expect("dig is installed");
    let text = String::from_utf8(out.stdout).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
