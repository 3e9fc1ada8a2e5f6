//! Between the plain types and those that cross.
//!
//! Functions, not `From`: an implementation of `From<AbiFault>` would stand in the compiler's
//! messages to authors. What a newer side may send is mapped, never refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use abi_stable::std_types::{RErr, ROk, RResult};

use crate::host::{Interest, Level, Ready};
use crate::{Fault, FaultKind, Reading, Record, Scope, Subject, Target, Up, Wish};
use rais_abi::{
    AbiAddr, AbiFault, AbiReading, AbiRecord, AbiSubject, AbiTarget, AbiUp, LOAD_UNKNOWN, NO_MORE,
    WEIGHT_NONE,
};

/// Loads are clamped to this, in hundredths of a percent.
const LOAD_MAX: f64 = 100_000.0;

pub(crate) fn result_to_abi<T, A>(
    result: Result<T, Fault>,
    convert: impl FnOnce(T) -> A,
) -> RResult<A, AbiFault> {
    match result {
        Ok(value) => ROk(convert(value)),
        Err(fault) => RErr(fault_to_abi(fault)),
    }
}

pub(crate) fn result_from_abi<T, A>(
    result: RResult<A, AbiFault>,
    convert: impl FnOnce(A) -> T,
) -> Result<T, Fault> {
    result.into_result().map(convert).map_err(fault_from_abi)
}

pub(crate) fn fault_to_abi(fault: Fault) -> AbiFault {
    let kind = match fault.kind {
        FaultKind::Config => 1,
        FaultKind::Down => 2,
        FaultKind::Timeout => 3,
        FaultKind::Unknown => 4,
        FaultKind::Busy => 5,
        FaultKind::Refused => 6,
        FaultKind::Io => 7,
        FaultKind::Panicked => 8,
    };
    AbiFault {
        kind,
        reserved: 0,
        text: fault.text.into(),
        at: fault.at.into(),
        reserved_more: [0; 2],
    }
}

pub(crate) fn fault_from_abi(fault: AbiFault) -> Fault {
    let kind = match fault.kind {
        1 => FaultKind::Config,
        2 => FaultKind::Down,
        3 => FaultKind::Timeout,
        5 => FaultKind::Busy,
        6 => FaultKind::Refused,
        7 => FaultKind::Io,
        8 => FaultKind::Panicked,
        // 4, and kinds that this version does not know: nothing is concluded.
        _ => FaultKind::Unknown,
    };
    Fault::new(kind, one_line(fault.text.into_string())).at(one_line(fault.at.into_string()))
}

/// `text` without control characters, each a space: what a plugin says is part of a line of a log or
/// of status, and must not end it.
pub fn one_line(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}

/// Rounded to hundredths and clamped; what is not a number is not known.
pub(crate) fn load_to_abi(percent: Option<f64>) -> u32 {
    match percent {
        // In range after the clamp, so the cast is exact.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(percent) if !percent.is_nan() => (percent * 100.0).round().clamp(0.0, LOAD_MAX) as u32,
        _ => LOAD_UNKNOWN,
    }
}

pub(crate) fn load_from_abi(hundredths: u32) -> Option<f64> {
    (hundredths != LOAD_UNKNOWN).then(|| f64::from(hundredths).min(LOAD_MAX) / 100.0)
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn addr_to_abi(addr: Option<SocketAddr>) -> AbiAddr {
    let Some(addr) = addr else {
        return AbiAddr::NONE;
    };
    let (ip, family) = ip_to_abi(addr.ip());
    let (scope, flow) = match addr {
        SocketAddr::V4(_) => (0, 0),
        SocketAddr::V6(v6) => (v6.scope_id(), v6.flowinfo()),
    };
    AbiAddr { ip, family, port: addr.port(), scope, flow, reserved: 0 }
}

pub(crate) fn addr_from_abi(addr: &AbiAddr) -> Option<SocketAddr> {
    match ip_from_abi(addr.ip, addr.family)? {
        IpAddr::V4(ip) => Some((ip, addr.port).into()),
        IpAddr::V6(ip) => Some(SocketAddrV6::new(ip, addr.port, addr.flow, addr.scope).into()),
    }
}

fn ip_to_abi(ip: IpAddr) -> ([u8; 16], u16) {
    match ip {
        IpAddr::V4(v4) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&v4.octets());
            (octets, 4)
        }
        IpAddr::V6(v6) => (v6.octets(), 6),
    }
}

fn ip_from_abi(octets: [u8; 16], family: u16) -> Option<IpAddr> {
    match family {
        4 => Some(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into()),
        6 => Some(Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

pub(crate) fn record_to_abi(record: &Record) -> AbiRecord {
    let (ip, family) = ip_to_abi(record.ip);
    AbiRecord {
        ip,
        family,
        weight: record.weight,
        load: load_to_abi(record.load),
        owner: record.owner,
        reserved: 0,
    }
}

/// The caller has checked the family (see [`records_are_sound`]).
pub(crate) fn record_from_abi(record: &AbiRecord) -> Record {
    let ip = ip_from_abi(record.ip, record.family).unwrap_or(IpAddr::V6(Ipv6Addr::from(record.ip)));
    let mut plain = Record::new(record.owner, ip).with_weight(record.weight);
    plain.load = load_from_abi(record.load);
    plain
}

/// Whether every record has a known family and an owner among `owners`.
pub(crate) fn records_are_sound(records: &[AbiRecord], owners: usize) -> bool {
    records.iter().all(|r| {
        matches!(r.family, 4 | 6) && usize::try_from(r.owner).is_ok_and(|owner| owner < owners)
    })
}

pub(crate) fn target_to_abi(target: Target) -> AbiTarget {
    AbiTarget {
        address: addr_to_abi(Some(target.address)),
        name: target.name.into(),
        service: target.service.into(),
        reserved: [0; 2],
        more: NO_MORE,
    }
}

pub(crate) fn target_from_abi(target: AbiTarget) -> Result<Target, Fault> {
    let Some(address) = addr_from_abi(&target.address) else {
        return Err(Fault::unknown(format!(
            "an address of family {}, which this plugin's SDK does not know",
            target.address.family
        )));
    };
    Ok(Target::new(address, target.name.into_string(), target.service.into_string()))
}

pub(crate) fn up_to_abi(up: Up) -> AbiUp {
    AbiUp {
        took_ns: nanos(up.took),
        load: load_to_abi(up.load),
        reserved: 0,
        detail: up.detail.into(),
        reserved_more: [0; 2],
        more: NO_MORE,
    }
}

pub(crate) fn up_from_abi(up: AbiUp) -> Up {
    let mut plain =
        Up::new(Duration::from_nanos(up.took_ns)).with_detail(one_line(up.detail.into_string()));
    plain.load = load_from_abi(up.load);
    plain
}

pub(crate) fn subject_to_abi(of: Subject) -> AbiSubject {
    AbiSubject {
        service: of.service.into(),
        target: of.target.map(target_to_abi).into(),
        last: of.last.map(up_to_abi).into(),
        timeout_ns: nanos(of.timeout),
        reserved: 0,
        more: NO_MORE,
    }
}

pub(crate) fn subject_from_abi(of: AbiSubject) -> Result<Subject, Fault> {
    let mut plain = Subject::new(of.service.into_string());
    plain.target = of.target.into_option().map(target_from_abi).transpose()?;
    plain.last = of.last.into_option().map(up_from_abi);
    plain.timeout = Duration::from_nanos(of.timeout_ns);
    Ok(plain)
}

pub(crate) fn reading_to_abi(reading: Reading) -> AbiReading {
    let wish = match reading.wish {
        Wish::None => 0,
        Wish::Ready => 1,
        Wish::Drain => 2,
        Wish::Maintenance => 3,
        Wish::Down => 4,
        Wish::Up => 5,
    };
    AbiReading {
        load: load_to_abi(reading.load),
        wish,
        weight: reading.weight.map_or(WEIGHT_NONE, u32::from),
        reserved: 0,
        reason: reading.reason.into(),
        reserved_more: [0; 2],
        more: NO_MORE,
    }
}

pub(crate) fn reading_from_abi(reading: AbiReading) -> Reading {
    let mut plain = Reading::unknown(reading.reason.into_string());
    plain.load = load_from_abi(reading.load);
    plain.wish = match reading.wish {
        1 => Wish::Ready,
        2 => Wish::Drain,
        3 => Wish::Maintenance,
        4 => Wish::Down,
        5 => Wish::Up,
        _ => Wish::None,
    };
    plain.weight =
        (reading.weight != WEIGHT_NONE).then(|| u16::try_from(reading.weight).unwrap_or(u16::MAX));
    plain
}

pub(crate) fn scope_to_abi(scope: Scope) -> u32 {
    match scope {
        Scope::Host => 0,
        Scope::Target => 1,
    }
}

/// A scope that this version does not know is sampled for each target, which is never wrong.
pub(crate) fn scope_from_abi(scope: u32) -> Scope {
    match scope {
        0 => Scope::Host,
        _ => Scope::Target,
    }
}

pub(crate) fn interest_to_abi(interest: Interest) -> u32 {
    match interest {
        Interest::Read => 1,
        Interest::Write => 2,
    }
}

/// What a newer plugin waits for is unknown here; room to send is what ends soonest.
pub(crate) fn interest_from_abi(interest: u32) -> Interest {
    match interest {
        1 => Interest::Read,
        _ => Interest::Write,
    }
}

pub(crate) fn ready_to_abi(ready: Ready) -> u32 {
    match ready {
        Ready::Pending => 0,
        Ready::TryAgain => 1,
        Ready::Gone => 2,
    }
}

pub(crate) fn ready_from_abi(ready: u32) -> Ready {
    match ready {
        0 => Ready::Pending,
        1 => Ready::TryAgain,
        _ => Ready::Gone,
    }
}

pub(crate) fn level_to_abi(level: Level) -> u32 {
    match level {
        Level::Error => 1,
        Level::Warn => 2,
        Level::Info => 3,
        Level::Debug => 4,
    }
}

pub(crate) fn level_from_abi(level: u32) -> Level {
    match level {
        1 => Level::Error,
        2 => Level::Warn,
        4 => Level::Debug,
        _ => Level::Info,
    }
}

#[cfg(test)]
mod tests;
