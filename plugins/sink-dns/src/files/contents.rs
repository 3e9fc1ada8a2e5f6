//! The text of a zone file.

use std::ops::ControlFlow;

use rais_zone::{ZoneName, contents_while};

use crate::name::to_wire;
use crate::zone::{Builder, Zone};

/// The zone that it has. Nothing, where it was not to go on: of a long file not even to its end.
pub(super) fn zone(
    octets: Vec<u8>,
    name: &ZoneName,
    goes_on: &dyn Fn() -> bool,
) -> Result<Option<Zone>, String> {
    let text = String::from_utf8(octets).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let lines = error.as_bytes().iter().take(sound).filter(|octet| **octet == b'\n').count();
        format!("line {}: not UTF-8: write other octets as \\DDD", lines + 1)
    })?;
    let mut builder = Builder::new(to_wire(name.as_str()));
    let read = contents_while(&text, name, |record| {
        builder.take(&record);
        if goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    match read.map_err(|error| error.to_string())? {
        ControlFlow::Break(()) => Ok(None),
        ControlFlow::Continue(()) => builder.build().map(Some).map_err(|error| error.to_string()),
    }
}
