//! A monitor's process, and what it says.

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rais_tests::beat;
use rais_tests::process::Process;
use tempfile::TempDir;

use super::usage;

/// A running monitor, with a folder of its own and one peer: us.
pub(super) struct Monitor {
    process: Process,
    beats: UdpSocket,
    states: BTreeMap<(String, IpAddr), &'static str>,
    // Last: what uses the folder is dropped before it.
    _folder: TempDir,
}

/// What it used in a time.
pub(super) struct Used {
    /// Percent of one core.
    pub(super) cpu: f64,
    pub(super) pss_mb: f64,
}

impl Monitor {
    /// Starts `rais monitor` on `services`, TOML that may add to `[monitor]` too.
    pub(super) fn start(rais: &Path, services: &str) -> anyhow::Result<Monitor> {
        let folder = tempfile::tempdir()?;
        let beats = UdpSocket::bind("127.0.0.1:0")?;
        beats.set_read_timeout(Some(Duration::from_millis(100)))?;
        let config = format!(
            "[host]\nname = \"bench\"\nstate = \"state\"\n\
             [control]\nsocket = \"{{role}}.sock\"\n\
             [cluster]\nname = \"bench\"\ninsecure = true\n\
             [transport.it]\ntype = \"udp\"\nmode = \"unicast\"\npeers = [\"{}\"]\n\
             {services}",
            beats.local_addr()?
        );
        std::fs::write(folder.path().join("rais.toml"), config)?;
        let mut command = Command::new(rais);
        command.args(["monitor", "-c", "rais.toml"]).current_dir(folder.path());
        command.env_remove("RAIS_LOG");
        let process = Process::spawn("monitor", folder.path(), &mut command);
        Ok(Monitor { process, beats, states: BTreeMap::new(), _folder: folder })
    }

    /// Listens until so many addresses of services are said to be up.
    pub(super) fn until_up(&mut self, count: usize) -> anyhow::Result<()> {
        let limit = Instant::now() + Duration::from_secs(180);
        while self.states.values().filter(|&&state| state == "up").count() < count {
            ensure!(self.process.is_running(), "the monitor ended:\n{}", self.process.stderr());
            ensure!(Instant::now() < limit, "not all {count} came up: {}", self.standing());
            self.hear();
        }
        Ok(())
    }

    /// Listens for so long; what it used meanwhile, and how often an address was newly said not
    /// to be up.
    pub(super) fn watch(&mut self, time: Duration) -> anyhow::Result<(Used, usize)> {
        let (begun, before) = (Instant::now(), usage::cpu_of(self.process.id())?);
        let mut fell = 0;
        while begun.elapsed() < time {
            fell += self.hear();
        }
        let cpu = usage::cpu_of(self.process.id())?.saturating_sub(before);
        let cpu = cpu.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
        let pss_mb = usage::pss_mb(self.process.id()).context("the monitor's memory")?;
        Ok((Used { cpu, pss_mb }, fell))
    }

    /// How many are said to be in which state.
    fn standing(&self) -> String {
        let mut counts = BTreeMap::new();
        for state in self.states.values() {
            *counts.entry(*state).or_insert(0) += 1;
        }
        format!("{counts:?}")
    }

    /// Takes one beat in; how many of its addresses were up before it and are not any more.
    fn hear(&mut self) -> usize {
        let mut octets = [0; 2048];
        let received = self.beats.recv(&mut octets);
        let beat = received.ok().and_then(|len| beat::read(&octets[..len]));
        let mut fell = 0;
        for report in beat.into_iter().flat_map(|beat| beat.reports) {
            for address in report.addresses {
                let before = self.states.insert((report.service.clone(), address), report.state);
                fell += usize::from(before == Some("up") && report.state != "up");
            }
        }
        fell
    }
}
