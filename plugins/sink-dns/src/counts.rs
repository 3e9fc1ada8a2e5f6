//! How many answers there were, by zone, by code and by transport.

use crate::answer::Rcode;
use crate::net::Transport;
use crate::rrl::Limit;

/// Response codes that are told apart (IANA), up to BADCOOKIE.
const CODES: usize = 24;

/// Answers that were counted: by a thread for itself, or of all threads together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// By UDP, by TCP.
    codes: [[u64; CODES]; 2],
    /// By the zone's number.
    zones: Vec<u64>,
    /// Answers above the limit: not sent, or sent without records.
    limited: [u64; 2],
    any: bool,
}

impl Counts {
    /// Room for zones with numbers below this one.
    pub(crate) fn make_room(&mut self, zones: usize) {
        if self.zones.len() < zones {
            self.zones.resize(zones, 0);
        }
    }

    /// Counts an answer; of a zone with that number, where it is one's.
    #[inline]
    pub(crate) fn count(&mut self, transport: Transport, rcode: Rcode, zone: Option<u32>) {
        let by = match transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
        };
        if let Some(count) = self.codes[by].get_mut(rcode as usize) {
            *count += 1;
        }
        if let Some(count) = zone.and_then(|number| self.zones.get_mut(number as usize)) {
            *count += 1;
        }
        self.any = true;
    }

    /// Counts what a limit did to an answer.
    #[inline]
    pub(crate) fn count_limited(&mut self, limit: Limit) {
        match limit {
            Limit::Send => return,
            Limit::Drop => self.limited[0] += 1,
            Limit::Slip => self.limited[1] += 1,
        }
        self.any = true;
    }

    /// Whether anything was counted since it was made, or poured out.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.any
    }

    /// Adds all of it to `sum`, and counts anew.
    pub(crate) fn pour(&mut self, sum: &mut Counts) {
        sum.make_room(self.zones.len());
        let codes = self.codes.iter_mut().flatten().zip(sum.codes.iter_mut().flatten());
        let zones = self.zones.iter_mut().zip(&mut sum.zones);
        let limited = self.limited.iter_mut().zip(&mut sum.limited);
        for (count, sum) in codes.chain(zones).chain(limited) {
            *sum += std::mem::take(count);
        }
        sum.any |= std::mem::take(&mut self.any);
    }

    /// Answers of a code by a transport.
    pub(crate) fn of(&self, transport: Transport, rcode: Rcode) -> u64 {
        let by = match transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
        };
        self.codes[by].get(rcode as usize).copied().unwrap_or_default()
    }

    /// Answers that a limit kept from being sent.
    pub(crate) fn dropped(&self) -> u64 {
        self.limited[0]
    }

    /// Answers of which a limit left none but the head.
    pub(crate) fn cut_off(&self) -> u64 {
        self.limited[1]
    }

    /// Answers from the zone with that number.
    pub(crate) fn of_zone(&self, number: u32) -> u64 {
        self.zones.get(number as usize).copied().unwrap_or_default()
    }
}
