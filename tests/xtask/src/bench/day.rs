//! A day of the paper's site, grown to many hosts, in virtual time.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args;
use rais_proto::time::Time;

use crate::model::{Reading, Server, Site, paper};

/// The paper's update interval of `http`: the shorter of the two.
const PERIOD: Duration = Duration::from_secs(120);

/// Plays a day of virtual time: hosts with two services each, two binders fed alike.
///
/// Every host probes http each 60 s and news each 120 s (Fig. 7) and signs what it says; every
/// binder verifies it and judges http each 120 s and news each 240 s by the paper's rule (Fig. 8).
/// Loads wander around the limit of 60 %, and in each period a server dies or comes back. After
/// each period both binders' sets must be equal; where they are not, that is an error.
///
/// The goal: a day of 100 hosts in less than two seconds.
#[derive(Args)]
pub(crate) struct Day {
    /// Hosts, each with http and news
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    hosts: u32,
    /// Virtual hours
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    hours: u32,
    /// What everything is drawn from; equal seeds play alike
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What a day came to.
struct Played {
    wall: Duration,
    beats: u64,
    taken_in: u64,
    published: usize,
    periods: u64,
    /// The smallest and the largest set of `http`.
    sizes: (usize, usize),
}

impl Day {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let played = self.play()?;
        println!(
            "{} hosts x 2 services, http each 60 s, news each 120 s; \
             2 binders on-timer, each 120 s and 240 s; seed {}",
            self.hosts, self.seed
        );
        println!("{}", played.table(self.hours));
        Ok(())
    }

    fn play(&self) -> anyhow::Result<Played> {
        let start = Instant::now();
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let mut site = Site::new(self.seed);
        for _ in 0..2 {
            site.add_binder(&paper::binder());
        }
        for n in 1..=self.hosts {
            let address = IpAddr::V4((0x0a00_0000 + n).into());
            let host = site.add_host(paper::host(vec![address]));
            site.set_load(host, paper::CPU, Reading::Between(20.0, 70.0));
        }
        let periods = u64::from(self.hours) * 3600 / PERIOD.as_secs();
        let mut sizes = (usize::MAX, 0);
        for period in 1..=periods {
            let host = rng.usize(..site.hosts.len());
            let name = ["http", "news"][rng.usize(..2)];
            site.set_server(host, name, [Server::Killed, Server::Up][rng.usize(..2)]);
            let end = Time::from_secs(period * PERIOD.as_secs());
            site.run_until(end);
            for name in ["http", "news"] {
                let [one, other] = [0, 1].map(|binder| site.binders[binder].answers(name));
                ensure!(
                    one == other,
                    "the two binders' sets of {name} differ after period {period}"
                );
            }
            let size = site.binders[0].answers("http").len();
            sizes = (sizes.0.min(size), sizes.1.max(size));
        }
        Ok(Played {
            wall: start.elapsed(),
            beats: site.beats,
            taken_in: site.binders.iter().map(|binder| binder.accepted()).sum(),
            published: site.binders.iter().map(|binder| binder.published.len()).sum(),
            periods,
            sizes,
        })
    }
}

impl Played {
    fn table(&self, hours: u32) -> String {
        let beats = u32::try_from(self.beats).map_or(f64::NAN, f64::from);
        let rows = [
            ("virtual time", format!("{hours} h")),
            ("wall time", format!("{:.2} s", self.wall.as_secs_f64())),
            (
                "per beat",
                format!("{:.1} us, two binders included", self.wall.as_secs_f64() * 1e6 / beats),
            ),
            ("beats sent", format!("{}, signed", self.beats)),
            ("beats taken in", format!("{}, verified", self.taken_in)),
            ("publications", self.published.to_string()),
            ("http set", format!("{} to {} addresses", self.sizes.0, self.sizes.1)),
            ("sets equal", format!("after each of {} periods", self.periods)),
        ];
        rows.map(|(what, value)| format!("  {what:<16}{value}")).join("\n")
    }
}
