//! What the beats say, and when.

use std::time::Duration;

use rais_proto::heartbeat::{Coverage, State, Weight};
use rais_proto::load::Load;
use rais_proto::monitor::{
    AddressSet, LoadKey, LoadScope, LoadSource, Members, ServiceLoad, WatchedTarget,
};
use rais_proto::time::Time;

use crate::stage::{
    SECOND, Server, Stage, config, ip, millis, ms, percent, service, watching, with,
};

const WEB: &str = "192.0.2.1";
const WEB6: &str = "2001:db8::1";

fn up_and_quiet(stage: &mut Stage) {
    stage.run_for(3 * SECOND);
}

#[test]
fn the_first_verdict_is_said_three_times_then_with_every_beat() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    let up = stage.run_until_some(|stage| stage.became(WEB, State::Up, Time::ZERO));
    stage.run_for(millis(1100));
    let line = "http up 192.0.2.1".to_owned();
    assert_eq!(stage.said(up), [0, 20, 40, 500, 1000].map(|at| (at, line.clone())));
    assert_eq!(stage.beats[0].0, up, "nothing is said before anything is known");
}

#[test]
fn a_beat_carries_what_the_service_is_configured_with() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    up_and_quiet(&mut stage);
    let (_, beat) = stage.beats.last().unwrap();
    let report = &beat.reports[0];
    assert_eq!(report.interval, millis(500));
    assert_eq!(report.expire, millis(1650));
    assert_eq!(report.coverage, Coverage::Whole);
    assert_eq!(report.weight, Weight::USUAL);
    assert_eq!(report.load, None);
    assert_eq!(beat.host_name.as_str(), "web1");
    assert_eq!(beat.wall.as_unix_secs(), 1_700_000_000);
}

#[test]
fn a_change_is_said_at_once_with_the_whole_service_and_its_reason() {
    let mut stage = Stage::with_own(config(), &[WEB, WEB6]);
    up_and_quiet(&mut stage);
    let from = stage.now;
    stage.set(WEB6, Server::Refuses(1));
    let down = stage.run_until_some(|stage| stage.became(WEB6, State::Down, from));
    stage.run_for(millis(450));
    let line = "http up 192.0.2.1; http down 2001:db8::1 (connection refused)".to_owned();
    assert_eq!(stage.said(down), [0, 20, 40, 400].map(|at| (at, line.clone())));
}

#[test]
fn changes_within_a_repetition_are_said_together() {
    let mut stage = Stage::with_own(config(), &[WEB, WEB6]);
    up_and_quiet(&mut stage);
    let from = stage.now;
    stage.set(WEB, Server::Refuses(1));
    stage.set(WEB6, Server::Refuses(11));
    let down = stage.run_until_some(|stage| stage.became(WEB, State::Down, from));
    stage.run_for(millis(200));
    let one = "http up 2001:db8::1; http down 192.0.2.1 (connection refused)";
    let both = "http down 192.0.2.1 2001:db8::1 (connection refused)";
    let expected = [(0, one), (10, both), (30, both), (50, both)];
    assert_eq!(stage.said(down), expected.map(|(at, line)| (at, line.to_owned())));
}

#[test]
fn an_address_that_hangs_holds_the_beat_back_by_the_timeout_and_no_more() {
    let mut stage = Stage::with_own(config(), &[WEB, WEB6]);
    stage.set(WEB6, Server::Hangs);
    stage.run_for(5 * SECOND);
    let from = stage.now;
    stage.run_for(2 * SECOND);
    let rounds: Vec<u64> =
        stage.started(WEB).into_iter().filter(|&at| at >= ms(from) - 400).collect();
    let beats: Vec<u64> = stage.said(from).iter().map(|(at, _)| at + ms(from)).collect();
    assert_eq!(beats.len(), 4);
    assert!(
        beats.iter().zip(&rounds).all(|(beat, round)| *beat == round + 400),
        "{beats:?} {rounds:?}"
    );
}

#[test]
fn a_slow_target_never_delays_another() {
    let watched = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    let mut stage = Stage::new(with(vec![watching("mail", &watched)]));
    stage.set("192.0.2.2", Server::Hangs);
    stage.run_for(10 * SECOND);
    for address in ["192.0.2.1", "192.0.2.3"] {
        let started = stage.started(address);
        assert!(started.windows(2).all(|pair| pair[1] - pair[0] == 500), "{started:?}");
    }
}

#[test]
fn watched_targets_start_spread_over_the_interval_and_are_told_one_by_one() {
    let addresses: Vec<String> = (1..=10).map(|n| format!("192.0.2.{n}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut stage = Stage::new(with(vec![watching("mail", &addresses)]));
    stage.run_for(millis(500));
    for (place, address) in (0..).zip(&addresses) {
        let first = stage.started(address)[0];
        assert!((place * 50..=place * 50 + 50).contains(&first), "{address} at {first}");
    }
    stage.run_for(SECOND);
    let reports: Vec<_> = stage.beats.iter().flat_map(|(_, beat)| &beat.reports).collect();
    assert!(reports.iter().all(|report| report.coverage == Coverage::Part));
    let first: Vec<_> = stage.said(Time::ZERO).into_iter().take(1).collect();
    assert_eq!(first[0].1, "watched mail up 192.0.2.1");
}

#[test]
fn a_watched_target_has_its_own_weight() {
    let heavy = WatchedTarget {
        address: ip("192.0.2.9"),
        name: Some("web9".into()),
        weight: Weight::from_percent(50),
    };
    let light = WatchedTarget { address: ip("192.0.2.8"), name: None, weight: None };
    let mut mail = watching("mail", &[]);
    mail.members = Members::Watched(vec![heavy, light]);
    let mut stage = Stage::new(with(vec![mail]));
    stage.run_for(2 * SECOND);
    let weight_of = |address: &str| {
        let reports = stage.beats.iter().flat_map(|(_, beat)| &beat.reports);
        let of = |report: &&rais_proto::heartbeat::Report| report.addresses.contains(&ip(address));
        reports.rev().find(of).unwrap().weight.as_percent()
    };
    assert_eq!((weight_of("192.0.2.9"), weight_of("192.0.2.8")), (50, 100));
}

#[test]
fn regular_datagrams_are_75_ms_apart_and_shared() {
    let services = (0..8).map(|n| {
        let mut one = service(&format!("s{n}"));
        one.jitter_percent = 10;
        one
    });
    let mut stage = Stage::with_own(with(services.collect()), &[WEB]);
    up_and_quiet(&mut stage);
    let from = stage.now;
    stage.run_for(20 * SECOND);
    let beats: Vec<_> = stage.beats.iter().filter(|(at, _)| *at >= from).collect();
    assert!(beats.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= millis(75)));
    assert!(beats.iter().any(|(_, beat)| beat.reports.len() > 1));
    let reports: usize = beats.iter().map(|(_, beat)| beat.reports.len()).sum();
    assert!((8 * 38..=8 * 42).contains(&reports), "each service once an interval: {reports}");
}

#[test]
fn one_probe_of_a_local_address_speaks_for_all() {
    let mut http = service("http");
    http.members = Members::Own { addresses: AddressSet::Host, probe_at: Some(ip("127.0.0.1")) };
    let mut stage = Stage::with_own(with(vec![http]), &[WEB, WEB6]);
    up_and_quiet(&mut stage);
    assert!(stage.starts.iter().all(|start| start.address == ip("127.0.0.1")));
    assert_eq!(text_of_last(&stage), "http up 192.0.2.1 2001:db8::1");
    let from = stage.now;
    stage.set("127.0.0.1", Server::Refuses(1));
    stage.run_until_some(|stage| stage.became(WEB6, State::Down, from));
    assert_eq!(stage.became(WEB, State::Down, from), Some(stage.now));
    assert_eq!(text_of_last(&stage), "http down 192.0.2.1 2001:db8::1 (connection refused)");
}

fn text_of_last(stage: &Stage) -> String {
    crate::stage::text(&stage.beats.last().unwrap().1.reports)
}

#[test]
fn the_load_is_the_mean_over_the_sample_and_no_reading_no_load() {
    let cpu = LoadKey(3);
    let mut http = service("http");
    http.load = Some(ServiceLoad::One(cpu));
    let mut config = with(vec![http]);
    config.loads = vec![LoadSource { key: cpu, every: SECOND, scope: LoadScope::Host }];
    let mut stage = Stage::with_own(config, &[WEB]);
    up_and_quiet(&mut stage);
    let load = |stage: &Stage| stage.beats.last().unwrap().1.reports[0].load;
    assert_eq!(load(&stage), None);
    stage.reads(cpu, |_| percent(20));
    stage.run_for(20 * SECOND);
    assert_eq!(load(&stage), Some(Load::from_hundredths(2000)));
    stage.reads(cpu, |_| percent(60));
    stage.run_for(millis(5500));
    assert_eq!(load(&stage), Some(Load::from_hundredths(4000)), "half of ten seconds");
    let times: Vec<u64> = stage.samples.iter().map(|&(at, _)| ms(at)).collect();
    assert_eq!(times[..4], [0, 1000, 2000, 3000]);
    stage.readings.remove(&cpu);
    stage.run_for(12 * SECOND);
    assert_eq!(load(&stage), None);
}

#[test]
fn goodbye_is_said_three_times_and_ends() {
    let mut stage = Stage::new(with(vec![service("http"), watching("mail", &["192.0.2.9"])]));
    stage.own(&[WEB, WEB6]);
    up_and_quiet(&mut stage);
    stage.set(WEB, Server::Hangs);
    let from = stage.now;
    let count = stage.starts.len();
    stage.run_until_some(|stage| {
        let last = stage.starts.last()?;
        (stage.starts.len() > count && last.address == ip(WEB)).then_some(())
    });
    assert!(stage.now > from);
    let at = stage.now;
    let hanging = stage.starts.iter().rfind(|start| start.address == ip(WEB)).unwrap().id;
    stage.shut_down();
    assert!(stage.cancelled.contains(&(at, hanging)));
    let goodbye: Vec<_> =
        stage.said(at).into_iter().filter(|(_, said)| said.contains("leaving")).collect();
    assert_eq!(goodbye.len(), 1);
    let starts = stage.starts.len();
    stage.run_for(60 * SECOND);
    let line = "http leaving 192.0.2.1 2001:db8::1 (goodbye); \
        watched mail leaving 192.0.2.9 (no longer watched: goodbye of the watcher)";
    let said: Vec<_> =
        stage.said(at).into_iter().filter(|(_, said)| said.contains("leaving")).collect();
    assert_eq!(said, [0, 20, 40].map(|at| (at, line.to_owned())));
    assert_eq!(stage.finished, Some(at + millis(40)));
    assert_eq!(stage.starts.len(), starts, "nothing is probed any more");
    assert_eq!(stage.monitor.poll_timeout(), None);
}

#[test]
fn who_has_said_nothing_needs_no_goodbye() {
    let mut stage = Stage::with_own(config(), &[]);
    stage.run_for(3 * SECOND);
    stage.shut_down();
    assert_eq!(stage.finished, Some(stage.now));
    assert_eq!(stage.beats, []);
}

#[test]
fn the_papers_intervals_keep_their_mean() {
    let mut http = service("http");
    http.interval = Duration::from_secs(60);
    http.jitter_percent = 10;
    let mut stage = Stage::with_own(with(vec![http]), &[WEB]);
    stage.run_for(86_400 * SECOND);
    let rounds = stage.starts.len();
    // Of 1440 jittered by 10 % the sum strays by some 0.15 %: a drift would show.
    assert!((1430..=1450).contains(&rounds), "{rounds}");
}
