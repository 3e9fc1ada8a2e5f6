//! Values that cross by copy. Every size here is part of the boundary.
#![allow(unsafe_code, missing_docs)] // the derives and trait objects of abi_stable expand to these

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RSlice, RStr, RString};

/// For a load that is not known.
pub const LOAD_UNKNOWN: u32 = u32::MAX;
/// For a weight that is not asked for.
pub const WEIGHT_NONE: u32 = u32::MAX;

/// Of a `more`: the JSON object in which later versions say what is no plain number. Not read until a
/// version has a key to say there; one that a side does not know is passed over. Nothing is
/// allocated for it as long as it is empty.
pub const NO_MORE: RString = RString::new();

/// Batches of datagrams are converted in pieces of this size, on the stack.
pub const BATCH: usize = 64;

/// A socket address; family 0 is none at all.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbiAddr {
    /// IPv4 in the first four octets.
    pub ip: [u8; 16],
    /// 0, 4 or 6.
    pub family: u16,
    pub port: u16,
    /// IPv6 scope id.
    pub scope: u32,
    /// IPv6 flow information.
    pub flow: u32,
    pub reserved: u32,
}

/// One address of a zone.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbiRecord {
    /// IPv4 in the first four octets.
    pub ip: [u8; 16],
    /// 4 or 6.
    pub family: u16,
    pub weight: u16,
    /// Hundredths of a percent, or [`LOAD_UNKNOWN`].
    pub load: u32,
    /// Index into the owners of the zone's head.
    pub owner: u32,
    pub reserved: u32,
}

impl AbiAddr {
    pub const NONE: Self = Self { ip: [0; 16], family: 0, port: 0, scope: 0, flow: 0, reserved: 0 };
}

impl AbiDatagram<'_> {
    pub const EMPTY: Self = Self { from: AbiAddr::NONE, data: RSlice::EMPTY, reserved: 0 };
}

#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct AbiFault {
    /// 1 config, 2 down, 3 timeout, 4 unknown, 5 busy, 6 refused, 7 io, 8 panicked.
    pub kind: u32,
    pub reserved: u32,
    pub text: RString,
    pub at: RString,
    pub reserved_more: [u64; 2],
}

#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct AbiTarget {
    pub address: AbiAddr,
    pub name: RString,
    pub service: RString,
    pub reserved: [u64; 2],
    /// See [`NO_MORE`].
    pub more: RString,
}

/// What a probe is called with.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct AbiCall {
    pub target: AbiTarget,
    pub timeout_ns: u64,
    pub reserved: [u64; 3],
}

#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct AbiUp {
    pub took_ns: u64,
    /// Hundredths of a percent, or [`LOAD_UNKNOWN`].
    pub load: u32,
    pub reserved: u32,
    pub detail: RString,
    pub reserved_more: [u64; 2],
    /// See [`NO_MORE`].
    pub more: RString,
}

#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct AbiSubject {
    pub service: RString,
    pub target: ROption<AbiTarget>,
    pub last: ROption<AbiUp>,
    pub timeout_ns: u64,
    pub reserved: u64,
    /// See [`NO_MORE`].
    pub more: RString,
}

#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct AbiReading {
    /// Hundredths of a percent, or [`LOAD_UNKNOWN`].
    pub load: u32,
    /// 0 none, 1 ready, 2 drain, 3 maintenance, 4 down.
    pub wish: u32,
    /// Percent, or [`WEIGHT_NONE`].
    pub weight: u32,
    pub reserved: u32,
    pub reason: RString,
    pub reserved_more: [u64; 2],
    /// See [`NO_MORE`].
    pub more: RString,
}

/// A zone; the records are borrowed, everything rare is in `head`, as JSON.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct AbiZone<'a> {
    pub name: RStr<'a>,
    pub head: RStr<'a>,
    pub records: RSlice<'a, AbiRecord>,
    pub added: RSlice<'a, AbiRecord>,
    pub removed: RSlice<'a, AbiRecord>,
    pub reserved: [u64; 4],
}

#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct AbiDatagram<'a> {
    pub from: AbiAddr,
    pub data: RSlice<'a, u8>,
    pub reserved: u64,
}

/// Passed by value or in slices, so that their sizes can never change.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<AbiRecord>() == 32 && align_of::<AbiRecord>() == 4);
    assert!(size_of::<AbiAddr>() == 32 && align_of::<AbiAddr>() == 4);
    assert!(size_of::<AbiFault>() == 88);
    assert!(size_of::<AbiTarget>() == 144);
    assert!(size_of::<AbiCall>() == 176);
    assert!(size_of::<AbiUp>() == 96);
    assert!(size_of::<AbiSubject>() == 336);
    assert!(size_of::<AbiReading>() == 96);
    assert!(size_of::<AbiZone<'_>>() == 112);
    assert!(size_of::<AbiDatagram<'_>>() == 56);
};
