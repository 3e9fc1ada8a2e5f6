//! A control group's CPU time, as a share of what it may use.

use std::time::{Duration, Instant};

use rais_sdk::Fault;
use rais_system::{Cgroup, System, SystemError, field};

use crate::sampler::Meter;

/// One group, and the quotas that it is under: its own and those of the groups above.
#[derive(Debug)]
pub(crate) struct Group {
    system: System,
    cgroup: Cgroup,
    before: Option<(Instant, Counts)>,
}

/// The counters of a group and those above it at one time.
#[derive(Debug)]
struct Counts {
    /// CPUs of the host.
    cpus: f64,
    /// The group itself first.
    levels: Vec<Level>,
}

/// `cpu.stat` and `cpu.max` of one group, those below it included.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// CPU time that it has used.
    used: Duration,
    /// Time for which it had work and was kept from a CPU by its own quota, summed over CPUs.
    throttled: Duration,
    /// CPUs that it may use on average.
    quota: Option<f64>,
}

impl Group {
    pub(crate) fn new(system: System, cgroup: Cgroup) -> Self {
        Self { system, cgroup, before: None }
    }

    fn count(&self) -> Result<Counts, SystemError> {
        let levels = self.cgroup.lineage().map(|cgroup| Level::read(&cgroup));
        let levels = levels.collect::<Result<_, _>>()?;
        Ok(Counts { cpus: f64::from(self.system.cpus()?), levels })
    }

    /// As [`Meter::read`], at a time of the caller's choice.
    fn read_at(&mut self, clock: impl FnOnce() -> Instant) -> Result<Option<f64>, Fault> {
        let before = self.before.take();
        let counts = self.count().map_err(Fault::io)?;
        let now = clock();
        let percent = before.and_then(|(then, before)| {
            counts.percent_since(&before, now.saturating_duration_since(then))
        });
        self.before = Some((now, counts));
        Ok(percent)
    }
}

impl Meter for Group {
    // Two of the kernel's usual periods, over each of which a quota is meant.
    const LEAST: Duration = Duration::from_millis(200);
    const MOST: f64 = 1000.0;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn read(&mut self) -> Result<Option<f64>, Fault> {
        self.read_at(Instant::now)
    }
}

impl Counts {
    /// The fullest of the host's CPUs and the quotas; `None` where a group was made anew.
    fn percent_since(&self, before: &Counts, time: Duration) -> Option<f64> {
        let since = |(now, then): (&Level, &Level)| now.since(then);
        let levels = self.levels.iter().zip(&before.levels).map(since);
        let levels = levels.collect::<Option<Vec<_>>>()?;
        let of_host = levels.first().map(|own| own.used.div_duration_f64(time) / self.cpus);
        let of_quotas = levels.iter().filter_map(|level| level.share(time));
        of_host.into_iter().chain(of_quotas).reduce(f64::max).map(|share| share * 100.0)
    }
}

impl Level {
    fn read(cgroup: &Cgroup) -> Result<Level, SystemError> {
        const STAT: &str = "cpu.stat";
        let stat = cgroup.require(STAT)?;
        let used = field(&stat, "usage_usec")
            .ok_or_else(|| SystemError::malformed(cgroup.file(STAT), "usage_usec"))?;
        // Only there with the controller, as `cpu.max`.
        let throttled = field(&stat, "throttled_usec").unwrap_or(0);
        Ok(Level {
            used: Duration::from_micros(used),
            throttled: Duration::from_micros(throttled),
            quota: quota(cgroup)?,
        })
    }

    fn since(&self, before: &Level) -> Option<Level> {
        Some(Level {
            used: self.used.checked_sub(before.used)?,
            throttled: self.throttled.checked_sub(before.throttled)?,
            quota: self.quota,
        })
    }

    /// What it would have used, had it been let, ÷ what it may use. A thread that a quota keeps
    /// waiting would have run.
    fn share(&self, time: Duration) -> Option<f64> {
        Some((self.used + self.throttled).div_duration_f64(time) / self.quota?)
    }
}

/// `cpu.max`: microseconds of CPU time, or `max`, in a period of so many microseconds.
fn quota(cgroup: &Cgroup) -> Result<Option<f64>, SystemError> {
    const MAX: &str = "cpu.max";
    let Some(text) = cgroup.read(MAX)? else { return Ok(None) };
    let malformed = || SystemError::malformed(cgroup.file(MAX), "quota and period");
    let mut words = text.split_whitespace();
    match words.next().ok_or_else(malformed)? {
        "max" => Ok(None),
        quota => {
            let micros = |word: &str| word.parse::<u32>().ok().filter(|&micros| micros > 0);
            let quota = micros(quota).ok_or_else(malformed)?;
            let period = words.next().and_then(micros).ok_or_else(malformed)?;
            Ok(Some(f64::from(quota) / f64::from(period)))
        }
    }
}

#[cfg(test)]
mod tests;
