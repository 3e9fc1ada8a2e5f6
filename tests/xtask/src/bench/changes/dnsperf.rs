//! Debian's dnsperf, and what it tells.

use std::fmt::Write as _;

use anyhow::ensure;
use nix::sys::signal::Signal;
use rais_tests::host::Host;
use rais_tests::process::Process;

use super::{BOUND, Still, ZONE};

pub(super) struct DnsPerf {
    process: Process,
}

/// Its names for what counts.
const TOLD: [&str; 9] = [
    "Queries sent:",
    "Queries completed:",
    "Queries lost:",
    "Queries interrupted:",
    "Response codes:",
    "Run time (s):",
    "Queries per second:",
    "Average Latency (s):",
    "Latency StdDev (s):",
];

/// Writes what it is to ask for, each name that stands still once and as many bound ones; gives the file.
pub(super) fn queries(host: &Host, still: Still) -> String {
    let file = "/var/lib/bind/queries".to_owned();
    let mut order: Vec<u32> = (0..still.names).collect();
    fastrand::shuffle(&mut order);
    let mut text = String::new();
    for name in order {
        // Into a String it cannot fail.
        let _ = writeln!(text, "n{name}.{} A\ns{}.{ZONE} A", still.zone, fastrand::u8(..BOUND));
    }
    host.write(&file, &text);
    file
}

impl DnsPerf {
    pub(super) fn start(host: &Host, queries: &str, rate: u32) -> DnsPerf {
        let mut command = host.command("dnsperf");
        // Until it is told to end.
        command.args(["-s", "127.0.0.1", "-c", "8", "-l", "86400", "-d", queries]);
        command.args(["-Q", &rate.to_string()]);
        DnsPerf { process: host.spawn("dnsperf", &mut command) }
    }

    /// Ends it, and gives its figures.
    pub(super) fn end(mut self) -> anyhow::Result<String> {
        ensure!(self.process.is_running(), "dnsperf ended: {}", self.process.stderr());
        self.process.signal(Signal::SIGINT);
        self.process.finished();
        let told = self.process.stdout();
        let lines = told.lines().map(str::trim);
        let lines = lines.filter(|line| TOLD.iter().any(|told| line.starts_with(told)));
        Ok(lines.map(|line| format!("    dnsperf: {line}")).collect::<Vec<_>>().join("\n"))
    }
}
