//! What one host says of one address, and whether that counts.

use super::Speaker;
use crate::heartbeat::key::KeyId;
use crate::heartbeat::{Capacity, Claim, Reason, Report, State, Weight};
use crate::load::Load;
use crate::name::HostId;
use crate::time::{Span, Time};

/// What one host says of one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Who says so.
    pub host: HostId,
    /// Of itself, or of a machine it watches.
    pub claim: Claim,
    /// What it last said.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// The load index; none where it is unknown.
    pub load: Option<Load>,
    /// What the host can carry.
    pub capacity: Capacity,
    /// The operator's static weight.
    pub weight: Weight,
    /// How often the host means to be heard.
    pub interval: Span,
    /// Silence longer than this is death.
    pub expire: Span,
    /// When it was last heard.
    pub heard: Time,
    /// Whether it came back from silence.
    pub revival: Revival,
    /// The key that this was said with; none where nobody signed it.
    pub key: Option<KeyId>,
}

/// A member that was silent needs two fresh beats before it counts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revival {
    /// It counts.
    Done,
    /// One beat was heard since the silence.
    OneBeat,
    /// It counts no longer, as if it had expired: what it was said with would not be believed now.
    Hushed,
}

/// Where an address stands, all claims to it considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Up, and not expired: *live*.
    Up,
    /// Heard once since a silence.
    Reviving,
    /// Expired while up.
    Silent,
    /// Said to be out: down, maintenance or leaving.
    Out(State),
    /// To be left alone.
    Draining,
}

impl Claimed {
    pub(super) fn new(now: Time, speaker: Speaker, report: &Report) -> Claimed {
        Claimed {
            host: speaker.host,
            claim: report.claim,
            state: report.state,
            reason: report.reason.clone(),
            load: report.load,
            capacity: report.capacity,
            weight: report.weight,
            interval: report.interval.into(),
            expire: report.expire.into(),
            heard: now,
            revival: Revival::Done,
            key: speaker.key,
        }
    }

    pub(super) fn hear(&mut self, now: Time, key: Option<KeyId>, report: &Report) {
        let revival = match (self.is_expired(now), self.revival) {
            (true, _) if self.state != State::Leaving => Revival::OneBeat,
            _ => Revival::Done,
        };
        *self = Claimed { revival, ..Claimed::new(now, Speaker { host: self.host, key }, report) };
    }

    pub(super) fn give_up(&mut self) {
        self.state = State::Leaving;
        self.reason = Reason::new(match self.claim {
            Claim::Own => "no longer announced",
            Claim::Watched => "no longer watched",
        });
    }

    /// Whether it has been silent for `expire`, by the receiver's clock, or is hushed.
    #[inline]
    pub fn is_expired(&self, now: Time) -> bool {
        self.revival == Revival::Hushed || now >= self.heard + self.expire
    }

    /// Not expired, and it did not say goodbye.
    #[inline]
    pub(crate) fn is_live(&self, now: Time) -> bool {
        self.state != State::Leaving && !self.is_expired(now)
    }

    #[inline]
    pub(super) fn standing(&self, now: Time) -> Standing {
        match self.state {
            State::Down | State::Maintenance | State::Leaving => Standing::Out(self.state),
            State::Draining => Standing::Draining,
            State::Up | State::Unknown if self.is_expired(now) => Standing::Silent,
            State::Up | State::Unknown if self.revival == Revival::OneBeat => Standing::Reviving,
            State::Up | State::Unknown => Standing::Up,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_of_a_cache() {
        assert_eq!(size_of::<Claimed>(), 64);
    }
}
