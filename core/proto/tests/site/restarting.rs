//! A binder dies in mid-run and comes back with what it stored.

use std::time::Duration;

use rais_proto::policy::{React, ServicePolicy};

use crate::model::{Server, Site, Storing, own_service};
use crate::scene::{INTERVAL, MINUTE, SECOND, addresses, at_once, millis, plan, settle};

const HOSTS: usize = 4;

fn on_timer() -> ServicePolicy {
    ServicePolicy { react: React::OnTimer, interval: 3 * SECOND, ..at_once() }
}

fn site(seed: u64, policy: ServicePolicy) -> Site {
    let mut site = Site::new(seed);
    let binder = site.add_binder(&[("http", policy)]);
    site.binders[binder].storing = Storing::Kept;
    for host in 0..HOSTS {
        site.add_host(plan(host, own_service("http", INTERVAL)));
    }
    settle(&mut site, HOSTS);
    site
}

/// Gone for a time that may be longer than any expire.
fn restart(site: &mut Site, rng: &mut fastrand::Rng) {
    site.run_for(millis(rng.u64(..5000)));
    site.crash_binder(0);
    site.run_for(millis(rng.u64(..20_000)));
    site.restart_binder(0);
}

#[test]
fn no_answer_changes() {
    for policy in [at_once(), on_timer()] {
        for seed in 0..8 {
            let mut site = site(seed, policy.clone());
            let mut rng = fastrand::Rng::with_seed(seed);
            for _ in 0..4 {
                restart(&mut site, &mut rng);
                let end = site.now + 20 * SECOND;
                site.watch_until(end, |site| {
                    assert_eq!(site.binders[0].answers("http"), addresses(0..HOSTS), "{seed}");
                    assert_eq!(site.binders[0].sets(site.now)[0].len(), HOSTS, "{seed}");
                });
            }
            let serials: Vec<_> = site.binders[0].published.iter().map(|(_, p)| p.serial).collect();
            let last = serials[serials.len() - 5..].to_vec();
            assert!(last.iter().all(|serial| *serial == last[0]), "seed {seed}: {serials:?}");
        }
    }
}

#[test]
fn only_who_died_meanwhile_is_gone_after_it() {
    for policy in [at_once(), on_timer()] {
        for seed in 0..20 {
            let mut site = site(seed, policy.clone());
            let mut rng = fastrand::Rng::with_seed(seed);
            site.crash_binder(0);
            site.set_server(1, "http", Server::Killed);
            site.run_for(millis(rng.u64(..20_000)));
            let restarted = site.now;
            site.restart_binder(0);
            site.run_for(10 * SECOND);
            assert_eq!(site.binders[0].answers("http"), addresses([0, 2, 3]), "seed {seed}");
            assert_eq!(site.binders[0].removals(restarted).len(), 1, "seed {seed}");
            assert!(site.binders[0].serials_rise(), "seed {seed}");
        }
    }
}

#[test]
fn a_crash_in_mid_churn_takes_no_serial_back() {
    for seed in 0..20 {
        let mut site = site(seed, at_once());
        let mut rng = fastrand::Rng::with_seed(seed);
        for _ in 0..30 {
            let server = [Server::Killed, Server::Up][rng.usize(..2)];
            site.set_server(rng.usize(..HOSTS), "http", server);
            site.run_for(millis(rng.u64(..700)));
            site.crash_binder(0);
            site.run_for(millis(rng.u64(..700)));
            site.restart_binder(0);
        }
        (0..HOSTS).for_each(|host| site.set_server(host, "http", Server::Up));
        site.run_for(MINUTE + Duration::from_secs(2));
        assert_eq!(site.binders[0].answers("http"), addresses(0..HOSTS), "seed {seed}");
        assert!(site.binders[0].serials_rise(), "seed {seed}");
    }
}
