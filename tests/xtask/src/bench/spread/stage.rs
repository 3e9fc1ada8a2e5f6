//! The hosts: a name server with a binder, three servers with their monitors, and the clients.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use anyhow::ensure;
use domain::base::Rtype;
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::{status, wait};

use super::rule::Rule;

/// Workers of each server; the host of the first is 198.51.100.1.
pub(super) const WORKERS: [u16; 3] = [1, 2, 4];

/// The name server.
const DNS: &str = "198.51.100.53";
const JOURNAL: &str = "/var/lib/rais/binder/journal.jsonl";
const CONFIG: &str = "/var/lib/bind/rais.toml";

/// All of it.
pub(super) struct Stage {
    clients: Host,
    processes: Vec<Process>,
    _servers: Vec<Host>,
    ns: Host,
    _lan: Lan,
}

impl Stage {
    /// Everybody is up and in the answers.
    pub(super) fn new() -> anyhow::Result<Stage> {
        let lan = Lan::new();
        let host = |name: &str, address: &str| {
            let host = Host::new(name);
            lan.attach(host.net(), "eth0", &[&format!("{address}/24")]);
            host
        };
        let mut processes = Vec::new();
        let mut servers = Vec::new();
        for (which, workers) in WORKERS.into_iter().enumerate() {
            let host = host(&format!("web{workers}"), &address(which).to_string());
            let mut command = host.command(std::env::current_exe()?);
            command.arg("works").arg(workers.to_string());
            command.args(Rule::ALL.map(|rule| rule.port().to_string()));
            processes.push(host.spawn("works", &mut command));
            host.write(CONFIG, &monitor(workers));
            processes.push(host.start("monitor", CONFIG));
            servers.push(host);
        }
        // After the monitors: who is there when a binder starts does not start slowly.
        let ns = host("ns1", DNS);
        ns.write(CONFIG, &binder());
        processes.push(ns.start("binder", CONFIG));
        let clients = host("clients", "198.51.100.100");
        let all = (0..WORKERS.len()).map(address).collect();
        for (rule, zone) in zones() {
            status::until_published(&ns, rule.service(), &all);
            let client = client(&clients)?;
            wait::until(zone, || client.addresses(zone, Rtype::A));
        }
        Ok(Stage { clients, processes, _servers: servers, ns, _lan: lan })
    }

    /// Where the clients are.
    pub(super) fn clients(&self) -> &Host {
        &self.clients
    }

    /// How often an address has left the answers of each rule so far, by the binder's journal.
    pub(super) fn fallen(&self, rule: Rule) -> anyhow::Result<usize> {
        let mut fallen = 0;
        for line in self.ns.read(JOURNAL).lines() {
            let line: serde_json::Value = serde_json::from_str(line)?;
            let decided = &line["decided"];
            let is_out = decided["verdict"].as_str().is_some_and(|verdict| verdict != "in");
            fallen += usize::from(is_out && decided["service"] == rule.service());
        }
        Ok(fallen)
    }

    /// Whether whoever was started is there still.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            ensure!(process.is_running(), "a process has ended:\n{}", process.stderr());
        }
        Ok(())
    }
}

/// Of the name server, on the clients' host.
pub(super) fn client(clients: &Host) -> anyhow::Result<Client> {
    Ok(Client::new(clients.net(), SocketAddr::new(DNS.parse()?, 53)))
}

/// Of a server, counted from 0.
pub(super) fn address(which: usize) -> IpAddr {
    let last = u8::try_from(which + 1).unwrap_or(u8::MAX);
    IpAddr::from([198, 51, 100, last])
}

fn zones() -> impl Iterator<Item = (Rule, &'static str)> {
    Rule::ALL.into_iter().filter_map(|rule| Some((rule, rule.zone()?)))
}

const COMMON: &str = "[cluster]\nname = \"spread\"\ninsecure = true\n\
                      [transport.lan]\ntype = \"udp\"\n";

/// With more patience than by default: a machine that others use finds nobody down.
fn monitor(capacity: u16) -> String {
    let mut text = format!("{COMMON}[monitor]\ncapacity = {capacity}\n");
    for (rule, _) in zones() {
        let port = rule.port();
        // Into a String it cannot fail.
        let _ = write!(
            text,
            "[monitor.service.{}]\ninterval = \"2s\"\ntimeout = \"2s\"\n\
             probe = {{ type = \"http\", port = {port}, path = \"/health\" }}\n\
             load = {{ type = \"http\", port = {port}, path = \"/load\", field = \"busy\" }}\n",
            rule.service()
        );
    }
    text
}

fn binder() -> String {
    let mut text = format!(
        "{COMMON}[binder]\nns = [\"ns1.example\"]\nmailbox = \"hostmaster.example\"\n\
         [sink.own]\ntype = \"dns\"\nlisten = [\"{DNS}:53\"]\n"
    );
    for (rule, zone) in zones() {
        let service = rule.service();
        let scheme = rule.scheme();
        // Into a String it cannot fail.
        let _ = write!(
            text,
            "[zone.\"{zone}\"]\n{scheme}sinks = [\"own\"]\n[binder.service.{service}]\nzone = \"{zone}\"\n"
        );
    }
    text
}
