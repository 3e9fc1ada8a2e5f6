//! A name and a type, and what answers say of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use domain::base::iana::{Opcode, Rcode, Rtype};
use domain::base::name::ToName;
use domain::base::{Message, Name};
use domain::rdata::{A, Aaaa, Cname, Soa};

use crate::error::DnsError;
use crate::request::{Request, Signer};

/// What an answer by UDP may have without fragments (DNS flag day 2020).
const UDP_SIZE: u16 = 1232;

/// A name and a type.
#[derive(Clone, Debug)]
pub struct Question {
    name: Name<Vec<u8>>,
    rtype: Rtype,
}

/// Addresses that a server answers with, each with its TTL in seconds.
pub type Answered = BTreeSet<(IpAddr, u32)>;

impl Question {
    /// Of an absolute name, with or without the last dot.
    ///
    /// # Errors
    /// It is not a name.
    pub fn new(name: &str, rtype: Rtype) -> Result<Question, DnsError> {
        let name = name.parse().map_err(|_| DnsError::Name(name.to_owned()))?;
        Ok(Question { name, rtype })
    }

    pub(crate) fn request(&self, signer: &Signer) -> Result<Request, DnsError> {
        let long = |_| DnsError::Name(self.name.to_string());
        let mut builder = Request::builder(Opcode::QUERY).question();
        builder.push((&self.name, self.rtype)).map_err(long)?;
        let mut builder = builder.additional();
        builder
            .opt(|opt| {
                opt.set_udp_payload_size(UDP_SIZE);
                Ok(())
            })
            .map_err(long)?;
        Request::sign(builder, signer)
    }

    /// The serial that an answer of an authoritative server holds.
    ///
    /// # Errors
    /// The server said no, has no authority, has the name within another zone, or answered something
    /// else.
    pub fn serial(&self, answer: &Message<Vec<u8>>) -> Result<u32, DnsError> {
        let rcode = answer.header().rcode();
        if rcode != Rcode::NOERROR && rcode != Rcode::NXDOMAIN {
            return Err(DnsError::Rcode { about: self.text(), rcode });
        }
        self.authority(answer)?;
        let malformed = |_| DnsError::Malformed(self.text());
        for record in answer.answer().map_err(malformed)?.limit_to::<Soa<_>>() {
            let record = record.map_err(malformed)?;
            if record.owner().name_eq(&self.name) {
                return Ok(record.data().serial().into_int());
            }
        }
        // RFC 2308 §3: whoever says that there is none tells the zone by its SOA.
        let mut there = answer.authority().map_err(malformed)?.limit_to::<Soa<_>>();
        Err(match there.next().transpose().map_err(malformed)? {
            Some(soa) => {
                DnsError::Within { name: self.name.to_string(), zone: soa.owner().to_string() }
            }
            None => DnsError::NoRecord(self.text()),
        })
    }

    /// Adds the addresses of the question's type that an answer of an authoritative server holds; a
    /// name that does not exist has none.
    ///
    /// # Errors
    /// The server said no, has no authority (also where the name was delegated), the name is an
    /// alias, or the answer makes no sense.
    pub fn addresses(
        &self,
        answer: &Message<Vec<u8>>,
        found: &mut Answered,
    ) -> Result<(), DnsError> {
        let rcode = answer.header().rcode();
        if rcode != Rcode::NOERROR && rcode != Rcode::NXDOMAIN {
            return Err(DnsError::Rcode { about: self.text(), rcode });
        }
        self.authority(answer)?;
        let malformed = |_| DnsError::Malformed(self.text());
        let section = answer.answer().map_err(malformed)?;
        for record in section.limit_to::<Cname<_>>() {
            if record.map_err(malformed)?.owner().name_eq(&self.name) {
                return Err(DnsError::Alias(self.name.to_string()));
            }
        }
        if self.rtype == Rtype::A {
            for record in section.limit_to::<A>() {
                let record = record.map_err(malformed)?;
                if record.owner().name_eq(&self.name) {
                    found.insert((record.data().addr().into(), record.ttl().as_secs()));
                }
            }
        } else {
            for record in section.limit_to::<Aaaa>() {
                let record = record.map_err(malformed)?;
                if record.owner().name_eq(&self.name) {
                    found.insert((record.data().addr().into(), record.ttl().as_secs()));
                }
            }
        }
        Ok(())
    }

    fn authority(&self, answer: &Message<Vec<u8>>) -> Result<(), DnsError> {
        match answer.header().aa() {
            true => Ok(()),
            false => Err(DnsError::NoAuthority(self.text())),
        }
    }

    fn text(&self) -> String {
        format!("{} {}", self.name, self.rtype)
    }
}
