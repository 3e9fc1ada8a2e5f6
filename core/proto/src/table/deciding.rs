//! Which claim to an address decides where it stands.

use super::{Claimed, Revival, Standing};
use crate::heartbeat::{Claim, State};
use crate::time::Time;

/// What several watchers of one address must say for it to be up (design: ownership).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Watch {
    /// One of them.
    #[default]
    Any,
    /// More than half of those that are heard.
    Majority,
}

impl Watch {
    /// The claim that decides: a live own one beats watched ones; of those, one that says up where
    /// enough of them do, else one that does not; of these the latest heard. A watcher that was
    /// silent itself, and comes back, takes nothing from what the others say. Where nothing is live
    /// the latest says how it ended.
    #[inline] // asked of each address at each judgement, and mostly answered by the first line
    pub(super) fn deciding(self, claims: &[Claimed], now: Time) -> Option<&Claimed> {
        if let [only] = claims {
            return Some(only);
        }
        let is_up = self.is_up(claims, now);
        claims.iter().max_by_key(|c| {
            let (live, own) = (c.is_live(now), c.claim == Claim::Own);
            let agrees = live && (c.state == State::Up) == is_up;
            let stands = agrees && c.standing(now) != Standing::Reviving;
            (live && own, agrees, stands, live, c.heard, own, c.host)
        })
    }

    /// Whether it matters when a claim falls silent: an "up" always, and where votes are counted, any.
    #[inline]
    pub(super) fn is_heard_out(self, claimed: &Claimed) -> bool {
        match (claimed.state, self) {
            (State::Up, _) => true,
            (State::Leaving, _) | (_, Watch::Any) => false,
            (_, Watch::Majority) => claimed.claim == Claim::Watched,
        }
    }

    /// What the live watchers say together. One that was silent itself has a vote from its second beat on,
    /// where there are others.
    fn is_up(self, claims: &[Claimed], now: Time) -> bool {
        let watching = |c: &&Claimed| c.claim == Claim::Watched && c.is_live(now);
        let settled = |c: &&Claimed| c.revival == Revival::Done;
        let any_settled = claims.iter().filter(watching).any(|c| settled(&c));
        let live = || claims.iter().filter(watching).filter(move |c| !any_settled || settled(c));
        let up = live().filter(|c| c.state == State::Up).count();
        match self {
            Watch::Any => up > 0,
            Watch::Majority => up * 2 > live().count(),
        }
    }
}

#[cfg(test)]
mod tests;
