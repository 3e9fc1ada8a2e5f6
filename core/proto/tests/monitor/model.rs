//! Whatever servers do: in-order counting as a naive model has it, and every limit kept.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use rais_proto::heartbeat::{Coverage, State};
use rais_proto::monitor::{BACKSTOP, Monitor, Output, ProbeId, ProbeOutcome};
use rais_proto::time::{Time, WallTime};

use crate::stage::{SECOND, Server, Stage, config, ip, millis, service, watching, with};

const WEB: &str = "192.0.2.1";

/// A probe as the model sees it: when it was sent, what it says and when (a stuck one, nothing at
/// the last).
#[derive(Debug, Clone)]
struct Shot {
    sent: Time,
    heard: Time,
    says: char,
}

/// The state at `now`, judged from the beginning by everything heard until then.
fn judge(shots: &[Shot], now: Time, rise: u16, fall: u16) -> Option<State> {
    let mut rows: Vec<(Time, char)> = Vec::new();
    let mut counted = Time::ZERO;
    for (at, shot) in shots.iter().enumerate() {
        // A later success, heard first, discards it.
        let later = shots[at + 1..].iter().filter(|later| later.says == 'u');
        let success = later.map(|later| later.heard).min().filter(|&heard| heard < shot.heard);
        counted = counted.max(success.unwrap_or(shot.heard));
        if counted > now {
            break;
        }
        if success.is_none() {
            rows.push((counted, shot.says));
        }
    }
    let mut known = None;
    let (mut against, mut blind, mut sum) = (0, 0, 0u32);
    // When it fell and rose, and how many minutes of being up took a fall off.
    let (mut falls, mut rose, mut held) = (0u32, Time::ZERO, Time::ZERO);
    for (at, says) in rows {
        if says == 'n' {
            blind += 1;
            continue;
        }
        blind = 0;
        if known == Some('u') {
            sum = if says == 'u' { sum.saturating_sub(1) } else { sum + 2 };
            while says == 'u' && falls > 0 && at.since(rose) >= 60 * SECOND {
                falls -= 1;
                rose = rose + 60 * SECOND;
            }
        }
        against = if known == Some(says) { 0 } else { against + 1 };
        let enough = match says {
            'u' => against >= rise && at >= held,
            _ => against >= fall || (known == Some('u') && sum >= (4 * u32::from(fall)).max(10)),
        };
        if against > 0 && (known.is_none() || enough) {
            if says == 'u' {
                rose = at;
            } else if known == Some('u') {
                falls = (falls + 1).min(9);
                let hold = if falls > 3 { (10 << (falls - 4)).min(300) } else { 0 };
                held = at + Duration::from_secs(hold);
            }
            (known, against, sum) = (Some(says), 0, 0);
        }
    }
    match known {
        None if blind == 0 => None,
        None => Some(State::Unknown),
        Some(_) if blind >= fall => Some(State::Unknown),
        Some('u') => Some(State::Up),
        Some(_) => Some(State::Down),
    }
}

fn any_server() -> impl Strategy<Value = Server> {
    let after = 1u64..450;
    prop_oneof![
        4 => (1u64..80).prop_map(Server::Answers),
        2 => after.clone().prop_map(Server::Answers),
        3 => after.clone().prop_map(Server::Refuses),
        1 => Just(Server::Hangs),
        1 => Just(Server::Sticks),
        1 => after.prop_map(Server::Baffles),
    ]
}

/// Plays one address whose probes find one of `servers` after the other, beside the model.
fn follow(servers: Vec<Server>, rise: u16, fall: u16) -> Result<(), TestCaseError> {
    let mut http = service("http");
    http.rise = rise.try_into().unwrap();
    http.fall = fall.try_into().unwrap();
    let mut monitor = Monitor::new(Time::ZERO, with(vec![http]));
    monitor.handle_addresses(Time::ZERO, rais_proto::monitor::AddressSet::Host, &[ip(WEB)]);
    let mut script = servers.into_iter();
    let mut answers: Vec<(Time, ProbeId, ProbeOutcome)> = Vec::new();
    let mut shots: Vec<Shot> = Vec::new();
    let mut state = None;
    let mut now = Time::ZERO;
    loop {
        while let Some(output) = monitor.poll_output(now, WallTime::default()) {
            match output {
                Output::StartProbe { id, timeout, .. } => {
                    let Some(server) = script.next() else { return Ok(()) };
                    let given_up = now + timeout + BACKSTOP;
                    let mut shot = Shot { sent: now, heard: given_up, says: 'n' };
                    let apart = Duration::from_micros(shots.len() as u64);
                    if let Some((after, outcome)) = server.outcome(timeout) {
                        shot.heard = now + after + apart;
                        shot.says = match outcome {
                            ProbeOutcome::Up(_) => 'u',
                            ProbeOutcome::NoOpinion(_) => 'n',
                            _ => 'd',
                        };
                        answers.push((shot.heard, id, outcome));
                    }
                    shots.push(shot);
                }
                Output::Changed(change) => {
                    prop_assert_eq!(change.from, state);
                    state = Some(change.to);
                }
                _ => {}
            }
        }
        // What is heard at one instant has no order to agree on.
        let mut heard: Vec<Time> = shots.iter().map(|shot| shot.heard).collect();
        heard.sort_unstable();
        prop_assume!(heard.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(state, judge(&shots, now, rise, fall), "{:?}", shots);
        let undecided = shots.iter().enumerate().filter(|&(at, shot)| {
            let discarded = |later: &Shot| later.says == 'u' && later.heard <= now;
            shot.heard > now && !shots[at + 1..].iter().any(discarded)
        });
        prop_assert!(undecided.count() <= usize::from(fall));
        prop_assert!(shots.is_sorted_by_key(|shot| shot.sent));
        let next = answers.iter().map(|answer| answer.0).min();
        now = next.into_iter().chain(monitor.poll_timeout()).min().unwrap().max(now);
        match answers.iter().position(|answer| answer.0 <= now) {
            Some(at) => {
                let (_, id, outcome) = answers.remove(at);
                monitor.handle_probe_result(now, id, outcome);
            }
            None => monitor.handle_timeout(now),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Each probe finds the next of `servers`; the state after each event is the model's.
    #[test]
    fn counts_as_the_naive_model_does(
        servers in prop::collection::vec(any_server(), 1..60),
        rise in 1u16..4,
        fall in 1u16..4,
    ) {
        follow(servers, rise, fall)?;
    }

    /// In every beat (the stage sees to it that none names an address twice) an own service names
    /// all that is known of its addresses, and each in the state last told.
    #[test]
    fn an_own_service_is_told_whole(
        events in prop::collection::vec((0usize..4, any_server(), 1u64..900), 1..25),
        gone in prop::collection::vec((0usize..4, 0usize..25), 0..6),
    ) {
        let own = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
        let watched = watching("mail", &["198.51.100.1", "198.51.100.2"]);
        let mut stage = Stage::with_own(with(vec![service("http"), watched]), &own);
        for (step, (which, server, wait)) in events.into_iter().enumerate() {
            let left: Vec<&str> = own
                .iter()
                .enumerate()
                .filter(|(at, _)| !gone.contains(&(*at, step)))
                .map(|(_, address)| *address)
                .collect();
            stage.own(&left);
            stage.set(own[which], server);
            stage.run_for(millis(wait));
        }
        stage.run_for(SECOND);
        let mut known = BTreeMap::new();
        let mut told_before = 0;
        for ((_, beat), &told_by) in stage.beats.iter().zip(&stage.told_by) {
            for (_, change) in &stage.changes[told_before..told_by] {
                if change.service.as_str() == "http" {
                    match change.to {
                        State::Leaving => known.remove(&change.address),
                        to => known.insert(change.address, to),
                    };
                }
            }
            told_before = told_by;
            let told: BTreeMap<_, _> = beat
                .reports
                .iter()
                .filter(|report| report.coverage == Coverage::Whole)
                .flat_map(|report| report.addresses.iter().map(|&at| (at, report.state)))
                .collect();
            if !told.is_empty() {
                prop_assert_eq!(&told, &known);
            }
        }
    }

    /// Results that come twice, late or of nobody do no harm.
    #[test]
    fn stray_results_are_not_looked_at(ids in prop::collection::vec(0u64..40, 0..80)) {
        let mut plain = Stage::with_own(config(), &[WEB]);
        let mut strayed = Stage::with_own(config(), &[WEB]);
        for id in ids {
            for stage in [&mut plain, &mut strayed] {
                stage.run_for(millis(50));
            }
            let running = strayed.monitor.view(strayed.now)[0].in_flight > 0;
            let latest = strayed.starts.last().is_some_and(|start| start.id == ProbeId(id));
            if !(running && latest) {
                let outcome = ProbeOutcome::Down(rais_proto::heartbeat::Reason::new("stray"));
                strayed.monitor.handle_probe_result(strayed.now, ProbeId(id), outcome);
            }
        }
        prop_assert_eq!(plain.beats, strayed.beats);
        prop_assert_eq!(plain.starts, strayed.starts);
    }
}
