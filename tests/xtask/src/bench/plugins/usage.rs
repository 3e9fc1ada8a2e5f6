//! What a process and its children use, as /proc tells.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use nix::unistd::{SysconfVar, sysconf};

/// Of one process, or of several together.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Usage {
    pub(super) threads: u32,
    /// Highest resident memory so far.
    pub(super) peak_mb: f64,
}

/// This process.
pub(super) fn own() -> anyhow::Result<Usage> {
    of("self")
}

/// Its children, together.
pub(super) fn children() -> anyhow::Result<Usage> {
    let mut sum = Usage::default();
    for child in child_ids()? {
        let one = of(&child)?;
        sum.threads += one.threads;
        sum.peak_mb += one.peak_mb;
    }
    Ok(sum)
}

/// Processor time of this process and its children so far.
pub(super) fn cpu() -> anyhow::Result<Duration> {
    let mut ticks = ticks("self")?;
    for child in child_ids()? {
        ticks += self::ticks(&child)?;
    }
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
