//! Publications by sinks. They go where the table says, so they are tried with a table of their
//! own only.

use std::collections::BTreeSet;
use std::iter;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rais_sdk::{Change, Fault, FaultKind, Owner, Record, Served, ZoneHead};
use rais_zone::{Header, ZoneName};

use super::finding::Verdict;
use super::instance::Instance;
use super::times::{Times, counted};
use super::trial::{Trial, overdue};
use crate::host::{Publication, SinkPort};

/// As many as fit into [`LONGEST`], but at least [`LEAST`] and no more than these.
const MOST: u32 = 1000;
const LEAST: usize = 10;
const LONGEST: Duration = Duration::from_secs(3);
/// Of each call.
const LIMIT: Duration = Duration::from_secs(5);
const STOPPING: Duration = Duration::from_secs(1);
/// A server may need a moment to take a zone in.
const TAKING_IN: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);
const TTL: u32 = 10;
/// Serials that a run takes, and some more.
const OF_A_RUN: u32 = 1 << 12;
/// After so many in one go it is no longer asked for each.
const RUNS: u32 = 64;
/// Of the zone, without the last dot.
pub(super) const ZONE: &str = "conformance.example";

type Port = Arc<dyn SinkPort>;

/// The zone, published by an instance that is then stopped.
pub(super) fn once(trial: &Trial<'_>, port: &Port) {
    let _ = assign(trial, port);
    if let Ok(what) = publication(trial, next_serial(trial, port), 1) {
        // What comes of it was seen before.
        let _ = put(trial, port, what);
        let _ = trial.wait(async { port.stop(STOPPING).await });
    }
}

/// One after the other, with serials that rise.
pub(super) fn publish(trial: &mut Trial<'_>) -> Verdict {
    let port = match port(trial) {
        Ok(port) => port,
        Err(verdict) => return verdict,
    };
    let first = first_serial(trial, &port);
    let mut times = Times::default();
    let mut last: Option<u32> = None;
    let begun = Instant::now();
    for number in 0..MOST {
        if begun.elapsed() > LONGEST && times.count() >= LEAST {
            break;
        }
        let serial = first.wrapping_add(number);
        let (answer, took) = match publication(trial, serial, number) {
            Ok(what) => put(trial, &port, what),
            Err(why) => return Verdict::failed(format!("the zone `{}`: {why}", trial.job.zone)),
        };
        times.add(took);
        match answer {
            Ok(served) => {
                if let Some(last) = last.filter(|last| is_before(served, *last)) {
                    let text = format!("the serial goes back: {served} is told after {last}");
                    return times.told(Verdict::failed(text));
                }
                last = Some(served);
            }
            Err(fault) => return times.told(refused(trial, &fault, took, number)),
        }
    }
    let number = counted(times.count(), "publication");
    let last = last.unwrap_or_default();
    let text = format!("{number} of {}: {}; serial {last}", trial.job.zone, times.text());
    times.told(Verdict::passed(text)).with("serial", last)
}

/// Twice the same.
pub(super) fn publish_again(trial: &mut Trial<'_>) -> Verdict {
    let port = match port(trial) {
        Ok(port) => port,
        Err(verdict) => return verdict,
    };
    let serial = next_serial(trial, &port);
    let Ok(what) = publication(trial, serial, 1) else {
        return Verdict::skipped("not tried: there is no zone to publish");
    };
    let mut told = Vec::new();
    for number in 0..2 {
        match put(trial, &port, what.clone()) {
            (Ok(serial), _) => told.push(serial),
            (Err(fault), took) => return refused(trial, &fault, took, number),
        }
    }
    match told[..] {
        [first, second] if second == first => {
            Verdict::passed(format!("the same publication twice: serial {first} both times"))
        }
        [first, second] if is_before(second, first) => {
            Verdict::failed(format!("the same publication twice: serial {first}, then {second}"))
        }
        _ => Verdict::passed(format!("the same publication twice: its server counts, {told:?}")),
    }
}

/// What the sink says that is served, against what was published.
pub(super) fn read_back(trial: &mut Trial<'_>) -> Verdict {
    let port = match port(trial) {
        Ok(port) => port,
        Err(verdict) => return verdict,
    };
    let serial = next_serial(trial, &port);
    let Ok(what) = publication(trial, serial, 0) else {
        return Verdict::skipped("not tried: there is no zone to publish");
    };
    let expected = addresses(&what.head.owners, &what.records);
    let published = match put(trial, &port, what) {
        (Ok(serial), _) => serial,
        (Err(fault), took) => return refused(trial, &fault, took, 0),
    };
    let begun = Instant::now();
    loop {
        let served = match served(trial, &port) {
            Ok(Some(served)) => served,
            Ok(None) => return Verdict::skipped("the sink does not tell what is served"),
            Err(fault) => return refused(trial, &fault, begun.elapsed(), 1),
        };
        let found = addresses(&served.owners, &served.records);
        let early = served.serial.filter(|served| is_before(*served, published));
        if found == expected && early.is_none() {
            return Verdict::passed(format!("{} are served", counted(found.len(), "address")));
        }
        if begun.elapsed() > TAKING_IN {
            let missing = expected.difference(&found).next();
            let strange = found.difference(&expected).next();
            return Verdict::failed(match (missing, strange, early) {
                (Some((_, ip)), ..) => format!("{ip} was published and is not served"),
                (_, Some((_, ip)), _) => format!("{ip} was not published and is served"),
                _ => format!("an earlier serial is served than {published}, which was published"),
            });
        }
        thread::sleep(LOOK);
    }
}

/// One zone of one or three addresses in turn.
fn publication(trial: &Trial<'_>, serial: u32, number: u32) -> Result<Publication, String> {
    let name = ZoneName::parse(&trial.job.zone).map_err(|error| error.to_string())?;
    let header = Header::synthesise(&name, &["ns1.example"], "hostmaster.example", TTL)
        .map_err(|error| error.to_string())?;
    let addresses: [IpAddr; 3] =
        [[192, 0, 2, 1].into(), [192, 0, 2, 2].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()];
    let of = |number: u32| {
        let all = addresses.map(|ip| Record::new(0, ip));
        if number.is_multiple_of(2) { all.to_vec() } else { vec![all[0]] }
    };
    let (records, others) = (of(number), of(number + 1));
    let not_in = |these: &[Record], those: &[Record]| {
        these.iter().filter(|record| !those.contains(record)).copied().collect::<Vec<_>>()
    };
    let mut head = ZoneHead::new(vec![Owner::new("@", TTL)], serial);
    head.header = Some(header.text().to_owned());
    head.file = Some(format!("{}.zone", trial.job.zone));
    head.change = Change::Set;
    head.reason = "conformance".to_owned();
    Ok(Publication {
        zone: trial.job.zone.clone(),
        added: not_in(&records, &others),
        removed: not_in(&others, &records),
        head,
        records,
    })
}

fn addresses(owners: &[Owner], records: &[Record]) -> BTreeSet<(String, IpAddr)> {
    let named = records.iter().filter_map(|record| {
        let owner = owners.get(usize::try_from(record.owner).ok()?)?;
        Some((owner.name.to_ascii_lowercase(), record.ip))
    });
    named.collect()
}

/// One that the sink does not refuse: what was published before, by another instance on another day,
/// may have had a later one than the time is now.
fn first_serial(trial: &Trial<'_>, port: &Port) -> u32 {
    let first = next_serial(trial, port);
    let later = (0..RUNS).map(|runs| runs * OF_A_RUN);
    let much_later = iter::successors(Some(RUNS * OF_A_RUN), |later| later.checked_mul(2));
    for serial in later.chain(much_later).map(|later| first.wrapping_add(later)) {
        let Ok(what) = publication(trial, serial, 1) else { break };
        match put(trial, port, what).0 {
            Err(fault) if fault.kind == FaultKind::Refused => {}
            Ok(_) => return serial.wrapping_add(1),
            // That is said of the next one.
            Err(_) => return serial,
        }
    }
    first
}

/// Later than all that was published and than what is served; else the time, as binders have it.
fn next_serial(trial: &Trial<'_>, port: &Port) -> u32 {
    let last = trial.serial.get().or_else(|| match served(trial, port) {
        Ok(Some(served)) => served.serial,
        _ => None,
    });
    match last.map(|last| last.wrapping_add(1)) {
        Some(next) if is_before(now(), next) => next,
        _ => now(),
    }
}

fn now() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Serials go round.
    #[allow(clippy::cast_possible_truncation)]
    let serial = now.as_secs() as u32;
    serial
}

/// RFC 1982.
fn is_before(serial: u32, other: u32) -> bool {
    rais_proto::serial::Serial(other).is_after(rais_proto::serial::Serial(serial))
}

/// The zone is its from now on: as a binder does at the start, and once more at a reload.
fn assign(trial: &Trial<'_>, port: &Port) -> Result<(), Fault> {
    let zones = [trial.job.zone.clone()];
    trial.wait(async { port.assign(zones.into(), LIMIT).await })
}

fn put(trial: &Trial<'_>, port: &Port, what: Publication) -> (Result<u32, Fault>, Duration) {
    trial.serial.set(Some(what.head.serial));
    let begun = Instant::now();
    let answer = trial.wait(async { port.publish(Arc::new(what), LIMIT).await });
    (answer, begun.elapsed())
}

fn served(trial: &Trial<'_>, port: &Port) -> Result<Option<Served>, Fault> {
    trial.wait(async { port.served(&trial.job.zone, LIMIT).await })
}

fn refused(trial: &mut Trial<'_>, fault: &Fault, took: Duration, before: u32) -> Verdict {
    if let Some(verdict) = trial.broke(fault) {
        return verdict;
    }
    if overdue(fault, took, LIMIT) {
        trial.stop("its calls do not return");
        return Verdict::failed(format!("a call does not return: {}", fault.text));
    }
    let good = counted(before as usize, "publication");
    Verdict::failed(format!("a fault of kind {} after {good}: {fault}", fault.kind))
}

/// The instance, which has its zone.
fn port(trial: &mut Trial<'_>) -> Result<Port, Verdict> {
    let port = match &trial.kept {
        _ if trial.job.given.is_none() => {
            return Err(Verdict::skipped("give --config: it writes where its table says"));
        }
        Some(Instance::Sink(port)) => Arc::clone(port),
        _ => return Err(Verdict::skipped("not tried: there is no instance")),
    };
    let begun = Instant::now();
    match assign(trial, &port) {
        Ok(()) => Ok(port),
        Err(fault) => Err(refused(trial, &fault, begun.elapsed(), 0)),
    }
}
