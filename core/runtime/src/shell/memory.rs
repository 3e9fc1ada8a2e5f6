//! A binder's memory, on disk: what is stored before a publication, and while beats come in.

use std::time::Duration;

use rais_proto::binder::snapshot::Snapshot;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{error, info};

use super::binder::Event;
use crate::state::snapshot::StoredSnapshot;
use crate::state::{Keeper, Stored};

/// A disk that does not answer for so long holds up neither a publication nor the end.
const STORING: Duration = Duration::from_millis(500);

const NO_ANSWER: &str = "the disk does not answer";

/// Whether it is stored, or why not.
pub(super) type Outcome = Result<(), String>;

/// Has a binder's memory stored, and knows how that went.
pub(super) struct Memory {
    keeper: Keeper<StoredSnapshot>,
    events: mpsc::UnboundedSender<Event>,
    /// Beats taken in when it was last stored.
    stored_at: u64,
    /// Ends once the disk has answered to what was kept last.
    keeping: Option<JoinHandle<()>>,
    trouble: Option<String>,
}

impl Memory {
    /// One that is stored by `keeper`; whether that succeeds is told to `events`.
    pub(super) fn new(
        keeper: Keeper<StoredSnapshot>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Memory {
        Memory { keeper, events, stored_at: 0, keeping: None, trouble: None }
    }

    /// Whether it is to be kept, after so many beats: there is news, or what there was may not be on
    /// disk. Not while the disk owes an answer.
    pub(super) fn wants(&self, heard: u64) -> bool {
        let news = heard != self.stored_at || self.trouble.is_some();
        news && self.keeping.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Has `snapshot`, of so many beats, stored while nobody waits for it.
    pub(super) fn keep(&mut self, snapshot: Snapshot, heard: u64) {
        let stored = self.store(snapshot, heard);
        let events = self.events.clone();
        self.keeping = Some(tokio::spawn(tell(stored, events)));
    }

    /// Has `snapshot`, of so many beats, stored, and then does `publish`, or at the latest after
    /// [`STORING`].
    pub(super) fn keep_before(
        &mut self,
        snapshot: Snapshot,
        heard: u64,
        publish: impl FnOnce() + Send + 'static,
    ) {
        let mut stored = self.store(snapshot, heard);
        let events = self.events.clone();
        tokio::spawn(async move {
            // Published all the same: dead servers in the answers are worse than a serial that may
            // be given twice. A binder that has ended needs no telling.
            let _ = events.send(Event::Stored(outcome(&mut stored).await));
            publish();
        });
    }

    /// Said once a change.
    pub(super) fn note(&mut self, stored: Outcome) {
        match (stored, &self.trouble) {
            (Err(why), before) if before.as_ref() != Some(&why) => {
                error!("what this binder remembers is not stored: {why}");
                self.trouble = Some(why);
            }
            (Ok(()), Some(_)) => {
                info!("what this binder remembers is stored again");
                self.trouble = None;
            }
            _ => {}
        }
    }

    /// Why it is not stored.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Has `snapshot` stored as the last, and waits for it within limits.
    pub(super) async fn finish(self, snapshot: Snapshot) {
        let stored = &mut self.keeper.store(snapshot.into());
        match timeout(STORING, stored.wait()).await {
            // Joins a thread that has nothing left to do.
            Ok(Ok(())) => self.keeper.finish(),
            Ok(Err(why)) => error!("what this binder remembers is not stored: {why}"),
            Err(_) => error!("what this binder remembers is not stored: {NO_ANSWER}"),
        }
    }

    fn store(&mut self, snapshot: Snapshot, heard: u64) -> Stored {
        self.stored_at = heard;
        self.keeper.store(snapshot.into())
    }
}

async fn outcome(stored: &mut Stored) -> Outcome {
    match timeout(STORING, stored.wait()).await {
        Ok(stored) => stored.map_err(|why| why.to_string()),
        Err(_) => Err(NO_ANSWER.to_owned()),
    }
}

/// Says whether it is stored in time, and comes back once the disk has answered.
async fn tell(mut stored: Stored, events: mpsc::UnboundedSender<Event>) {
    let in_time = outcome(&mut stored).await;
    let is_late = in_time.as_ref().is_err_and(|why| why == NO_ANSWER);
    // A binder that has ended needs no telling.
    let _ = events.send(Event::Stored(in_time));
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
        answer: blocking::Sender<Outcome>,
    }

    impl Stage {
        fn new() -> Stage {
            let (answer, answers) = blocking::channel();
            let keeper = Keeper::by(PathBuf::new(), move |_| answers.recv().unwrap_or(Ok(())));
            let (events, told) = mpsc::unbounded_channel();
            Stage { memory: Memory::new(keeper.unwrap(), events), told, answer }
        }

        /// What is told next; it is noted, too.
        async fn told(&mut self) -> Outcome {
            match self.told.recv().await {
                Some(Event::Stored(outcome)) => {
                    self.memory.note(outcome.clone());
                    outcome
                }
                other => panic!("{other:?}"),
            }
        }

        /// [`Stage::told`], while the clock stands: it goes on where all wait for it, and only then.
        async fn told_by_now(&mut self) -> Outcome {
            while self.told.is_empty() {
                tokio::task::yield_now().await;
            }
            self.told().await
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
        stage.memory.keep_before(Snapshot::default(), 1, move || publish.send(()).unwrap());
        assert_eq!(stage.told().await, Err(NO_ANSWER.to_owned()));
        published.await.unwrap();
    }
}
