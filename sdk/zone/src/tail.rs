//! The records at the end of a zone's text that stand there as [`ZoneText`](crate::ZoneText) writes
//! them: they are read at once, ten times as fast as word by word.

use std::net::IpAddr;

use crate::name::{OwnerName, ZoneName};
use crate::read::AddressRecord;
use crate::word::MAX_TTL;

/// The last lines of a text, each a whole record by itself: its owner is absolute, its TTL and class
/// are written. So nothing in front of them, neither `$ORIGIN` nor an owner, has to do with them; and
/// no parenthesis is open there that a line behind them could close.
pub(crate) struct Tail<'a> {
    /// Where they begin.
    pub(crate) start: usize,
    pub(crate) records: Vec<AddressRecord>,
    zone: &'a ZoneName,
}

impl<'a> Tail<'a> {
    pub(crate) fn of(text: &str, zone: &'a ZoneName) -> Tail<'a> {
        let mut tail = Tail { start: text.len(), records: Vec::new(), zone };
        while let Some(rest) = text[..tail.start].strip_suffix('\n') {
            let start = rest.rfind('\n').map_or(0, |at| at + 1);
            let Some(record) = tail.record(&rest[start..]) else { break };
            tail.records.push(record);
            tail.start = start;
        }
        tail.records.reverse();
        tail
    }

    /// `OWNER. TTL IN A ADDRESS`; none of any other line.
    fn record(&self, line: &str) -> Option<AddressRecord> {
        let mut words = line.split(' ');
        let mut next = || words.next();
        let (owner, ttl, class, rtype, ip) = (next()?, next()?, next()?, next()?, next()?);
        if class != "IN" || next().is_some() {
            return None;
        }
        let ip = match rtype {
            "A" => IpAddr::V4(ip.parse().ok()?),
            "AAAA" => IpAddr::V6(ip.parse().ok()?),
            _ => return None,
        };
        let digits = ttl.bytes().all(|octet| octet.is_ascii_digit());
        let ttl = ttl.parse().ok().filter(|ttl| digits && *ttl <= MAX_TTL)?;
        Some(AddressRecord { owner: self.owner(owner.strip_suffix('.')?)?, ttl, ip })
    }

    /// One that is written as it is compared; mostly that of the record before.
    fn owner(&self, name: &str) -> Option<String> {
        if self.records.last().is_some_and(|last| last.owner == name) {
            return Some(name.to_owned());
        }
        let owner = OwnerName::absolute(name, self.zone).ok()?;
        (owner.as_str() == name).then(|| name.to_owned())
    }
}
