//! Whatever dies: an answer once given is never an empty one, and serials rise.

use std::time::Duration;

use rais_proto::policy::{React, ServicePolicy, WhenNone};

use crate::model::{Server, Site, own_service};
use crate::scene::{INTERVAL, MINUTE, SECOND, addresses, at_once, millis, plan};

const HOSTS: usize = 4;

fn site(seed: u64, policy: ServicePolicy) -> Site {
    let mut site = Site::new(seed);
    site.add_binder(&[("http", policy)]);
    for host in 0..HOSTS {
        site.add_host(plan(host, own_service("http", INTERVAL)));
    }
    site
}

/// Something befalls somebody.
fn befall(site: &mut Site, rng: &mut fastrand::Rng) {
    let host = rng.usize(..HOSTS);
    let on = site.hosts[host].is_on();
    match rng.u8(..12) {
        0 | 1 => site.set_server(host, "http", Server::Killed),
        2 => site.set_server(host, "http", Server::Hung),
        3 | 4 => site.set_server(host, "http", Server::Up),
        5 if on => site.kill_host(host),
        6 if on => site.shut_down(host),
        5..=8 if !on => site.start_host(host),
        7 => (0..HOSTS).for_each(|host| site.set_server(host, "http", Server::Killed)),
        8 => site.network.cut(0..HOSTS, 0),
        9 => site.network.loss = rng.f64() * 0.9,
        _ => {
            site.network.heal();
            site.network.loss = 0.0;
        }
    }
}

#[test]
fn an_answer_is_never_empty_and_serials_rise() {
    let on_timer = ServicePolicy { react: React::OnTimer, interval: 2 * SECOND, ..at_once() };
    for policy in [at_once(), on_timer, ServicePolicy { when_none: WhenNone::All, ..at_once() }] {
        let mut publications = 0;
        for seed in 0..12 {
            let mut site = site(seed, policy.clone());
            site.run_for(10 * SECOND);
            assert_eq!(site.binders[0].answers("http"), addresses(0..HOSTS));
            let mut rng = fastrand::Rng::with_seed(seed);
            for _ in 0..60 {
                befall(&mut site, &mut rng);
                let end = site.now + millis(rng.u64(..6000));
                site.watch_until(end, |site| {
                    let set = &site.binders[0].sets(site.now)[0];
                    // With `all`, nobody is known any more once all have said goodbye.
                    let nobody = policy.when_none == WhenNone::All && set.is_empty();
                    assert!(!set.is_empty() || nobody, "seed {seed}, {:?}", site.now);
                });
            }
            assert!(site.binders[0].serials_rise(), "seed {seed}");
            publications += site.binders[0].published.len();
        }
        assert!(publications > 50, "{publications}: little happened");
    }
}

#[test]
fn it_is_empty_where_that_is_asked_for_and_only_on_evidence() {
    let mut site = site(1, ServicePolicy { when_none: WhenNone::Empty, ..at_once() });
    site.run_for(10 * SECOND);
    (0..HOSTS).for_each(|host| site.kill_host(host));
    site.run_for(60 * MINUTE);
    assert_eq!(site.binders[0].answers("http"), addresses(0..HOSTS), "deaf, not empty");
    (0..HOSTS).for_each(|host| site.start_host(host));
    site.run_for(10 * SECOND);
    (0..HOSTS).for_each(|host| site.set_server(host, "http", Server::Killed));
    site.run_for(Duration::from_secs(2));
    assert_eq!(site.binders[0].answers("http"), addresses(0..0));
}
