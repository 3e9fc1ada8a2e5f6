//! A running binder that hears a flood.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rais_proto::heartbeat::key::Key;
use rais_runtime::keys;
use rais_tests::process::Process;
use tempfile::TempDir;

use super::Taken;
use super::flood::{CLUSTER, Flood, SERVICE};
use crate::bench::usage;

/// `rais binder`, with a folder of its own.
pub(super) struct Hearer {
    rais: PathBuf,
    process: Process,
    listen: SocketAddr,
    /// Taken in so far.
    heard: u64,
    // Last: what uses the folder is dropped before it.
    folder: TempDir,
}

impl Hearer {
    pub(super) fn start(rais: &Path) -> anyhow::Result<Hearer> {
        let folder = tempfile::tempdir()?;
        let made = Command::new(rais)
            .args(["key", "new", "--keys", "keys"])
            .current_dir(folder.path())
            .output()?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::create_dir(folder.path().join("zones"))?;
        let listen = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let config = format!(
            "[host]\nname = \"bench\"\nstate = \"state\"\n\
             [control]\nsocket = \"{{role}}.sock\"\n\
             [cluster]\nname = \"{CLUSTER}\"\nkeys = \"keys\"\n\
             [transport.it]\ntype = \"udp\"\nmode = \"unicast\"\nlisten = \"{listen}\"\n\
             [binder]\nns = [\"ns1.example\"]\nmailbox = \"hostmaster.example\"\n\
             [binder.service.{SERVICE}]\nzone = \"www.example\"\n\
             [zone.\"www.example\"]\nsinks = [\"files\"]\n\
             [sink.files]\ntype = \"bind\"\ndirectory = \"zones\"\nreload = {{ type = \"none\" }}\n"
        );
        std::fs::write(folder.path().join("rais.toml"), config)?;
        let mut command = Command::new(rais);
        command.args(["binder", "-c", "rais.toml"]).current_dir(folder.path());
        command.env_remove("RAIS_LOG");
        let process = Process::spawn("binder", folder.path(), &mut command);
        let mut hearer = Hearer { rais: rais.to_owned(), process, listen, heard: 0, folder };
        let limit = Instant::now() + Duration::from_secs(20);
        while hearer.accepted().is_err() {
            let said = hearer.process.stderr();
            ensure!(hearer.process.is_running(), "the binder ended:\n{said}");
            ensure!(Instant::now() < limit, "the binder does not answer:\n{said}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(hearer)
    }

    /// The key by which it believes.
    pub(super) fn key(&self) -> anyhow::Result<Key> {
        let ring = keys::load(&self.folder.path().join("keys"))?.ring;
        ring.signing().cloned().context("no key signs")
    }

    /// What it takes of a flood.
    pub(super) fn take(
        &mut self,
        flood: &mut Flood,
        rate: u32,
        time: Duration,
    ) -> anyhow::Result<Taken> {
        let before = usage::cpu_of(self.process.id())?;
        flood.send(self.listen, rate, time)?;
        // What is queued is taken in.
        std::thread::sleep(Duration::from_millis(200));
        let cpu = usage::cpu_of(self.process.id())?.saturating_sub(before);
        let accepted = self.accepted()?;
        let heartbeats = accepted - std::mem::replace(&mut self.heard, accepted);
        ensure!(heartbeats > 0, "nothing was taken in:\n{}", self.process.stderr());
        Ok(Taken { heartbeats, cpu })
    }

    fn accepted(&self) -> anyhow::Result<u64> {
        let mut command = Command::new(&self.rais);
        command.args(["status", "--socket", "binder.sock", "--output", "json"]);
        let output = command.current_dir(self.folder.path()).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let status: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        status.pointer("/0/counters/accepted").and_then(|n| n.as_u64()).context("no counter")
    }
}
