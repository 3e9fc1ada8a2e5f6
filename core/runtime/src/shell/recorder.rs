//! Keeps what a monitor knows of its addresses, for its next life.

use std::time::Duration;

use rais_proto::monitor::Remembered;
use tracing::{error, info};

use crate::clock::Boot;
use crate::state::healths::StoredHealths;
use crate::state::{Keeper, Stored};

/// So long the disk may take at the end.
const STORING: Duration = Duration::from_millis(500);

/// Writes healths down.
#[derive(Debug)]
pub struct Recorder {
    keeper: Keeper<StoredHealths>,
    latest: Option<Stored>,
    failing: bool,
}

impl Recorder {
    /// One that writes by `keeper`.
    pub fn new(keeper: Keeper<StoredHealths>) -> Recorder {
        Recorder { keeper, latest: None, failing: false }
    }

    /// Whether the disk has taken what was given it before; says once that it fails.
    pub(super) fn is_ready(&mut self) -> bool {
        let Some(latest) = &mut self.latest else { return true };
        let Some(outcome) = latest.outcome() else { return false };
        self.latest = None;
        self.tell(outcome);
        true
    }

    /// Has `healths` written, without waiting for the disk.
    pub(super) fn record(&mut self, healths: Vec<Remembered>) {
        // Without a clock nobody could tell how old it is.
        if let Ok(now) = Boot::now() {
            self.latest = Some(self.keeper.store(StoredHealths::at(&now, healths)));
        }
    }

    /// Waits for what was written last.
    pub(super) async fn finish(mut self) {
        let Some(mut latest) = self.latest.take() else { return self.keeper.finish() };
        match tokio::time::timeout(STORING, latest.wait()).await {
            Ok(outcome) => {
                self.tell(outcome.map_err(|why| why.to_string()));
                // Joins a thread that has nothing left to do.
                self.keeper.finish();
            }
            Err(_) => self.tell(Err("the disk does not answer".to_owned())),
        }
    }

    fn tell(&mut self, outcome: Result<(), String>) {
        match (outcome, self.failing) {
            (Err(why), false) => {
                error!("what this monitor knows of its addresses is not stored: {why}");
                self.failing = true;
            }
            (Ok(()), true) => {
                info!("what this monitor knows of its addresses is stored again");
                self.failing = false;
            }
            _ => {}
        }
    }
}
