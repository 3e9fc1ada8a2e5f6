//! Step 1: whether any other host is heard. Where none is, it is us (ADR 0030).

use super::Binder;
use super::service::Service;
use crate::time::Time;

/// Whether any other host is heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct RemoteHearing {
    pub(super) deaf: bool,
    /// When another host was last heard.
    pub(super) last: Time,
    /// When nobody will have been heard for too long, where that was looked for since.
    deaf_from: Option<Time>,
}

impl RemoteHearing {
    pub(super) fn new(now: Time) -> RemoteHearing {
        RemoteHearing { deaf: false, last: now, deaf_from: None }
    }
}

impl Binder {
    /// When it is to be looked at whether nobody else was heard for too long, at the latest; none where
    /// that is so, or where too few others are known for it to mean anything.
    pub(super) fn deaf_from(&self) -> Option<Time> {
        let known = self.hearing.deaf_from;
        let least = || Some(self.hearing.last + self.peers.least_usual_patience(self.config.host)?);
        if self.hearing.deaf { None } else { known.or_else(least) }
    }

    /// Each host is looked at once after the last one was heard, and only where it was long ago.
    pub(super) fn check_deafness(&mut self, now: Time) {
        let is_due = |from: Option<Time>| from.is_some_and(|from| from <= now);
        if !is_due(self.deaf_from()) {
            return;
        }
        let last = self.hearing.last;
        let usual = self.peers.usual_patience(self.config.host, last);
        let from = usual.map_or(Time::from_nanos(u64::MAX), |usual| last + usual);
        self.hearing.deaf_from = Some(from);
        if is_due(self.deaf_from()) {
            self.settle();
            self.hearing.deaf = true;
            (0..self.services.len()).for_each(|index| self.judge(now, index));
        }
    }

    /// Another host was heard: silence is to be believed again only after a full period, and what was
    /// believed when it began ages from now on.
    pub(super) fn hear_remote(&mut self, now: Time) {
        let last = std::mem::replace(&mut self.hearing.last, now);
        self.hearing.deaf_from = None;
        if self.hearing.deaf {
            self.hearing.deaf = false;
            self.services.iter_mut().for_each(|service| service.listen_anew(last, now));
            for index in 0..self.services.len() {
                if self.services.get(index).is_some_and(Service::judges_beats) {
                    self.judge(now, index);
                }
            }
        }
    }
}
