//! A binder under a flood that means to have it believe something.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Args;
use rais_tests::recorded::{JUNK, REPLAYS, Recorded, addresses};
use rais_tests::status;

use super::{product, usage};

/// Measures what a flood costs a running `rais binder`: 10,000 junk and 1,000 replayed datagrams a second, from
/// one sender, beside hosts that say they are well ten times a second each.
///
/// Replays are what the monitors said before, junk is that with one bit of it turned. Hosts are network namespaces
/// with a monitor and a server each; the sender is in the first one's. The first row is without a flood. "sent"
/// and "refused" are datagrams a second: what is sent and neither refused nor heard was lost on its way. Memory is
/// PSS in MiB, at the end of each round. "false" are decisions that were made meanwhile, of which none has a cause.
/// Needs root.
///
/// The goals: 50 % of a core, memory flat after the first round of the flood, no false decision.
#[derive(Args)]
pub(crate) struct Flood {
    /// Hosts that say they are well
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=50))]
    hosts: u8,
    /// Rounds of the flood
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(2..))]
    rounds: u32,
    /// Seconds of each
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// What a round has cost.
struct Round {
    sent: usize,
    refused: u64,
    /// Percent of a core.
    cpu: f64,
    mebibytes: f64,
    decisions: usize,
}

impl Flood {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        product::build()?;
        let site = Recorded::settled(self.hosts);
        let heartbeats = site.record(25 * usize::from(self.hosts));
        println!(
            "{} hosts, 10 heartbeats a second each; {JUNK} junk, {REPLAYS} replays",
            self.hosts
        );
        println!(
            "  {:<10}{:>10}{:>10}{:>12}{:>10}{:>8}",
            "round", "sent", "refused", "core, %", "memory", "false"
        );
        let quiet = self.round(&site, |time| {
            thread::sleep(time);
            0
        })?;
        self.row("no flood", &quiet);
        let before = refusals(&site)?;
        let mut rounds = Vec::new();
        for number in 1..=self.rounds {
            let round = self.round(&site, |time| flood(&site, &heartbeats, time))?;
            self.row(&number.to_string(), &round);
            rounds.push(round);
        }
        let most = rounds.iter().map(|round| round.cpu).fold(0.0, f64::max);
        println!("  core: at most {most:.1} %, goal 50");
        let [first, .., last] = &rounds[..] else { return Err(anyhow!("two rounds")) };
        let grown = last.mebibytes - first.mebibytes;
        println!("  memory: {grown:+.2} MiB from the first round to the last, goal flat");
        let all_in = status::binder(&site.ns).map_err(|e| anyhow!(e))?;
        let service = all_in.service("www").map_err(|e| anyhow!(e))?;
        let wrong = service.set.symmetric_difference(&addresses(1..=self.hosts)).count();
        let decisions: usize = rounds.iter().map(|round| round.decisions).sum();
        println!("  false decisions: {decisions}, addresses wrong in the end: {wrong}, goals 0");
        let refused = refusals(&site)?.into_iter().filter_map(|(reason, now)| {
            let more = now - before.get(&reason).copied().unwrap_or_default();
            (more > 0).then(|| format!("{reason} {more}"))
        });
        println!("  refused: {}", refused.collect::<Vec<_>>().join(", "));
        Ok(())
    }

    /// Has `meanwhile` go on for as long as a round is, and give how much it has sent.
    fn round(
        &self,
        site: &Recorded,
        meanwhile: impl FnOnce(Duration) -> usize,
    ) -> anyhow::Result<Round> {
        let binder = site.binder.id();
        let (decided, refused) = (site.decided().len(), site.refused());
        let (begun, before) = (Instant::now(), usage::cpu_of(binder)?);
        let sent = meanwhile(Duration::from_secs(self.seconds));
        let cpu = usage::cpu_of(binder)?.saturating_sub(before);
        let cpu = cpu.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
        Ok(Round {
            sent,
            refused: site.refused() - refused,
            cpu,
            mebibytes: usage::pss_mb(binder)? * 1e6 / f64::from(1 << 20),
            decisions: site.decided().len().checked_sub(decided).context("a shorter journal")?,
        })
    }

    fn row(&self, name: &str, round: &Round) {
        let seconds = self.seconds as f64;
        println!(
            "  {name:<10}{:>10.0}{:>10.0}{:>12.1}{:>10.2}{:>8}",
            round.sent as f64 / seconds,
            round.refused as f64 / seconds,
            round.cpu,
            round.mebibytes,
            round.decisions
        );
    }
}

fn flood(site: &Recorded, heartbeats: &[Vec<u8>], time: Duration) -> usize {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sending = scope.spawn(|| site.flood(heartbeats, &over));
        thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        sending.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// By reason.
fn refusals(site: &Recorded) -> anyhow::Result<BTreeMap<String, u64>> {
    let status = status::binder(&site.ns).map_err(|e| anyhow!(e))?;
    Ok(status.counters.refused)
}
