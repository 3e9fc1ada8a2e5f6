//! Addresses and configurations that come and go.

use rais_proto::heartbeat::State;
use rais_proto::monitor::{AddressSet, Members, MonitorConfig, ProbeKey, Probes};
use rais_proto::time::Time;

use crate::stage::{SECOND, Server, Stage, config, ip, millis, ms, service, watching, with};

const WEB: &str = "192.0.2.1";
const NEW: &str = "192.0.2.2";

fn lines(at: &[u64], line: &str) -> Vec<(u64, String)> {
    at.iter().map(|&at| (at, line.to_owned())).collect()
}

#[test]
fn a_new_address_is_probed_at_once_and_said_when_known() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.run_for(3 * SECOND);
    let from = stage.now;
    stage.own(&[WEB, NEW, NEW]);
    assert_eq!(stage.started(NEW), [ms(from)]);
    stage.run_for(millis(45));
    let line = "http up 192.0.2.1 192.0.2.2";
    assert_eq!(stage.said(from), lines(&[1, 21, 41], line));
}

#[test]
fn an_address_that_goes_is_left_out_at_once() {
    let mut stage = Stage::with_own(config(), &[WEB, NEW]);
    stage.run_for(3 * SECOND);
    let from = stage.now;
    stage.own(&[NEW]);
    stage.run_for(millis(50));
    let said: Vec<_> = stage.said(from).into_iter().take(3).collect();
    assert_eq!(said, lines(&[0, 20, 40], "http up 192.0.2.2"));
    assert_eq!(stage.became(WEB, State::Leaving, from), Some(from));
    stage.run_for(2 * SECOND);
    assert!(stage.starts.iter().all(|start| start.at <= from || start.address != ip(WEB)));
}

#[test]
fn where_no_address_is_left_the_last_ones_are_said_to_leave() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.run_for(3 * SECOND);
    let from = stage.now;
    stage.own(&[]);
    stage.run_for(5 * SECOND);
    assert_eq!(stage.said(from), lines(&[0, 20, 40], "http leaving 192.0.2.1 (address gone)"));
    let back = stage.now;
    stage.own(&[WEB]);
    stage.run_for(millis(45));
    assert_eq!(stage.said(back), lines(&[1, 21, 41], "http up 192.0.2.1"));
}

#[test]
fn an_address_that_returns_within_its_farewell_is_not_said_to_leave() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.run_for(3 * SECOND);
    let from = stage.now;
    stage.own(&[]);
    stage.run_for(millis(10));
    stage.own(&[WEB]);
    stage.run_for(millis(45));
    let mut expected = lines(&[0], "http leaving 192.0.2.1 (address gone)");
    expected.extend(lines(&[11, 31, 51], "http up 192.0.2.1"));
    assert_eq!(stage.said(from), expected);
}

#[test]
fn of_more_addresses_than_a_datagram_holds_one_that_goes_is_named() {
    let many: Vec<String> = (1..=80).map(|n| format!("2001:db8::{n}")).collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut stage = Stage::with_own(config(), &many);
    stage.run_for(3 * SECOND);
    assert!(stage.beats.last().unwrap().1.reports.iter().all(|r| r.addresses.len() < 80));
    let from = stage.now;
    let gone = many.pop().unwrap();
    stage.own(&many);
    stage.run_for(millis(50));
    let said = stage.said(from);
    let named = format!("http leaving {gone} (address gone)");
    assert_eq!(said.iter().filter(|(_, line)| line.contains(&named)).count(), 3);
}

#[test]
fn a_service_may_have_addresses_of_its_own() {
    let (http, mut news) = (service("http"), service("news"));
    let set = AddressSet::Service(news.name.clone());
    news.members = Members::Own { addresses: set.clone(), probe_at: None };
    let mut stage = Stage::with_own(with(vec![http, news]), &[WEB]);
    stage.monitor.handle_addresses(Time::ZERO, set, &[ip(NEW)]);
    stage.run_for(3 * SECOND);
    let views = stage.monitor.view(stage.now);
    let seen: Vec<_> = views.iter().map(|v| (v.service.as_str(), v.address)).collect();
    assert_eq!(seen, [("http", ip(WEB)), ("news", ip(NEW))]);
    assert!(views.iter().all(|view| view.state == Some(State::Up) && view.in_flight == 0));
    assert!(views.iter().all(|view| view.last_took == Some(millis(1))));
}

/// Runs two stages side by side, one of which is given `change` after three seconds.
fn beside(config: &MonitorConfig, change: impl Fn(&mut Stage)) -> (Stage, Stage) {
    let make = || {
        let mut stage = Stage::with_own(config.clone(), &[WEB]);
        stage.set(NEW, Server::Refuses(1));
        stage.run_for(3 * SECOND);
        stage
    };
    let (mut plain, mut changed) = (make(), make());
    change(&mut changed);
    for stage in [&mut plain, &mut changed] {
        stage.run_for(3 * SECOND);
    }
    (plain, changed)
}

#[test]
fn a_reload_of_the_same_changes_nothing() {
    let config = with(vec![service("http"), watching("mail", &[NEW, "192.0.2.3"])]);
    let (plain, reloaded) = beside(&config, |stage| stage.configure(config.clone()));
    assert_eq!(plain.starts, reloaded.starts);
    assert_eq!(plain.beats, reloaded.beats);
    assert_eq!(plain.changes, reloaded.changes);
}

#[test]
fn a_reload_leaves_the_services_it_does_not_touch_alone() {
    let config = with(vec![service("http"), watching("mail", &[NEW, "192.0.2.3"])]);
    let other = with(vec![service("http"), service("news"), watching("mail", &["192.0.2.3"])]);
    let (plain, reloaded) = beside(&config, |stage| stage.configure(other.clone()));
    let at = Time::from_secs(3);
    assert_eq!(plain.started("192.0.2.3"), reloaded.started("192.0.2.3"));
    assert_eq!(plain.became(WEB, State::Up, at), None);
    let said = reloaded.said(at);
    let gone = "watched mail leaving 192.0.2.2 (no longer watched)";
    let when: Vec<u64> =
        said.iter().filter(|(_, line)| line.contains(gone)).map(|&(at, _)| at).collect();
    assert_eq!(when, [0, 20, 40]);
    assert!(reloaded.started(NEW).iter().all(|&at| at <= 3000));
    assert!(reloaded.became(WEB, State::Up, at).is_some(), "news is new there");
    assert!(said.iter().any(|(_, line)| line.contains("news up 192.0.2.1")));
}

#[test]
fn a_service_that_is_no_longer_configured_says_goodbye() {
    let mut stage = Stage::with_own(with(vec![service("http"), service("news")]), &[WEB]);
    stage.run_for(3 * SECOND);
    let from = stage.now;
    stage.configure(config());
    stage.run_for(5 * SECOND);
    let line = "news leaving 192.0.2.1 (no longer configured)";
    let said: Vec<_> =
        stage.said(from).into_iter().filter(|(_, said)| said.contains("news")).collect();
    assert_eq!(said, lines(&[0, 20, 40], line));
}

#[test]
fn a_changed_probe_starts_afresh_and_keeps_the_health() {
    let mut other = service("http");
    other.probes = Probes::one(ProbeKey(2));
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.set(WEB, Server::Answers(300));
    stage.run_until_some(|s| s.became(WEB, State::Up, Time::ZERO));
    let running =
        stage.run_until_some(|s| s.starts.last().filter(|l| l.at > s.now - millis(1)).cloned());
    let from = stage.now;
    stage.configure(with(vec![other]));
    assert!(stage.cancelled.iter().any(|&(at, id)| (at, id) == (from, running.id)));
    stage.run_for(2 * SECOND);
    assert_eq!(stage.changes.len(), 1, "it stays up: {:?}", stage.changes);
    let after = stage.starts.iter().filter(|start| start.at > from);
    assert!(after.clone().all(|start| start.probe == ProbeKey(2)));
    assert!(after.count() > 3);
}

#[test]
fn a_probe_that_moves_to_the_local_address_keeps_the_health() {
    let mut local = service("http");
    local.members = Members::Own { addresses: AddressSet::Host, probe_at: Some(ip("127.0.0.1")) };
    let mut stage = Stage::with_own(config(), &[WEB, NEW]);
    stage.run_for(3 * SECOND);
    let changes = stage.changes.len();
    stage.configure(with(vec![local]));
    stage.run_for(3 * SECOND);
    stage.configure(config());
    stage.run_for(3 * SECOND);
    assert_eq!(stage.changes.len(), changes);
    assert!(stage.beats.iter().all(|(_, beat)| beat.reports.iter().all(|r| r.state == State::Up)));
}

#[test]
fn a_shorter_interval_holds_at_once() {
    let mut slow = service("http");
    slow.interval = 60 * SECOND;
    let mut stage = Stage::with_own(with(vec![slow]), &[WEB]);
    stage.run_for(3 * SECOND);
    let (from, count) = (ms(stage.now), stage.starts.len());
    stage.configure(config());
    stage.run_for(2 * SECOND);
    let started = &stage.started(WEB)[count..];
    assert!(started[0] <= from + 500);
    assert!(started.windows(2).all(|pair| pair[1] - pair[0] == 500));
}
