//! How long it takes from a death to an answer without the dead, at the defaults.

use std::time::Duration;

use rais_proto::heartbeat::default_expire;
use rais_proto::policy::Verdict;

use crate::model::{Server, Site};
use crate::scene::{INTERVAL, MINUTE, SECOND, address, addresses, millis, settled};

const ROUNDS: u64 = 200;

/// How long `address(1)` is in the answers after `death`: the median and the longest of so many
/// rounds, each of another seed and at another moment.
fn out_after(death: impl Fn(&mut Site)) -> (Duration, Duration) {
    let mut all: Vec<Duration> = (0..ROUNDS)
        .map(|seed| {
            let mut site = settled(seed, 3);
            site.network.delay = Duration::ZERO..=millis(5);
            site.run_for(SECOND + millis(fastrand::Rng::with_seed(seed).u64(..1000)));
            death(&mut site);
            site.run_until_so(|site| !site.binders[0].answers_with("http", address(1)))
        })
        .collect();
    all.sort_unstable();
    (all[all.len() / 2], all[all.len() - 1])
}

#[test]
fn a_killed_server_is_out_within_half_a_second_as_a_rule() {
    let (median, most) = out_after(|site| site.set_server(1, "http", Server::Killed));
    assert!(median <= millis(500), "{median:?}");
    assert!(most <= millis(1000), "{most:?}");
}

#[test]
fn a_hung_server_takes_a_timeout_longer() {
    let (median, most) = out_after(|site| site.set_server(1, "http", Server::Hung));
    assert!(median <= millis(900), "{median:?}");
    assert!(most <= millis(1500), "{most:?}");
}

#[test]
fn a_dead_host_is_out_by_its_expire() {
    let (median, most) = out_after(|site| site.kill_host(1));
    let expire = default_expire(INTERVAL);
    assert!(median > expire - INTERVAL, "{median:?}: sooner than silence can be believed");
    assert!(most <= expire + millis(5), "{most:?}");
}

#[test]
fn a_goodbye_is_out_at_once() {
    let (_, most) = out_after(|site| site.shut_down(1));
    assert!(most <= millis(5), "{most:?}: the way of a datagram");
}

#[test]
fn who_said_goodbye_does_not_come_back_by_itself() {
    let mut site = settled(1, 3);
    site.shut_down(1);
    site.run_for(MINUTE);
    assert!(site.hosts[1].finished);
    let member = &site.binders[0].view(site.now).services[0].members[1];
    assert_eq!(member.verdict, Verdict::Out(rais_proto::heartbeat::State::Leaving));
    assert_eq!(site.binders[0].answers("http"), addresses([0, 2]));
    site.start_host(1);
    site.run_for(SECOND);
    assert_eq!(site.binders[0].answers("http"), addresses(0..3));
}
