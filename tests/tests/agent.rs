//! HAProxy's agent-check, both ways: a real HAProxy asks our monitor, and our monitor asks an agent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::site::{Site, address, addresses};
use rais_tests::{status, wait};

const CONFIG: &str = "/var/lib/bind/rais.toml";

const TEXT: &str = r#"
[cluster]
name = "agents"
insecure = true
[transport.lan]
type = "udp"
[monitor]
sample = "1s"
exclude = ["192.0.2.0/24"]
agent = "0.0.0.0:5370"
[monitor.service.www]
interval = "200ms"
probe = { type = "tcp", port = 80 }
load = { max = [{ type = "cpu" }, { type = "agent", port = 9777, every = "100ms" }] }
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["files"]
[binder.service.www]
zone = "www.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = { type = "none" }
"#;

const HAPROXY: &str = "
global
    stats socket /run/haproxy.sock
defaults
    mode tcp
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    timeout check 5s
frontend www
    bind 127.0.0.1:8080
    default_backend www
backend www
    server web1 129.144.168.1:80 weight 100 check inter 500ms agent-check agent-port 5370 agent-inter 200ms agent-send \"www\\n\"
    server web2 129.144.168.2:80 weight 100 check inter 500ms agent-check agent-port 5370 agent-inter 200ms
";

/// An agent as servers have them: says its line to whoever connects.
struct Agent {
    line: Arc<Mutex<String>>,
}

impl Agent {
    fn start(host: &Host) -> Agent {
        let listener = host.net().enter(|| TcpListener::bind("0.0.0.0:9777")).unwrap();
        let line = Arc::new(Mutex::new(String::new()));
        let said = Arc::clone(&line);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let line = said.lock().unwrap().clone();
                // A monitor that has gone is not to end the agent.
                let _ = stream.and_then(|mut stream: TcpStream| stream.write_all(line.as_bytes()));
            }
        });
        Agent { line }
    }

    fn says(&self, line: &str) {
        *self.line.lock().unwrap() = format!("{line}\n");
    }
}

fn start_haproxy(host: &Host) -> Process {
    host.write("/etc/bind/haproxy.cfg", HAPROXY);
    host.spawn("haproxy", host.command("haproxy").args(["-db", "-f", "/etc/bind/haproxy.cfg"]))
}

/// What HAProxy makes of each server: its state and its weight.
fn servers(host: &Host) -> Result<BTreeMap<String, (String, u32)>, String> {
    let say = |error: std::io::Error| error.to_string();
    let mut socket = UnixStream::connect(host.path("/run/haproxy.sock")).map_err(say)?;
    socket.write_all(b"show stat\n").map_err(say)?;
    let mut text = String::new();
    socket.read_to_string(&mut text).map_err(say)?;
    let mut lines = text.lines();
    let header = lines.next().ok_or("no header")?.trim_start_matches("# ");
    let place = |name| header.split(',').position(|field| field == name).unwrap();
    let (status, weight) = (place("status"), place("weight"));
    let rows = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let of_web = rows.filter(|row| row.get(1).is_some_and(|name| name.starts_with("web")));
    let weight_of = |row: &[&str]| row[weight].split('/').next().unwrap().parse().unwrap();
    Ok(of_web.map(|row| (row[1].to_owned(), (row[status].to_owned(), weight_of(&row)))).collect())
}

#[track_caller]
fn until_haproxy_has(
    host: &Host,
    server: &str,
    state: &str,
    weight: std::ops::RangeInclusive<u32>,
) {
    wait::until(&format!("{server} to be {state} with a weight of {weight:?}"), || {
        let seen = servers(host)?;
        match seen.get(server) {
            Some((is, of)) if is.starts_with(state) && weight.contains(of) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[track_caller]
fn until_state(host: &Host, number: u8, state: &str, reason: &str) {
    status::until_binder(host, state, |status| {
        let members = &status.service("www")?.members;
        let member = members.iter().find(|member| member.address == address(number));
        match member {
            Some(member) if member.state == state && member.reason == reason => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn haproxy_hears_of_us_what_we_hear_of_an_agent() {
    let site = Site::new();
    let ns = site.host("ns1", 53);
    ns.write(CONFIG, TEXT);
    let _binder = ns.start("binder", CONFIG);
    let webs = [1, 2].map(|n| site.host(&format!("web{n}"), n));
    let agents = webs.each_ref().map(Agent::start);
    let _monitors = webs.each_ref().map(|web| {
        web.cpu.set(30.0);
        web.write(CONFIG, TEXT);
        web.start("monitor", CONFIG)
    });
    let [first, second] = webs.each_ref().map(|web| Server::start(web, "0.0.0.0:80"));
    let mut haproxy = start_haproxy(&ns);
    status::until_set(&ns, "www", &addresses([1, 2]));

    // What the load leaves: the name of the service is asked for by one, and all by the other.
    until_haproxy_has(&ns, "web1", "UP", 69..=71);
    until_haproxy_has(&ns, "web2", "UP", 69..=71);

    agents[0].says("drain #upgrade");
    status::until_set(&ns, "www", &addresses([2]));
    until_state(&ns, 1, "draining", "drain #upgrade");
    until_haproxy_has(&ns, "web1", "UP", 0..=0);
    agents[0].says("ready");
    status::until_set(&ns, "www", &addresses([1, 2]));
    until_haproxy_has(&ns, "web1", "UP", 69..=71);
    agents[0].says("maint");
    until_haproxy_has(&ns, "web1", "DOWN (agent)", 0..=100);
    status::until_set(&ns, "www", &addresses([2]));
    agents[0].says("ready up");
    status::until_set(&ns, "www", &addresses([1, 2]));

    // What is not said is unchanged; and who is dead is no agent's to revive.
    agents[1].says("down");
    status::until_set(&ns, "www", &addresses([1]));
    agents[1].says("60%");
    until_state(&ns, 2, "down", "down");
    agents[1].says("up");
    status::until_set(&ns, "www", &addresses([1, 2]));
    second.kill();
    until_state(&ns, 2, "down", "connection refused");
    until_haproxy_has(&ns, "web2", "DOWN", 0..=100);
    drop(first);
    assert!(haproxy.is_running(), "{}", haproxy.stderr());
}

#[test]
fn a_reload_moves_where_agent_checks_are_answered_or_refuses() {
    let site = Site::new();
    let web = site.host("web1", 1);
    web.write(CONFIG, TEXT);
    let _server = Server::start(&web, "0.0.0.0:80");
    let _agent = Agent::start(&web);
    let _monitor = web.start("monitor", CONFIG);
    let asked = |port: u16| -> Result<String, String> {
        web.net().enter(|| {
            let say = |error: std::io::Error| error.to_string();
            let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(say)?;
            stream.write_all(b"www\n").map_err(say)?;
            let mut line = String::new();
            stream.read_to_string(&mut line).map_err(say)?;
            if line.is_empty() { Err("nothing".to_owned()) } else { Ok(line) }
        })
    };
    let answers = |port| wait::until("an answer", || asked(port));
    assert!(answers(5370).starts_with("up "));

    let taken = web.net().enter(|| TcpListener::bind("127.0.0.1:5371")).unwrap();
    web.write(CONFIG, &TEXT.replace("0.0.0.0:5370", "127.0.0.1:5371"));
    let refused = web.rais(&["reload"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("rais.toml:10:9"), "{}", refused.stderr);
    assert!(refused.stderr.contains("in use"), "{}", refused.stderr);
    assert!(answers(5370).starts_with("up "), "the old one goes on");

    drop(taken);
    web.rais(&["reload"]).expect_code(0);
    assert!(answers(5371).starts_with("up "));
    assert!(asked(5370).is_err());
}
