//! What was said with a key that may not say it now counts no longer.

use std::net::IpAddr;

use super::Binder;
use super::service::Service;
use crate::heartbeat::trust::Said;
use crate::table::{Claimed, Standing};
use crate::time::Time;

impl Binder {
    /// Another configuration takes no claim over that a beat could not make anew: whoever made it may be
    /// heard with another key, or has been a thief.
    pub(super) fn hush_unbelieved(&mut self, now: Time) {
        let (trust, peers) = (&self.config.trust, &self.peers);
        for service in &mut self.services {
            let name = service.name.clone();
            service.hush(now, |address, claimed| {
                trust.believes(&Said {
                    key: claimed.key,
                    host: peers.name(claimed.host),
                    service: &name,
                    claim: claimed.claim,
                    address,
                })
            });
        }
    }
}

impl Service {
    /// On-timer, what was up by such a word alone is not in this period.
    fn hush(&mut self, now: Time, is_believed: impl Fn(IpAddr, &Claimed) -> bool) {
        for address in self.table.hush(is_believed) {
            let standing = self.table.standing_of(address, now);
            if !matches!(standing, Some(Standing::Up | Standing::Reviving)) {
                self.note_left(address);
            }
        }
    }
}
