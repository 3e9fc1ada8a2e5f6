//! What can be measured.

mod day;
mod detection;
mod dns;
mod idle;
mod monitor;
pub(crate) mod pages;
mod plugins;
mod probes;
mod product;
mod publish;
pub(crate) mod spread;
mod usage;

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Bench {
    Day(day::Day),
    Detection(detection::Detection),
    Dns(dns::Dns),
    Idle(idle::Idle),
    Plugins(plugins::Plugins),
    Probes(probes::Probes),
    Publish(publish::Publish),
    Spread(spread::Spread),
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Bench::Day(day) => day.run(),
            Bench::Detection(detection) => detection.run(),
            Bench::Dns(dns) => dns.run(),
            Bench::Idle(idle) => idle.run(),
            Bench::Plugins(plugins) => plugins.run(),
            Bench::Probes(probes) => probes.run(),
            Bench::Publish(publish) => publish.run(),
            Bench::Spread(spread) => spread.run(),
        }
    }
}
