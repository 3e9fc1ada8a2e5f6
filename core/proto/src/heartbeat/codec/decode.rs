//! From octets to a heartbeat that may be believed.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str;
use std::time::Duration;

use super::{
    MAGIC, MAX_EXPIRE, MAX_INTERVAL, NO_LOAD, SIGNED, TLV_HOST_NAME, TLV_REPORT, VERSION,
    named_twice, report_flags_of, state_of,
};
use crate::heartbeat::key::{Key, KeyId, TAG_LEN};
use crate::heartbeat::refusal::Refusal;
use crate::heartbeat::trust::{Policy, Trust};
use crate::heartbeat::{Capacity, Heartbeat, MAX_DATAGRAM, Reason, Report, Weight};
use crate::load::Load;
use crate::name::{Epoch, HostId, HostName, Sequence};
use crate::time::WallTime;

/// A heartbeat that the receiver's trust lets through.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// What it says.
    pub beat: Heartbeat,
    /// The key whose tag it bears; none where no tag was asked for.
    pub key: Option<KeyId>,
}

/// The heartbeat in `datagram`, if `trust` lets it through.
///
/// Header, key and tag come first: nothing more is parsed for a stranger.
///
/// # Errors
/// Why it is refused: the first fault from the front, up to [`Refusal::KeyLimit`]. The later ones
/// need to know what was heard before.
pub fn open(datagram: &[u8], trust: &Trust) -> Result<Opened, Refusal> {
    let (beat, key) = read(datagram, trust)?;
    if key.is_some_and(|key| !key.limits().allow(&beat)) {
        return Err(Refusal::KeyLimit);
    }
    Ok(Opened { beat, key: key.map(Key::id) })
}

/// As [`open`], also where the key may not say what it says: to tell people why it is refused.
///
/// # Errors
/// Why it is refused all the same.
pub fn authentic(datagram: &[u8], trust: &Trust) -> Result<Opened, Refusal> {
    let (beat, key) = read(datagram, trust)?;
    Ok(Opened { beat, key: key.map(Key::id) })
}

/// What a datagram's header says, whoever has sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unproven<'a> {
    /// Whose it says that it is.
    pub host: HostId,
    /// The key that it says has signed it; none where it says that none has.
    pub key: Option<KeyId>,
    /// The cluster that it names.
    pub cluster: &'a str,
}

/// The header of `datagram`, to tell people why it is refused; none where it has none that can be read.
pub fn unproven(datagram: &[u8]) -> Option<Unproven<'_>> {
    let header = Header::read(&mut Octets(datagram)).ok()?;
    let key = match header.signature {
        Signature::None => None,
        Signature::By(key) => Some(key),
    };
    Some(Unproven { host: header.host, key, cluster: text(header.cluster)? })
}

fn read<'t>(datagram: &[u8], trust: &'t Trust) -> Result<(Heartbeat, Option<&'t Key>), Refusal> {
    if datagram.len() > MAX_DATAGRAM {
        return Err(Refusal::TooLong);
    }
    let mut octets = Octets(datagram);
    let header = Header::read(&mut octets)?;
    if header.cluster != trust.cluster.as_str().as_bytes() {
        return Err(Refusal::Cluster);
    }
    let (body, key) = authenticate(datagram, octets, header.signature, &trust.policy)?;
    Ok((read_body(&header, body)?, key))
}

/// Who the header says has signed.
#[derive(Clone, Copy)]
enum Signature {
    None,
    By(KeyId),
}

/// What comes before the TLVs; borrowed, so that a stranger costs nothing.
struct Header<'a> {
    signature: Signature,
    host: HostId,
    epoch: Epoch,
    sequence: Sequence,
    wall: WallTime,
    cluster: &'a [u8],
}

impl<'a> Header<'a> {
    /// From the front of the datagram's `octets`.
    fn read(octets: &mut Octets<'a>) -> Result<Header<'a>, Refusal> {
        let len = octets.0.len();
        if octets.array() != Some(MAGIC) {
            return Err(Refusal::NotABeat);
        }
        if octets.octet().ok_or(Refusal::Truncated)? != VERSION {
            return Err(Refusal::Version);
        }
        let (flags, total, key, header) = Header::rest(octets).ok_or(Refusal::Truncated)?;
        match len.cmp(&usize::from(total)) {
            // Unsigned, what was cut off between two TLVs would not be missed otherwise.
            Ordering::Less => return Err(Refusal::Truncated),
            Ordering::Greater => return Err(Refusal::Malformed),
            Ordering::Equal => {}
        }
        let signature = match (flags, KeyId::new(key)) {
            (0, None) => Signature::None,
            (SIGNED, Some(id)) => Signature::By(id),
            _ => return Err(Refusal::Malformed),
        };
        if header.sequence.0 == 0 {
            return Err(Refusal::Malformed);
        }
        Ok(Header { signature, ..header })
    }

    /// Flags, the whole datagram's length, the key's id, and a header in which they are still to be judged.
    fn rest(octets: &mut Octets<'a>) -> Option<(u8, u16, u32, Header<'a>)> {
        Some((
            octets.octet()?,
            octets.u16()?,
            octets.u32()?,
            Header {
                signature: Signature::None,
                host: HostId(octets.array()?),
                epoch: Epoch(octets.u64()?),
                sequence: Sequence(octets.u64()?),
                wall: WallTime::from_unix_millis(octets.u64()?),
                cluster: octets.counted()?,
            },
        ))
    }
}

/// The TLVs, without the tag, and the key that vouches for them.
fn authenticate<'d, 't>(
    datagram: &'d [u8],
    after_header: Octets<'d>,
    signature: Signature,
    policy: &'t Policy,
) -> Result<(Octets<'d>, Option<&'t Key>), Refusal> {
    let id = match signature {
        Signature::None => return policy.voucher(None).map(|key| (after_header, key)),
        Signature::By(id) => id,
    };
    let (body, _) = after_header.0.split_last_chunk::<TAG_LEN>().ok_or(Refusal::Truncated)?;
    let (signed, tag) = datagram.split_last_chunk::<TAG_LEN>().ok_or(Refusal::Truncated)?;
    let Some(key) = policy.voucher(Some(id))? else {
        return Ok((Octets(body), None));
    };
    if !key.verifies(signed, tag) {
        return Err(Refusal::BadTag);
    }
    Ok((Octets(body), Some(key)))
}

fn read_body(header: &Header<'_>, mut octets: Octets<'_>) -> Result<Heartbeat, Refusal> {
    let mut host_name = None;
    let mut reports = Vec::new();
    while !octets.is_empty() {
        let (kind, value) = octets.tlv().ok_or(Refusal::Truncated)?;
        match kind {
            TLV_HOST_NAME => {
                let name = text(value).and_then(|name| name.parse::<HostName>().ok());
                if name.is_none() || host_name.is_some() {
                    return Err(Refusal::Malformed);
                }
                host_name = name;
            }
            TLV_REPORT => reports.push(read_report(Octets(value)).ok_or(Refusal::Malformed)?),
            _ => {}
        }
    }
    let host_name = host_name.ok_or(Refusal::Malformed)?;
    if named_twice(&reports).is_some() {
        return Err(Refusal::AddressTwice);
    }
    Ok(Heartbeat {
        host: header.host,
        host_name,
        epoch: header.epoch,
        sequence: header.sequence,
        wall: header.wall,
        reports,
    })
}

/// None where it breaks the format.
fn read_report(mut octets: Octets<'_>) -> Option<Report> {
    let service = text(octets.counted()?)?.parse().ok()?;
    let state = state_of(octets.octet()?)?;
    let (claim, coverage) = report_flags_of(octets.octet()?)?;
    let load = match octets.u32()? {
        NO_LOAD => None,
        hundredths => Some(Load::from_hundredths(hundredths)),
    };
    let capacity = Capacity::from_thousandths(octets.u32()?)?;
    let weight = Weight::from_percent(octets.u16()?)?;
    let interval = octets.millis(MAX_INTERVAL)?;
    let expire = octets.millis(MAX_EXPIRE)?;
    let reason = octets.counted().filter(|reason| reason.len() <= Reason::MAX_LEN)?;
    let reason = Reason::new(text(reason)?);
    let addresses = octets.addresses()?;
    while !octets.is_empty() {
        octets.tlv()?;
    }
    Some(Report {
        service,
        state,
        reason,
        load,
        capacity,
        weight,
        interval,
        expire,
        claim,
        coverage,
        addresses,
    })
}

fn text(octets: &[u8]) -> Option<&str> {
    str::from_utf8(octets).ok()
}

/// What is left to read. Each method takes from the front; none where that is too short.
#[derive(Clone, Copy)]
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(len)?;
        self.0 = left;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, left) = self.0.split_first_chunk()?;
        self.0 = left;
        Some(*taken)
    }

    fn octet(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// As many octets as the octet before them says.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let len = self.octet()?;
        self.take(len.into())
    }

    fn tlv(&mut self) -> Option<(u16, &'a [u8])> {
        let kind = self.u16()?;
        let len = self.u16()?;
        Some((kind, self.take(len.into())?))
    }

    /// Milliseconds; none for zero and above `most`.
    fn millis(&mut self, most: Duration) -> Option<Duration> {
        let duration = Duration::from_millis(self.u32()?.into());
        (!duration.is_zero() && duration <= most).then_some(duration)
    }

    /// At least one address, IPv4 ones first, each in its one form.
    fn addresses(&mut self) -> Option<Vec<IpAddr>> {
        let n4 = usize::from(self.octet()?);
        let v4 = self.take(4 * n4)?.as_chunks().0;
        let n6 = usize::from(self.octet()?);
        let v6 = self.take(16 * n6)?.as_chunks().0;
        let mut addresses = Vec::with_capacity(n4 + n6);
        addresses.extend(v4.iter().map(|&four| IpAddr::V4(Ipv4Addr::from_octets(four))));
        for &sixteen in v6 {
            let address = Ipv6Addr::from_octets(sixteen);
            if address.to_ipv4_mapped().is_some() {
                return None;
            }
            addresses.push(IpAddr::V6(address));
        }
        (!addresses.is_empty()).then_some(addresses)
    }
}
