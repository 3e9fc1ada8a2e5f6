//! The name server, beside others.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;

use super::product;

/// Measures how many questions the sink `dns` answers for a second of CPU time, beside BIND, Knot, NSD,
/// PowerDNS, gdnsd and an echo server, as far as they are installed.
///
/// This is tests/bench/dns_bench.py, with the product as it ships; its README says how to read the table.
/// Needs root.
///
/// The goals, as parts of what the echo server does in the same run: W1 0.97, W2 and W3 0.95, TCP (WT) 1.0,
/// and nowhere less than gdnsd; bursts (WB) 2.0. Memory 20 MiB.
#[derive(Args)]
pub(crate) struct Dns {
    /// Passed on, as in `cargo xtask bench dns -- --only echo,gdnsd,rais --repeat 5`
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

impl Dns {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let rais = product::shipped()?.canonicalize().context("the product's binary")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/dns_bench.py");
        let status = Command::new(&script)
            .args(&self.arguments)
            .env("RAIS_BIN", rais)
            .status()
            .with_context(|| script.display().to_string())?;
        ensure!(status.success(), "dns_bench.py: {status}");
        Ok(())
    }
}
