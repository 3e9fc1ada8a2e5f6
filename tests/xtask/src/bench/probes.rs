//! Thousands of HTTP probes a second.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;

use super::monitor::Monitor;
use super::pages::Pages;
use super::product;

/// Measures a monitor that sends 3,000 HTTP probes a second.
///
/// It watches many addresses of the loopback network for several services, each on a port of its own;
/// every probe is a new connection. They ask a server in a process of its own (one thread, tokio),
/// whose processor time does not count. The period error is how far the time from one connection to the next, of one
/// address and port, is from the interval, as the server sees it: its own lateness is in it.
/// The monitor's `jitter` is 0 for that.
///
/// The goals: at most 30 % of a core, 100 MB, a period error of 5 % at the 99th percentile, and
/// nobody found down.
#[derive(Args)]
pub(crate) struct Probes {
    /// Addresses, each with every service
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    addresses: u32,
    /// Services
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    services: u16,
    /// Between two probes of one address and service, in ms
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    interval: u64,
    /// How long it is measured, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

impl Probes {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let rais = product::build()?;
        let each = self.addresses as usize * usize::from(self.services);
        println!(
            "{} addresses x {} services, each probed every {} ms: {:.0} probes a second, for {} s",
            self.addresses,
            self.services,
            self.interval,
            each as f64 / self.interval as f64 * 1e3,
            self.seconds
        );
        let interval = Duration::from_millis(self.interval);
        let mut pages = Pages::start(self.services, interval)?;
        let mut monitor = Monitor::start(&rais, &self.config(&pages.ports))?;
        monitor.until_up(each)?;
        // The start is past, and every timer in its place.
        monitor.watch(interval * 2)?;
        let mut watched = None;
        let periods = pages.measure(|| {
            watched = Some(monitor.watch(Duration::from_secs(self.seconds)));
        })?;
        ensure!(periods.connections > 0, "no probe came");
        let Some((used, fell)) = watched.transpose()? else { return Ok(()) };
        let row =
            |what: &str, value: String, goal: &str| println!("  {what:<28}{value:>12}{goal:>12}");
        row("", String::new(), "goal");
        row("processor, of one core", format!("{:.1} %", used.cpu), "30 %");
        row("memory (PSS)", format!("{:.1} MB", used.pss_mb), "100 MB");
        row("period error, median", format!("{:.2} %", periods.median), "");
        row("period error, 99 %", format!("{:.2} %", periods.p99), "5 %");
        row("period error, most", format!("{:.1} %", periods.max), "");
        row("probes", periods.connections.to_string(), "");
        row("found down", fell.to_string(), "0");
        Ok(())
    }

    fn config(&self, ports: &[u16]) -> String {
        let addresses = (0..self.addresses).map(|n| Ipv4Addr::from(0x7f01_0001 + n));
        let targets: Vec<String> = addresses.map(|address| format!("\"{address}\"")).collect();
        let targets = targets.join(", ");
        let mut config = String::new();
        for (number, port) in (1..).zip(ports) {
            // Into a String it cannot fail.
            let _ = write!(
                config,
                "[monitor.service.www{number}]\ninterval = \"{}ms\"\njitter = 0\n\
                 probe = {{ type = \"http\", port = {port} }}\ntargets = [{targets}]\n",
                self.interval
            );
        }
        config
    }
}
