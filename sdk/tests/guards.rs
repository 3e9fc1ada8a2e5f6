//! A plugin may panic wherever it likes: the host lives, and is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rais_sdk::host::{Level, ProbeCall};
use rais_sdk::prelude::*;
use rais_sdk::testing::Bench;

/// Panics when dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// A panic payload whose destructor panics, with a payload that does so too.
struct PayloadBomb;

impl Drop for PayloadBomb {
    fn drop(&mut self) {
        panic_any(Bomb("in the payload of a payload"));
    }
}

#[config]
#[derive(Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Where {
    InNew,
    InCall,
    AfterAwait,
    OwnPayload,
    LocalAtEnd,
    HalfFinished,
    InDrop,
    PayloadBombInDrop,
    Nowhere,
}

#[config]
struct FaultyConfig {
    r#where: Where,
}

struct Faulty {
    r#where: Where,
}

/// To see that a destructor that panics has run once.
static DROPPED: AtomicUsize = AtomicUsize::new(0);

impl Probe for Faulty {
    const NAME: &'static str = "faulty";
    const SAMPLE: &'static str = "type = \"faulty\"\nwhere = \"nowhere\"";
    type Config = FaultyConfig;

    fn new(config: FaultyConfig) -> Result<Self, Fault> {
        let r#where = config.r#where;
        assert!(r#where != Where::InNew, "in new");
        Ok(Self { r#where })
    }

    async fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        let _local = (self.r#where == Where::LocalAtEnd).then(|| Bomb("a local at the end"));
        let _half = (self.r#where == Where::HalfFinished).then(|| Bomb("half-finished"));
        match self.r#where {
            Where::InCall => panic!("in the call, {}", 1),
            Where::OwnPayload => panic_any(PayloadBomb),
            Where::LocalAtEnd | Where::InDrop | Where::PayloadBombInDrop | Where::Nowhere => {}
            _ => cx.sleep(Duration::from_millis(1)).await,
        }
        assert!(self.r#where != Where::AfterAwait, "after an await");
        Ok(Up::new(cx.elapsed()))
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        match self.r#where {
            Where::InDrop => {
                DROPPED.fetch_add(1, Ordering::SeqCst);
                panic!("in drop");
            }
            Where::PayloadBombInDrop => panic_any(PayloadBomb),
            _ => {}
        }
    }
}

fn table(r#where: &str) -> String {
    format!("where = {where:?}")
}

fn call() -> ProbeCall {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    ProbeCall { target: Target::new(address, "web1", "www"), timeout: Duration::from_secs(60) }
}

fn probe(bench: &Bench, r#where: &str) -> Result<Up, Fault> {
    let object = bench.probe::<Faulty>(&table(r#where)).unwrap();
    bench.block_on(object.start(call())).unwrap()
}

fn errors(bench: &Bench) -> Vec<String> {
    bench.lines().into_iter().filter(|(l, _)| *l == Level::Error).map(|(_, text)| text).collect()
}

#[track_caller]
fn assert_panicked(outcome: Result<impl std::fmt::Debug, Fault>, text: &str) {
    let fault = outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Panicked);
    assert_eq!(fault.text, format!("panicked: {text}"));
}

#[test]
fn a_probe_that_behaves_is_up() {
    let bench = Bench::new();
    probe(&bench, "nowhere").unwrap();
    assert_eq!(errors(&bench), [""; 0]);
}

#[test]
fn panic_in_new() {
    assert_panicked(Bench::new().probe::<Faulty>(&table("in-new")), "in new");
}

#[test]
fn panic_in_the_call() {
    assert_panicked(probe(&Bench::new(), "in-call"), "in the call, 1");
}

#[test]
fn panic_after_an_await() {
    assert_panicked(probe(&Bench::new(), "after-await"), "after an await");
}

#[test]
fn panic_in_the_payloads_own_drop() {
    assert_panicked(probe(&Bench::new(), "own-payload"), "(a payload without text)");
}

#[test]
fn panic_of_a_local_at_the_end() {
    assert_panicked(probe(&Bench::new(), "local-at-end"), "a local at the end");
}

#[test]
fn panic_of_a_half_finished_future() {
    let bench = Bench::new();
    let object = bench.probe::<Faulty>(&table("half-finished")).unwrap();
    let mut probing = Box::pin(object.start(call()));
    let mut task = Context::from_waker(Waker::noop());
    assert!(matches!(probing.as_mut().poll(&mut task), Poll::Pending));
    drop(probing);
    assert_eq!(errors(&bench), ["panic in a future's destructor: half-finished"]);
}

#[test]
fn a_future_never_polled_is_dropped_quietly() {
    let bench = Bench::new();
    let object = bench.probe::<Faulty>(&table("in-call")).unwrap();
    drop(object.start(call()));
    assert_eq!(errors(&bench), [""; 0]);
}

#[test]
fn panic_in_the_plugins_drop_whoever_holds_it_last() {
    let bench = Bench::new();
    let object = bench.probe::<Faulty>(&table("in-drop")).unwrap();
    bench.block_on(object.start(call())).unwrap().unwrap();
    drop(object);
    assert_eq!(errors(&bench), ["panic in a destructor: in drop"]);
    assert_eq!(DROPPED.load(Ordering::SeqCst), 1);

    // Now the future is the last to hold it.
    let object = bench.probe::<Faulty>(&table("in-drop")).unwrap();
    let probing = object.start(call());
    drop(object);
    bench.block_on(probing).unwrap().unwrap();
    assert_eq!(errors(&bench).len(), 2);
    assert_eq!(errors(&bench)[1], "panic in a destructor: in drop");
    assert_eq!(DROPPED.load(Ordering::SeqCst), 2);
}

#[test]
fn payload_bomb_in_drop() {
    let bench = Bench::new();
    drop(bench.probe::<Faulty>(&table("payload-bomb-in-drop")).unwrap());
    assert_eq!(errors(&bench), ["panic in a destructor: (a payload without text)"]);
}

/// Panics in whatever is called, as every kind but a probe.
struct Wild;

impl Drop for Wild {
    fn drop(&mut self) {
        panic!("wild drop");
    }
}

impl BlockingProbe for Wild {
    const NAME: &'static str = "wild";
    const SAMPLE: &'static str = "type = \"wild\"";
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }
    fn probe(&self, _: &Cx, _: &Target) -> Result<Up, Fault> {
        panic!("blocking")
    }
}

impl Load for Wild {
    const NAME: &'static str = "wild";
    const SAMPLE: &'static str = "type = \"wild\"";
    const SCOPE: Scope = Scope::Target;
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }
    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        panic!("sample")
    }
}

impl Sink for Wild {
    const NAME: &'static str = "wild";
    const SAMPLE: &'static str = "type = \"wild\"";
    type Config = NoConfig;
    fn new(_: NoConfig, _: Host) -> Result<Self, Fault> {
        Ok(Self)
    }
    fn publish(&self, _: &Zone<'_>) -> Result<u32, Fault> {
        panic!("publish")
    }
    fn served(&self, _: &str) -> Result<Option<Served>, Fault> {
        panic!("served")
    }
    fn stop(&self) {
        panic!("stop")
    }
}

impl Transport for Wild {
    const NAME: &'static str = "wild";
    const SAMPLE: &'static str = "type = \"wild\"";
    type Config = NoConfig;
    fn new(_: NoConfig, _: Host) -> Result<Self, Fault> {
        Ok(Self)
    }
    fn start(&self, _: Inbox) -> Result<(), Fault> {
        panic!("start")
    }
    fn send(&self, _: &[u8]) -> Result<(), Fault> {
        panic!("send")
    }
    fn stop(&self) {
        panic!("stop")
    }
}

#[test]
fn panics_of_the_other_kinds() {
    let bench = Bench::new();
    let object = bench.blocking_probe::<Wild>("").unwrap();
    assert_panicked(object.run(call()), "blocking");
    drop(object);

    let object = bench.load::<Wild>("").unwrap();
    assert_eq!(object.scope(), Scope::Target);
    assert_panicked(object.sample(&Subject::new("www")), "sample");
    drop(object);

    let object = bench.sink::<Wild>("").unwrap();
    let zone = Zone::new("www.example", ZoneHead::new(vec![], 1), &[], &[], &[]);
    assert_panicked(object.publish(&zone), "publish");
    assert_panicked(object.served("www.example"), "served");
    object.stop();
    drop(object);

    let object = bench.transport::<Wild>("").unwrap();
    let inbox = std::sync::Arc::new(rais_sdk::testing::Deliveries::new());
    assert_panicked(object.start(inbox), "start");
    assert_panicked(object.send(b"beat"), "send");
    object.stop();
    drop(object);

    let dropped = "panic in a destructor: wild drop";
    let stopped = "panic in stop: stop";
    assert_eq!(errors(&bench), [dropped, dropped, stopped, dropped, stopped, dropped]);
}

#[test]
fn a_panicking_thread_of_a_plugin_is_heard_of_and_restarted() {
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::thread::JoinHandle;

    static RUNS: AtomicUsize = AtomicUsize::new(0);

    struct Threads(Mutex<Vec<JoinHandle<()>>>);

    impl Sink for Threads {
        const NAME: &'static str = "threads";
        const SAMPLE: &'static str = "type = \"threads\"";
        type Config = NoConfig;
        fn new(_: NoConfig, host: Host) -> Result<Self, Fault> {
            let restarted = host.spawn("again", Again::Restart, || {
                assert!(RUNS.fetch_add(1, Ordering::SeqCst) >= 2, "not yet");
            })?;
            let once = host.spawn("once", Again::Once, || panic!("once"))?;
            let bomb = Arc::new(Mutex::new(Some(Bomb("of the work"))));
            let last = host.spawn("last", Again::Once, move || {
                let _ = &bomb;
            })?;
            assert!(host.spawn("a\0b", Again::Once, || {}).is_err());
            Ok(Self(Mutex::new(vec![restarted, once, last])))
        }
        fn publish(&self, _: &Zone<'_>) -> Result<u32, Fault> {
            Err(Fault::refused("not mine"))
        }
        fn stop(&self) {
            for thread in self.0.lock().unwrap().drain(..) {
                thread.join().unwrap();
            }
        }
    }

    let bench = Bench::new();
    let sink = bench.sink::<Threads>("").unwrap();
    sink.stop();
    assert_eq!(RUNS.load(Ordering::SeqCst), 3);
    let mut heard = errors(&bench);
    heard.sort();
    assert_eq!(
        heard,
        [
            "thread again: panicked: not yet",
            "thread again: panicked: not yet",
            "thread last: panicked at its end: of the work",
            "thread once: panicked: once",
        ]
    );
}
