//! Loads: each source's mean over the last `sample`, what several make together, and what servers
//! ask for by the way.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::config::{CombineLoads, LoadKey, LoadScope, LoadSource, ServiceLoad};
use super::event::SampleId;
use super::reading::{Reading, Wanted};
use super::target::TargetId;
use crate::load::Load;
use crate::time::Time;

/// Of whom a source's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sampled {
    pub(super) source: LoadKey,
    /// None: of the host.
    pub(super) target: Option<TargetId>,
}

/// All sources, and what they gave.
#[derive(Debug, Default)]
pub(super) struct Loads {
    sample: Duration,
    sources: BTreeMap<LoadKey, Source>,
    readings: BTreeMap<Sampled, Readings>,
    /// Samples that have not come.
    open: BTreeMap<SampleId, Sampled>,
    made: u64,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    every: Duration,
    scope: LoadScope,
}

/// What one source gave of one subject.
#[derive(Debug)]
struct Readings {
    recent: VecDeque<(Time, Load)>,
    wanted: Wanted,
    /// When the next sample is to be taken.
    scheduled: Time,
    asked: Option<(SampleId, Time)>,
}

/// Whether a sample would tell anything now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    Asking,
    Nothing,
}

/// A sample that has not come by then never will; whoever takes them gives up sooner.
const LOST: Duration = Duration::from_secs(30);

/// What a reading brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something else is asked for than before.
    Wish(Sampled),
    Load,
}

impl Loads {
    /// Takes on what a configuration says; sources that stay keep their readings. Returns what is
    /// to be sampled of the host from now on, and what no longer is.
    pub(super) fn configure(
        &mut self,
        sample: Duration,
        sources: &[LoadSource],
        now: Time,
    ) -> (Vec<Sampled>, Vec<Sampled>) {
        self.sample = sample;
        self.sources = sources
            .iter()
            .map(|source| {
                let every = source.every.max(super::SHORTEST);
                (source.key, Source { every, scope: source.scope })
            })
            .collect();
        let gone: Vec<Sampled> = self
            .readings
            .keys()
            .copied()
            .filter(|of| !self.sources.contains_key(&of.source))
            .collect();
        gone.iter().for_each(|&of| self.forget(of));
        let of_host = sources.iter().filter(|source| source.scope == LoadScope::Host);
        let of_host = of_host.map(|source| Sampled { source: source.key, target: None });
        let new = of_host.filter(|&of| self.begin(of, now)).collect();
        (new, gone)
    }

    /// Those of `load`'s sources that have a sample of each target.
    pub(super) fn of_target(&self, load: &ServiceLoad, target: TargetId) -> Vec<Sampled> {
        let mut keys = Vec::new();
        load.collect(&mut keys);
        let each = |key: &LoadKey| {
            self.sources.get(key).is_some_and(|source| source.scope == LoadScope::Target)
        };
        let target = Some(target);
        keys.into_iter().filter(each).map(|source| Sampled { source, target }).collect()
    }

    /// What is sampled of a target.
    pub(super) fn sampled_of(&self, target: TargetId) -> Vec<Sampled> {
        // Sources are few; targets need not be.
        let all = self.sources.keys().map(|&source| Sampled { source, target: Some(target) });
        all.filter(|of| self.readings.contains_key(of)).collect()
    }

    /// Between two samples of a source.
    pub(super) fn every(&self, source: LoadKey) -> Duration {
        self.sources.get(&source).map_or(Duration::ZERO, |source| source.every)
    }

    /// Begins to sample, the first time at `first`; false where that was done.
    pub(super) fn begin(&mut self, of: Sampled, first: Time) -> bool {
        let mut new = false;
        self.readings.entry(of).or_insert_with(|| {
            new = true;
            let (recent, wanted) = (VecDeque::new(), Wanted::default());
            Readings { recent, wanted, scheduled: first, asked: None }
        });
        new
    }

    pub(super) fn forget(&mut self, of: Sampled) {
        let asked = self.readings.remove(&of).and_then(|readings| readings.asked);
        if let Some((id, _)) = asked {
            self.open.remove(&id);
        }
    }

    /// The time of a sample has come: how it is to be called, where one is worth asking for and the
    /// one before has come in, and when the next is. What was missed is not made up for.
    pub(super) fn ask(
        &mut self,
        of: Sampled,
        worth: Worth,
        now: Time,
    ) -> Option<(Option<SampleId>, Time)> {
        let every = self.sources.get(&of.source)?.every;
        let readings = self.readings.get_mut(&of)?;
        let late = now.since(readings.scheduled) > every;
        readings.scheduled = if late { now } else { readings.scheduled } + every;
        if let Some((lost, _)) = readings.asked.take_if(|(_, at)| now.since(*at) > LOST) {
            self.open.remove(&lost);
        }
        if readings.asked.is_some() || worth == Worth::Nothing {
            return Some((None, readings.scheduled));
        }
        self.made += 1;
        let id = SampleId(self.made);
        readings.asked = Some((id, now));
        self.open.insert(id, of);
        Some((Some(id), readings.scheduled))
    }

    /// Takes what a sample gave; one that gave nothing only ages what is there.
    pub(super) fn take(&mut self, id: SampleId, reading: Option<Reading>, now: Time) -> Heard {
        let Some(of) = self.open.remove(&id) else { return Heard::Load };
        let Some(source) = self.sources.get(&of.source) else { return Heard::Load };
        let Some(readings) = self.readings.get_mut(&of) else { return Heard::Load };
        readings.asked = None;
        let reading = reading.unwrap_or_default();
        readings.recent.extend(reading.load.map(|load| (now, load)));
        let stands = source.stands(self.sample);
        while readings.recent.front().is_some_and(|&(at, _)| now.since(at) >= stands) {
            readings.recent.pop_front();
        }
        let before = readings.wanted.clone();
        readings.wanted.hear(&reading);
        if readings.wanted == before { Heard::Load } else { Heard::Wish(of) }
    }

    /// A service's load at a target; none where none of its sources has a reading that stands.
    pub(super) fn of(&self, load: &ServiceLoad, target: TargetId, now: Time) -> Option<Load> {
        match load {
            ServiceLoad::One(key) => {
                let source = self.sources.get(key)?;
                let of = source.sampled(*key, target);
                self.readings.get(&of)?.mean(self.sample, source.stands(self.sample), now)
            }
            ServiceLoad::Several(combine, parts) => {
                let known = parts.iter().filter_map(|part| self.of(part, target, now));
                match combine {
                    CombineLoads::Max => known.max(),
                    CombineLoads::Mean => mean(known),
                }
            }
        }
    }

    /// What all of a service's sources say that a target asks for.
    pub(super) fn wanted(&self, load: &ServiceLoad, target: TargetId) -> Wanted {
        let mut keys = Vec::new();
        load.collect(&mut keys);
        let said = keys.into_iter().filter_map(|key| {
            let of = self.sources.get(&key)?.sampled(key, target);
            Some(&self.readings.get(&of)?.wanted)
        });
        said.fold(Wanted::default(), Wanted::and)
    }
}

impl Source {
    fn sampled(&self, key: LoadKey, target: TargetId) -> Sampled {
        Sampled { source: key, target: (self.scope == LoadScope::Target).then_some(target) }
    }

    /// How long a reading stands: with few of them, until the next can have come.
    fn stands(&self, sample: Duration) -> Duration {
        sample.max(self.every * 2)
    }
}

impl Readings {
    fn mean(&self, sample: Duration, stands: Duration, now: Time) -> Option<Load> {
        let within = |age: Duration| move |&&(at, _): &&(Time, Load)| now.since(at) < age;
        mean(self.recent.iter().filter(within(sample)).map(|&(_, load)| load)).or_else(|| {
            let newest = self.recent.back();
            newest.filter(within(stands)).map(|&(_, load)| load)
        })
    }
}

impl ServiceLoad {
    /// Every source in it, in the order written.
    pub(super) fn collect(&self, keys: &mut Vec<LoadKey>) {
        match self {
            ServiceLoad::One(key) => keys.push(*key),
            ServiceLoad::Several(_, parts) => parts.iter().for_each(|part| part.collect(keys)),
        }
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
    use crate::heartbeat::Reason;
    use crate::monitor::reading::Wish;

    const CPU: LoadKey = LoadKey(1);
    const DISK: LoadKey = LoadKey(2);
    const WEB1: TargetId = TargetId(11);
    const WEB2: TargetId = TargetId(12);

    fn percent(load: u32) -> Load {
        Load::from_hundredths(load * 100)
    }

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    fn of_host(source: LoadKey) -> Sampled {
        Sampled { source, target: None }
    }

    fn loads(sample: u64, every: u64) -> Loads {
        let mut loads = Loads::default();
        let (every, scope) = (Duration::from_secs(every), LoadScope::Host);
        let sources = [CPU, DISK].map(|key| LoadSource { key, every, scope });
        loads.configure(Duration::from_secs(sample), &sources, Time::ZERO);
        loads
    }

    impl Loads {
        /// Asks for a sample, and gives it.
        fn give(&mut self, of: Sampled, reading: Option<Reading>, secs: u64) -> Heard {
            let (id, _) = self.ask(of, Worth::Asking, at(secs)).unwrap();
            self.take(id.unwrap(), reading, at(secs))
        }

        fn give_load(&mut self, source: LoadKey, load: Option<u32>, secs: u64) {
            let reading = load.map(|load| Reading::of(percent(load)));
            assert_eq!(self.give(of_host(source), reading, secs), Heard::Load);
        }

        fn cpu(&self, secs: u64) -> Option<Load> {
            self.of(&ServiceLoad::One(CPU), WEB1, at(secs))
        }
    }

    #[test]
    fn a_load_is_the_mean_over_the_last_sample() {
        let mut loads = loads(10, 1);
        assert_eq!(loads.cpu(0), None, "unknown until there is a reading");
        for (secs, load) in [(0, 90), (5, 10), (9, 20)] {
            loads.give_load(CPU, Some(load), secs);
        }
        assert_eq!(loads.cpu(9), Some(percent(40)));
        assert_eq!(loads.cpu(10), Some(percent(15)));
    }

    #[test]
    fn a_source_that_says_nothing_is_unknown_after_a_sample() {
        let mut loads = loads(10, 1);
        loads.give_load(CPU, Some(50), 0);
        for secs in 1..10 {
            loads.give_load(CPU, None, secs);
            assert_eq!(loads.cpu(secs), Some(percent(50)));
        }
        assert_eq!(loads.cpu(10), None);
    }

    #[test]
    fn the_last_of_rare_readings_stands_until_the_next_is_due() {
        let mut loads = loads(10, 60);
        loads.give_load(CPU, Some(50), 0);
        assert_eq!(loads.cpu(119), Some(percent(50)));
        assert_eq!(loads.cpu(120), None);
    }

    #[test]
    fn sources_combine_by_what_is_known() {
        let mut loads = loads(10, 1);
        let both = |combine| {
            ServiceLoad::Several(combine, vec![ServiceLoad::One(CPU), ServiceLoad::One(DISK)])
        };
        loads.give_load(CPU, Some(20), 0);
        assert_eq!(loads.of(&both(CombineLoads::Max), WEB1, at(0)), Some(percent(20)));
        loads.give_load(DISK, Some(50), 0);
        assert_eq!(loads.of(&both(CombineLoads::Max), WEB1, at(0)), Some(percent(50)));
        assert_eq!(loads.of(&both(CombineLoads::Mean), WEB1, at(0)), Some(percent(35)));
        let within = vec![both(CombineLoads::Mean), ServiceLoad::One(CPU)];
        let within = ServiceLoad::Several(CombineLoads::Max, within);
        assert_eq!(loads.of(&within, WEB1, at(0)), Some(percent(35)));
    }

    #[test]
    fn a_source_that_stays_keeps_its_readings() {
        let mut loads = loads(10, 1);
        loads.give_load(CPU, Some(20), 0);
        let (every, scope) = (Duration::from_secs(2), LoadScope::Host);
        let sources = [CPU, LoadKey(3)].map(|key| LoadSource { key, every, scope });
        let (new, gone) = loads.configure(Duration::from_secs(10), &sources, at(1));
        assert_eq!((new, gone), (vec![of_host(LoadKey(3))], vec![of_host(DISK)]));
        assert_eq!(loads.cpu(1), Some(percent(20)));
    }

    #[test]
    fn each_target_has_a_load_of_its_own_where_the_source_says_so() {
        let mut loads = Loads::default();
        let (every, scope) = (Duration::from_secs(1), LoadScope::Target);
        let sources = [LoadSource { key: CPU, every, scope }];
        let (new, _) = loads.configure(Duration::from_secs(10), &sources, Time::ZERO);
        assert_eq!(new, [], "nothing of the host");
        let load = ServiceLoad::One(CPU);
        for (target, percents) in [(WEB1, 10), (WEB2, 90)] {
            let [of] = loads.of_target(&load, target)[..] else { panic!("one source") };
            assert!(loads.begin(of, Time::ZERO));
            assert!(!loads.begin(of, Time::ZERO), "it goes on");
            loads.give(of, Some(Reading::of(percent(percents))), 0);
        }
        assert_eq!(loads.of(&load, WEB1, at(0)), Some(percent(10)));
        assert_eq!(loads.of(&load, WEB2, at(0)), Some(percent(90)));
        let of = Sampled { source: CPU, target: Some(WEB2) };
        assert_eq!(loads.sampled_of(WEB2), [of]);
        let (asked, _) = loads.ask(of, Worth::Asking, at(1)).unwrap();
        loads.forget(of);
        assert_eq!(loads.take(asked.unwrap(), None, at(1)), Heard::Load, "nobody wants it");
        assert_eq!(loads.of(&load, WEB2, at(1)), None);
    }

    #[test]
    fn no_sample_is_asked_for_before_the_last_has_come() {
        let mut loads = loads(10, 1);
        let ask =
            |loads: &mut Loads, secs| loads.ask(of_host(CPU), Worth::Asking, at(secs)).unwrap();
        let (first, next) = ask(&mut loads, 0);
        assert_eq!(next, at(1));
        assert_eq!(ask(&mut loads, 1), (None, at(2)));
        loads.take(first.unwrap(), None, at(2));
        assert_eq!(loads.ask(of_host(CPU), Worth::Nothing, at(2)), Some((None, at(3))));
        let (second, next) = ask(&mut loads, 9);
        assert!(second.is_some());
        assert_eq!(next, at(10), "what was missed is not made up for");
        assert_eq!(ask(&mut loads, 39).0, None);
        let (third, _) = ask(&mut loads, 40);
        assert!(third.is_some() && third != second, "it is not waited for without end");
        loads.take(second.unwrap(), Some(Reading::of(percent(10))), at(40));
        assert_eq!(loads.cpu(40), None, "it was given up");
    }

    #[test]
    fn a_wish_is_told_once_and_stands() {
        let mut loads = loads(10, 1);
        let reason = Reason::new("upgrade");
        let wish = Reading { wish: Some(Wish::Drain), reason, ..Reading::default() };
        assert_eq!(loads.give(of_host(CPU), Some(wish.clone()), 0), Heard::Wish(of_host(CPU)));
        assert_eq!(loads.give(of_host(CPU), Some(wish), 1), Heard::Load);
        assert_eq!(loads.give(of_host(CPU), None, 2), Heard::Load);
        assert_eq!(loads.wanted(&ServiceLoad::One(CPU), WEB1).wish, Wish::Drain);
        assert_eq!(loads.wanted(&ServiceLoad::One(DISK), WEB1), Wanted::default());
    }
}
