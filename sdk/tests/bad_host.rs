//! A host that panics in what its plugins call: the plugin gets an error, and everybody lives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code)] // a host takes sockets of its plugins

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rais_sdk::host::{
    Declared, HostSide, Interest, Level, ProbeCall, Readiness, Ready, Receive, linked,
};
use rais_sdk::prelude::*;

#[derive(Clone, Copy, PartialEq)]
enum Panics {
    Register,
    RegisterFails,
    PollReady,
    ReadinessDrop,
    TimerCall,
    TimerPoll,
    TimerDrop,
    Now,
    Log,
    Never,
}

struct BadHost {
    panics: Panics,
    lines: Mutex<Vec<String>>,
}

struct BadReadiness(Panics);

struct BadTimer(Panics);

impl HostSide for BadHost {
    unsafe fn register(&self, _: RawFd) -> io::Result<Box<dyn Readiness>> {
        assert!(self.panics != Panics::Register, "register");
        if self.panics == Panics::RegisterFails {
            return Err(io::Error::from_raw_os_error(28));
        }
        Ok(Box::new(BadReadiness(self.panics)))
    }

    fn timer(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        assert!(self.panics != Panics::TimerCall, "timer");
        Box::pin(BadTimer(self.panics))
    }

    fn now(&self) -> Instant {
        assert!(self.panics != Panics::Now, "now");
        Instant::now()
    }

    fn log(&self, _: Level, text: &str) {
        assert!(self.panics != Panics::Log, "log");
        self.lines.lock().unwrap().push(text.to_owned());
    }
}

impl Readiness for BadReadiness {
    fn poll_ready(&self, _: &mut Context<'_>, _: Interest) -> Ready {
        assert!(self.0 != Panics::PollReady, "poll_ready");
        Ready::Pending
    }
}

impl Drop for BadReadiness {
    fn drop(&mut self) {
        assert!(self.0 != Panics::ReadinessDrop, "drop of readiness");
    }
}

impl Future for BadTimer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        assert!(self.0 != Panics::TimerPoll, "timer's poll");
        Poll::Pending
    }
}

impl Drop for BadTimer {
    fn drop(&mut self) {
        assert!(self.0 != Panics::TimerDrop, "timer's drop");
    }
}

/// Reads from a server that says nothing.
struct Reader;

impl Probe for Reader {
    const NAME: &'static str = "reader";
    const SAMPLE: &'static str = "type = \"reader\"";
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }
    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        cx.log("reading");
        let stream = TcpStream::connect(cx.net(), target.address).await?;
        stream.read(&mut [0; 1]).await?;
        Ok(Up::new(cx.elapsed()))
    }
}

rais_sdk::plugin!(probe Reader);

fn reader() -> Declared {
    linked().into_iter().find(|plugin| plugin.name() == "reader").unwrap()
}

/// One poll of a probe that waits, then the end of everything. Returns what was logged.
fn one_poll(panics: Panics) -> (Poll<Result<Up, Fault>>, Vec<String>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = Arc::new(BadHost { panics, lines: Mutex::default() });
    let object = reader().probe("{}", Arc::clone(&host) as Arc<dyn HostSide>).unwrap();
    let target = Target::new(server.local_addr().unwrap(), "web1", "www");
    let call = ProbeCall { target, timeout: Duration::from_secs(60) };
    let mut probing = Box::pin(object.start(call));
    let outcome = probing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    drop(probing);
    drop(object);
    let lines = host.lines.lock().unwrap().clone();
    (outcome, lines)
}

#[track_caller]
fn assert_waits_and_logs(panics: Panics, line: &str) {
    let (outcome, lines) = one_poll(panics);
    assert!(outcome.is_pending(), "{outcome:?}");
    assert_eq!(lines, ["reading", line]);
}

#[test]
fn a_host_that_behaves_is_not_accused() {
    let (outcome, lines) = one_poll(Panics::Never);
    assert!(outcome.is_pending());
    assert_eq!(lines, ["reading"]);
}

#[test]
fn panic_in_register_is_an_io_fault() {
    let (outcome, lines) = one_poll(Panics::Register);
    assert!(
        matches!(&outcome, Poll::Ready(Err(fault)) if fault.kind == FaultKind::Io),
        "{outcome:?}"
    );
    assert_eq!(lines, ["reading", "panic in register: register"]);
}

#[test]
fn the_errno_of_register_reaches_the_plugin() {
    let (outcome, _) = one_poll(Panics::RegisterFails);
    let Poll::Ready(Err(fault)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fault.kind, FaultKind::Io);
    assert!(fault.text.contains("os error 28"), "{fault}");
}

#[test]
fn panic_in_poll_ready_is_an_io_fault() {
    let (outcome, lines) = one_poll(Panics::PollReady);
    let Poll::Ready(Err(fault)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((fault.kind, fault.text.as_str()), (FaultKind::Io, "the host's reactor is gone"));
    assert_eq!(lines, ["reading", "panic in poll_ready: poll_ready"]);
}

#[test]
fn panic_in_destructors_of_the_host() {
    assert_waits_and_logs(Panics::ReadinessDrop, "panic in a destructor: drop of readiness");
    assert_waits_and_logs(Panics::TimerDrop, "panic in a future's destructor: timer's drop");
}

#[test]
fn panic_in_the_timer_ends_no_probe_early() {
    assert_waits_and_logs(Panics::TimerCall, "panic in timer: timer");
    let (outcome, lines) = one_poll(Panics::TimerPoll);
    assert!(outcome.is_pending(), "{outcome:?}");
    assert_eq!(lines, ["reading"]);
}

#[test]
fn panic_in_the_clock_ends_no_probe_early() {
    let (outcome, mut lines) = one_poll(Panics::Now);
    assert!(outcome.is_pending(), "{outcome:?}");
    lines.dedup();
    assert_eq!(lines, ["panic in now: now", "reading", "panic in now: now"]);
}

#[test]
fn panic_in_log_is_nobodys_end() {
    let (outcome, lines) = one_poll(Panics::Log);
    assert!(outcome.is_pending(), "{outcome:?}");
    assert_eq!(lines, [""; 0]);
}

/// Delivers to an inbox that panics.
struct Deliver;

impl Transport for Deliver {
    const NAME: &'static str = "deliver";
    const SAMPLE: &'static str = "type = \"deliver\"";
    type Config = NoConfig;
    fn new(_: NoConfig, _: Host) -> Result<Self, Fault> {
        Ok(Self)
    }
    fn start(&self, inbox: Inbox) -> Result<(), Fault> {
        match inbox.deliver(&[Datagram::new(None, b"beat")]) {
            0 => Ok(()),
            taken => Err(Fault::io(format!("{taken} taken"))),
        }
    }
    fn send(&self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

rais_sdk::plugin!(transport Deliver);

struct BadInbox;

impl Receive for BadInbox {
    fn deliver(&self, _: &[Datagram<'_>]) -> usize {
        panic!("deliver");
    }
}

impl Drop for BadInbox {
    fn drop(&mut self) {
        panic!("drop of the inbox");
    }
}

#[test]
fn panic_in_deliver_takes_nothing() {
    let host = Arc::new(BadHost { panics: Panics::Never, lines: Mutex::default() });
    let plugin = linked().into_iter().find(|plugin| plugin.name() == "deliver").unwrap();
    let object = plugin.transport("{}", Arc::clone(&host) as Arc<dyn HostSide>).unwrap();
    object.start(Arc::new(BadInbox)).unwrap();
    drop(object);
    assert_eq!(
        *host.lines.lock().unwrap(),
        ["panic in deliver: deliver", "panic in a destructor: drop of the inbox"]
    );
}
