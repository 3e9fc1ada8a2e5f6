//! Load `average`: processes that run, or wait for a CPU or a disk, for each CPU.

use rais_sdk::prelude::*;
use rais_system::{System, SystemError};

/// The host's load average, as a share of what is 100 %.
#[derive(Debug)]
pub struct Average {
    system: System,
    over: Over,
    full: Full,
}

/// The table of a load of type `average`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// The time over which the kernel has averaged.
    #[default = "1m"]
    over: Over,
    /// The load average that is 100 %, more than zero. Without it the number of CPUs.
    full: Option<f64>,
}

#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    #[serde(rename = "1m")]
    Minute,
    #[serde(rename = "5m")]
    FiveMinutes,
    #[serde(rename = "15m")]
    QuarterHour,
}

/// What is 100 %.
#[derive(Debug, Clone, Copy)]
enum Full {
    /// As many as there are CPUs when it is asked: they come and go.
    Cpus,
    Processes(f64),
}

impl Load for Average {
    const NAME: &'static str = "average";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    const SCOPE: Scope = Scope::Host;
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        Self::on(System::here(), &config)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        self.percent().map(Reading::load).map_err(Fault::io)
    }
}

impl Average {
    fn on(system: System, config: &Config) -> Result<Self, Fault> {
        let full = match config.full {
            None => Full::Cpus,
            Some(full) if full.is_finite() && full > 0.0 => Full::Processes(full),
            Some(full) => {
                let text = format!("`full` must be a number above zero, and is {full}");
                return Err(Fault::config("full", text));
            }
        };
        Ok(Self { system, over: config.over, full })
    }

    fn percent(&self) -> Result<f64, SystemError> {
        let full = match self.full {
            Full::Cpus => f64::from(self.system.cpus()?),
            Full::Processes(full) => full,
        };
        Ok(self.average()? / full * 100.0)
    }

    /// proc_loadavg(5): those over 1, 5 and 15 minutes stand first.
    fn average(&self) -> Result<f64, SystemError> {
        const LOADAVG: &str = "/proc/loadavg";
        let text = self.system.read(LOADAVG)?;
        let place = match self.over {
            Over::Minute => 0,
            Over::FiveMinutes => 1,
            Over::QuarterHour => 2,
        };
        let average = text.split_whitespace().nth(place).and_then(|word| word.parse().ok());
        average.ok_or_else(|| SystemError::malformed(LOADAVG, "load average"))
    }
}

rais_sdk::plugin!(load Average);

#[cfg(test)]
mod tests {
    use rais_system::testing::Tree;

    use super::*;

    /// A host with 4 CPUs.
    fn fixture() -> Tree {
        Tree::copy_of(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/four-cpus"))
    }

    fn percent(tree: &Tree, over: Over, full: Option<f64>) -> Result<Option<f64>, Fault> {
        let average = Average::on(tree.system(), &Config { over, full })?;
        average.sample(&Subject::new("www")).map(|reading| reading.load)
    }

    #[test]
    fn the_average_over_each_time_is_a_share_of_the_cpus() {
        let tree = fixture();
        assert_eq!(percent(&tree, Over::Minute, None), Ok(Some(150.0)));
        assert_eq!(percent(&tree, Over::FiveMinutes, None), Ok(Some(50.0)));
        assert_eq!(percent(&tree, Over::QuarterHour, None), Ok(Some(12.5)));
    }

    #[test]
    fn full_replaces_the_cpus() {
        let tree = fixture();
        assert_eq!(percent(&tree, Over::Minute, Some(12.0)), Ok(Some(50.0)));
        assert_eq!(percent(&tree, Over::Minute, Some(0.5)), Ok(Some(1200.0)));
        for (full, shown) in [(0.0, "0"), (-1.5, "-1.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")]
        {
            let fault = percent(&tree, Over::Minute, Some(full)).unwrap_err();
            let text = format!("`full` must be a number above zero, and is {shown}");
            assert_eq!(fault, Fault::config("full", text));
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_that_says_where() {
        let tree = fixture();
        tree.write("/proc/loadavg", "0.50\n");
        let fault = percent(&tree, Over::FiveMinutes, None).unwrap_err();
        assert_eq!(fault, Fault::io("/proc/loadavg: no load average in it"));
        tree.remove("/proc");
        let fault = percent(&tree, Over::Minute, Some(1.0)).unwrap_err();
        assert!(fault.text.starts_with("/proc/loadavg: No such file"), "{fault}");
        assert_eq!(fault.kind, FaultKind::Io);
    }
}
