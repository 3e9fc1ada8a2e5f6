//! Every record of a zone's text as it travels, for who answers from it.

use std::ops::ControlFlow;

use domain::base::iana::Rtype;
use domain::base::name::ParsedName;
use domain::base::name::ToName;
use domain::base::rdata::{ComposeRecordData, ParseAnyRecordData};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;

use crate::error::{Place, Problem, ZoneError};
use crate::name::ZoneName;
use crate::record::{Data, Met, Position, Read, Reader};

/// A record in the octets of RFC 1035 §3, without compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRecord {
    /// Whose it is, in the case it was written in.
    pub owner: Vec<u8>,
    /// Its type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// Its data; names in it are whole.
    pub data: Vec<u8>,
    /// Where it stands.
    pub place: Place,
}

/// Hands every record of a zone to `take`, in the order of the text.
///
/// # Errors
/// As [`Header::parse`](crate::Header::parse), and data of an unknown type that is not written as
/// RFC 3597 §5 has it. What `take` was given then is no zone.
pub fn contents(
    text: &str,
    zone: &ZoneName,
    mut take: impl FnMut(WireRecord),
) -> Result<(), ZoneError> {
    let all = contents_while(text, zone, |record| {
        take(record);
        ControlFlow::Continue(())
    });
    all.map(|_| ())
}

/// The same until `take` has enough: a long text takes its time.
///
/// # Errors
/// As [`contents`], of what was read.
pub fn contents_while(
    text: &str,
    zone: &ZoneName,
    mut take: impl FnMut(WireRecord) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ZoneError> {
    let mut reader = Reader::new(text, zone)?;
    let mut soa = None;
    let mut name_servers = 0_usize;
    while let Some(met) = reader.next()? {
        let Met::Record(read) = met else { continue };
        let place = reader.place(read.start);
        match (read.record.rtype(), read.owner) {
            (Rtype::SOA, Position::Apex) => {
                if let Some(first) = soa.replace(place.line) {
                    return Err(reader.error(read.start, Problem::SecondSoa { first }));
                }
            }
            (Rtype::SOA, Position::Below) => {
                let problem =
                    Problem::SoaNotAtApex { owner: read.owner_text(), zone: zone.to_string() };
                return Err(reader.error(read.start, problem));
            }
            (Rtype::NS, Position::Apex) => name_servers += 1,
            _ => {}
        }
        let record = wire(&read, place).map_err(|problem| reader.error(read.start, problem))?;
        if take(record).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    let missing = |problem| Err(ZoneError::nowhere(problem));
    match (soa, name_servers) {
        (None, _) => missing(Problem::NoSoa { zone: zone.to_string() }),
        (_, 0) => missing(Problem::NoNs { zone: zone.to_string() }),
        _ => Ok(ControlFlow::Continue(())),
    }
}

pub(crate) fn wire(read: &Read<'_>, place: Place) -> Result<WireRecord, Problem> {
    let rtype = read.record.rtype();
    if read.content() == Data::Opaque {
        return Err(Problem::Opaque { rtype: rtype.to_string(), number: rtype.to_int() });
    }
    let long = |_| Problem::Unreadable {
        what: format!("{rtype} record"),
        why: "its data is too long".to_owned(),
    };
    let mut owner = Vec::new();
    read.record.owner().compose(&mut owner).map_err(long)?;
    let mut data = Vec::new();
    read.record.data().compose_rdata(&mut data).map_err(long)?;
    if read.is_generic() && !is_of_type(&data, rtype) {
        let why = "its octets are no data of that type, whole and without compression".to_owned();
        return Err(Problem::Unreadable { what: format!("{rtype} record"), why });
    }
    Ok(WireRecord { owner, rtype: rtype.to_int(), ttl: read.record.ttl().as_secs(), data, place })
}

/// Whether these octets are what a record of the type holds, where the type is known (RFC 3597 §5).
fn is_of_type(data: &[u8], rtype: Rtype) -> bool {
    let mut parser = Parser::from_ref(data);
    let parsed = AllRecordData::<&[u8], ParsedName<&[u8]>>::parse_any_rdata(rtype, &mut parser);
    let mut again = Vec::new();
    parsed.is_ok_and(|parsed| {
        // Names that point elsewhere would come out longer.
        parser.remaining() == 0 && parsed.compose_rdata(&mut again).is_ok() && again == data
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "$TTL 1h\n@ IN SOA ns h ( 7 3h 1h 1w 10 )\n NS ns\n";

    fn all(more: &str) -> Result<Vec<WireRecord>, ZoneError> {
        let zone = ZoneName::parse("a.example").unwrap();
        let mut records = Vec::new();
        contents(&format!("{HEAD}{more}"), &zone, |record| records.push(record))?;
        Ok(records)
    }

    #[test]
    fn it_ends_where_that_is_enough() {
        let zone = ZoneName::parse("a.example").unwrap();
        let mut left = 3;
        let ended = contents_while(&format!("{HEAD}x A 192.0.2.1\n@ NS\n"), &zone, |_| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // Not as far as to the line that is none.
        assert_eq!((ended.unwrap(), left), (ControlFlow::Break(()), 0));
    }

    #[test]
    fn records_are_given_as_they_travel() {
        let records = all("WWW 5 MX 10 mail\nx TYPE65280 \\# 3 010203\n").unwrap();
        let kinds: Vec<_> = records.iter().map(|record| (record.rtype, record.ttl)).collect();
        assert_eq!(kinds, [(6, 3600), (2, 3600), (15, 5), (65280, 3600)]);
        assert_eq!(records[2].owner, b"\x03WWW\x01a\x07example\0");
        assert_eq!(records[2].data, b"\0\x0a\x04mail\x01a\x07example\0");
        assert_eq!(records[3].data, [1, 2, 3]);
        assert_eq!(records[3].place.line, 5);
        let written = all("x A \\# 4 C0000201\ny CNAME \\# 3 016100\n").unwrap();
        assert_eq!((&*written[2].data, &*written[3].data), (&[192, 0, 2, 1][..], &b"\x01a\0"[..]));
    }

    #[test]
    fn what_cannot_be_answered_is_told_with_its_place() {
        let cases = [
            ("$GENERATE 1-2 a$ A 192.0.2.$\n", "line 4, column 1: $GENERATE is not taken"),
            ("x TYPE65280 abc\n", "line 4, column 1: the data of a record of type TYPE65280"),
            ("x A \\# 3 010203\n", "line 4, column 1: not a valid A record: its octets"),
            ("x MX \\# 1 00\n", "line 4, column 1: not a valid MX record: its octets"),
            ("x CNAME \\# 2 C000\n", "line 4, column 1: not a valid CNAME record: its octets"),
            ("x CNAME \\# 4 0161C000\n", "line 4, column 1: not a valid CNAME record: its octets"),
            ("x A 192.0.2.300\n", "line 4, column 1: not a valid A record"),
            ("\n@ SOA ns h 1 1 1 1 1\n", "line 5, column 1: a second SOA record"),
            ("x SOA ns h 1 1 1 1 1\n", "line 4, column 1: the SOA record belongs to"),
        ];
        for (more, says) in cases {
            let error = all(more).unwrap_err().to_string();
            assert!(error.starts_with(says), "{more:?}: {error}");
        }
    }
}
