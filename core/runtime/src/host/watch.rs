//! Looks after the plugins' threads: who does not come back is named, once.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::MissedTickBehavior;

use super::lane::Lane;
use super::{GRACE, MAKING};

/// How closely plugins are watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Between two looks.
    pub(super) look: Duration,
    /// A lane that does nothing for so long while it has work is stuck.
    pub(super) stuck: Duration,
    /// A call that is due is given so long beyond its limit before the host itself ends it.
    pub(super) grace: Duration,
    /// How long a plugin may take over its table, in `new`.
    pub(super) making: Duration,
}

/// Something that may get stuck.
pub(super) trait Watched: Send + Sync {
    /// Called at every look; says what became stuck since, and what came free.
    fn look(&self, now: Instant, patience: Patience);
}

/// Its thread, which also has the timers of plugins without a lane.
pub(super) struct Watch {
    lane: Arc<Lane>,
    watched: Arc<Mutex<Vec<Weak<dyn Watched>>>>,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            look: Duration::from_secs(1),
            stuck: Duration::from_secs(3),
            grace: GRACE,
            making: MAKING,
        }
    }
}

impl Watch {
    pub(super) fn start(patience: Patience) -> io::Result<Watch> {
        let lane = Lane::named("plugin-watch", "plugin-watch")?;
        let watched: Arc<Mutex<Vec<Weak<dyn Watched>>>> = Arc::default();
        let all = Arc::clone(&watched);
        lane.handle().spawn(async move {
            let mut looks = tokio::time::interval(patience.look);
            // After a pause of the whole machine one look is enough.
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let now = looks.tick().await.into_std();
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.retain(|one| match one.upgrade() {
                    Some(one) => {
                        one.look(now, patience);
                        true
                    }
                    None => false,
                });
            }
        });
        Ok(Watch { lane, watched })
    }

    pub(super) fn add<T: Watched + 'static>(&self, one: &Arc<T>) {
        let one: Weak<T> = Arc::downgrade(one);
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }

    pub(super) fn handle(&self) -> Handle {
        self.lane.handle()
    }
}
