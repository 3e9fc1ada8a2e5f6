//! Reads a zone's text back.

use std::net::IpAddr;

use domain::rdata::ZoneRecordData;

use crate::error::{Problem, ZoneError};
use crate::name::ZoneName;
use crate::record::{Met, Position, Reader};

/// What a zone's text says, as far as rais writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneData {
    /// The SOA's serial.
    pub serial: u32,
    /// Every A and AAAA record, the header's included, in the order of the text.
    pub records: Vec<AddressRecord>,
}

/// An A or AAAA record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRecord {
    /// Lower case, absolute, without the last dot.
    pub owner: String,
    /// Seconds.
    pub ttl: u32,
    /// The address.
    pub ip: IpAddr,
}

/// Reads a whole zone; `origin` is its name.
///
/// # Errors
/// The text does not parse, a record lies outside the zone, or there is not exactly one SOA
/// record, at the apex.
pub fn read(text: &str, origin: &str) -> Result<ZoneData, ZoneError> {
    let zone = ZoneName::parse(origin).map_err(|error| ZoneError::nowhere(Problem::Name(error)))?;
    let mut reader = Reader::new(text, &zone)?;
    let mut soa = None;
    let mut records = Vec::new();
    while let Some(met) = reader.next()? {
        let Met::Record(read) = met else { continue };
        let ip = match read.record.data() {
            ZoneRecordData::A(a) => IpAddr::V4(a.addr()),
            ZoneRecordData::Aaaa(aaaa) => IpAddr::V6(aaaa.addr()),
            ZoneRecordData::Soa(data) => {
                let place = reader.place(read.start);
                if let Some((_, first)) = soa {
                    return Err(reader.error(read.start, Problem::SecondSoa { first }));
                }
                if read.owner != Position::Apex {
                    let (owner, zone) = (read.owner_text(), zone.to_string());
                    return Err(reader.error(read.start, Problem::SoaNotAtApex { owner, zone }));
                }
                soa = Some((data.serial().into_int(), place.line));
                continue;
            }
            _ => continue,
        };
        let ttl = read.record.ttl().as_secs();
        records.push(AddressRecord { owner: read.owner_text(), ttl, ip });
    }
    match soa {
        Some((serial, _)) => Ok(ZoneData { serial, records }),
        None => Err(ZoneError::nowhere(Problem::NoSoa { zone: zone.to_string() })),
    }
}
