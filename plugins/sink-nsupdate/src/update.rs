//! Updates (RFC 2136): sets that are replaced, or that only must be there, in as few messages as
//! they fit into.

use std::net::IpAddr;
use std::time::Duration;

use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::message_builder::{AnswerBuilder, HashCompressor};
use domain::base::rdata::UnknownRecordData;
use domain::base::record::ComposeRecord;
use domain::base::{Name, Ttl};
use rais_dns::{DnsError, Request, Way};
use rais_zone::ZoneName;

use crate::fault::Trouble;
use crate::look::Talk;
use crate::records::Sets;

/// A longer message goes by TCP: no fragments (DNS flag day 2020).
const LONGEST_UDP: usize = 1232;
/// As much as one message holds, of 65,535. What one name needs stays together also if it is more.
const LONGEST: usize = 60_000;
/// For the first answer by UDP; a server that has not answered then is looked at.
const PATIENCE: Duration = Duration::from_secs(1);

/// What goes into one message about `zone`: whole names together, in their order.
pub(crate) fn messages<'s, 'r>(zone: &ZoneName, all: &'s [Sets<'r>]) -> Vec<&'s [Sets<'r>]> {
    let zone = zone.as_str().len();
    let mut messages = Vec::new();
    let (mut begin, mut size) = (0, 0);
    for (index, sets) in all.iter().enumerate() {
        let octets = sets.octets(zone);
        if size > 0 && size + octets > LONGEST {
            messages.extend(all.get(begin..index));
            (begin, size) = (index, 0);
        }
        size += octets;
    }
    messages.extend(all.get(begin..).filter(|rest| !rest.is_empty()));
    messages
}

impl Talk<'_> {
    /// Has the server replace these sets, and is sure of it: where the answer is lost, or says that
    /// an alias is in the way though none is, the server is asked for what it has before anything is
    /// claimed or sent again.
    pub(crate) fn replace(&mut self, what: &[Sets<'_>]) -> Result<(), Trouble> {
        if what.is_empty() {
            return Ok(());
        }
        let request = self.replacement(what)?;
        let answer = match self.send(&request) {
            Ok(Rcode::YXRRSET) => {
                // With an alias there nothing of it was done.
                self.refuse_aliases(what)?;
                None
            }
            Err(error) if error.is_silence() => None,
            answer => Some(answer),
        };
        let answer = match answer {
            Some(answer) => answer,
            None if self.has(what)? => return Ok(()),
            None => {
                // Signed anew. Nothing is lost by TCP, and it overtakes nothing.
                let request = self.replacement(what)?;
                let sent = self.conversation.send(&request, Way::Tcp, self.timeout);
                sent.map(|answer| answer.header().rcode())
            }
        };
        match answer {
            Ok(Rcode::NOERROR) => Ok(()),
            Ok(Rcode::YXRRSET) => {
                self.refuse_aliases(what)?;
                // What the first try has done stands in the way of no second one.
                if self.has(what)? { Ok(()) } else { Err(Trouble::Update(Rcode::YXRRSET)) }
            }
            Ok(rcode) => Err(Trouble::Update(rcode)),
            Err(error) if error.is_silence() && self.has(what)? => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the zone has exactly these sets, TTLs apart. The server looks itself, at all of them
    /// at once, and changes nothing; that a wildcard answers for a name is seen only so.
    pub(crate) fn holds(&mut self, what: &[Sets<'_>]) -> Result<bool, DnsError> {
        let request = self.condition(what)?;
        let rcode = match self.send(&request) {
            Err(error) if error.is_silence() => {
                let request = self.condition(what)?;
                self.conversation.send(&request, Way::Tcp, self.timeout)?.header().rcode()
            }
            answer => answer?,
        };
        // Whoever does not do that says so in some way, and is read then.
        Ok(rcode == Rcode::NOERROR)
    }

    /// Where aliases are at these names.
    fn refuse_aliases(&mut self, what: &[Sets<'_>]) -> Result<(), Trouble> {
        let obstacles = self.read(what.iter().map(|sets| sets.name))?.obstacles;
        if obstacles.is_empty() { Ok(()) } else { Err(Trouble::Aliases(obstacles)) }
    }

    fn has(&mut self, what: &[Sets<'_>]) -> Result<bool, DnsError> {
        let there = self.read(what.iter().map(|sets| sets.name))?.records;
        Ok(what.iter().all(|sets| sets.are_in(&there)))
    }

    fn send(&mut self, request: &Request) -> Result<Rcode, DnsError> {
        let (way, patience) = match request.as_slice().len() {
            ..=LONGEST_UDP => (Way::Udp, PATIENCE.min(self.timeout)),
            _ => (Way::Tcp, self.timeout),
        };
        let answer = self.conversation.send(request, way, patience)?;
        Ok(answer.header().rcode())
    }

    /// Deletes each set and adds what is to be in its place; not where an alias stands, which would
    /// swallow the addition without a word (RFC 2136 §3.4.2.2).
    fn replacement(&self, what: &[Sets<'_>]) -> Result<Request, DnsError> {
        let mut builder = self.prerequisites()?;
        let fills = |sets: &&Sets<'_>| sets.iter().any(|(_, set)| !set.addresses.is_empty());
        for sets in what.iter().filter(fills) {
            let name = wire(sets.name.as_str())?;
            builder.push(any(&name, Class::NONE, Rtype::CNAME)?).map_err(|_| self.too_long())?;
        }
        let mut builder = builder.authority();
        for sets in what {
            let name = wire(sets.name.as_str())?;
            for (rtype, set) in sets.iter() {
                builder.push(any(&name, Class::ANY, rtype)?).map_err(|_| self.too_long())?;
                for address in &set.addresses {
                    let one = one(&name, set.ttl, *address)?;
                    builder.push(one).map_err(|_| self.too_long())?;
                }
            }
        }
        self.conversation.sign(builder.additional())
    }

    /// Prerequisites and nothing else: each set with all its members, or none of it (RFC 2136 §2.4).
    fn condition(&self, what: &[Sets<'_>]) -> Result<Request, DnsError> {
        let mut builder = self.prerequisites()?;
        for sets in what {
            let name = wire(sets.name.as_str())?;
            for (rtype, set) in sets.iter() {
                if set.addresses.is_empty() {
                    builder.push(any(&name, Class::NONE, rtype)?).map_err(|_| self.too_long())?;
                }
                for address in &set.addresses {
                    builder.push(one(&name, 0, *address)?).map_err(|_| self.too_long())?;
                }
            }
        }
        self.conversation.sign(builder.additional())
    }

    /// An update, to the place of its prerequisites.
    fn prerequisites(&self) -> Result<AnswerBuilder<HashCompressor<Vec<u8>>>, DnsError> {
        let mut builder = Request::builder(Opcode::UPDATE).question();
        let name = wire(self.zone.as_str())?;
        builder.push((&name, Rtype::SOA)).map_err(|_| self.too_long())?;
        Ok(builder.answer())
    }

    fn too_long(&self) -> DnsError {
        DnsError::TooLong(format!("an update of {}", self.zone))
    }
}

/// All records of a type: to be there or not, or to be deleted, as the class says.
fn any(name: &Name<Vec<u8>>, class: Class, rtype: Rtype) -> Result<impl ComposeRecord, DnsError> {
    record(name, class, 0, rtype, Vec::new())
}

/// One address; `ttl` is in seconds.
fn one(name: &Name<Vec<u8>>, ttl: u32, address: IpAddr) -> Result<impl ComposeRecord, DnsError> {
    match address {
        IpAddr::V4(ip) => record(name, Class::IN, ttl, Rtype::A, ip.octets().to_vec()),
        IpAddr::V6(ip) => record(name, Class::IN, ttl, Rtype::AAAA, ip.octets().to_vec()),
    }
}

fn record(
    name: &Name<Vec<u8>>,
    class: Class,
    ttl: u32,
    rtype: Rtype,
    data: Vec<u8>,
) -> Result<impl ComposeRecord, DnsError> {
    let data = UnknownRecordData::from_octets(rtype, data);
    let data = data.map_err(|_| DnsError::TooLong(name.to_string()))?;
    Ok((name, class, Ttl::from_secs(ttl), data))
}

fn wire(name: &str) -> Result<Name<Vec<u8>>, DnsError> {
    name.parse().map_err(|_| DnsError::Name(name.to_owned()))
}

#[cfg(test)]
mod tests;
