//! Records, 32 octets each: packing 100,000 of them is no more than copying.

use std::net::IpAddr;

use rais_sdk::Record;
use serde::{Deserialize, Serialize};

use super::octets::Octets;

/// Octets of one: address 16, load 8 (NaN: unknown), owner 4, weight 2, family 2.
const SIZE: usize = 32;
const V4: u16 = 4;
const V6: u16 = 6;

/// Records, packed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Records(Octets);

impl Records {
    pub(in super::super) fn pack(records: &[Record]) -> Records {
        let mut octets = Vec::with_capacity(records.len() * SIZE);
        for record in records {
            let (address, family) = match record.ip {
                IpAddr::V4(ip) => (ip.to_ipv6_compatible().octets(), V4),
                IpAddr::V6(ip) => (ip.octets(), V6),
            };
            octets.extend(address);
            octets.extend(record.load.unwrap_or(f64::NAN).to_le_bytes());
            octets.extend(record.owner.to_le_bytes());
            octets.extend(record.weight.to_le_bytes());
            octets.extend(family.to_le_bytes());
        }
        Records(Octets(octets))
    }

    pub(in super::super) fn unpack(&self) -> Vec<Record> {
        let (rows, _) = self.0.0.as_chunks::<SIZE>();
        rows.iter().map(unpack).collect()
    }
}

fn unpack(row: &[u8; SIZE]) -> Record {
    let (address, rest) = split::<16>(row);
    let (load, rest) = split::<8>(rest);
    let (owner, rest) = split::<4>(rest);
    let (weight, rest) = split::<2>(rest);
    let (family, _) = split::<2>(rest);
    let ip = match u16::from_le_bytes(family) {
        V6 => IpAddr::from(address),
        _ => IpAddr::from(split::<4>(&address[12..]).0),
    };
    let load = f64::from_le_bytes(load);
    let record = Record::new(u32::from_le_bytes(owner), ip).with_weight(u16::from_le_bytes(weight));
    if load.is_nan() { record } else { record.with_load(load) }
}

/// The first of `octets`; zeros where there are too few.
fn split<const N: usize>(octets: &[u8]) -> ([u8; N], &[u8]) {
    octets.split_first_chunk().map_or(([0; N], &[]), |(first, rest)| (*first, rest))
}
