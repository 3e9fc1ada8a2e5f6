//! Hosts and binders lose sight of each other.

use std::time::Duration;

use rais_proto::binder::view::Alarm;
use rais_proto::policy::Verdict;

use crate::model::Site;
use crate::scene::{INTERVAL, MINUTE, SECOND, address, addresses, settled, settled_at};

/// An interval, its jitter, and the way.
fn one_interval(site: &mut Site) {
    site.run_for(INTERVAL + INTERVAL / 10 + *site.network.delay.end());
}

fn verdicts(site: &Site) -> Vec<Verdict> {
    site.binders[0].view(site.now).services[0].members.iter().map(|m| m.verdict).collect()
}

#[test]
fn a_binder_that_hears_nobody_freezes_and_is_healed_within_an_interval() {
    for seed in 0..10 {
        let mut site = settled_at(seed, 4, 2, INTERVAL);
        let published = site.binders[0].published.len();
        site.network.cut(0..4, 0);
        site.run_for(2 * MINUTE);
        let deaf = |alarm: &Alarm| matches!(alarm, Alarm::Deaf { .. });
        assert!(site.binders[0].alarms(site.now).iter().any(deaf), "seed {seed}");
        assert!(verdicts(&site).iter().all(|&v| v == Verdict::Frozen), "seed {seed}");
        site.network.heal();
        one_interval(&mut site);
        assert!(site.binders[0].alarms(site.now).is_empty(), "seed {seed}");
        for host in &site.hosts {
            assert!(site.binders[0].heard_ago(site.now, host.id).unwrap() <= INTERVAL * 2);
        }
        site.run_for(MINUTE);
        assert_eq!(verdicts(&site), [Verdict::In; 4], "seed {seed}");
        assert_eq!(site.binders[0].published.len(), published, "seed {seed}: it never flapped");
        assert_eq!(site.binders[1].published.len(), published, "seed {seed}: nor the other");
    }
}

#[test]
fn most_hosts_cut_off_are_held_and_nobody_was_removed() {
    for seed in 0..10 {
        let mut site = settled(seed, 5);
        let from = site.now;
        site.network.cut(0..3, 0);
        site.run_for(MINUTE);
        let alarms = site.binders[0].alarms(site.now);
        assert!(
            alarms.iter().any(|a| matches!(a, Alarm::Held { members, .. } if members.len() == 3)),
            "seed {seed}: {alarms:?}"
        );
        site.network.heal();
        one_interval(&mut site);
        assert!(site.binders[0].alarms(site.now).iter().all(|a| !matches!(a, Alarm::Deaf { .. })));
        site.run_for(MINUTE);
        assert_eq!(verdicts(&site), [Verdict::In; 5], "seed {seed}");
        assert!(site.binders[0].alarms(site.now).is_empty(), "seed {seed}");
        assert_eq!(site.binders[0].removals(from), [], "seed {seed}: it never flapped");
    }
}

#[test]
fn one_host_cut_off_is_out_and_comes_back() {
    let mut site = settled(3, 4);
    site.network.cut([2], 0);
    site.run_for(2 * SECOND);
    assert_eq!(site.binders[0].answers("http"), addresses([0, 1, 3]));
    site.network.heal();
    let host = site.hosts[2].id;
    site.run_until_so(|site| site.binders[0].heard_ago(site.now, host) == Some(Duration::ZERO));
    assert_eq!(verdicts(&site)[2], Verdict::Reviving, "one beat is not enough");
    one_interval(&mut site);
    assert!(site.binders[0].answers_with("http", address(2)), "after two beats");
}
