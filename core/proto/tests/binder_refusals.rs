//! Whose beats are refused, and why: what is told of it, and how often, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::signed::{Sent, keyed, limited};
use common::{World, address, report, service};
use rais_proto::binder::{BinderConfig, Output};
use rais_proto::heartbeat::key::{Key, KeyLimits};
use rais_proto::heartbeat::{Report, State, codec};

const SECOND: Duration = Duration::from_secs(1);

/// A binder, and host 1, which beats once a second and is told of.
struct Site {
    world: World,
    sequence: u64,
}

impl Site {
    fn new(config: BinderConfig) -> Site {
        Site { world: World::new(config), sequence: 0 }
    }

    /// Host 1 says this for so many seconds; gives what was told of it.
    fn hear(&mut self, seconds: u64, reports: &[Report]) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..seconds {
            self.sequence += 1;
            Sent { reports: reports.to_vec(), ..Sent::own(self.sequence) }.to(&mut self.world);
            while let Some(output) = self.world.binder.poll_output() {
                told.extend(match output {
                    Output::Refused { cause: Some(cause), .. } => Some(cause.to_string()),
                    Output::Refused { refusal, .. } => Some(refusal.to_string()),
                    _ => None,
                });
            }
            self.world.pass(SECOND);
        }
        told
    }

    fn reload(&mut self, keys: &[(u8, KeyLimits)]) {
        self.world.binder.handle_config(self.world.now, keyed(keys));
    }
}

fn any() -> KeyLimits {
    KeyLimits::default()
}

fn www() -> Report {
    report(1, State::Up, None)
}

fn news() -> Report {
    Report { service: service("news"), ..www() }
}

fn for_services(names: &[&str]) -> KeyLimits {
    KeyLimits { services: Some(names.iter().map(|name| service(name)).collect()), ..any() }
}

#[test]
fn an_unknown_key_is_named_and_told_of_whenever_it_begins_anew() {
    let mut site = Site::new(keyed(&[(9, any())]));
    let key = Key::new([1; 32], any()).id();
    let unknown = format!("signed with the key {key}, which is not in the key ring");
    let is_told = |told: &[String]| matches!(told, [one] if one.contains(&unknown));
    assert!(is_told(&site.hear(100, &[www()])));
    for _ in 0..3 {
        site.reload(&[(9, any()), (1, any())]);
        assert_eq!(site.hear(100, &[www()]), [""; 0]);
        site.reload(&[(9, any())]);
        assert!(is_told(&site.hear(100, &[www()])));
    }
}

#[test]
fn each_limit_that_a_beat_is_beyond_is_told() {
    let mut site = Site::new(keyed(&[(1, for_services(&["news"]))]));
    let told = site.hear(100, &[www()]);
    assert!(matches!(&told[..], [one] if one.contains("the service `http`")), "{told:?}");
    site.reload(&[(1, limited(&["host1"], Some(&["192.0.2.8/29"])))]);
    let told = site.hear(100, &[www()]);
    assert!(matches!(&told[..], [one] if one.contains("the address 192.0.2.1")), "{told:?}");
    site.reload(&[(1, limited(&["host2"], None))]);
    let told = site.hear(100, &[www()]);
    assert!(matches!(&told[..], [one] if one.contains("limited to other hosts")), "{told:?}");
    // It is heard, and what is beyond the key then is what was before.
    site.reload(&[(1, any())]);
    assert_eq!(site.hear(100, &[www()]), [""; 0]);
    site.reload(&[(1, for_services(&["news"]))]);
    assert_eq!(site.hear(100, &[www()]).len(), 1);
}

#[test]
fn a_service_that_is_beyond_the_key_all_the_time_is_told_of_once() {
    let mut site = Site::new(keyed(&[(1, for_services(&["http"]))]));
    let mut told = Vec::new();
    for _ in 0..50 {
        told.extend(site.hear(1, &[news()]));
        told.extend(site.hear(40, &[www()]));
    }
    assert_eq!(told.len(), 1, "{told:?}");
    site.reload(&[(1, any())]);
    assert_eq!(site.hear(20, &[www(), news()]), [""; 0]);
    site.reload(&[(1, for_services(&["http"]))]);
    assert_eq!(site.hear(20, &[news()]).len(), 1);
}

#[test]
fn another_cluster_is_named() {
    let mut world = World::new(keyed(&[(1, any())]));
    let theirs = world.datagram(1, vec![www()]);
    let beat = codec::open(&theirs, &common::config(&[]).trust).unwrap().beat;
    let other = codec::encode(&beat, &"other".parse().unwrap(), None).unwrap();
    world.deliver(1, &other);
    let told = world.told.iter().find_map(|told| match told {
        Output::Refused { source, cause, .. } => Some((source.ip(), cause.clone()?.to_string())),
        _ => None,
    });
    assert_eq!(told, Some((address(1), "the heartbeat is of the cluster `other`".to_owned())));
}
