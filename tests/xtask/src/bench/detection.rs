//! How soon a failure is told, by real processes.

use clap::{Args, ValueEnum};
use rais_tests::detection::{Failure, Profile, Round, Spread, Stage, WallClock};

use super::product;

/// Measures how soon a server that fails is withdrawn, and one that returns announced.
///
/// A host in a network namespace with an address and a server process for each round, its monitor,
/// and a binder on a second host that writes a zone file. One after the other fails at a random
/// phase, and returns: killed (SIGKILL, and started again), HTTP 503, hung (SIGSTOP), packets
/// dropped (nftables). "beat" is the time from the failure to the beat that says so, "zone" to the
/// zone file without the address, "back" from the return to the beat. What `kill`, `nft` and the
/// start of a server take is in it. Needs root.
///
/// The goals, median and maximum to the beat: killed or 503 0.5/1.0 s, hung or dropped 0.9/1.5 s;
/// with config/quick.toml 0.15/0.30 s and 0.2/0.4 s.
#[derive(Args)]
pub(crate) struct Detection {
    /// Rounds of each kind
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(2..=200))]
    rounds: u8,
    /// What the phases are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The wall clocks of both hosts
    #[arg(long, default_value = "steady")]
    wall_clock: Wall,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wall {
    /// They are the machine's
    Steady,
    /// They leap by an hour before each failure, ahead or back
    Stepped,
}

impl Detection {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        product::build()?;
        println!(
            "{} rounds of each kind, seed {}, wall clock {:?}; median/maximum in ms",
            self.rounds, self.seed, self.wall_clock
        );
        println!("  {:<10}{:<18}{:>12}{:>12}{:>12}{:>12}", "", "", "beat", "goal", "zone", "back");
        for profile in Profile::ALL {
            // Two kinds a stage: an address that falls more often is held down.
            for failures in Failure::ALL.chunks(2) {
                self.play(profile, failures);
            }
        }
        Ok(())
    }

    fn play(&self, profile: Profile, failures: &[Failure]) {
        let wall_clock = match self.wall_clock {
            Wall::Steady => WallClock::Machine,
            Wall::Stepped => WallClock::Stepped,
        };
        let mut stage = Stage::new(profile, self.rounds, wall_clock, self.seed);
        for &failure in failures {
            let rounds = (1..=usize::from(self.rounds)).map(|which| {
                if self.wall_clock == Wall::Stepped {
                    stage.step_clocks([0, 3600, 0, -3600][which % 4]);
                }
                stage.round(failure, which)
            });
            let rounds: Vec<Round> = rounds.collect();
            let of = |time: fn(&Round) -> _| Spread::of(rounds.iter().map(time));
            println!(
                "  {:<10}{:<18}{:>12}{:>12}{:>12}{:>12}",
                profile.name(),
                failure.name(),
                shown(of(|round| round.withdrawn)),
                shown(profile.goal(failure)),
                shown(of(|round| round.out)),
                shown(of(|round| round.announced)),
            );
        }
    }
}

fn shown(spread: Spread) -> String {
    format!("{}/{}", spread.median.as_millis(), spread.max.as_millis())
}
