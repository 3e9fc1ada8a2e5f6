//! A binder dies in mid-run and comes back with what it stored.

use std::time::Duration;

use rais_proto::heartbeat::State;
use rais_proto::policy::{React, ServicePolicy, Verdict};

use crate::model::{Server, Site, Storing, own_service, watching_service};
use crate::scene::{INTERVAL, MINUTE, SECOND, address, addresses, at_once, millis, plan, settle};

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

/// Hosts 0 to 2 announce a machine beside them in place of themselves, and no binder hears when.
fn turn_to_targets(site: &mut Site) {
    for host in 0..3 {
        site.set_services(host, vec![watching_service("http", INTERVAL, address(host + 100))]);
    }
    site.run_for(10 * SECOND);
}

#[test]
fn what_hosts_announced_before_and_no_more_is_gone_after_it() {
    for seed in 0..20 {
        let mut site = site(seed, at_once());
        site.network.loss = 0.02;
        site.crash_binder(0);
        turn_to_targets(&mut site);
        site.restart_binder(0);
        site.run_for(20 * SECOND);
        assert_eq!(site.binders[0].answers("http"), addresses([3, 100, 101, 102]), "seed {seed}");
        let members = &site.binders[0].view(site.now).services[0].members;
        assert!(members.iter().all(|member| member.verdict != Verdict::Held), "{members:?}");
    }
}

#[test]
fn nor_is_it_held_where_the_binder_was_cut_off_meanwhile() {
    for seed in 0..20 {
        let mut site = site(seed, at_once());
        site.network.cut(0..HOSTS, 0);
        site.run_for(10 * SECOND);
        turn_to_targets(&mut site);
        site.network.heal();
        site.run_for(5 * SECOND);
        assert_eq!(site.binders[0].answers("http"), addresses([3, 100, 101, 102]), "seed {seed}");
        let members = &site.binders[0].view(site.now).services[0].members;
        // One that is silent alone is out at once, whatever its host has to say.
        let is_out = |verdict| matches!(verdict, Verdict::Out(State::Leaving) | Verdict::Expired);
        assert!(members[..3].iter().all(|member| is_out(member.verdict)), "{members:?}");
    }
}
