//! The heartbeat's octets. `docs/reference/heartbeat.md` is the format; this is its only code.
//!
//! Numbers are big-endian. A header of [`HEADER_LEN`] octets and the cluster's name, then TLVs of
//! a type, a length (two octets each) and a value, then the tag. The header says how long the whole
//! is, so that nothing is lost unseen. What a receiver may ignore comes
//! as a new TLV and is skipped; what it must not ignore comes as a flag and is refused.

mod decode;
mod encode;

pub use decode::{Opened, Unproven, authentic, open, unproven};
pub use encode::{EncodeError, encode, encoded_len, report_len};
pub(super) use encode::{address_len, len_around};

use std::net::IpAddr;
use std::time::Duration;

use super::{Claim, Coverage, Report, State};
use crate::name::ServiceName;

/// What every beat starts with.
pub const MAGIC: [u8; 4] = *b"RAIS";

/// The version spoken here.
pub const VERSION: u8 = 1;

/// Octets before the cluster's name, its length included.
pub const HEADER_LEN: usize = 53;

/// The longest interval: a day.
pub const MAX_INTERVAL: Duration = Duration::from_secs(86_400);

/// The longest expire: a week.
pub const MAX_EXPIRE: Duration = Duration::from_secs(7 * 86_400);

/// The most addresses of one family in one report: their number is one octet.
pub const MAX_OF_A_FAMILY: usize = 255;

/// In the header's flags: a tag ends the datagram.
const SIGNED: u8 = 0b01;

/// In a report's flags: the sender speaks for a machine that it watches.
const WATCHED: u8 = 0b01;
/// In a report's flags: the sender claims other addresses of the service too.
const PART: u8 = 0b10;

const TLV_HOST_NAME: u16 = 1;
const TLV_REPORT: u16 = 2;
/// Octets of a TLV's type and length.
const TLV_HEAD: usize = 4;

/// A load that is unknown.
const NO_LOAD: u32 = u32::MAX;

const fn state_octet(state: State) -> u8 {
    match state {
        State::Up => 1,
        State::Down => 2,
        State::Draining => 3,
        State::Maintenance => 4,
        State::Leaving => 5,
        State::Unknown => 6,
    }
}

const fn state_of(octet: u8) -> Option<State> {
    Some(match octet {
        1 => State::Up,
        2 => State::Down,
        3 => State::Draining,
        4 => State::Maintenance,
        5 => State::Leaving,
        6 => State::Unknown,
        _ => return None,
    })
}

const fn report_flags(claim: Claim, coverage: Coverage) -> u8 {
    let watched = match claim {
        Claim::Own => 0,
        Claim::Watched => WATCHED,
    };
    let part = match coverage {
        Coverage::Whole => 0,
        Coverage::Part => PART,
    };
    watched | part
}

const fn report_flags_of(octet: u8) -> Option<(Claim, Coverage)> {
    if octet & !(WATCHED | PART) != 0 {
        return None;
    }
    let claim = if octet & WATCHED == 0 { Claim::Own } else { Claim::Watched };
    let coverage = if octet & PART == 0 { Coverage::Whole } else { Coverage::Part };
    Some((claim, coverage))
}

/// An address that stands twice for a service.
fn named_twice(reports: &[Report]) -> Option<(&IpAddr, &ServiceName)> {
    let each = || {
        reports.iter().flat_map(|report| report.addresses.iter().map(|at| (at, &report.service)))
    };
    let count: usize = reports.iter().map(|report| report.addresses.len()).sum();
    if count <= 16 {
        // The usual beat: quicker than to allocate.
        return each()
            .enumerate()
            .find(|&(at, one)| each().take(at).any(|other| other == one))
            .map(|(_, one)| one);
    }
    let mut sorted: Vec<_> = each().collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}
