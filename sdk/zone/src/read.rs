//! Reads a zone's text back.

use std::net::IpAddr;

use domain::rdata::ZoneRecordData;

use crate::error::{Problem, ZoneError};
use crate::name::ZoneName;
use crate::record::{Met, Position, Read, Reader};
use crate::tail::Tail;

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
    let zone = zone_name(origin)?;
    let tail = Tail::of(text, &zone);
    let mut data = read_words(&text[..tail.start], &zone)?;
    data.records.extend(tail.records);
    Ok(data)
}

/// The serial of a zone, whatever stands behind its SOA record; `origin` is the zone's name.
///
/// # Errors
/// As [`read`], up to that record.
pub fn serial(text: &str, origin: &str) -> Result<u32, ZoneError> {
    let zone = zone_name(origin)?;
    let mut reader = Reader::new(text, &zone)?;
    while let Some(met) = reader.next()? {
        let Met::Record(read) = met else { continue };
        if let ZoneRecordData::Soa(data) = read.record.data() {
            if read.owner != Position::Apex {
                return Err(not_at_apex(&reader, &read, &zone));
            }
            return Ok(data.serial().into_int());
        }
    }
    Err(ZoneError::nowhere(Problem::NoSoa { zone: zone.to_string() }))
}

fn zone_name(origin: &str) -> Result<ZoneName, ZoneError> {
    ZoneName::parse(origin).map_err(|error| ZoneError::nowhere(Problem::Name(error)))
}

fn not_at_apex(reader: &Reader<'_>, read: &Read<'_>, zone: &ZoneName) -> ZoneError {
    let (owner, zone) = (read.owner_text(), zone.to_string());
    reader.error(read.start, Problem::SoaNotAtApex { owner, zone })
}

/// Word by word, as any zone may be written.
fn read_words(text: &str, zone: &ZoneName) -> Result<ZoneData, ZoneError> {
    let mut reader = Reader::new(text, zone)?;
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
                    return Err(not_at_apex(&reader, &read, zone));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "$TTL 1h\n@ IN SOA ns.a.example. h ( 7 3h 1h 1w 10 )\n NS ns.a.example.\n";

    fn line() -> impl Strategy<Value = String> {
        let plain = prop_oneof![
            Just("www.example. 10 IN A 192.0.2.1"),
            Just("www.example. 10 IN A 192.0.2.2"),
            Just("api.www.example. 0 IN AAAA 2001:db8::1"),
            Just("*.www.example. 2147483647 IN AAAA ::ffff:192.0.2.1"),
        ];
        let other = prop_oneof![
            Just(" 10 IN A 192.0.2.9"),
            Just("www.example.  10 IN A 192.0.2.3"),
            Just("www.example. 10 IN A 192.0.2.4 ; a comment"),
            Just("WWW.example. 10 IN A 192.0.2.5"),
            Just("www.example. 1h IN A 192.0.2.6"),
            Just("www.example. 10 IN A 192.0.2.300"),
            Just("www.example. 4294967296 IN A 192.0.2.1"),
            Just("www.example. 10 IN A 2001:db8::1"),
            Just("other.example. 10 IN A 192.0.2.1"),
            Just("a..www.example. 10 IN A 192.0.2.1"),
            Just("t TXT ( \"a\""),
            Just("\"b\" )"),
            Just("$ORIGIN b"),
            Just("; rais"),
            Just(""),
        ];
        prop_oneof![6 => plain, 1 => other].prop_map(str::to_owned)
    }

    proptest! {
        /// What reads the plain lines at the end at once reads what the other reads.
        #[test]
        fn both_readers_read_the_same(
            lines in prop::collection::vec(line(), 0..12),
            cut in 0_usize..3,
        ) {
            let mut text = format!("{HEADER}{}\n", lines.join("\n"));
            text.truncate(text.len() - cut);
            let zone = zone_name("www.example").unwrap();
            prop_assert_eq!(read(&text, "www.example"), read_words(&text, &zone));
        }
    }

    #[test]
    fn the_plain_lines_at_the_end_are_read_at_once() {
        let zone = zone_name("www.example").unwrap();
        let text =
            format!("{HEADER}www.example. 10 IN A 192.0.2.1\nwww.example. 10 IN A 192.0.2.2\n");
        let tail = Tail::of(&text, &zone);
        assert_eq!((tail.start, tail.records.len()), (HEADER.len(), 2));
    }

    #[test]
    fn the_serial_is_known_whatever_stands_behind_it() {
        assert_eq!(serial(&format!("{HEADER}nonsense"), "www.example"), Ok(7));
        assert!(serial("nonsense", "www.example").is_err());
        let elsewhere = HEADER.replace("@ IN", "a IN");
        let error = serial(&elsewhere, "www.example").unwrap_err();
        assert!(matches!(error.problem(), Problem::SoaNotAtApex { .. }), "{error}");
        let error = serial("$TTL 1h\n", "www.example").unwrap_err();
        assert!(matches!(error.problem(), Problem::NoSoa { .. }), "{error}");
    }
}
