//! The name server under attack.

use clap::Args;
use rais_tests::attack::{Attack, Attacked, Strength, Target, Way};
use rais_tests::detection::Spread;

use super::{product, usage};

/// Measures how a running rais with the sink `dns` bears what means no good, one after the other: how
/// soon a client beside is answered meanwhile, what memory it takes, and what the log says of it.
///
/// The client asks one question after the other, a millisecond apart, by UDP, by TCP with a connection
/// for each, and by TCP on one connection; median and maximum in ms. What attacks runs as fast as it can
/// on the same machine. "sent" are packets, or connections: who is cut off comes again. Memory is PSS, the
/// highest of each attack, looked at ten times a second. Needs root.
///
/// The goals: each answer within 50 ms and right, none lost, memory + 4 MiB, no line of log.
#[derive(Args)]
pub(crate) struct Attacks {
    /// Names of the zone
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u16).range(1..))]
    names: u16,
    /// Packets of each kind, at least: they go on while the client asks
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    packets: u32,
    /// TCP clients at a time, each from an address of its own
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    clients: u16,
    /// Questions of the client beside during each attack, in each way
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    answers: u32,
}

impl Attacks {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        product::build()?;
        let strength = Strength {
            packets: self.packets.try_into()?,
            clients: self.clients,
            answers: self.answers.try_into()?,
        };
        println!("a zone of {} names; ms, median/maximum", self.names);
        println!(
            "  {:<20}{:>10}{:>14}{:>16}{:>16}{:>7}{:>12}",
            "", "sent", "UDP", "TCP, each new", "TCP, one", "lost", "memory, MiB"
        );
        let target = Target::start(self.names);
        let lines = target.log_lines();
        let memory = || usage::pss_mb(target.rais.id()).map(|mb| mb * 1e6 / f64::from(1 << 20));
        let (mut before, mut most) = (0.0, 0.0_f64);
        let mut wrong = Vec::new();
        for attack in Attack::ALL {
            let mut highest = memory()?;
            // Where it cannot be looked at, the process is gone, and the client says so.
            let watch = || highest = highest.max(memory().unwrap_or_default());
            let attacked = target.attack(attack, strength, watch);
            if attack == Attack::Nothing {
                before = memory()?;
            }
            most = most.max(highest);
            row(attack, &attacked, highest);
            wrong.extend(attacked.asked.wrong);
        }
        println!("  wrong answers: {} {}", wrong.len(), wrong.first().map_or("", |first| first));
        println!("  memory: {before:.1} MiB before, at most {:+.1}, goal +4", most - before);
        println!("  lines of log: {}, goal 0", target.log_lines() - lines);
        Ok(())
    }
}

fn row(attack: Attack, attacked: &Attacked, memory: f64) {
    let asked = &attacked.asked;
    let [udp, new, old] = Way::ALL.map(|way| {
        let spread = Spread::of(asked.times[way as usize].iter().copied());
        let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        format!("{:.2}/{:.1}", millis(spread.median), millis(spread.max))
    });
    let lost: usize = asked.lost.iter().map(Vec::len).sum();
    println!(
        "  {:<20}{:>10}{udp:>14}{new:>16}{old:>16}{lost:>7}{memory:>12.1}",
        attack.name(),
        attacked.sent
    );
}
