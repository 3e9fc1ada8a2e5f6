//! Beats cross a bad network.

use std::time::Duration;

use rais_proto::heartbeat::refusal::Refusal;
use rais_proto::monitor::ServiceConfig;

use crate::model::{Server, Site, own_service};
use crate::scene::{MINUTE, SECOND, address, addresses, at_once, millis, plan, settle, settled};

/// Four hosts that beat every 100 ms.
fn frequent(seed: u64) -> Site {
    let mut site = Site::new(seed);
    site.add_binder(&[("http", at_once())]);
    for host in 0..4 {
        let often = own_service("http", millis(100));
        site.add_host(plan(host, ServiceConfig { timeout: millis(80), ..often }));
    }
    settle(&mut site, 4);
    site
}

#[test]
fn thirty_percent_loss_at_100_ms_beats_costs_nothing() {
    let mut site = frequent(1);
    let (from, published) = (site.now, site.binders[0].published.len());
    site.network.loss = 0.3;
    site.run_for(10 * MINUTE);
    assert!(site.network.lost > 6000, "{} of {}", site.network.lost, site.beats);
    assert_eq!(site.binders[0].removals(from), []);
    assert_eq!(site.binders[0].published.len(), published);
}

#[test]
fn a_death_is_told_through_the_same_loss() {
    for seed in 0..50 {
        let mut site = frequent(seed);
        site.network.loss = 0.3;
        site.run_for(5 * SECOND);
        site.set_server(2, "http", Server::Killed);
        site.run_for(SECOND);
        assert_eq!(site.binders[0].answers("http"), addresses([0, 1, 3]), "seed {seed}");
    }
}

/// Delays of up to an interval: datagrams of one host overtake each other.
fn disordered(seed: u64) -> Site {
    let mut site = settled(seed, 4);
    site.network.delay = Duration::ZERO..=millis(500);
    site.network.doubled = 0.3;
    site
}

#[test]
fn doubles_reordering_and_half_a_second_of_jitter_have_no_effect() {
    let mut site = disordered(2);
    let (from, published) = (site.now, site.binders[0].published.len());
    site.run_for(10 * MINUTE);
    assert_eq!(site.binders[0].removals(from), []);
    assert_eq!(site.binders[0].published.len(), published);
    let beats = site.binders[0].accepted();
    let doubles = site.binders[0].refused(Refusal::Duplicate);
    assert!(doubles > beats / 5, "{doubles} of {beats}");
    assert_eq!(site.binders[0].refused(Refusal::Replay), 0, "a second copy is no attack");
}

#[test]
fn what_was_overtaken_brings_no_dead_server_back() {
    for seed in 0..20 {
        let mut site = disordered(seed);
        site.run_for(3 * SECOND);
        site.set_server(1, "http", Server::Killed);
        let out = site.run_until_so(|site| !site.binders[0].answers_with("http", address(1)));
        assert!(out < millis(1500), "seed {seed}: {out:?}");
        let published = site.binders[0].published.len();
        site.run_for(MINUTE);
        assert_eq!(site.binders[0].answers("http"), addresses([0, 2, 3]), "seed {seed}");
        assert_eq!(site.binders[0].published.len(), published, "seed {seed}");
        site.set_server(1, "http", Server::Up);
        site.run_for(2 * SECOND);
        assert_eq!(site.binders[0].answers("http"), addresses(0..4), "seed {seed}");
    }
}
