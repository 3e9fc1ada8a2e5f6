//! What a query costs. A figure to be read, no test: `cargo test --release -p rais-plugin-sink-dns
//! --lib -- --ignored --nocapture speed`.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rais_sdk::{MaxAddresses, Owner, Record, Zone as Publication, ZoneHead};
use rais_wheel::Seed;
use rustix::time::{ClockId, clock_gettime};

use super::*;
use crate::bound::{Bound, Member};
use crate::publish::State;
use crate::scheme::Scheme;

const ROUNDS: usize = 2_000_000;
const HEAD: &str = "$TTL 60\n@ SOA ns.example. h.example. 1 1 1 1 1\n NS ns.example.\n";

/// Nanoseconds for one of these queries, asked one after the other in batches.
fn cost(what: &str, engine: Engine, queries: &[Vec<u8>]) {
    // Side by side, as little memory of the measurement's own as may be.
    let stride = queries.iter().map(Vec::len).max().unwrap();
    let ends: Vec<u8> = queries.iter().map(|query| query.len() as u8).collect();
    let mut all = vec![0; stride * queries.len()];
    for (room, query) in all.chunks_mut(stride).zip(queries) {
        room[..query.len()].copy_from_slice(query);
    }
    let engine = Arc::new(engine);
    let mut responder = Responder::new(Arc::clone(&engine));
    let peer = peer("192.0.2.200", Transport::Udp);
    let mut out = [0; 1232];
    let mut octets = 0;
    let begin = clock_gettime(ClockId::ThreadCPUTime);
    for round in 0..ROUNDS {
        if round % 64 == 0 {
            responder.release();
            responder.refresh();
        }
        // As far apart as names of real queries are.
        let place = round.wrapping_mul(7919) % queries.len();
        let query = &all[place * stride..][..usize::from(ends[place])];
        if let Reply::Message(length) = responder.respond(black_box(query), &peer, &mut out) {
            octets += length;
        }
    }
    let end = clock_gettime(ClockId::ThreadCPUTime);
    let nanos = (end.tv_sec - begin.tv_sec) * 1_000_000_000 + (end.tv_nsec - begin.tv_nsec);
    let each = nanos as f64 / ROUNDS as f64;
    println!("{what:<40} {each:>6.0} ns, {} octets", octets / ROUNDS);
}

fn bound(scheme: Scheme, count: u8) -> Engine {
    let zone_name = ZoneName::parse("www.example").unwrap();
    let mut builder = Builder::new(to_wire("www.example"));
    contents(HEAD, &zone_name, |record| builder.take(&record)).unwrap();
    builder.bind(to_wire("www.example"));
    let zone = builder.build().unwrap();
    let member =
        |n: u8| Member { ip: [192, 0, 2, n].into(), weight: u16::from(n) * 256, load: None };
    let members: Vec<_> = (1..=count).map(member).collect();
    zone.bind(
        0,
        Arc::new(Bound::new(
            scheme,
            10,
            &members,
            MaxAddresses::default(),
            Seed::of(b"www.example", 1),
        )),
    );
    let engine = Engine::new(Identity::default(), Access::default(), None);
    engine.serve(zone);
    engine
}

#[test]
#[ignore = "a figure, no test"]
fn what_a_query_costs() {
    let of = |zones: Vec<Zone>| {
        let engine = Engine::new(Identity::default(), Access::default(), None);
        for zone in zones {
            engine.serve(zone);
        }
        engine
    };
    let one = || of(vec![zone(&format!("{HEAD}www A 192.0.2.1\n"), "example.com").unwrap()]);
    let plain = [question("www.example.com", "A")];
    cost("one name", one(), &plain);
    cost("one name, EDNS", one(), &[with_edns(plain[0].clone(), 1232, 0, &[])]);
    cost("no such name", one(), &[question("nothing.example.com", "A")]);
    cost("not our zone", one(), &[question("www.example.net", "A")]);
    cost("alias", engine_of_example(), &[question("alias.example.com", "A")]);
    cost("delegation", engine_of_example(), &[question("a.sub.example.com", "A")]);

    let names: Vec<_> = (0..1000).map(|n| format!("zone{n}.example")).collect();
    let text = format!("{HEAD}www A 192.0.2.1\n");
    let zones = names.iter().map(|name| zone(&text, name).unwrap()).collect();
    let queries: Vec<_> = names.iter().map(|name| question(&format!("www.{name}"), "A")).collect();
    cost("1,000 zones", of(zones), &queries);

    let lines: String = (0..100_000).map(|n| format!("n{n} A 192.0.2.1\n")).collect();
    let many = zone(&format!("{HEAD}{lines}"), "example.com").unwrap();
    let names = (0..100_000).map(|n| format!("n{n}.example.com"));
    let queries: Vec<_> = names.map(|name| question(&name, "A")).collect();
    cost("100,000 names", of(vec![many]), &queries);

    let asked = [question("www.example", "A")];
    cost("bound, round robin of 8", bound(Scheme::RoundRobin, 8), &asked);
    cost("bound, round robin of 28", bound(Scheme::RoundRobin, 28), &asked);
    cost("bound, weighted of 8", bound(Scheme::Weighted, 8), &asked);
    cost("bound, weighted of 28", bound(Scheme::Weighted, 28), &asked);
    cost("bound, random of 8", bound(Scheme::Random, 8), &asked);
    cost("bound, client hash of 8", bound(Scheme::ClientHash, 8), &asked);
}

fn engine_of_example() -> Engine {
    let engine = Engine::new(Identity::default(), Access::default(), None);
    engine.serve(zone(EXAMPLE, "example.com").unwrap());
    engine
}

/// Until a change of one name among 100,000 is answered, and until all of the publication is gone
/// through; and what they take in memory.
#[test]
#[ignore = "a figure, no test"]
fn what_a_change_costs() {
    let before = resident();
    let engine = Arc::new(Engine::new(Identity::default(), Access::default(), None));
    let mut state = State::default();
    let owners: Vec<_> = (0..100_000).map(|n| Owner::new(format!("n{n}"), 10)).collect();
    let mut records: Vec<_> =
        (0..100_000_u32).map(|n| Record::new(n, (0x0A00_0000 + n).to_be_bytes().into())).collect();
    let mut head = ZoneHead::new(owners, 1);
    head.header = Some(HEAD.to_owned());
    let begin = Instant::now();
    state
        .publish(&Publication::new("example.com", head.clone(), &records, &[], &[]), &engine)
        .unwrap();
    println!("100,000 names made in {:?}, {} KiB", begin.elapsed(), resident() - before);

    let query = question("n77777.example.com", "A");
    let peer = peer("192.0.2.200", Transport::Udp);
    let (stop, ended) = (AtomicU64::new(0), Instant::now());
    let last = AtomicU64::new(0);
    let mut responder = Responder::new(Arc::clone(&engine));
    std::thread::scope(|scope| {
        // When each address was first answered, in nanoseconds.
        let asking = scope.spawn(|| {
            let mut seen = vec![(0, 0)];
            while stop.load(Ordering::Relaxed) == 0 {
                let answer = ask(&mut responder, &query, &peer).unwrap();
                let address = answer[answer.len() - 1];
                if seen.last().unwrap().0 != address {
                    seen.push((address, ended.elapsed().as_nanos()));
                    last.store(address.into(), Ordering::Relaxed);
                }
            }
            seen
        });
        let (mut starts, mut wholes) = (Vec::new(), Vec::new());
        for serial in 2..=101 {
            let old = records[77_777];
            records[77_777].ip = [192, 0, 2, serial as u8].into();
            head.serial = serial;
            let (added, removed) = ([records[77_777]], [old]);
            let publication =
                Publication::new("example.com", head.clone(), &records, &added, &removed);
            starts.push(ended.elapsed().as_nanos());
            state.publish(&publication, &engine).unwrap();
            wholes.push(ended.elapsed().as_nanos() - starts.last().unwrap());
            while last.load(Ordering::Relaxed) != u64::from(serial) {
                std::thread::yield_now();
            }
        }
        stop.store(1, Ordering::Relaxed);
        let seen = asking.join().unwrap();
        let mut seen: Vec<_> =
            seen.iter().rev().zip(starts.iter().rev()).map(|((_, at), start)| at - start).collect();
        seen.sort_unstable();
        wholes.sort_unstable();
        println!(
            "a change of one is answered after {} µs (the best {} µs), gone through after {} µs",
            seen[50] / 1000,
            seen[0] / 1000,
            wholes[50] / 1000
        );
    });
}

/// KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// What a file of 108,000 records takes.
#[test]
#[ignore = "a figure, no test"]
fn what_records_take() {
    let lines: String = (0..108_000).map(|n| format!("n{n} A 192.0.2.1\n")).collect();
    let text = format!("{HEAD}{lines}");
    drop(lines);
    let before = resident();
    let zone = zone(&text, "example.com").unwrap();
    println!("108,000 records: {} KiB", resident() - before);
    drop(zone);
}
