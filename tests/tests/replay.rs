//! Heartbeats that were recorded, and floods of them: nothing is believed twice.
//! What a flood costs is told by `cargo xtask bench flood`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;
use rais_tests::recorded::{CONFIG, Recorded, addresses};
use rais_tests::{count, status};

#[test]
fn what_was_recorded_changes_nothing_at_any_time() {
    let mut net = Recorded::settled(3);
    // Ten a second of each.
    let heartbeats = net.record(30 * count(3, 60));
    let before = net.decided();
    net.replay(&heartbeats);
    assert_eq!(net.decided(), before, "at once");

    // The first dies without a word, and is out; its own words do not revive it.
    net.monitors[0].kill();
    status::until_published(&net.ns, "www", &addresses(2..=3));
    let before = net.decided();
    net.replay(&heartbeats);
    assert_eq!(net.decided(), before, "after its death");
    assert_eq!(status::binder(&net.ns).unwrap().service("www").unwrap().set, addresses(2..=3));

    // Nor where the binder has been started anew.
    net.binder.signal(Signal::SIGTERM);
    assert_eq!(net.binder.finished(), 0);
    net.binder = net.ns.start("binder", CONFIG);
    status::until_binder(&net.ns, "the others to be heard", |status| {
        let accepted = status.counters.accepted;
        if accepted >= 20 { Ok(()) } else { Err(format!("{accepted} heartbeats")) }
    });
    net.replay(&heartbeats);
    let after = status::binder(&net.ns).unwrap();
    assert_eq!(after.service("www").unwrap().set, addresses(2..=3), "after a restart");
    let expected = ["duplicate", "replay"];
    let refused = after.counters.refused.iter().filter(|(_, n)| **n > 0);
    let strange: Vec<_> =
        refused.filter(|(reason, _)| !expected.contains(&reason.as_str())).collect();
    assert!(strange.is_empty(), "{:?}", after.counters.refused);
    assert!(after.counters.refused["replay"] as usize >= heartbeats.len() / 2);
}

fn resident_kib(process: u32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_flood_of_junk_and_replays_beside_good_hosts_changes_nothing() {
    let net = Recorded::settled(8);
    let heartbeats = net.record(200);
    let (before, lines) = (net.decided(), net.binder.stderr().lines().count());
    let (pid, over) = (net.binder.id(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| net.flood(&heartbeats, &over));
        // Eighty heartbeats a second; the first part of it is for what memory there is to be taken.
        let _ = net.record(80 * count(2, 10));
        let memory = resident_kib(pid);
        let _ = net.record(80 * count(3, 50));
        let grown = resident_kib(pid) - memory;
        over.store(true, Ordering::Relaxed);
        let sent = sending.join().unwrap();
        println!("{sent} sent, {grown:+} KiB");
        assert!(grown < 2048, "{grown} KiB more");
    });
    assert_eq!(net.decided(), before);
    assert_eq!(status::binder(&net.ns).unwrap().service("www").unwrap().set, addresses(1..=8));
    // One line a second at most, and the same sender's no more often than once an hour.
    let said = net.binder.stderr();
    let news: Vec<_> = said.lines().skip(lines).collect();
    assert!(news.len() < 20, "{news:#?}");
    assert!(net.refused() > 1000, "it was heard");
}
