//! What can be measured.

mod attacks;
mod beats;
mod changes;
mod day;
mod detection;
mod dns;
mod flood;
mod idle;
mod intake;
mod monitor;
pub(crate) mod pages;
mod plugins;
mod probes;
mod product;
mod publish;
mod secondaries;
pub(crate) mod spread;
mod usage;

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Bench {
    Attacks(attacks::Attacks),
    Changes(changes::Changes),
    Day(day::Day),
    Detection(detection::Detection),
    Dns(dns::Dns),
    Flood(flood::Flood),
    Idle(idle::Idle),
    Intake(intake::Intake),
    Plugins(plugins::Plugins),
    Probes(probes::Probes),
    Publish(publish::Publish),
    Secondaries(secondaries::Secondaries),
    Spread(spread::Spread),
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Bench::Attacks(attacks) => attacks.run(),
            Bench::Changes(changes) => changes.run(),
            Bench::Day(day) => day.run(),
            Bench::Detection(detection) => detection.run(),
            Bench::Dns(dns) => dns.run(),
            Bench::Flood(flood) => flood.run(),
            Bench::Idle(idle) => idle.run(),
            Bench::Intake(intake) => intake.run(),
            Bench::Plugins(plugins) => plugins.run(),
            Bench::Probes(probes) => probes.run(),
            Bench::Publish(publish) => publish.run(),
            Bench::Secondaries(secondaries) => secondaries.run(),
            Bench::Spread(spread) => spread.run(),
        }
    }
}
