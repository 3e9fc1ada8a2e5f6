//! How real servers are loaded by the name server's answers.

mod clients;
mod rule;
mod stage;
pub(crate) mod works;

use std::time::Duration;

use clap::Args;
use rais_simulator::crowd::Resolvers;
use rais_simulator::measure::BIN;

use self::clients::{PAUSE, Play, REQUESTS, Seen, TTL};
use self::rule::Rule;
use self::stage::{Stage, WORKERS};
use self::works::HOLD;
use super::product;

/// Measures how evenly servers of 1, 2 and 4 workers are loaded, by `weights` and by round robin in the same
/// run, by real processes.
///
/// Three hosts in network namespaces, each with its monitor, which tells the capacity and what part of the
/// workers is busy; a binder with the sink `dns` on a fourth, clients on a fifth. Each rule has servers of its own on
/// these hosts and a zone of its own, and all have the same clients at the same times. A request holds a
/// worker for 20 ms; a server with a second of work in its queue refuses, which is a drop. A client takes the first
/// address that its resolver hands out, and stays for 1 to 30 requests, a second apart in the mean. Resolvers keep
/// answers for their TTL and rotate them, but for a fifth, which keep the order.
///
/// "asked for" is what a server was asked to do over what it can do; "imbalance" the highest of it over the mean of the
/// fleet, taken every 30 s, "lasting" the same over the whole time. "split" sends each request to any server by its
/// workers, without names: the best there can be. Needs root.
///
/// The goal: an imbalance of 1.3 by `weights`.
#[derive(Args)]
pub(crate) struct Spread {
    /// How long it is measured, in seconds; a whole number of 30 s is taken
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(BIN..))]
    seconds: u64,
    /// How long nothing is measured before it, in seconds
    #[arg(long, default_value_t = 60)]
    warm_up: u64,
    /// What is asked for, in percent of what all can do
    #[arg(long, default_value_t = 75, value_parser = clap::value_parser!(u8).range(1..=200))]
    demand: u8,
    /// Resolvers that the clients are behind
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(2..))]
    resolvers: u16,
    /// Percent of all sessions that the largest of them has; the others follow a power law
    #[arg(long, default_value_t = 12.0)]
    largest: f64,
    /// What clients and times are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Spread {
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        self.seconds -= self.seconds % BIN;
        // The harness takes the same.
        product::rais()?;
        let mut stage = Stage::new()?;
        let play = Play {
            demand: f64::from(self.demand) / 100.0,
            resolvers: Resolvers {
                count: self.resolvers.into(),
                largest: self.largest / 100.0,
                fixed_order: 0.2,
                sorting: 0.0,
                stubborn: Vec::new(),
            },
            warm_up: Duration::from_secs(self.warm_up),
            measured: Duration::from_secs(self.seconds),
            seed: self.seed,
        };
        println!(
            "servers of 1, 2 and 4 workers, {} ms a request; {:.0} requests a second for each rule, {} % of what they can do;\n\
             sessions of {} to {} requests, {} s apart; {} resolvers, the largest has {} %, TTL {} s;\n\
             {} s after {} s of warm-up, seed {}",
            HOLD.as_millis(),
            play.rate(),
            self.demand,
            REQUESTS.start(),
            REQUESTS.end(),
            PAUSE.as_secs(),
            self.resolvers,
            self.largest,
            TTL.as_secs(),
            self.seconds,
            self.warm_up,
            self.seed
        );
        let mut dns = Vec::new();
        for rule in Rule::ALL {
            dns.push((rule, stage::client(stage.clients())?));
        }
        let seen = stage.clients().net().enter(|| play.run(dns))?;
        stage.check()?;
        self.print(&seen);
        let mut fallen = Vec::new();
        for one in &seen {
            fallen.push(stage.fallen(one.rule)?.to_string());
        }
        row("found down", fallen);
        Ok(())
    }

    fn print(&self, seen: &[Seen]) {
        let row = |what: &str, figure: &dyn Fn(&Seen) -> String| {
            row(what, seen.iter().map(figure));
        };
        let percent = |part: f64| format!("{:.1} %", part * 100.0);
        row("", &|one| one.rule.name().to_owned());
        for (which, workers) in WORKERS.into_iter().enumerate() {
            row(&format!("asked for, of {workers}"), &|one| percent(one.asked()[which]));
        }
        for (which, workers) in WORKERS.into_iter().enumerate() {
            row(&format!("busy, of {workers}"), &|one| percent(one.busy[which]));
        }
        let outcome = |one: &Seen| one.tally.outcome(self.seconds);
        row("imbalance", &|one| format!("{:.2}", outcome(one).imbalance));
        row("lasting", &|one| format!("{:.2}", outcome(one).lasting_imbalance));
        row("busy, highest / mean", &|one| format!("{:.2}", one.busiest()));
        row("99 % answered within", &|one| format!("{:.0} ms", outcome(one).p99_ms));
        row("dropped", &|one| format!("{:.2} %", outcome(one).dropped * 100.0));
        row("sessions without a server", &|one| format!("{:.0}", outcome(one).nobody));
        row("requests", &|one| format!("{:.0}", outcome(one).requests));
        row("questions of resolvers", &|one| one.questions.to_string());
    }
}

fn row(what: &str, figures: impl IntoIterator<Item = String>) {
    let figures: String = figures.into_iter().map(|figure| format!("{figure:>14}")).collect();
    println!("  {what:<28}{figures}");
}

impl Seen {
    /// What each server was asked to do over what it can do.
    fn asked(&self) -> [f64; WORKERS.len()] {
        let bins = self.tally.loads();
        std::array::from_fn(|which| {
            bins.iter().map(|bin| bin[which]).sum::<f64>() / bins.len() as f64
        })
    }

    /// The busy part of the busiest server's workers over that of all workers.
    fn busiest(&self) -> f64 {
        let highest = self.busy.into_iter().fold(0.0, f64::max);
        let workers = WORKERS.map(f64::from);
        let busy: f64 = self.busy.iter().zip(workers).map(|(busy, workers)| busy * workers).sum();
        highest * workers.iter().sum::<f64>() / busy
    }
}
