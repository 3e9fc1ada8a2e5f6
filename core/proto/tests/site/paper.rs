//! The paper's site at its true intervals.

use std::net::IpAddr;
use std::time::Duration;

use rais_proto::binder::view::Alarm;
use rais_proto::time::Time;

use crate::model::{Reading, Server, Site, paper};
use crate::scene::millis;

/// Of the example site (Fig. 2).
fn server(n: u8) -> IpAddr {
    IpAddr::from([129, 144, 168, n])
}

fn servers(all: &[u8]) -> Vec<IpAddr> {
    all.iter().copied().map(server).collect()
}

/// Of the second network, which is excluded.
fn management(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

fn host(n: u8) -> Vec<IpAddr> {
    paper::not_excluded(&[server(n), management(n)])
}

/// Its three hosts and two binders.
fn site(seed: u64) -> Site {
    let mut site = Site::new(seed);
    for _ in 0..2 {
        site.add_binder(&paper::binder());
    }
    for n in 1..=3 {
        site.add_host(paper::host(host(n)));
    }
    site
}

/// Up to just before the update at `secs`, and after it: both name servers' answers.
fn around_update(site: &mut Site, secs: u64, name: &str) -> [Vec<IpAddr>; 2] {
    let update = Time::from_secs(secs);
    [update - millis(1), update].map(|at| {
        site.run_until(at);
        let [one, other] = [0, 1].map(|binder| site.binders[binder].answers(name));
        assert_eq!(one, other);
        one
    })
}

#[test]
fn a_zone_begins_with_the_first_update() {
    let mut site = site(1);
    assert_eq!(around_update(&mut site, 120, "http"), [vec![], servers(&[1, 2, 3])]);
    assert_eq!(around_update(&mut site, 240, "news"), [vec![], servers(&[1, 2, 3])]);
}

#[test]
fn a_killed_server_is_gone_with_the_next_update_and_a_returned_one_is_back() {
    for seed in 0..20 {
        let mut site = site(seed);
        site.run_until(Time::from_secs(240));
        site.set_server(1, "http", Server::Killed);
        assert_eq!(around_update(&mut site, 360, "http"), [servers(&[1, 2, 3]), servers(&[1, 3])]);
        site.set_server(1, "http", Server::Up);
        assert_eq!(around_update(&mut site, 480, "http"), [servers(&[1, 3]), servers(&[1, 2, 3])]);
        // Its other service was none the wiser.
        assert_eq!(around_update(&mut site, 480, "news")[1], servers(&[1, 2, 3]));
        assert_eq!(site.binders[0].published.len(), 4);
    }
}

#[test]
fn a_dead_host_is_gone_from_both_zones() {
    let mut site = site(2);
    site.run_until(Time::from_secs(480));
    site.kill_host(2);
    assert_eq!(around_update(&mut site, 600, "http"), [servers(&[1, 2, 3]), servers(&[1, 2])]);
    assert_eq!(around_update(&mut site, 720, "news"), [servers(&[1, 2, 3]), servers(&[1, 2])]);
}

#[test]
fn a_new_host_and_a_new_address_appear_by_themselves() {
    let mut site = site(3);
    site.run_until(Time::from_secs(240));
    site.add_host(paper::host(host(4)));
    assert_eq!(
        around_update(&mut site, 360, "http"),
        [servers(&[1, 2, 3]), servers(&[1, 2, 3, 4])]
    );
    assert_eq!(around_update(&mut site, 480, "news")[1], servers(&[1, 2, 3, 4]));
    site.set_addresses(0, &paper::not_excluded(&[server(1), management(1), server(5)]));
    assert_eq!(
        around_update(&mut site, 600, "http"),
        [servers(&[1, 2, 3, 4]), servers(&[1, 2, 3, 4, 5])]
    );
    assert_eq!(around_update(&mut site, 720, "news")[1], servers(&[1, 2, 3, 4, 5]));
}

#[test]
fn an_excluded_address_never_appears() {
    let mut site = site(4);
    site.run_until(Time::from_secs(300));
    site.set_addresses(2, &paper::not_excluded(&[management(33), server(3), management(34)]));
    site.run_until(Time::from_secs(3600));
    for binder in &site.binders {
        let named = binder.published.iter().flat_map(|(_, publication)| &publication.services);
        for published in named.flat_map(|(_, published)| published) {
            assert!(!published.address.to_string().starts_with("192.0.2."), "{published:?}");
        }
        assert_eq!(binder.answers("http"), servers(&[1, 2, 3]));
    }
}

#[test]
fn the_worked_example() {
    let mut site = site(5);
    site.add_host(paper::host(host(4)));
    for (at, load) in [10.0, 65.0, 70.0, 80.0].into_iter().enumerate() {
        site.set_load(at, paper::CPU, Reading::Steady(load));
    }
    site.run_until(Time::from_secs(240));
    // max 60, min 2; and with Fig. 8's minimum of 1 for the other service, the first alone.
    assert_eq!(site.binders[0].answers("news"), servers(&[1, 2]));
    assert_eq!(site.binders[0].answers("http"), servers(&[1]));
    // Loads and ties never churn it.
    site.run_for(Duration::from_secs(24 * 3600));
    assert_eq!(site.binders[0].answers("news"), servers(&[1, 2]));
    assert_eq!(site.binders[0].published.len(), 2);
}

#[test]
fn all_silent_and_the_last_set_stays() {
    let mut site = site(6);
    site.run_until(Time::from_secs(240));
    (0..3).for_each(|host| site.kill_host(host));
    site.run_for(Duration::from_secs(24 * 3600));
    for binder in &site.binders {
        assert_eq!(binder.answers("http"), servers(&[1, 2, 3]));
        assert_eq!(binder.answers("news"), servers(&[1, 2, 3]));
        let alarms = binder.alarms(site.now);
        let nobody = alarms.iter().filter(|alarm| matches!(alarm, Alarm::NobodyHeard { .. }));
        assert_eq!(nobody.count(), 2, "{alarms:?}");
    }
}
