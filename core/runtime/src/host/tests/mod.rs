//! Plugins that misbehave, each beside one that does not.
//!
//! A gate holds a call up until its test opens it: nothing here depends on how fast a machine is.

mod plugins;

use std::net::{SocketAddr, TcpListener, TcpStream as StdStream};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use nix::sys::socket::{Backlog, listen};
use rais_sdk::{FaultKind, Subject, Target, ZoneHead};
use serde_json::json;

use self::plugins::{BEGUN, DROPPED, Gate};
use super::*;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);
/// For a call that is meant to run into it.
const SHORT: Duration = Duration::from_millis(50);

/// A host that looks at its plugins all the time, so that no test waits for a second to pass.
fn host() -> PluginHost {
    let patience = Patience {
        look: Duration::from_millis(1),
        stuck: Duration::from_millis(5),
        ..Patience::default()
    };
    PluginHost::with(
        Registry::built_in().unwrap(),
        Foreign::AsConfigured,
        Program::this(),
        patience,
    )
    .unwrap()
}

fn table(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(table) => table,
        other => panic!("{other} is no table"),
    }
}

fn gate_table(gate: &str) -> Map<String, Value> {
    table(json!({ "gate": gate }))
}

/// For tables in which no path stands.
fn here() -> &'static Path {
    Path::new("")
}

fn target(address: SocketAddr) -> Target {
    Target::new(address, "web1", "http")
}

fn nowhere() -> Target {
    target(([127, 0, 0, 1], 9).into())
}

/// Waits until the row of the plugin satisfies `is`.
async fn until_state(host: &PluginHost, kind: Kind, name: &str, is: fn(&PluginState) -> bool) {
    loop {
        let rows = host.list();
        let row = rows.iter().find(|row| row.kind == kind && row.name == name).unwrap();
        if is(&row.state) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn is_stuck(state: &PluginState) -> bool {
    matches!(state, PluginState::Stuck { calls: 1.. })
}

fn is_at_rest(state: &PluginState) -> bool {
    *state == PluginState::Ready { calls: 0 }
}

#[tokio::test]
async fn a_probe_that_blocks_its_lane_delays_no_other_plugin() {
    let host = host();
    let gate = Gate::of("delays no other");
    let blocking = host.probe("blocks", &gate_table("delays no other"), here()).unwrap();
    let connect = host.probe("connect", &Map::new(), here()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();

    let blocked = blocking.probe(nowhere(), LONG);
    gate.wait_inside(1);
    // Each of these ends while the other plugin's lane cannot move.
    for _ in 0..100 {
        let up = connect.probe(target(listener.local_addr().unwrap()), LONG).await.unwrap();
        assert!(up.took < LONG);
    }
    gate.open();
    blocked.await.unwrap();
}

#[tokio::test]
async fn a_stuck_lane_is_reported_and_its_probes_end_without_an_opinion() {
    let host = host();
    let gate = Gate::of("is reported");
    let probe = host.probe("blocks-too", &gate_table("is reported"), here()).unwrap();
    let fault = probe.probe(nowhere(), SHORT).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    assert!(fault.text.contains("`blocks-too` blocks its thread"), "{fault}");

    until_state(&host, Kind::Probe, "blocks-too", is_stuck).await;
    gate.open();
    until_state(&host, Kind::Probe, "blocks-too", is_at_rest).await;
    probe.probe(nowhere(), LONG).await.unwrap();
}

#[tokio::test]
async fn a_probe_that_does_not_end_is_ended_in_its_phase_and_on_its_lane() {
    let host = host();
    let probe = host.probe("endless", &Map::new(), here()).unwrap();
    let (dropped, was_dropped) = mpsc::channel();
    let (begun, has_begun) = mpsc::channel();
    *DROPPED.lock().unwrap() = Some(dropped);
    *BEGUN.lock().unwrap() = Some(begun);

    // The host's own limit counts from the first look at the answer, which is after the end here.
    let answer = probe.probe(nowhere(), SHORT);
    assert_eq!(was_dropped.recv().unwrap(), "probe-endless");
    let fault = answer.await.unwrap_err();
    assert_eq!((fault.kind, &*fault.at), (FaultKind::Timeout, "waiting for nothing"));
    has_begun.recv().unwrap();

    let cancelled = probe.probe(nowhere(), LONG);
    has_begun.recv().unwrap();
    drop(cancelled);
    assert_eq!(was_dropped.recv().unwrap(), "probe-endless");
    until_state(&host, Kind::Probe, "endless", is_at_rest).await;
}

#[tokio::test]
async fn a_full_backlog_is_a_timeout_and_never_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    // Nobody accepts: once one more is not let in, nobody is.
    while let Ok(stream) = StdStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
    }

    let host = host();
    let probe = host.probe("connect", &Map::new(), here()).unwrap();
    let answer = probe.probe(target(address), Duration::from_millis(300));
    until_state(&host, Kind::Probe, "connect", is_at_rest).await;
    let fault = answer.await.unwrap_err();
    assert_eq!((fault.kind, &*fault.at), (FaultKind::Timeout, "connecting"), "{fault}");
}

#[tokio::test]
async fn a_refused_connection_is_down() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let probe = host().probe("connect", &Map::new(), here()).unwrap();
    let fault = probe.probe(target(closed), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
}

#[tokio::test]
async fn a_socket_is_woken_for_data_and_for_the_end() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for _ in 0..1000 {
            std::io::Write::write_all(&mut stream, &[7; 100]).unwrap();
        }
    });
    let probe = host().probe("connect", &table(json!({ "to_end": true })), here()).unwrap();
    probe.probe(target(address), LONG).await.unwrap();
    serving.join().unwrap();
}

#[tokio::test]
async fn a_hung_call_keeps_its_thread_and_holds_nobody_up() {
    let host = host();
    let gate = Gate::of("holds nobody up");
    let load = host.load("twofold", &gate_table("holds nobody up"), here()).unwrap();
    let hung = load.sample(Subject::new("slow"), SHORT);
    gate.wait_inside(1);
    let fault = hung.await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
    until_state(&host, Kind::Load, "twofold", is_stuck).await;

    let reading = load.sample(Subject::new("quick"), LONG).await.unwrap();
    assert_eq!(reading.load, Some(12.5));
    gate.open();
    until_state(&host, Kind::Load, "twofold", is_at_rest).await;
}

#[tokio::test]
async fn with_every_thread_hung_calls_are_busy_at_once_or_in_time() {
    let pool = Pool::new(Kind::Load, "few", pool::Size::ONE, GRACE);
    let gate = Gate::of("few");
    let held = Arc::clone(&gate);
    let hung = pool.run(LONG, pool::Unawaited::Skip, move || {
        held.pass();
        Ok(())
    });
    gate.wait_inside(1);
    let (begun, has_begun) = mpsc::channel();
    let fault = pool
        .run(SHORT, pool::Unawaited::Skip, move || begun.send(()).map_err(Fault::io))
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
    assert!(fault.text.contains("1 of its calls have not returned"), "{fault}");
    gate.open();
    hung.await.unwrap();
    // What nobody waited for any more was not begun: its sender went unused.
    assert!(has_begun.recv().is_err());
}

#[tokio::test]
async fn a_blocking_probe_is_a_probe_like_any_other() {
    let host = host();
    let gate = Gate::of("like any other");
    let probe = host.probe("twofold", &gate_table("like any other"), here()).unwrap();
    let answer = probe.probe(nowhere(), LONG);
    gate.wait_inside(1);
    gate.open();
    answer.await.unwrap();
}

fn publication(zone: &str, reason: &str) -> Arc<Publication> {
    let mut head = ZoneHead::new(Vec::new(), 42);
    head.reason = reason.to_owned();
    Arc::new(Publication {
        zone: zone.to_owned(),
        head,
        records: Vec::new(),
        added: Vec::new(),
        removed: Vec::new(),
    })
}

#[tokio::test]
async fn a_sink_has_one_call_a_zone_and_ends_after_the_last() {
    let host = host();
    let gate = Gate::of("one call a zone");
    let sink = host.sink("shelf", &gate_table("one call a zone"), here()).unwrap();
    let slow = sink.publish(publication("a.example", "slow"), SHORT);
    gate.wait_inside(1);
    assert_eq!(slow.await.unwrap_err().kind, FaultKind::Timeout);

    let again = sink.publish(publication("a.example", ""), LONG).await.unwrap_err();
    assert_eq!(again.kind, FaultKind::Busy, "{again}");
    assert_eq!(sink.publish(publication("b.example", ""), LONG).await.unwrap(), 42);
    let fault = sink.served("b.example", LONG).await.unwrap_err();
    assert_eq!(fault, Fault::refused("not b.example"));

    let stopped = Gate::of("one call a zone is stopped");
    let stopping = sink.stop(LONG);
    let late = sink.publish(publication("b.example", ""), LONG).await.unwrap_err();
    assert_eq!(late.kind, FaultKind::Busy, "{late}");
    assert!(!stopped.is_open());
    gate.open();
    stopping.await.unwrap();
    assert!(stopped.is_open());
}

fn zones(names: &[&str]) -> Arc<[String]> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test]
async fn a_sink_that_loses_a_zone_has_no_call_for_it_any_more() {
    let host = host();
    let gate = Gate::of("loses a zone");
    let sink = host.sink("shelf", &gate_table("loses a zone"), here()).unwrap();
    sink.assign(zones(&["a.example", "b.example"]), LONG).await.unwrap();
    let slow = tokio::spawn(sink.publish(publication("a.example", "slow"), LONG));
    gate.wait_inside(1);
    // Who had it published has gone, and the call goes on.
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    let mut losing = sink.assign(zones(&["b.example"]), LONG);
    let refused = sink.publish(publication("a.example", ""), LONG).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Busy, "{refused}");
    // A call of another zone comes and goes, and the one that is lost is still there.
    assert_eq!(sink.publish(publication("b.example", ""), LONG).await.unwrap(), 42);
    assert!(by_now(&mut losing).await.is_none(), "the call goes on");
    gate.open();
    losing.await.unwrap();
    let refused = sink.publish(publication("a.example", ""), LONG).await.unwrap_err();
    assert_eq!(refused, Fault::busy("a.example is not its"));
}

/// A call that hangs must not keep a reload for ever.
#[tokio::test]
async fn a_sink_that_does_not_let_go_of_a_zone_takes_its_others_all_the_same() {
    let host = host();
    let gate = Gate::of("does not let go");
    let sink = host.sink("shelf", &gate_table("does not let go"), here()).unwrap();
    let _slow = sink.publish(publication("a.example", "slow"), LONG);
    gate.wait_inside(1);
    sink.assign(zones(&["b.example"]), Duration::from_millis(400)).await.unwrap();
    gate.open();
}

/// What has come of `answer` by now.
async fn by_now<T>(answer: &mut Answer<T>) -> Option<Result<T, Fault>> {
    std::future::poll_fn(|task| match answer.as_mut().poll(task) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn a_sink_that_hangs_with_all_its_zones_holds_no_other_up() {
    let host = host();
    let gate = Gate::of("all its zones");
    let [hung, other] =
        [(); 2].map(|()| host.sink("shelf", &gate_table("all its zones"), here()).unwrap());
    // More than it has threads for.
    let calls: Vec<_> = (0..100)
        .map(|zone| hung.publish(publication(&format!("z{zone}.example"), "slow"), LONG))
        .collect();
    gate.wait_inside(10);
    assert_eq!(other.publish(publication("a.example", ""), LONG).await.unwrap(), 42);
    gate.open();
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn what_waits_for_a_thread_of_a_sink_is_not_begun_once_that_is_stopped() {
    let host = host();
    let gate = Gate::of("not begun");
    let sink = host.sink("shelf", &gate_table("not begun"), here()).unwrap();
    let calls: Vec<_> = (0..64)
        .map(|zone| sink.publish(publication(&format!("z{zone}.example"), "slow"), LONG))
        .collect();
    gate.wait_inside(64);
    let waits = sink.publish(publication("last.example", ""), LONG);
    let stopping = sink.stop(LONG);
    gate.open();
    assert_eq!(waits.await.unwrap_err(), Fault::busy("the sink is stopped"));
    stopping.await.unwrap();
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_sink_whose_call_does_not_end_is_stopped_all_the_same() {
    let host = host();
    let gate = Gate::of("stopped all the same");
    let sink = host.sink("shelf", &gate_table("stopped all the same"), here()).unwrap();
    let hung = sink.publish(publication("a.example", "slow"), LONG);
    gate.wait_inside(1);
    assert_eq!(sink.stop(SHORT).await.unwrap_err().kind, FaultKind::Timeout);
    // Opened by the sink's own stop, the call still inside.
    Gate::of("stopped all the same is stopped").pass();
    gate.open();
    hung.await.unwrap();
}

#[tokio::test]
async fn a_transport_sends_in_order_and_says_what_failed() {
    let host = host();
    let transport = host.transport("echo", &Map::new(), here()).unwrap();
    let fault = transport.send(b"too soon"[..].into()).await.unwrap_err();
    assert_eq!(fault, Fault::io("not started"));

    let (queue, mut arrived) = inbox(100);
    transport.start(queue.of("lan"), LONG).await.unwrap();
    for octet in 0..100 {
        // On their way though nobody waits.
        drop(transport.send([octet][..].into()));
    }
    for octet in 0..100 {
        assert_eq!(*arrived.recv().await.unwrap().data, [octet]);
    }
    transport.stop(LONG).await.unwrap();
    assert_eq!(transport.send(b"late"[..].into()).await.unwrap_err().kind, FaultKind::Busy);
}

#[tokio::test]
async fn a_transport_begins_anew_after_its_end_or_another_start() {
    let host = host();
    let transport = host.transport("echo", &Map::new(), here()).unwrap();
    let (queue, mut arrived) = inbox(100);
    // Its plugin bears one start, and nothing after its end.
    for round in 0..3 {
        for _ in 0..2 {
            transport.start(queue.of("lan"), LONG).await.unwrap();
        }
        transport.send([round][..].into()).await.unwrap();
        assert_eq!(*arrived.recv().await.unwrap().data, [round]);
        transport.stop(LONG).await.unwrap();
        let fault = transport.stop(LONG).await.unwrap_err();
        assert_eq!(fault, Fault::busy("the transport is stopped"));
    }
}

#[test]
fn a_table_is_judged_with_the_place_of_its_fault() {
    let host = host();
    let fault = host.probe("conect", &Map::new(), here()).err().unwrap();
    assert_eq!((fault.kind, &*fault.at), (FaultKind::Config, "type"));
    assert!(fault.text.contains("`connect`"), "{fault}");

    let fault = host.probe("connect", &table(json!({ "to_end": 3 })), here()).err().unwrap();
    assert_eq!((fault.kind, &*fault.at), (FaultKind::Config, "to_end"), "{fault}");
}

#[tokio::test]
async fn paths_in_a_table_count_from_its_folder() {
    let host = host();
    let config = table(json!({ "gate": "never passed", "file": "conf.d/../ready" }));
    for (folder, path) in [("/etc/rais", "/etc/rais/conf.d/../ready"), ("", "conf.d/../ready")] {
        let load = host.load("twofold", &config, Path::new(folder)).unwrap();
        assert_eq!(load.sample(Subject::new("www"), LONG).await.unwrap().reason, path);
    }
    let fault = host.load("twofold", &table(json!({ "$folder": "/" })), here()).err().unwrap();
    assert_eq!((fault.kind, &*fault.at), (FaultKind::Config, "$folder"), "{fault}");
}

#[test]
fn the_list_tells_what_is_in_use() {
    let host = host();
    let state = |name: &str| host.list().into_iter().find(|row| row.name == name).unwrap().state;
    assert_eq!(state("connect"), PluginState::Unused);
    let probe = host.probe("connect", &Map::new(), here()).unwrap();
    assert_eq!(state("connect"), PluginState::Ready { calls: 0 });
    drop(probe);
    // The watch may look at it just now.
    while state("connect") != PluginState::Unused {
        thread::yield_now();
    }
    let _echo = host.transport("echo", &Map::new(), here()).unwrap();
    assert_eq!(state("echo"), PluginState::Ready { calls: 0 });
}

/// Or the thread of each older version of a plugin would stay for ever.
#[tokio::test]
async fn what_runs_a_plugin_goes_with_its_last_instance() {
    let host = host();
    let probe = host.probe("connect", &Map::new(), here()).unwrap();
    let load = host.load("twofold", &gate_table("goes with its last"), here()).unwrap();
    assert_eq!(host.works.crews().len(), 2);
    drop((probe, load));
    assert!(host.works.crews().is_empty());
}
