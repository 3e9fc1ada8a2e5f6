//! The fixed part of a zone: what stands in front of the bound addresses.

use std::fmt::Write as _;
use std::ops::Range;

use domain::base::Name;
use domain::base::iana::Rtype;
use domain::base::name::ToName;
use domain::rdata::ZoneRecordData;

use crate::beside::Records;
use crate::contents::wire;
use crate::error::{Place, Problem, ZoneError};
use crate::name::{self, OwnerName, ZoneName};
use crate::record::{Data, Met, Position, Read, Reader};
use crate::remark::remark;
use crate::word::{self, MAX_TTL};

/// TTL of the NS records of a synthesised header, in seconds.
const NS_TTL: u32 = 3600;

/// A zone's header, checked, with the place of its SOA's serial known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    text: String,
    zone: ZoneName,
    serial: u32,
    /// Where the serial's digits stand in `text`.
    digits: Range<usize>,
    minimum: u32,
    scheme: Option<String>,
    owners: Vec<HeaderOwner>,
    /// Its delegations and DNAMEs.
    cuts: Vec<HeaderOwner>,
    opaque: Option<OpaqueRecord>,
    key: Option<Place>,
}

/// A record of the header that is in the way of bound addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderOwner {
    /// Lower case, absolute, without the last dot.
    pub name: String,
    /// `A`, `AAAA` or `CNAME`; `NS` of a delegation; `DNAME`.
    pub rtype: &'static str,
    /// Where the record stands.
    pub place: Place,
}

/// A record of a type that is not known here, in words of its own: whoever answers from the records
/// cannot, while a name server that reads the text may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueRecord {
    /// What is wrong with it for whoever needs its data.
    pub problem: Problem,
    /// Where it stands.
    pub place: Place,
}

impl Header {
    /// Reads a header; `origin` is the name of the zone.
    ///
    /// # Errors
    /// Names the place of what is wrong: a syntax error, `$GENERATE` or `$INCLUDE`, a record
    /// outside the zone, no SOA or a second one or one not at the apex, no NS at the apex, records
    /// that exclude each other, a set that no message can hold, a bad zone name.
    pub fn parse(text: &str, origin: &str) -> Result<Header, ZoneError> {
        let zone =
            ZoneName::parse(origin).map_err(|error| ZoneError::nowhere(Problem::Name(error)))?;
        Header::of(text, &zone)
    }

    /// [`Header::parse`] for a zone whose name has been read.
    ///
    /// # Errors
    /// As [`Header::parse`].
    pub fn of(text: &str, zone: &ZoneName) -> Result<Header, ZoneError> {
        let mut reader = Reader::new(text, zone)?;
        let mut soa: Option<(Soa, Place)> = None;
        let mut scheme: Option<(String, Place)> = None;
        let mut name_servers = 0;
        let mut owners = Vec::new();
        let mut cuts = Vec::new();
        let (mut opaque, mut key) = (None, None);
        let mut records = Records::default();
        while let Some(met) = reader.next()? {
            let read = match met {
                Met::Comment(comment) => {
                    if let Some(word) = remark(text, comment)? {
                        let place = reader.place(comment.start);
                        if let Some((_, Place { line: first, .. })) = scheme {
                            let problem = Problem::SecondScheme { first };
                            return Err(reader.error(comment.start, problem));
                        }
                        scheme = Some((word.to_owned(), place));
                    }
                    continue;
                }
                Met::Record(read) => read,
            };
            let place = reader.place(read.start);
            match read.record.rtype() {
                Rtype::SOA => {
                    if let Some((_, Place { line: first, .. })) = soa {
                        return Err(reader.error(read.start, Problem::SecondSoa { first }));
                    }
                    soa = Some((Soa::of(text, zone, &read)?, place));
                }
                Rtype::NS if read.owner == Position::Apex => name_servers += 1,
                Rtype::DNSKEY if read.owner == Position::Apex => {
                    key.get_or_insert(place);
                }
                Rtype::NS => cuts.push(HeaderOwner { name: read.owner_text(), rtype: "NS", place }),
                Rtype::DNAME => {
                    cuts.push(HeaderOwner { name: read.owner_text(), rtype: "DNAME", place });
                }
                Rtype::A => owners.push(HeaderOwner { name: read.owner_text(), rtype: "A", place }),
                Rtype::AAAA => {
                    owners.push(HeaderOwner { name: read.owner_text(), rtype: "AAAA", place });
                }
                Rtype::CNAME => {
                    owners.push(HeaderOwner { name: read.owner_text(), rtype: "CNAME", place });
                }
                _ => {}
            }
            match (wire(&read, place), read.content()) {
                (Ok(record), _) => {
                    records.take(&record.owner, read.record.rtype(), record.data, place);
                }
                (Err(problem), Data::Readable) => return Err(reader.error(read.start, problem)),
                (Err(problem), Data::Opaque) => {
                    // What it says tells one from another, and is about as long.
                    let words: Vec<_> = read.data.iter().map(|word| word.text).collect();
                    let owner: Name<Vec<u8>> = read.record.owner().to_name();
                    let data = words.join(" ").into_bytes();
                    records.take(owner.as_slice(), read.record.rtype(), data, place);
                    opaque.get_or_insert(OpaqueRecord { problem, place });
                }
            }
        }
        let Some((soa, _)) = soa else {
            return Err(ZoneError::nowhere(Problem::NoSoa { zone: zone.to_string() }));
        };
        if name_servers == 0 {
            return Err(ZoneError::nowhere(Problem::NoNs { zone: zone.to_string() }));
        }
        records.judge()?;
        Ok(Header {
            text: text.to_owned(),
            zone: zone.clone(),
            serial: soa.serial,
            digits: soa.digits,
            minimum: soa.minimum,
            scheme: scheme.map(|(word, _)| word),
            owners,
            cuts,
            opaque,
            key,
        })
    }

    /// Makes a header for a zone that has none: an SOA record with serial 0 and the NS records.
    ///
    /// `ns` and `mailbox` are absolute, with or without the last dot; `ttl`, in seconds, is the
    /// SOA's own and its minimum, so that "no such address" is forgotten as fast as an address.
    ///
    /// # Errors
    /// A name that is not one, or no name server.
    pub fn synthesise(
        zone: &ZoneName,
        ns: &[impl AsRef<str>],
        mailbox: &str,
        ttl: u32,
    ) -> Result<Header, ZoneError> {
        let bad = |error| ZoneError::nowhere(Problem::Name(error));
        let servers = ns
            .iter()
            .map(|server| ZoneName::parse(server.as_ref()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(bad)?;
        let Some(primary) = servers.first() else {
            return Err(ZoneError::nowhere(Problem::NoNs { zone: zone.to_string() }));
        };
        let mailbox = name::mailbox(mailbox).map_err(bad)?;
        let ttl = ttl.min(MAX_TTL);
        // Refresh, retry and expire as RIPE-203 has them: a secondary outlives a lost primary.
        let mut text =
            format!("{zone}. {ttl} IN SOA {primary}. {mailbox} ( 0 86400 7200 3600000 {ttl} )\n");
        for server in &servers {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{zone}. {NS_TTL} IN NS {server}.");
        }
        Header::of(&text, zone)
    }

    /// The header as it was given, octet for octet.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The zone's name.
    pub fn zone(&self) -> &ZoneName {
        &self.zone
    }

    /// The SOA's serial, the floor of all that is published.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The SOA's minimum: for how many seconds "no such address" is remembered (RFC 2308 §4).
    pub fn minimum(&self) -> u32 {
        self.minimum
    }

    /// The word of a comment line `; rais: scheme=WORD`; the reader knows which words there are.
    pub fn scheme(&self) -> Option<&str> {
        self.scheme.as_deref()
    }

    /// The A, AAAA and CNAME records of the header, in its order.
    pub fn owners(&self) -> &[HeaderOwner] {
        &self.owners
    }

    /// The header's record of its own that stands in the way of binding addresses to `owner`.
    pub fn conflict(&self, owner: &OwnerName) -> Option<&HeaderOwner> {
        self.owners.iter().find(|record| record.name == owner.as_str())
    }

    /// What stands in the way of binding addresses to `owner`: a record of its own, or one by which
    /// its name is not this zone's to answer.
    pub fn obstacle(&self, owner: &OwnerName) -> Option<&HeaderOwner> {
        let cut = || self.cuts.iter().find(|record| record.takes_away(owner.as_str()));
        self.conflict(owner).or_else(cut)
    }

    /// The first record whose data is known to nobody who has not the text.
    pub fn opaque(&self) -> Option<&OpaqueRecord> {
        self.opaque.as_ref()
    }

    /// The first DNSKEY record of the zone itself: whoever validates wants the zone signed.
    pub fn key(&self) -> Option<Place> {
        self.key
    }

    /// The header with another serial, every other octet kept.
    pub fn with_serial(&self, serial: u32) -> String {
        let mut text = String::with_capacity(self.text.len() + 10);
        self.write_with_serial(serial, &mut text);
        text
    }

    pub(crate) fn write_with_serial(&self, serial: u32, out: &mut String) {
        out.push_str(&self.text[..self.digits.start]);
        // Writing to a String cannot fail.
        let _ = write!(out, "{serial}");
        out.push_str(&self.text[self.digits.end..]);
    }
}

impl HeaderOwner {
    /// Whether a delegation or DNAME makes this name somebody else's.
    fn takes_away(&self, name: &str) -> bool {
        let Some(rest) = name.strip_suffix(&self.name) else { return false };
        // Beside a DNAME a name has what it has (RFC 6672 §2.3); a delegation takes its own, too.
        rest.ends_with('.') || (rest.is_empty() && self.rtype == "NS")
    }

    /// Why addresses cannot be bound to `owner` beside this record.
    pub fn against(&self, owner: &OwnerName) -> String {
        let name = &self.name;
        match self.rtype {
            "NS" => format!(
                "owner {owner} is at or below {name}, which the zone's header delegates: it is \
                 another server's to answer"
            ),
            "DNAME" => format!(
                "owner {owner} is below {name}, which the zone's header renames by a DNAME: nobody \
                 would be given it"
            ),
            rtype => format!(
                "owner {owner} has a record {rtype} in the zone's header: its addresses come from \
                 one place only"
            ),
        }
    }
}

/// What a header's SOA says.
struct Soa {
    serial: u32,
    digits: Range<usize>,
    minimum: u32,
}

impl Soa {
    fn of(text: &str, zone: &ZoneName, read: &Read<'_>) -> Result<Soa, ZoneError> {
        if read.owner != Position::Apex {
            let problem =
                Problem::SoaNotAtApex { owner: read.owner_text(), zone: zone.to_string() };
            return Err(ZoneError::at(text, read.start, problem));
        }
        // Both readers must mean the same word, or the wrong digits would be replaced.
        match (read.data.get(2), read.record.data()) {
            (Some(word), ZoneRecordData::Soa(data))
                if word::serial(word) == Some(data.serial().into_int()) =>
            {
                Ok(Soa {
                    serial: data.serial().into_int(),
                    digits: word.start..word.start + word.text.len(),
                    minimum: data.minimum().as_secs(),
                })
            }
            (word, _) => {
                let problem = Problem::Serial(word.map_or("", |word| word.text).to_owned());
                let place = word.map_or(read.start, |word| word.start);
                Err(ZoneError::at(text, place, problem))
            }
        }
    }
}
