//! Loads: each source's mean over the last `sample`, and what several make together.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::config::{CombineLoads, LoadKey, LoadSource, ServiceLoad};
use crate::load::Load;
use crate::time::Time;

/// One source's readings.
#[derive(Debug)]
pub(super) struct Readings {
    every: Duration,
    recent: VecDeque<(Time, Load)>,
    /// When the last sample was to be taken.
    pub(super) scheduled: Time,
    /// Whether a sample was asked for that has not come.
    pub(super) asked: Asked,
}

/// Whether a sample is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Yes,
    No,
}

/// All sources.
#[derive(Debug)]
pub(super) struct Loads {
    sample: Duration,
    sources: BTreeMap<LoadKey, Readings>,
}

impl Loads {
    pub(super) fn new() -> Loads {
        Loads { sample: Duration::ZERO, sources: BTreeMap::new() }
    }

    /// Takes on what a configuration says; sources that stay keep their readings. Returns the new
    /// ones and the gone ones.
    pub(super) fn configure(
        &mut self,
        sample: Duration,
        sources: &[LoadSource],
        now: Time,
    ) -> (Vec<LoadKey>, Vec<LoadKey>) {
        self.sample = sample;
        let gone: Vec<_> = self
            .sources
            .keys()
            .copied()
            .filter(|key| sources.iter().all(|source| source.key != *key))
            .collect();
        self.sources.retain(|key, _| !gone.contains(key));
        let mut new = Vec::new();
        for source in sources {
            let every = source.every.max(super::SHORTEST);
            let readings = self.sources.entry(source.key).or_insert_with(|| {
                new.push(source.key);
                Readings { every, recent: VecDeque::new(), scheduled: now, asked: Asked::No }
            });
            readings.every = every;
        }
        (new, gone)
    }

    pub(super) fn get_mut(&mut self, key: LoadKey) -> Option<&mut Readings> {
        self.sources.get_mut(&key)
    }

    /// Takes a reading; one that knows nothing only ages what is there.
    pub(super) fn take(&mut self, key: LoadKey, reading: Option<Load>, now: Time) {
        let sample = self.sample;
        let Some(readings) = self.sources.get_mut(&key) else { return };
        readings.asked = Asked::No;
        readings.recent.extend(reading.map(|load| (now, load)));
        let stands = readings.stands(sample);
        while readings.recent.front().is_some_and(|&(at, _)| now.since(at) >= stands) {
            readings.recent.pop_front();
        }
    }

    /// A service's load; none where none of its sources has a reading that stands.
    pub(super) fn of(&self, load: &ServiceLoad, now: Time) -> Option<Load> {
        let known =
            load.sources.iter().filter_map(|key| self.sources.get(key)?.mean(self.sample, now));
        match load.combine {
            CombineLoads::Max => known.max(),
            CombineLoads::Mean => mean(known),
        }
    }
}

impl Readings {
    /// When to take the next sample; what was missed is not made up for.
    pub(super) fn next_sample(&mut self, now: Time) -> Time {
        let late = now.since(self.scheduled) > self.every;
        self.scheduled = if late { now } else { self.scheduled } + self.every;
        self.scheduled
    }

    /// How long a reading stands: with few of them, until the next can have come.
    fn stands(&self, sample: Duration) -> Duration {
        sample.max(self.every * 2)
    }

    fn mean(&self, sample: Duration, now: Time) -> Option<Load> {
        let within = |age: Duration| move |&&(at, _): &&(Time, Load)| now.since(at) < age;
        mean(self.recent.iter().filter(within(sample)).map(|&(_, load)| load)).or_else(|| {
            let newest = self.recent.back();
            newest.filter(within(self.stands(sample))).map(|&(_, load)| load)
        })
    }
}

fn mean(loads: impl Iterator<Item = Load>) -> Option<Load> {
    let (mut sum, mut count) = (0u64, 0u64);
    for load in loads {
        sum += u64::from(load.as_hundredths());
        count += 1;
    }
    let mean = (sum + count / 2).checked_div(count)?;
    u32::try_from(mean).ok().map(Load::from_hundredths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: LoadKey = LoadKey(1);
    const DISK: LoadKey = LoadKey(2);

    fn percent(load: u32) -> Load {
        Load::from_hundredths(load * 100)
    }

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    fn loads(sample: u64, every: u64) -> Loads {
        let mut loads = Loads::new();
        let sources = [CPU, DISK].map(|key| LoadSource { key, every: Duration::from_secs(every) });
        loads.configure(Duration::from_secs(sample), &sources, Time::ZERO);
        loads
    }

    fn cpu() -> ServiceLoad {
        ServiceLoad { combine: CombineLoads::Max, sources: vec![CPU] }
    }

    #[test]
    fn a_load_is_the_mean_over_the_last_sample() {
        let mut loads = loads(10, 1);
        assert_eq!(loads.of(&cpu(), at(0)), None, "unknown until there is a reading");
        for (secs, load) in [(0, 90), (5, 10), (9, 20)] {
            loads.take(CPU, Some(percent(load)), at(secs));
        }
        assert_eq!(loads.of(&cpu(), at(9)), Some(percent(40)));
        assert_eq!(loads.of(&cpu(), at(10)), Some(percent(15)));
    }

    #[test]
    fn a_source_that_says_nothing_is_unknown_after_a_sample() {
        let mut loads = loads(10, 1);
        loads.take(CPU, Some(percent(50)), at(0));
        for secs in 1..10 {
            loads.take(CPU, None, at(secs));
            assert_eq!(loads.of(&cpu(), at(secs)), Some(percent(50)));
        }
        assert_eq!(loads.of(&cpu(), at(10)), None);
    }

    #[test]
    fn the_last_of_rare_readings_stands_until_the_next_is_due() {
        let mut loads = loads(10, 60);
        loads.take(CPU, Some(percent(50)), at(0));
        assert_eq!(loads.of(&cpu(), at(119)), Some(percent(50)));
        assert_eq!(loads.of(&cpu(), at(120)), None);
    }

    #[test]
    fn sources_combine_by_what_is_known() {
        let mut loads = loads(10, 1);
        let both = |combine| ServiceLoad { combine, sources: vec![CPU, DISK] };
        loads.take(CPU, Some(percent(20)), at(0));
        assert_eq!(loads.of(&both(CombineLoads::Max), at(0)), Some(percent(20)));
        loads.take(DISK, Some(percent(50)), at(0));
        assert_eq!(loads.of(&both(CombineLoads::Max), at(0)), Some(percent(50)));
        assert_eq!(loads.of(&both(CombineLoads::Mean), at(0)), Some(percent(35)));
    }

    #[test]
    fn a_source_that_stays_keeps_its_readings() {
        let mut loads = loads(10, 1);
        loads.take(CPU, Some(percent(20)), at(0));
        let sources =
            [CPU, LoadKey(3)].map(|key| LoadSource { key, every: Duration::from_secs(2) });
        let (new, gone) = loads.configure(Duration::from_secs(10), &sources, at(1));
        assert_eq!((new, gone), (vec![LoadKey(3)], vec![DISK]));
        assert_eq!(loads.of(&cpu(), at(1)), Some(percent(20)));
    }
}
