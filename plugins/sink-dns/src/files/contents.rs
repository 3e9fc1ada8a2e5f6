//! The text of a zone file.

use std::ops::ControlFlow;

use rais_zone::{Place, WireRecord, ZoneName, contents_while, scheme_line};

use crate::name::to_wire;
use crate::zone::{Builder, Zone, rtype};

/// What a zone file holds.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) zone: Zone,
    /// What is done in another way than its author may believe, with line.
    pub(super) doubts: Vec<String>,
}

impl Contents {
    /// Nothing, where it was not to go on: of a long file not even to its end.
    ///
    /// # Errors
    /// What is unsound, with line.
    pub(super) fn read(
        octets: Vec<u8>,
        name: &ZoneName,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<Contents>, String> {
        let text = String::from_utf8(octets).map_err(|error| {
            let sound = error.utf8_error().valid_up_to();
            let lines =
                error.as_bytes().iter().take(sound).filter(|octet| **octet == b'\n').count();
            format!("line {}: not UTF-8: write other octets as \\DDD", lines + 1)
        })?;
        let apex = to_wire(name.as_str());
        let (mut builder, mut key) = (Builder::new(apex.clone()), None);
        let is_key = |record: &WireRecord| {
            record.rtype == rtype::DNSKEY && record.owner.eq_ignore_ascii_case(&apex)
        };
        let read = contents_while(&text, name, |record| {
            if key.is_none() && is_key(&record) {
                key = Some(record.place);
            }
            builder.take(&record);
            if goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if read.map_err(|error| error.to_string())?.is_break() {
            return Ok(None);
        }
        let zone = builder.build().map_err(|error| error.to_string())?;
        let doubts = [key.map(signed), scheme_line(&text).map(ordered)];
        Ok(Some(Contents { zone, doubts: doubts.into_iter().flatten().collect() }))
    }
}

fn signed(key: Place) -> String {
    format!(
        "{key}: a DNSKEY record: signatures are not sent here, so that whoever validates takes no answer \
         where the zone above has a DS record: have another server answer for a signed zone"
    )
}

fn ordered(scheme: Place) -> String {
    format!(
        "{scheme}: a scheme is for bound addresses: the records of a zone file are answered in one order"
    )
}
