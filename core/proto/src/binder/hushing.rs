//! What was said with a key that may not say it now counts no longer.

use std::net::IpAddr;

use super::Binder;
use super::peers::Peers;
use super::service::Service;
use crate::heartbeat::refusal::Refusal;
use crate::heartbeat::trust::{Said, Trust};
use crate::name::ServiceName;
use crate::policy::React;
use crate::table::{Claimed, Revival, Standing};
use crate::time::Time;

impl Binder {
    /// Another configuration takes no claim over that a beat could not make anew: whoever made it may be
    /// heard with another key, or has been a thief.
    pub(super) fn hush_unbelieved(&mut self, now: Time) {
        let (trust, peers) = (&self.config.trust, &self.peers);
        for service in &mut self.services {
            let name = service.name.clone();
            service.hush(now, |address, claimed| {
                trust.believes(&said(peers, &name, address, claimed))
            });
        }
    }
}

fn said<'a>(
    peers: &'a Peers,
    service: &'a ServiceName,
    address: IpAddr,
    claimed: &Claimed,
) -> Said<'a> {
    let host = peers.name(claimed.host);
    Said { key: claimed.key, host, service, claim: claimed.claim, address }
}

/// Why a claim to `address` is taken for silent though it had not expired, where that is so.
pub(super) fn why_hushed(
    trust: &Trust,
    peers: &Peers,
    service: &ServiceName,
    address: IpAddr,
    claimed: &Claimed,
) -> Option<String> {
    if claimed.revival != Revival::Hushed {
        return None;
    }
    if trust.believes(&said(peers, service, address, claimed)) {
        return Some("not heard since its key was accepted again".to_owned());
    }
    let with = match claimed.key {
        Some(key) => format!("last said with the key {key}, which"),
        None => "last said unsigned, which".to_owned(),
    };
    Some(match trust.policy.voucher(claimed.key) {
        Err(Refusal::UnknownKey) => format!("{with} is accepted no more"),
        Err(_) => format!("{with} is refused now"),
        Ok(_) => format!("{with} may not say it any more"),
    })
}

impl Service {
    /// On-timer, what was up by such a word alone is not in this period.
    fn hush(&mut self, now: Time, is_believed: impl Fn(IpAddr, &Claimed) -> bool) {
        // On-timer its silence does not count, but what it said in this period.
        let at_once = self.policy.react == React::AtOnce;
        let is_out_anyway = |claimed: &Claimed| at_once && claimed.is_expired(now);
        for address in self.table.hush(is_believed, is_out_anyway) {
            let standing = self.table.standing_of(address, now);
            if !matches!(standing, Some(Standing::Up | Standing::Reviving)) {
                self.note_left(address);
            }
        }
    }
}
