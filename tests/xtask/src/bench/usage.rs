//! What processes use, as /proc tells.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use nix::unistd::{SysconfVar, sysconf};

/// Of one process, or of several together.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::bench) struct Usage {
    pub(in crate::bench) threads: u32,
    /// Highest resident memory so far.
    pub(in crate::bench) peak_mb: f64,
}

/// This process.
pub(in crate::bench) fn own() -> anyhow::Result<Usage> {
    of("self")
}

/// Its children, together.
pub(in crate::bench) fn children() -> anyhow::Result<Usage> {
    let mut sum = Usage::default();
    for child in child_ids()? {
        let one = of(&child)?;
        sum.threads += one.threads;
        sum.peak_mb += one.peak_mb;
    }
    Ok(sum)
}

/// Processor time of this process and its children so far.
pub(in crate::bench) fn cpu() -> anyhow::Result<Duration> {
    let mut ticks = ticks("self")?;
    for child in child_ids()? {
        ticks += self::ticks(&child)?;
    }
    time(ticks)
}

/// Processor time of another process so far, user's and system's; its children are not in it.
pub(in crate::bench) fn cpu_of(process: u32) -> anyhow::Result<Duration> {
    time(ticks(&process.to_string())?)
}

/// Memory of another process: its own, and its share of what it has in common with others.
pub(in crate::bench) fn pss_mb(process: u32) -> anyhow::Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()).context("no Pss")?;
    Ok(kib.parse::<f64>()? * 1024.0 / 1e6)
}

fn time(ticks: u64) -> anyhow::Result<Duration> {
    let a_second = sysconf(SysconfVar::CLK_TCK)?.context("ticks a second")?;
    Ok(Duration::from_micros(ticks * 1_000_000 / u64::try_from(a_second)?))
}

fn of(process: &str) -> anyhow::Result<Usage> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let field = |name: &str| -> anyhow::Result<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|rest| rest.split_whitespace().next());
        Ok(value.with_context(|| format!("no {name} in /proc/{process}/status"))?.parse()?)
    };
    let peak_mb = f64::from(field("VmHWM:")?) * 1024.0 / 1e6;
    Ok(Usage { threads: field("Threads:")?, peak_mb })
}

/// Of every thread of this process.
fn child_ids() -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let children = fs::read_to_string(thread?.path().join("children"))?;
        ids.extend(children.split_whitespace().map(str::to_owned));
    }
    Ok(ids)
}

fn ticks(process: &str) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Behind the name in parentheses, which may hold anything: state is field 3, utime 14, stime 15.
    let (_, rest) = stat.rsplit_once(')').context("a name in parentheses")?;
    let mut times = rest.split_whitespace().skip(11).take(2);
    let mut next = || -> anyhow::Result<u64> { Ok(times.next().context("a time")?.parse()?) };
    Ok(next()? + next()?)
}
