//! Probes that always have something to do, and probes that end at their deadline.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rais_sdk::host::ProbeCall;
use rais_sdk::prelude::*;
use rais_sdk::testing::{Bench, Script, Server};

const TIMEOUT: Duration = Duration::from_millis(400);
const TICK: Duration = Duration::from_nanos(1);
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

fn call(address: SocketAddr) -> ProbeCall {
    ProbeCall { target: Target::new(address, "web1", "www"), timeout: TIMEOUT }
}

#[track_caller]
fn assert_late(outcome: Result<Up, Fault>) {
    assert_eq!(outcome.unwrap_err(), Fault::timeout("hearing", "no answer within 400ms"));
}

/// Hears so many octets, one after the other.
struct Hear {
    octets: usize,
}

#[config]
struct HearConfig {
    octets: usize,
}

impl Probe for Hear {
    const NAME: &'static str = "hear";
    const SAMPLE: &'static str = "type = \"hear\"\noctets = 1";
    type Config = HearConfig;
    fn new(config: HearConfig) -> Result<Self, Fault> {
        Ok(Self { octets: config.octets })
    }
    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        let stream = TcpStream::connect(cx.net(), target.address).await?;
        cx.phase("hearing");
        for _ in 0..self.octets {
            if stream.read(&mut [0]).await? == 0 {
                return Err(Fault::down("closed"));
            }
        }
        Ok(Up::new(cx.elapsed()))
    }
}

#[test]
fn a_flooding_server_leaves_the_others_their_turn() {
    let bench = Bench::with_paused_time();
    let flood = Server::tcp(&bench, Script::new().say([b'x'; 20_000]).hang()).unwrap();
    let healthy = Server::tcp(&bench, Script::new().hear_anything().say("x").hang()).unwrap();
    let greedy = bench.probe::<Hear>("octets = 20_000").unwrap();
    let modest = bench.probe::<Ask>("").unwrap();
    let mut greedy = pin!(greedy.start(call(flood.address())));
    let mut modest = pin!(modest.start(call(healthy.address())));
    let mut turns = 0;
    let first = poll_fn(|task| {
        turns += 1;
        if let Poll::Ready(outcome) = greedy.as_mut().poll(task) {
            panic!("all of the flood was heard first: {outcome:?}");
        }
        modest.as_mut().poll(task)
    });
    bench.block_on(first).unwrap().unwrap();
    let heard = poll_fn(|task| {
        turns += 1;
        greedy.as_mut().poll(task)
    });
    bench.block_on(heard).unwrap().unwrap();
    assert!(turns >= 20_000 / 64, "{turns}");
}

/// Says something and hears something.
struct Ask;

impl Probe for Ask {
    const NAME: &'static str = "ask";
    const SAMPLE: &'static str = "type = \"ask\"";
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }
    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        let stream = TcpStream::connect(cx.net(), target.address).await?;
        stream.write_all(b"?").await?;
        cx.phase("hearing");
        stream.read(&mut [0]).await?;
        Ok(Up::new(cx.elapsed()))
    }
}

/// Knows that it was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// As where each of many tasks is polled when it is woken, and not before.
#[test]
fn who_never_waits_keeps_nobody_from_being_woken() {
    const MANY: u32 = 10_000_000;
    let bench = Bench::new();
    let bell = Arc::new(Bell::default());
    let mut timer = bench.side().timer(Duration::from_millis(1));
    let other = Waker::from(Arc::clone(&bell));
    assert!(timer.as_mut().poll(&mut Context::from_waker(&other)).is_pending());
    let mut turns = 0;
    let restless = poll_fn(|task| {
        turns += 1;
        match bell.0.load(Ordering::SeqCst) {
            true => Poll::Ready(true),
            false if turns == MANY => Poll::Ready(false),
            false => {
                task.waker().wake_by_ref();
                Poll::Pending
            }
        }
    });
    assert_eq!(bench.block_on(restless), Ok(true));
}

#[test]
fn an_answer_at_the_deadline_or_behind_it_is_late() {
    let outcome = |wait: Duration| {
        let bench = Bench::with_paused_time();
        let server = Server::tcp(&bench, Script::new().wait(wait).say("x").hang()).unwrap();
        bench.run_probe::<Hear>("octets = 1", server.address(), TIMEOUT)
    };
    assert_eq!(outcome(TIMEOUT - TICK).unwrap().took, TIMEOUT - TICK);
    assert_late(outcome(TIMEOUT));
    assert_late(outcome(TIMEOUT + TICK));

    // The answer is there, but nobody had time for it.
    let bench = Bench::with_paused_time();
    let server = Server::tcp(&bench, Script::new().say("x").hang()).unwrap();
    let probe = bench.probe::<Hear>("octets = 1").unwrap();
    let mut probing = pin!(probe.start(call(server.address())));
    let once = poll_fn(|task| Poll::Ready(probing.as_mut().poll(task).is_pending()));
    assert!(bench.block_on(once).unwrap(), "nothing is there yet");
    bench.settle().unwrap();
    bench.advance(TIMEOUT + TICK);
    let fault = bench.block_on(probing).unwrap().unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
}

/// Claims a time of its own.
struct Claim {
    took: Duration,
}

#[config]
struct ClaimConfig {
    took: DurationText,
}

impl Probe for Claim {
    const NAME: &'static str = "claim";
    const SAMPLE: &'static str = "type = \"claim\"\ntook = \"1s\"";
    type Config = ClaimConfig;
    fn new(config: ClaimConfig) -> Result<Self, Fault> {
        Ok(Self { took: config.took.get() })
    }
    async fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        cx.phase("hearing");
        Ok(Up::new(self.took))
    }
}

impl BlockingProbe for Claim {
    const NAME: &'static str = "claim";
    const SAMPLE: &'static str = "type = \"claim\"\ntook = \"1s\"";
    type Config = ClaimConfig;
    fn new(config: ClaimConfig) -> Result<Self, Fault> {
        Ok(Self { took: config.took.get() })
    }
    fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        cx.phase("hearing");
        Ok(Up::new(self.took))
    }
}

#[test]
fn who_says_that_it_took_longer_is_late() {
    let bench = Bench::with_paused_time();
    let waiting = |took| bench.run_probe::<Claim>(took, NOWHERE, TIMEOUT);
    let blocking = |took| bench.blocking_probe::<Claim>(took).unwrap().run(call(NOWHERE));
    assert!(waiting("took = \"400ms\"").is_ok() && blocking("took = \"400ms\"").is_ok());
    assert_late(waiting("took = \"401ms\""));
    assert_late(blocking("took = \"401ms\""));
}
