//! What the sink and its threads share.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rais_sdk::prelude::*;

use super::before::Before;
use super::zones::{Files, News, Start, Zones};
use crate::engine::{Engine, lock};
use crate::files::{Folder, Haste};
use crate::net::Passage;
use crate::publish::Records;
use crate::transfer::Told;
use crate::zone::Zone;

/// How often the zone files are looked at, where a look takes less than half of it.
const PAUSE: Duration = Duration::from_secs(1);
/// So long queries wait at the start for zones to be there. One that cannot be must not keep the others
/// from being answered.
const GRACE: Duration = Duration::from_secs(1);
/// So long a reload waits for the zone files, while the server before goes on answering. A host waits for
/// five seconds.
const READING: Duration = Duration::from_secs(3);

/// What the sink and its threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(super) zones: Mutex<Zones>,
    /// What was said of zone files while the configuration was judged, and is not said again at the
    /// start.
    told: Mutex<Vec<String>>,
    /// Rung when the last zone has come that is awaited, and when the files have been read.
    complete: Condvar,
    /// Told of every change.
    pub(crate) secondaries: Arc<Told>,
    pace: Mutex<Pace>,
    paced: Condvar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Runs,
    Ended,
}

/// When the folder is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    InTime,
    /// A zone is now its file's.
    AtOnce,
    Ended,
}

impl Shared {
    pub(crate) fn new(engine: Engine) -> Shared {
        Shared {
            engine: Arc::new(engine),
            zones: Mutex::default(),
            told: Mutex::default(),
            complete: Condvar::new(),
            secondaries: Arc::default(),
            pace: Mutex::new(Pace::InTime),
            paced: Condvar::new(),
        }
    }

    /// Waits for the next look, where the last one took so long, and says whether there is to be one.
    pub(super) fn goes_on(&self, took: Duration) -> bool {
        let in_time = |pace: &mut Pace| *pace == Pace::InTime;
        let waited = self.paced.wait_timeout_while(lock(&self.pace), pause(took), in_time);
        let (mut pace, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *pace == Pace::AtOnce {
            *pace = Pace::InTime;
        }
        *pace != Pace::Ended
    }

    #[cfg(test)]
    pub(super) fn is_hurried(&self) -> bool {
        *lock(&self.pace) == Pace::AtOnce
    }

    /// Waits as long as between two looks, or until the end.
    pub(super) fn rest(&self) -> Life {
        let runs = |pace: &mut Pace| *pace != Pace::Ended;
        drop(self.paced.wait_timeout_while(lock(&self.pace), PAUSE, runs));
        self.life()
    }

    pub(crate) fn are_told(&self, faults: Vec<String>) {
        *lock(&self.told) = faults;
    }

    pub(super) fn life(&self) -> Life {
        if *lock(&self.pace) == Pace::Ended { Life::Ended } else { Life::Runs }
    }

    /// Nobody waits any more, for whatever it is.
    pub(crate) fn end(&self) {
        *lock(&self.pace) = Pace::Ended;
        self.paced.notify_all();
        self.begin();
    }

    fn look_at_once(&self) {
        let mut pace = lock(&self.pace);
        if *pace == Pace::InTime {
            *pace = Pace::AtOnce;
        }
        self.paced.notify_all();
    }

    /// A binder publishes these from now on, and no others. One that has a file is served as it is until
    /// that has been read.
    pub(crate) fn assign(&self, its: BTreeSet<Vec<u8>>) {
        let mut zones = lock(&self.zones);
        let Zones { bound, filed, handed, given_up, .. } = &mut *zones;
        handed.retain(|zone| !its.contains(zone));
        given_up.retain(|zone| !its.contains(zone));
        for gone in bound.difference(&its) {
            given_up.insert(gone.clone());
            if filed.contains(gone) {
                handed.insert(gone.clone());
            } else {
                self.engine.withdraw(gone);
            }
        }
        let some_are_handed = !handed.is_empty();
        if zones.start == Start::Ahead {
            zones.awaited.clone_from(&its);
        }
        zones.bound = Arc::new(its);
        drop(zones);
        if some_are_handed {
            self.look_at_once();
        }
    }

    /// A binder is about to publish this one: its file is not to come in between.
    pub(crate) fn publishes(&self, apex: Vec<u8>) {
        let Zones { bound, handed, given_up, .. } = &mut *lock(&self.zones);
        handed.remove(&apex);
        given_up.remove(&apex);
        if !bound.contains(&apex) {
            Arc::make_mut(bound).insert(apex);
        }
    }

    /// A zone has another state, which is served.
    pub(crate) fn published(&self, apex: &[u8], records: Records) {
        if records == Records::Changed {
            self.secondaries.changed(apex);
        }
        let mut zones = lock(&self.zones);
        zones.awaited.remove(apex);
        if zones.awaited.is_empty() {
            self.complete.notify_all();
        }
    }

    /// Waits until there is an answer for every zone, or for long enough. Nothing is to be answered where
    /// it has ended meanwhile: who has asked asks again, and another server has the answer.
    pub(super) fn await_zones(&self) -> Passage {
        self.wait(GRACE, Zones::are_coming);
        self.begin();
        match self.life() {
            Life::Runs => Passage::Answer,
            Life::Ended => Passage::End,
        }
    }

    /// A zone that is served as a file of its name was.
    pub(super) fn filed(&self, apex: &[u8]) -> Option<Zone> {
        let is_filed = lock(&self.zones).are_filed(apex);
        is_filed.then(|| self.engine.zone(apex)).flatten()?.duplicate()
    }

    /// Waits until the zone files have been read, or for long enough.
    pub(super) fn await_files(&self) {
        self.wait(READING, |zones| zones.start == Start::Ahead && zones.files == Files::Unread);
    }

    fn wait(&self, longest: Duration, so_long: impl Fn(&Zones) -> bool) {
        let waits = |zones: &mut Zones| so_long(zones);
        drop(self.complete.wait_timeout_while(lock(&self.zones), longest, waits));
    }

    fn begin(&self) {
        lock(&self.zones).start = Start::Over;
        self.complete.notify_all();
    }

    pub(super) fn files_are(&self, files: Files) {
        lock(&self.zones).files = files;
        self.complete.notify_all();
    }

    /// The zones that are a binder's. Those that were until now are to be read, though their files may be as
    /// they were at the last look.
    pub(super) fn before_look(&self, folder: &mut Folder) -> Arc<BTreeSet<Vec<u8>>> {
        let (given_up, bound) = {
            let mut zones = lock(&self.zones);
            (std::mem::take(&mut zones.given_up), Arc::clone(&zones.bound))
        };
        folder.read_again(&given_up);
        bound
    }

    pub(super) fn look(
        &self,
        folder: &mut Folder,
        haste: Haste,
        before: &Before,
        host: &Host,
    ) -> std::io::Result<()> {
        let bound = self.before_look(folder);
        let goes_on = || self.life() == Life::Runs;
        let mut news = News::default();
        let mut serve = |found| {
            let before = news.apexes.len();
            lock(&self.zones).serve(found, &self.engine, &mut news);
            news.apexes.iter().skip(before).for_each(|apex| self.secondaries.changed(apex));
        };
        let Some(mut brought) = folder.look(haste, &bound, &goes_on, &mut serve)? else {
            return Ok(());
        };
        let told = std::mem::take(&mut *lock(&self.told));
        let mut faults = std::mem::take(&mut brought.faults);
        faults.retain(|fault| !told.contains(fault));
        let ignored = std::mem::take(&mut brought.ignored);
        lock(&self.zones).settle(brought, before, &self.engine, &mut news);
        for fault in faults.iter().chain(&news.doubts) {
            host.warn(fault);
        }
        for line in news.lines(folder.path()) {
            host.log(&line);
        }
        if let (Haste::Now, [one, ..]) = (haste, &*ignored) {
            host.log(&format!(
                "{}: {} ignored, as {}: zones are files that are called NAME.zone",
                folder.path().display(),
                ignored.len(),
                one.file_name().unwrap_or_default().display()
            ));
        }
        Ok(())
    }
}

/// From a look that took so long to the next: half of the time is nobody's.
fn pause(took: Duration) -> Duration {
    PAUSE.saturating_sub(took).max(took)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Identity;
    use crate::transfer::Access;

    /// What would wait for long enough and then answer, if nobody ended it.
    #[test]
    fn whoever_waits_ends_with_the_sink_and_answers_nothing() {
        let engine = Engine::new(Identity::default(), Access::default(), None);
        let shared = Shared::new(engine);
        shared.files_are(Files::Unread);
        shared.assign(BTreeSet::from([b"\x01a\x00".to_vec()]));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                shared.wait(Duration::MAX, Zones::are_coming);
                shared.await_files();
                shared.await_zones()
            });
            shared.end();
            assert_eq!(waits.join().unwrap(), Passage::End);
        });
    }

    #[test]
    fn a_folder_is_looked_at_once_a_second_or_for_half_of_the_time() {
        for (took, then) in [(0, 1000), (10, 990), (400, 600), (600, 600), (5000, 5000)] {
            assert_eq!(pause(Duration::from_millis(took)), Duration::from_millis(then), "{took}");
        }
    }
}
