//! The site: three servers, a monitor beside each, a binder; all of them processes of their own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, anyhow};
use rais_proto::heartbeat::key::KeyLimits;
use rais_proto::name::{HostName, ServiceName};
use rais_runtime::clock::Clock;
use rais_runtime::keys;

use super::child::{Child, Failure, ourselves};
use super::folder::Folder;
use super::recipe::{self, BINDER, KEYS, SERVICE};
use super::which::{Each, Which};

/// Ports that are easy to remember; any other is taken where these are.
const PORTS: std::ops::Range<u16> = 8080..8090;
/// The same for DNS queries.
const DNS_PORTS: std::ops::Range<u16> = 5300..5310;

/// The running site. Dropped, it is gone: the processes first, then their folder.
#[derive(Debug)]
pub(super) struct Site {
    posts: Each<Post>,
    binder: Child,
    port: u16,
    dns: SocketAddr,
    folder: Folder,
}

/// A server and the monitor beside it, as far as they run.
#[derive(Debug)]
struct Post {
    server: Option<Child>,
    monitor: Option<Child>,
}

/// A process that ended without being told to.
#[derive(Debug)]
pub(super) enum Death {
    /// A server.
    Server(Which, Failure),
    /// The monitor beside a server.
    Monitor(Failure),
    /// The binder, without which there is nothing to see.
    Binder(Failure),
}

impl Site {
    /// Starts everything. The servers answer when this returns; monitors and binder have begun.
    ///
    /// # Errors
    /// What could not be started, with its own words.
    pub(super) fn start() -> Result<Site, Failure> {
        let folder = Folder::new()?;
        make_key(folder.path())?;
        let (servers, port) = start_servers(folder.path())?;
        let mut servers = servers.map(Some);
        let beats = free_udp()?;
        let dns = free_dns()?;
        folder.write("binder.toml", &recipe::binder(beats, dns))?;
        let binder = start_rais("the binder", "binder", BINDER, folder.path())?;
        let posts = Each::try_new(|which| {
            folder.write(&format!("{which}.toml"), &recipe::monitor(which, port, beats))?;
            let monitor = start_monitor(which, folder.path())?;
            anyhow::Ok(Post { server: servers[which].take(), monitor: Some(monitor) })
        })?;
        Ok(Site { posts, binder, port, dns, folder })
    }

    /// Where a server listens.
    pub(super) fn address(&self, which: Which) -> SocketAddr {
        SocketAddr::from((which.address(), self.port))
    }

    /// Where everything is that the processes write.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where DNS queries are answered.
    pub(super) fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// Where the binder answers.
    pub(super) fn binder_socket(&self) -> PathBuf {
        self.folder.path().join(format!("{BINDER}.sock"))
    }

    /// The process of a server; none where it does not run.
    pub(super) fn process(&self, which: Which) -> Option<u32> {
        self.posts[which].server.as_ref().map(Child::id)
    }

    /// Whether a server and its monitor both run.
    pub(super) fn is_whole(&self, which: Which) -> bool {
        self.posts[which].server.is_some() && self.posts[which].monitor.is_some()
    }

    /// Kills a server with SIGKILL, as a crash would. It is gone when this returns.
    pub(super) fn kill(&mut self, which: Which) {
        if let Some(mut server) = self.posts[which].server.take() {
            server.kill();
        }
    }

    /// Starts what is missing of a server and its monitor. The server answers when this returns.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn revive(&mut self, which: Which) -> Result<(), Failure> {
        let post = &mut self.posts[which];
        if post.server.is_none() {
            post.server = Some(start_server(which, self.port, self.folder.path())?);
        }
        if post.monitor.is_none() {
            post.monitor = Some(start_monitor(which, self.folder.path())?);
        }
        Ok(())
    }

    /// Who has ended since this was last asked.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn deaths(&mut self) -> io::Result<Vec<Death>> {
        let mut deaths = Vec::new();
        for which in Which::ALL {
            let post = &mut self.posts[which];
            if let Some(failure) = bury(&mut post.server)? {
                deaths.push(Death::Server(which, failure));
            }
            if let Some(failure) = bury(&mut post.monitor)? {
                deaths.push(Death::Monitor(failure));
            }
        }
        if let Some(status) = self.binder.ended()? {
            deaths.push(Death::Binder(self.binder.obituary(status)));
        }
        Ok(deaths)
    }

    /// The last words of monitors and binder, and whose they are.
    pub(super) fn last_words(&self) -> String {
        let monitors = Which::ALL.iter().filter_map(|&which| self.posts[which].monitor.as_ref());
        let all = monitors.chain([&self.binder]);
        let said = all.map(|child| (child.name(), child.last_words()));
        let said = said.filter(|(_, words)| !words.is_empty());
        said.map(|(name, words)| format!("{name} said:\n{words}")).collect::<Vec<_>>().join("\n")
    }
}

/// That a process ended, if it has; then it is no longer there.
fn bury(child: &mut Option<Child>) -> io::Result<Option<Failure>> {
    let Some(running) = child else { return Ok(None) };
    let Some(status) = running.ended()? else { return Ok(None) };
    let failure = running.obituary(status);
    *child = None;
    Ok(Some(failure))
}

/// One key for all, which may speak of this site and of nothing else.
fn make_key(folder: &Path) -> anyhow::Result<()> {
    let hosts = Which::ALL.iter().map(|which| which.name().parse::<HostName>());
    let limits = KeyLimits {
        hosts: Some(hosts.collect::<Result<_, _>>()?),
        services: Some(vec![SERVICE.parse::<ServiceName>()?]),
        // The beats come from 127.0.0.1, so that the right to these addresses is the key's.
        addresses: Some(Which::ALL.iter().map(|which| host_range(which.address())).collect()),
    };
    keys::create(&folder.join(KEYS), "demo", None, &limits, Clock::start().wall())?;
    Ok(())
}

fn host_range(address: Ipv4Addr) -> ipnet::IpNet {
    ipnet::IpNet::from(std::net::IpAddr::V4(address))
}

/// On one port, the same for all.
fn start_servers(folder: &Path) -> Result<(Each<Child>, u16), Failure> {
    let mut failure = None;
    for port in PORTS.chain(any_port()) {
        let free = |which: &Which| TcpListener::bind((which.address(), port)).is_ok();
        if !Which::ALL.iter().all(free) {
            continue;
        }
        match Each::try_new(|which| start_server(which, port, folder)) {
            Ok(servers) => return Ok((servers, port)),
            Err(this) => failure = Some(this),
        }
    }
    Err(failure.unwrap_or_else(|| {
        let addresses = Which::ALL.map(|which| which.address().to_string());
        Failure::from(anyhow!("no port is free on all of {}", addresses.join(", ")))
    }))
}

/// One that the system thinks free.
fn any_port() -> Option<u16> {
    let listener = TcpListener::bind((Which::Web1.address(), 0)).ok()?;
    Some(listener.local_addr().ok()?.port())
}

fn free_udp() -> anyhow::Result<SocketAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    socket.context("no UDP port on 127.0.0.1 can be had")
}

/// For UDP and TCP.
fn free_dns() -> anyhow::Result<SocketAddr> {
    let mut ports = DNS_PORTS.chain([0]);
    let found = ports.find_map(|port| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        let address = listener.local_addr().ok()?;
        UdpSocket::bind(address).ok().map(|_| address)
    });
    found.context("no port for DNS queries on 127.0.0.1 can be had")
}

fn start_server(which: Which, port: u16, folder: &Path) -> Result<Child, Failure> {
    let listen = SocketAddr::from((which.address(), port));
    let mut command = ourselves();
    command.args(["demo-server", "--name", which.name(), "--listen", &listen.to_string()]);
    command.stdout(Stdio::piped());
    let log = folder.join(format!("{which}-server.log"));
    let mut server = Child::start(which.name(), log, &mut command)?;
    server.await_ready()?;
    Ok(server)
}

fn start_monitor(which: Which, folder: &Path) -> anyhow::Result<Child> {
    start_rais(&format!("{which}'s monitor"), "monitor", which.name(), folder)
}

/// `rais ROLE -c STEM.toml`.
fn start_rais(name: &str, role: &str, stem: &str, folder: &Path) -> anyhow::Result<Child> {
    let mut command = ourselves();
    command.args([role, "-c"]).arg(folder.join(format!("{stem}.toml"))).stdout(Stdio::null());
    Child::start(name, folder.join(format!("{stem}.log")), &mut command)
}
