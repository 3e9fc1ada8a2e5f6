//! Addresses that could not be had when the server's door was opened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::JoinHandle;

use rais_sdk::Again;
use rais_sdk::prelude::*;

use super::shared::{Life, Shared};
use crate::net::{Latecomers, Passage};

/// A thread that tries to have them, once a second until it has all; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Late {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Late {
    /// # Errors
    /// There is no thread.
    pub(super) fn start(
        latecomers: Option<Latecomers>,
        shared: &Arc<Shared>,
        host: &Host,
    ) -> Result<Late, Fault> {
        let mut late = Late { shared: Arc::clone(shared), thread: None };
        let Some(latecomers) = latecomers else { return Ok(late) };
        let (shared, log) = (Arc::clone(shared), host.clone());
        let work = move || {
            if latecomers.pass() == Passage::Answer {
                follow(&latecomers, &shared, &log);
            }
        };
        late.thread = Some(host.spawn("dns-late", Again::Restart, work).map_err(Fault::io)?);
        Ok(late)
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shared.end();
            // A panic in it has been logged.
            let _ = thread.join();
        }
    }
}

/// Says once of each address that it is not there, and that it is.
fn follow(latecomers: &Latecomers, shared: &Shared, log: &Host) {
    let mut told = BTreeSet::new();
    loop {
        let lacking = latecomers.bind();
        let now: BTreeSet<_> = lacking.iter().map(|fault| fault.address()).collect();
        for fault in lacking.iter().filter(|fault| !told.contains(&fault.address())) {
            log.warn(&format!("{fault}; it is tried again each second"));
        }
        for address in told.difference(&now).flatten() {
            log.log(&format!("answering at {address}"));
        }
        told = now;
        if told.is_empty() || shared.rest() == Life::Ended {
            return;
        }
    }
}
