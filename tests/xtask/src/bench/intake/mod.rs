//! What heartbeats cost a binder.

mod bare;
mod flood;
mod hearer;
mod known;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use clap::Args;

use super::product;
use flood::Flood;
use hearer::Hearer;
use known::Known;

/// Measures what heartbeats cost a binder: how many authenticated ones a running `rais binder` takes in for
/// a second of its CPU time, beside a bare loop of recvmmsg that is sent the same in the same seconds; what
/// memory many known hosts take; and how long a tick over all of them takes.
///
/// The flood comes over loopback, each host with a key for all, one service and one address. The known hosts
/// are those of a binder in this process, each with an address in two services of two zones; a tick is its
/// load timer over both once it has listened, where nothing changes. The first judgement, by which everybody is
/// new and all is published, stands apart.
///
/// The goals: a part of 0.35 of the bare loop's; 100 MB; 20 ms.
#[derive(Args)]
pub(crate) struct Intake {
    /// Hosts that send
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    senders: u32,
    /// Heartbeats a second
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1000..))]
    rate: u32,
    /// Rounds, of which the median is told
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of each round, for either
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Hosts that are known
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    known: u32,
}

/// What was taken in, and at which cost.
#[derive(Debug, Clone, Copy)]
struct Taken {
    heartbeats: u64,
    cpu: Duration,
}

impl Taken {
    /// A second of CPU time.
    fn rate(self) -> f64 {
        self.heartbeats as f64 / self.cpu.as_secs_f64()
    }
}

impl Intake {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let rais = product::build()?;
        // First, as what was freed by others would count for it.
        let known = Known::measure(self.known)?;
        let mut hearer = Hearer::start(&rais)?;
        let bare = UdpSocket::bind("127.0.0.1:0")?;
        let mut flood = Flood::new(self.senders, hearer.key()?)?;
        // Whoever is new costs more than who is known.
        hearer.take(&mut flood, self.rate, Duration::from_secs(1))?;
        println!(
            "{} heartbeats a second of {} hosts, {} octets each",
            self.rate,
            self.senders,
            flood.octets()
        );
        println!(
            "  {:<10}{:>16}{:>18}{:>10}",
            "round", "rais, 1/cpu-s", "recvmmsg, 1/cpu-s", "part"
        );
        let (time, mut parts) = (Duration::from_secs(self.seconds), Vec::new());
        for round in 1..=self.rounds {
            let ours = hearer.take(&mut flood, self.rate, time)?;
            let theirs = bare::take(&bare, &mut flood, self.rate, time)?;
            let part = ours.rate() / theirs.rate();
            println!("  {round:<10}{:>16.0}{:>18.0}{part:>10.2}", ours.rate(), theirs.rate());
            parts.push(part);
        }
        parts.sort_by(f64::total_cmp);
        println!("  median {:.2}, goal 0.35", parts[parts.len() / 2]);
        println!("{} known hosts, two services", self.known);
        println!("  {:<28}{:>10.1} MB, goal 100", "memory", known.megabytes);
        let [median, most] = known.ticks.map(millis);
        println!("  {:<28}{median:>10.1} ms, at most {most:.1}, goal 20", "tick, nothing new");
        println!("  {:<28}{:>10.1} ms", "the first, all published", millis(known.first));
        println!("  {:<28}{:>10.1} ms", "snapshot", millis(known.snapshot));
        Ok(())
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Sends at `rate` for `time`, in bursts as hosts that know nothing of each other make them now and then; how
/// many went out.
fn paced(
    rate: u32,
    time: Duration,
    mut burst: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    const BURST: u32 = 32;
    let apart = Duration::from_secs(1) * BURST / rate;
    let (begun, mut next, mut sent) = (Instant::now(), Duration::ZERO, 0);
    while begun.elapsed() < time {
        if begun.elapsed() < next {
            std::hint::spin_loop();
            continue;
        }
        burst(BURST as usize)?;
        sent += u64::from(BURST);
        next += apart;
    }
    Ok(sent)
}
