//! From a heartbeat to octets.

use std::net::IpAddr;
use std::time::Duration;

use super::{
    HEADER_LEN, MAGIC, MAX_EXPIRE, MAX_INTERVAL, MAX_OF_A_FAMILY, NO_LOAD, SIGNED, TLV_HEAD,
    TLV_HOST_NAME, TLV_REPORT, VERSION, named_twice, report_flags, state_octet,
};
use crate::heartbeat::key::{Key, TAG_LEN};
use crate::heartbeat::{Heartbeat, MAX_DATAGRAM, Report};
use crate::load::Load;
use crate::name::{ClusterName, HostName, ServiceName};

/// Why a heartbeat cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// More than a datagram holds: see [`pack`](crate::heartbeat::packing::pack).
    #[error("the heartbeat has {0} octets; at most {MAX_DATAGRAM} are allowed")]
    TooLong(usize),
    /// Beats are numbered from 1.
    #[error("the heartbeat has the number 0; numbers start at 1")]
    NoSequence,
    /// A report that names nobody.
    #[error("service {0}: a report without an address")]
    NoAddress(ServiceName),
    /// More than one octet can count.
    #[error(
        "service {0}: {1} addresses of one family in a report; at most {MAX_OF_A_FAMILY} are allowed"
    )]
    TooManyAddresses(ServiceName, usize),
    /// The same address twice, in one report or in two.
    #[error("service {0}: the address {1} stands twice")]
    AddressTwice(ServiceName, IpAddr),
    /// An IPv4 address in IPv6 clothes.
    #[error("service {0}: the address {1} is to be written as IPv4")]
    MappedAddress(ServiceName, IpAddr),
    /// Zero, or longer than [`MAX_INTERVAL`].
    #[error("service {0}: an interval of {1:?}; above zero and at most a day is allowed")]
    Interval(ServiceName, Duration),
    /// Zero, or longer than [`MAX_EXPIRE`].
    #[error("service {0}: an expire of {1:?}; above zero and at most 7 days is allowed")]
    Expire(ServiceName, Duration),
}

/// The datagram of `beat`, signed where there is a key. A part of a millisecond counts as a whole
/// one; addresses are written IPv4 first.
///
/// # Errors
/// What [`open`](super::open) would refuse, and a datagram that is too long.
pub fn encode(
    beat: &Heartbeat,
    cluster: &ClusterName,
    signing: Option<&Key>,
) -> Result<Vec<u8>, EncodeError> {
    if beat.sequence.0 == 0 {
        return Err(EncodeError::NoSequence);
    }
    let len = encoded_len(beat, cluster, signing);
    let Some(total) = u16::try_from(len).ok().filter(|_| len <= MAX_DATAGRAM) else {
        return Err(EncodeError::TooLong(len));
    };
    if let Some((address, service)) = named_twice(&beat.reports) {
        return Err(EncodeError::AddressTwice(service.clone(), *address));
    }

    let mut out = Vec::with_capacity(len);
    out.extend(MAGIC);
    out.extend([VERSION, if signing.is_some() { SIGNED } else { 0 }]);
    out.extend(total.to_be_bytes());
    out.extend(signing.map_or(0, |key| key.id().get()).to_be_bytes());
    out.extend(beat.host.0);
    out.extend(beat.epoch.0.to_be_bytes());
    out.extend(beat.sequence.0.to_be_bytes());
    out.extend(beat.wall.as_unix_millis().to_be_bytes());
    put_text(&mut out, cluster.as_str());
    put_tlv(&mut out, TLV_HOST_NAME, beat.host_name.as_str().len());
    out.extend(beat.host_name.as_str().as_bytes());
    for report in &beat.reports {
        put_report(&mut out, report)?;
    }
    if let Some(key) = signing {
        let tag = key.tag(&out);
        out.extend(tag);
    }
    debug_assert_eq!(out.len(), len);
    Ok(out)
}

/// How many octets [`encode`] makes of it.
pub fn encoded_len(beat: &Heartbeat, cluster: &ClusterName, signing: Option<&Key>) -> usize {
    let tag = signing.map_or(0, |_| TAG_LEN);
    let reports: usize = beat.reports.iter().map(report_len).sum();
    len_around(&beat.host_name, cluster) + reports + tag
}

/// How many octets of a datagram one report takes.
pub fn report_len(report: &Report) -> usize {
    let names = report.service.as_str().len() + report.reason.as_str().len();
    let addresses: usize = report.addresses.iter().map(address_len).sum();
    // Of one octet each: two lengths, two counts, state, flags. Of four: load, capacity, interval,
    // expire. Of two: weight.
    TLV_HEAD + 6 + 4 * 4 + 2 + names + addresses
}

/// How many octets of a datagram are neither reports nor tag.
pub(in crate::heartbeat) fn len_around(host_name: &HostName, cluster: &ClusterName) -> usize {
    HEADER_LEN + cluster.as_str().len() + TLV_HEAD + host_name.as_str().len()
}

pub(in crate::heartbeat) fn address_len(address: &IpAddr) -> usize {
    match address {
        IpAddr::V4(_) => 4,
        IpAddr::V6(_) => 16,
    }
}

fn put_report(out: &mut Vec<u8>, report: &Report) -> Result<(), EncodeError> {
    let service = &report.service;
    if report.addresses.is_empty() {
        return Err(EncodeError::NoAddress(service.clone()));
    }
    let is_mapped = |address: &&IpAddr| address.to_canonical() != **address;
    if let Some(mapped) = report.addresses.iter().find(is_mapped) {
        return Err(EncodeError::MappedAddress(service.clone(), *mapped));
    }
    let count = |len: usize| {
        u8::try_from(len).map_err(|_| EncodeError::TooManyAddresses(service.clone(), len))
    };
    let v4 = report.addresses.iter().filter(|address| address.is_ipv4()).count();
    let (n4, n6) = (count(v4)?, count(report.addresses.len() - v4)?);
    let interval = millis(report.interval, MAX_INTERVAL)
        .ok_or_else(|| EncodeError::Interval(service.clone(), report.interval))?;
    let expire = millis(report.expire, MAX_EXPIRE)
        .ok_or_else(|| EncodeError::Expire(service.clone(), report.expire))?;

    put_tlv(out, TLV_REPORT, report_len(report) - TLV_HEAD);
    put_text(out, service.as_str());
    out.extend([state_octet(report.state), report_flags(report.claim, report.coverage)]);
    out.extend(report.load.map_or(NO_LOAD, Load::as_hundredths).to_be_bytes());
    out.extend(report.capacity.as_thousandths().to_be_bytes());
    out.extend(report.weight.as_percent().to_be_bytes());
    out.extend(interval.to_be_bytes());
    out.extend(expire.to_be_bytes());
    put_text(out, report.reason.as_str());
    out.push(n4);
    for address in &report.addresses {
        if let IpAddr::V4(v4) = address {
            out.extend(v4.octets());
        }
    }
    out.push(n6);
    for address in &report.addresses {
        if let IpAddr::V6(v6) = address {
            out.extend(v6.octets());
        }
    }
    Ok(())
}

/// Milliseconds, rounded up; none for zero and above `most`.
fn millis(duration: Duration, most: Duration) -> Option<u32> {
    let fits = !duration.is_zero() && duration <= most;
    fits.then(|| u32::try_from(duration.as_nanos().div_ceil(1_000_000)).ok()).flatten()
}

/// A length of one octet, and the text. Names and reasons are shorter than 256 by their types.
fn put_text(out: &mut Vec<u8>, text: &str) {
    #[allow(clippy::cast_possible_truncation)]
    out.push(text.len() as u8);
    out.extend(text.as_bytes());
}

/// A TLV's type and length. No value is longer than the datagram, whose length was checked.
fn put_tlv(out: &mut Vec<u8>, kind: u16, len: usize) {
    out.extend(kind.to_be_bytes());
    #[allow(clippy::cast_possible_truncation)]
    out.extend((len as u16).to_be_bytes());
}
