//! `docs/howto/dynamic-updates.md` with each of its servers: what it says to write is written, what it
//! says to type is typed, and then the addresses in the zone follow the servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use rais_tests::binary::{Output, finish, rais};
use rais_tests::dns::dig;
use rais_tests::host::Host;
use rais_tests::markdown::{Typed, What, blocks};
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::wait;

/// What stands for the folder that a machine without rais has not.
const ETC_RAIS: &str = "/var/lib/etc-rais";

/// The zone as its owner keeps it.
const ZONE: &str = "$TTL 1h\n@ IN SOA ns1 hostmaster ( 1 3h 1h 1w 10 )\n@ IN NS ns1\nns1 IN A 127.0.0.1\n\
                    @ IN MX 10 mail\nwww IN CNAME api\n";

/// An operator at a host with the zone's primary and a binder.
struct Operator {
    host: Host,
    processes: Vec<(String, Process)>,
    _lan: Lan,
}

impl Operator {
    fn new() -> Operator {
        let (lan, host) = (Lan::new(), Host::owning("ns1", &["/etc/knot", "/etc/powerdns"]));
        let addresses = ["192.0.2.1/24", "192.0.2.20/24", "192.0.2.21/24", "192.0.2.25/24"];
        lan.attach(host.net(), "eth0", &addresses);
        for folder in ["bind", "knot", "powerdns"] {
            host.write(&format!("/var/lib/{folder}/example.com.zone"), ZONE);
        }
        host.write("/run/knot/empty", "");
        host.write("/var/lib/programs/empty", "");
        std::os::unix::fs::symlink(rais(), host.path("/var/lib/programs/rais")).unwrap();
        Operator { host, processes: Vec::new(), _lan: lan }
    }

    fn bash(&self, script: &str) -> Command {
        // Daemons and packages' tools are not on everybody's path.
        let path = format!("/var/lib/programs:{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
        let mut command = self.host.command("bash");
        command.args(["-c", script]).env("PATH", path);
        command
    }

    fn type_once(&self, typed: &Typed) -> Result<(), String> {
        // `umask` would not last from one command to the next.
        let script = format!("umask 077; exec 2>&1\n{}", place(&typed.command));
        let Output { code, stdout, .. } = finish(&mut self.bash(&script));
        match code == 0 && typed.is(&stdout) {
            true => Ok(()),
            false => Err(format!("exit code {code} and\n{stdout}")),
        }
    }

    fn type_in(&self, line: usize, typed: &Typed) {
        let typing = match typed.command.starts_with("dig ") {
            true => wait::try_until(|| self.type_once(typed)),
            false => self.type_once(typed),
        };
        typing.unwrap_or_else(|why| panic!("line {line}: `{}` gave {why}", typed.command));
    }

    fn follow(&mut self, page: &str) {
        for block in blocks(page) {
            match block.what {
                What::File { path, text } => self.host.write(&place(&path), &place(&text)),
                What::Commands(all) => all.iter().for_each(|it| self.type_in(block.line, it)),
                What::Stays { terminal, command } => {
                    let script = format!("exec {}", place(&command));
                    let process = self.host.spawn(&terminal, &mut self.bash(&script));
                    self.processes.push((terminal, process));
                }
                What::Change { .. } => panic!("line {}: nothing is changed here", block.line),
            }
        }
    }
}

/// A path of the page as the test's host has it; the same for all that is in a text.
fn place(text: &str) -> String {
    text.replace("/etc/rais", ETC_RAIS)
}

/// The page with one of its servers.
fn page(server: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/howto/dynamic-updates.md");
    let text = std::fs::read_to_string(path).unwrap();
    let parts = text.split("\n## ");
    let others = |part: &&str| !part.starts_with("2") || part.starts_with(server);
    let parts: Vec<_> = parts.filter(others).collect();
    assert_eq!(parts.len(), 6, "{server}");
    parts.join("\n## ")
}

#[track_caller]
fn with(server: &str) {
    let mut operator = Operator::new();
    let host = &operator.host;
    let servers = ["192.0.2.20:443", "192.0.2.21:443", "192.0.2.25:25"];
    let [first, second, mail] = servers.map(|address| Server::start(host, address));
    operator.follow(&page(server));

    let host = &operator.host;
    let until = |name: &str, wanted: &[&str]| {
        wait::until(&format!("{name} to be {wanted:?}"), || {
            let mut found: Vec<String> =
                dig(host, [127, 0, 0, 1].into(), &format!("{name}.example.com"), "A")?
                    .iter()
                    .map(ToString::to_string)
                    .collect();
            found.sort();
            if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
        });
    };
    until("api", &["192.0.2.20", "192.0.2.21"]);
    until("mail", &["192.0.2.25"]);
    until("smtp", &["192.0.2.25"]);
    first.kill();
    until("api", &["192.0.2.21"]);
    let first = Server::start(host, "192.0.2.20:443");
    until("api", &["192.0.2.20", "192.0.2.21"]);
    // A name that leaves the configuration leaves the zone.
    let file = format!("{ETC_RAIS}/rais.toml");
    let text = host.read(&file);
    host.write(&file, &text.replace("owner = [\"mail\", \"smtp\"]", "owner = \"mail\""));
    assert_ne!(host.read(&file), text);
    host.rais(&["reload"]).expect_code(0);
    until("smtp", &[]);
    until("mail", &["192.0.2.25"]);
    // What is the zone's own has stayed.
    until("ns1", &["127.0.0.1"]);
    for (name, process) in &mut operator.processes {
        assert!(process.is_running(), "{name}:\n{}", process.stderr());
    }
    drop((first, second, mail));
}

#[test]
fn bind() {
    with("2a. BIND");
}

#[test]
fn knot() {
    with("2b. Knot");
}

#[test]
fn powerdns() {
    with("2c. PowerDNS");
}
