//! A binder's memory, on disk: what is stored before a publication, and while beats come in.

use std::collections::BTreeMap;
use std::time::Duration;

use rais_proto::binder::snapshot::{Decided, Heard, Snapshot};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tracing::{error, info};

use super::binder::Event;
use crate::state::{self, Keeper};

/// A disk that does not answer for so long holds up neither a publication nor the end.
const STORING: Duration = Duration::from_millis(500);

/// Nobody waits for what was heard, and of hundreds of thousands it takes longer.
const STORING_ALL: Duration = Duration::from_secs(10);

/// After it was stored what was heard rests so many times as long as that took.
const RESTS: u32 = 9;

const NO_ANSWER: &str = "the disk does not answer";

/// A part of what a binder remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Stored before each publication.
    Decided,
    /// Stored while beats come in.
    Heard,
}

/// Whether it is stored, or why not.
pub type Stored = Result<(), String>;

/// Who stores the parts.
pub struct Keepers {
    /// Sets and serials.
    pub decided: Keeper<Decided>,
    /// What hosts said.
    pub heard: Keeper<Heard>,
}

/// Has a binder's memory stored, and knows how that went.
pub(super) struct Memory {
    keepers: Keepers,
    events: mpsc::UnboundedSender<Event>,
    /// Beats taken in when all of it was last stored.
    stored_at: u64,
    /// Ends once the disk has answered to what was kept last.
    keeping: Option<JoinHandle<()>>,
    /// When that was, and before when no more is kept.
    kept: Instant,
    rests_until: Instant,
    /// Of the parts that are not stored.
    troubles: BTreeMap<Part, String>,
}

impl Memory {
    /// One that is stored by `keepers`; whether that succeeds is told to `events`.
    pub(super) fn new(keepers: Keepers, events: mpsc::UnboundedSender<Event>) -> Memory {
        let (kept, rests_until) = (Instant::now(), Instant::now());
        let (keeping, troubles) = (None, BTreeMap::new());
        Memory { keepers, events, stored_at: 0, keeping, kept, rests_until, troubles }
    }

    /// Whether it is to be kept, after so many beats: there is news, or what there was may not be on
    /// disk. Not while the disk owes an answer.
    pub(super) fn wants(&self, heard: u64) -> bool {
        let news = heard != self.stored_at || !self.troubles.is_empty();
        let rests = Instant::now() < self.rests_until;
        news && !rests && self.keeping.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Has `snapshot`, of so many beats, stored while nobody waits for it.
    pub(super) fn keep(&mut self, snapshot: Snapshot, heard: u64) {
        self.stored_at = heard;
        self.kept = Instant::now();
        let decided = self.keepers.decided.store(snapshot.decided);
        let heard = self.keepers.heard.store(snapshot.heard);
        let (events, others) = (self.events.clone(), self.events.clone());
        self.keeping = Some(tokio::spawn(async {
            tokio::join!(tell(Part::Decided, decided, events), tell(Part::Heard, heard, others));
        }));
    }

    /// Has what is `decided` stored while nobody waits for it.
    pub(super) fn keep_decided(&self, decided: Decided) {
        self.keep_before(decided, || ());
    }

    /// Has what is `decided` stored, and then does `publish`, or at the latest after [`STORING`].
    pub(super) fn keep_before(&self, decided: Decided, publish: impl FnOnce() + Send + 'static) {
        let mut stored = self.keepers.decided.store(decided);
        let events = self.events.clone();
        tokio::spawn(async move {
            let stored = outcome(&mut stored, STORING).await;
            // Published all the same: dead servers in the answers are worse than a serial that may
            // be given twice.
            publish();
            // A binder that has ended needs no telling.
            let _ = events.send(Event::Stored(Part::Decided, stored));
        });
    }

    /// Said once a change.
    pub(super) fn note(&mut self, part: Part, stored: Stored) {
        if part == Part::Heard {
            self.rests_until = Instant::now() + self.kept.elapsed() * RESTS;
        }
        match stored {
            Err(why) if self.troubles.get(&part) != Some(&why) => {
                error!("what this binder remembers is not stored: {why}");
                self.troubles.insert(part, why);
            }
            Ok(()) if self.troubles.remove(&part).is_some() && self.troubles.is_empty() => {
                info!("what this binder remembers is stored again");
            }
            _ => {}
        }
    }

    /// Why it is not stored.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.troubles.values().next().map(String::as_str)
    }

    /// Has `snapshot` stored as the last, and waits for it within limits.
    pub(super) async fn finish(self, snapshot: Snapshot) {
        let Keepers { decided, heard } = self.keepers;
        let (mut of_decided, mut of_heard) =
            (decided.store(snapshot.decided), heard.store(snapshot.heard));
        let (of_decided, of_heard) =
            tokio::join!(outcome(&mut of_decided, STORING), outcome(&mut of_heard, STORING));
        match of_decided.and(of_heard) {
            // Joins threads that have nothing left to do.
            Ok(()) => {
                decided.finish();
                heard.finish();
            }
            Err(why) => error!("what this binder remembers is not stored: {why}"),
        }
    }
}

async fn outcome(stored: &mut state::Stored, limit: Duration) -> Stored {
    match timeout(limit, stored.wait()).await {
        Ok(stored) => stored.map_err(|why| why.to_string()),
        Err(_) => Err(NO_ANSWER.to_owned()),
    }
}

/// Says whether it is stored in time, and comes back once the disk has answered.
async fn tell(part: Part, mut stored: state::Stored, events: mpsc::UnboundedSender<Event>) {
    let limit = match part {
        Part::Decided => STORING,
        Part::Heard => STORING_ALL,
    };
    let in_time = outcome(&mut stored, limit).await;
    let is_late = in_time.as_ref().is_err_and(|why| why == NO_ANSWER);
    // A binder that has ended needs no telling.
    let _ = events.send(Event::Stored(part, in_time));
    if is_late {
        // That it came late is no recovery: the next one shows whether the disk is well again.
        let _ = stored.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::mpsc as blocking;

    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;

    /// A memory on a disk that answers when it is let, and what is told of it.
    struct Stage {
        memory: Memory,
        told: UnboundedReceiver<Event>,
        answer: blocking::Sender<Stored>,
    }

    impl Stage {
        fn new() -> Stage {
            let (answer, answers) = blocking::channel();
            let decided = Keeper::by(PathBuf::new(), move |_| answers.recv().unwrap_or(Ok(())));
            let heard = Keeper::by(PathBuf::new(), |_| Ok(())).unwrap();
            let keepers = Keepers { decided: decided.unwrap(), heard };
            let (events, told) = mpsc::unbounded_channel();
            Stage { memory: Memory::new(keepers, events), told, answer }
        }

        /// What is told next of the disk that waits to be let; all is noted.
        async fn told(&mut self) -> Stored {
            loop {
                match self.told.recv().await {
                    Some(Event::Stored(part, stored)) => {
                        self.memory.note(part, stored.clone());
                        if part == Part::Decided {
                            return stored;
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        }

        /// [`Stage::told`], while the clock stands: it goes on where all wait for it, and only then.
        async fn told_by_now(&mut self) -> Stored {
            loop {
                match self.told.try_recv() {
                    Ok(Event::Stored(Part::Decided, stored)) => {
                        self.memory.note(Part::Decided, stored.clone());
                        return stored;
                    }
                    Ok(Event::Stored(part, stored)) => self.memory.note(part, stored),
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        }

        async fn until_wanted(&self, heard: u64) {
            while !self.memory.wants(heard) {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_given_nothing_more_and_that_is_said() {
        let mut stage = Stage::new();
        assert!(!stage.memory.wants(0), "nothing was heard");
        assert!(stage.memory.wants(1));
        stage.memory.keep(Snapshot::default(), 1);
        assert!(!stage.memory.wants(2), "it owes an answer");
        assert_eq!(stage.told().await, Err(NO_ANSWER.to_owned()));
        assert_eq!(stage.memory.trouble(), Some(NO_ANSWER));
        assert!(!stage.memory.wants(3), "it owes it still");

        stage.answer.send(Ok(())).unwrap();
        // Without news, too: what was late may not be the last word.
        stage.until_wanted(1).await;
        assert_eq!(stage.memory.trouble(), Some(NO_ANSWER), "a late answer is no recovery");
        stage.answer.send(Ok(())).unwrap();
        stage.memory.keep(Snapshot::default(), 1);
        assert_eq!(stage.told_by_now().await, Ok(()));
        assert_eq!(stage.memory.trouble(), None);
        stage.until_wanted(2).await;
        assert!(!stage.memory.wants(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_publication_waits_for_the_disk_but_not_for_ever() {
        let mut stage = Stage::new();
        let (publish, published) = tokio::sync::oneshot::channel();
        stage.memory.keep_before(Decided::default(), move || publish.send(()).unwrap());
        assert_eq!(stage.told().await, Err(NO_ANSWER.to_owned()));
        published.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wrong_with_one_part_is_no_better_for_the_other() {
        let mut memory = Stage::new().memory;
        memory.note(Part::Heard, Err("heard.json: full".to_owned()));
        memory.note(Part::Decided, Ok(()));
        assert_eq!(memory.trouble(), Some("heard.json: full"));
        assert!(memory.wants(0), "it is tried again without news");
        memory.note(Part::Heard, Ok(()));
        assert_eq!(memory.trouble(), None);
    }
}
