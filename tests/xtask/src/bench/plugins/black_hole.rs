//! Thousands of probes that nobody answers.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rais_sdk::{FaultKind, Target};
use serde::{Deserialize, Serialize};
use socket2::{Domain, SockAddr, Socket, Type};

use super::place::{self, Place};
use crate::bench::usage;

const TIMEOUT: Duration = Duration::from_secs(2);

/// What came of it.
#[derive(Serialize, Deserialize)]
pub(super) struct BlackHole {
    wall_ms: f64,
    threads: u32,
    process_threads: u32,
    peak_mb: f64,
    process_peak_mb: f64,
    up: u32,
    timed_out: u32,
    other: u32,
}

pub(super) fn measure(place: Place, probes: u32) -> anyhow::Result<BlackHole> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    ensure!(hard > u64::from(probes) + 100, "only {hard} files can be open here: --probes");
    let hole = Hole::new()?;
    let (host, _folder) = place.host()?;
    let probe = place::probe(&host)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..probes {
            let target = Target::new(hole.address, "nobody", "bench");
            running.spawn(probe.probe(target, TIMEOUT));
        }
        let (mut up, mut timed_out, mut other) = (0, 0, 0);
        let (mut own, mut process) = (usage::own()?, usage::children()?);
        while let Some(answer) = running.join_next().await {
            match answer? {
                Ok(_) => up += 1,
                Err(fault) if fault.kind == FaultKind::Timeout => timed_out += 1,
                Err(_) => other += 1,
            }
            if timed_out == 1 {
                (own, process) = (usage::own()?, usage::children()?);
            }
        }
        let wall_ms = begun.elapsed().as_secs_f64() * 1e3;
        let (last, last_process) = (usage::own()?, usage::children()?);
        Ok(BlackHole {
            wall_ms,
            threads: own.threads.max(last.threads),
            process_threads: process.threads.max(last_process.threads),
            peak_mb: last.peak_mb,
            process_peak_mb: last_process.peak_mb,
            up,
            timed_out,
            other,
        })
    })
}

/// A listener whose queue is full: the kernel answers no further connect.
struct Hole {
    address: SocketAddr,
    _listener: Socket,
    _queued: Vec<TcpStream>,
}

impl Hole {
    fn new() -> anyhow::Result<Hole> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0))))?;
        listener.listen(0)?;
        let Some(address) = listener.local_addr()?.as_socket() else { bail!("no address") };
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            queued.push(stream);
            ensure!(queued.len() < 100, "the queue does not fill");
        }
        Ok(Hole { address, _listener: listener, _queued: queued })
    }
}

impl BlackHole {
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let both = |here: String, there: String, place: bool| match place {
            true => format!("{here} + {there}"),
            false => here,
        };
        let apart = self.process_threads > 0;
        vec![
            ("black hole, wall", format!("{:.0} ms", self.wall_ms)),
            (
                "black hole, threads",
                both(self.threads.to_string(), self.process_threads.to_string(), apart),
            ),
            (
                "black hole, peak MB",
                both(format!("{:.1}", self.peak_mb), format!("{:.1}", self.process_peak_mb), apart),
            ),
            ("black hole, up", self.up.to_string()),
            ("black hole, timed out", self.timed_out.to_string()),
            ("black hole, other", self.other.to_string()),
        ]
    }
}
