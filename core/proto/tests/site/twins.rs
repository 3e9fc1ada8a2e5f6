//! Binders that are fed alike decide alike.

use std::time::Duration;

use crate::model::{Hears, Medium, Server, Site, own_service, paper};
use crate::scene::{INTERVAL, at_once, millis, plan, settle};

/// Two at-once binders over six hosts, the first of which nothing ever befalls.
fn twins(seed: u64) -> Site {
    let mut site = Site::new(seed);
    for _ in 0..2 {
        site.add_binder(&[("http", at_once())]);
    }
    for host in 0..6 {
        site.add_host(plan(host, own_service("http", INTERVAL)));
    }
    site.network.medium = Medium::Shared;
    settle(&mut site, 6);
    site
}

/// Something befalls one of the hosts but the first; then some time passes, after each moment of
/// which both binders have decided alike.
fn play(site: &mut Site, rng: &mut fastrand::Rng, alike: impl Fn(&Site)) {
    for _ in 0..40 {
        let host = rng.usize(1..6);
        let on = site.hosts[host].is_on();
        match rng.u8(..6) {
            0 => site.set_server(host, "http", Server::Killed),
            1 => site.set_server(host, "http", Server::Hung),
            2 | 3 => site.set_server(host, "http", Server::Up),
            4 if on => site.kill_host(host),
            5 if on => site.shut_down(host),
            _ if !on => site.start_host(host),
            _ => {}
        }
        let end = site.now + millis(rng.u64(..4000));
        site.watch_until(end, &alike);
    }
}

fn decided_alike(site: &Site, seed: u64) {
    let [one, other] = [0, 1].map(|binder| site.binders[binder].sets(site.now));
    assert_eq!(one, other, "seed {seed}, {:?}", site.now);
}

#[test]
fn on_one_cable_two_binders_agree_at_every_moment() {
    for seed in 0..12 {
        let mut site = twins(seed);
        site.network.delay = Duration::ZERO..=millis(40);
        let mut rng = fastrand::Rng::with_seed(seed);
        play(&mut site, &mut rng, |site| {
            decided_alike(site, seed);
            let [one, other] = [0, 1].map(|binder| site.binders[binder].answers("http"));
            assert_eq!(one, other, "seed {seed}, {:?}", site.now);
        });
        assert_eq!(site.binders[0].published, site.binders[1].published, "seed {seed}");
        assert!(site.binders[0].published.len() > 5, "seed {seed}: something happened");
    }
}

#[test]
fn the_order_in_which_hosts_are_heard_at_one_moment_does_not_matter() {
    for seed in 0..20 {
        let mut site = twins(seed);
        site.network.tick = Some(millis(100));
        site.binders[1].hears = Hears::Shuffled;
        let mut rng = fastrand::Rng::with_seed(seed);
        play(&mut site, &mut rng, |site| decided_alike(site, seed));
        assert!(site.binders[0].published.len() > 5, "seed {seed}: something happened");
    }
}

#[test]
fn on_the_papers_timer_the_order_does_not_matter_either() {
    for seed in 0..10 {
        let mut site = Site::new(seed);
        for _ in 0..2 {
            site.add_binder(&paper::binder());
        }
        for host in 0..8 {
            site.add_host(paper::host(vec![crate::scene::address(host)]));
        }
        site.network.medium = Medium::Shared;
        site.network.tick = Some(Duration::from_secs(30));
        site.binders[1].hears = Hears::Shuffled;
        let mut rng = fastrand::Rng::with_seed(seed);
        for _ in 0..60 {
            let server = [Server::Up, Server::Killed][rng.usize(..2)];
            let name = ["http", "news"][rng.usize(..2)];
            site.set_server(rng.usize(..8), name, server);
            let end = site.now + Duration::from_secs(rng.u64(..200));
            site.watch_until(end, |site| decided_alike(site, seed));
        }
        let sets = |binder: usize| {
            site.binders[binder].published.iter().map(|(at, p)| (*at, p.zone.clone(), p.serial))
        };
        assert!(sets(0).eq(sets(1)), "seed {seed}");
        assert!(site.binders[0].published.len() > 5, "seed {seed}: something happened");
    }
}
