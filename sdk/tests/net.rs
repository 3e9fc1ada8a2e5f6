//! Probes over real sockets: what is up, what is down, and when time is over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code)] // a host takes sockets of its plugins

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, UdpSocket as StdUdpSocket};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, connect, getsockname, listen,
    socket, sockopt,
};
use rais_sdk::host::{HostSide, Interest, Level, ProbeCall, Readiness, Ready, linked};
use rais_sdk::prelude::*;
use rais_sdk::testing::{self, Bench};

/// Long enough for any machine; only what never comes is waited for so long.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

/// Connects, and says something where it is told to.
struct Talk {
    say: Option<String>,
}

#[config]
struct TalkConfig {
    say: Option<String>,
}

impl Probe for Talk {
    const NAME: &'static str = "talk";
    const SAMPLE: &'static str = "type = \"talk\"\nport = 7";
    type Config = TalkConfig;

    fn new(config: TalkConfig) -> Result<Self, Fault> {
        Ok(Self { say: config.say })
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        cx.phase("connecting");
        let stream = TcpStream::connect(cx.net(), target.address).await?;
        assert!(nix::sys::socket::getsockopt(&stream, sockopt::TcpNoDelay).unwrap());
        let Some(say) = &self.say else {
            return Ok(Up::new(cx.elapsed()));
        };
        cx.phase("asking");
        stream.write_all(say.as_bytes()).await?;
        stream.shutdown(std::net::Shutdown::Write)?;
        cx.phase("answer");
        let mut answer = Vec::new();
        let mut piece = [0; 1000];
        loop {
            match stream.read(&mut piece).await? {
                0 => break,
                read => answer.extend_from_slice(&piece[..read]),
            }
        }
        let answer = String::from_utf8(answer).map_err(Fault::down)?;
        Ok(Up::new(cx.elapsed()).with_detail(answer))
    }
}

rais_sdk::plugin!(probe Talk);

/// A listener whose queue is full, so that a SYN gets no answer, as from a dead host.
fn full_backlog() -> (OwnedFd, Vec<OwnedFd>, SocketAddr) {
    let new = |flags| socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap();
    let listener = new(SockFlag::empty());
    bind(as_raw(&listener), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let address: SockaddrIn = getsockname(as_raw(&listener)).unwrap();
    let filler = new(SockFlag::empty());
    connect(as_raw(&filler), &address).unwrap();
    // The queue holds one: it is full as soon as there is something to accept.
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, PollTimeout::NONE).unwrap(), 1);
    let address = SocketAddr::from((address.ip(), address.port()));
    (listener, vec![filler], address)
}

fn as_raw(fd: &OwnedFd) -> RawFd {
    std::os::fd::AsRawFd::as_raw_fd(fd)
}

#[track_caller]
fn assert_timeout(outcome: Result<Up, Fault>, phase: &str, after: &str) {
    let fault = outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
    assert_eq!(fault.at, phase);
    assert_eq!(fault.text, format!("no answer within {after}"));
}

#[test]
fn a_listener_is_up() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let up = testing::probe::<Talk>("", server.local_addr().unwrap(), LONG).unwrap();
    assert!(up.took > Duration::ZERO && up.took < LONG);
    let server = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    testing::probe::<Talk>("", server.local_addr().unwrap(), LONG).unwrap();
}

#[test]
fn a_closed_port_is_down() {
    // Bound, so that nobody else takes it, but not listening.
    let closed = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
    bind(as_raw(&closed), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    let address: SockaddrIn = getsockname(as_raw(&closed)).unwrap();
    let address = SocketAddr::from((address.ip(), address.port()));
    let fault = testing::probe::<Talk>("", address, LONG).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
}

/// The deadline's timer wakes the probe: that is no sign of life.
#[test]
fn a_silent_host_is_a_timeout_that_names_its_phase() {
    let (_listener, _fillers, address) = full_backlog();
    assert_timeout(testing::probe::<Talk>("", address, SHORT), "connecting", "200ms");
}

/// A reactor that says "ready" of everything.
struct Liar(Arc<dyn HostSide>);

struct Lie(Box<dyn Readiness>);

impl HostSide for Liar {
    unsafe fn register(&self, fd: RawFd) -> io::Result<Box<dyn Readiness>> {
        // SAFETY: the caller's.
        Ok(Box::new(Lie(unsafe { self.0.register(fd) }?)))
    }
    fn timer(&self, after: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.timer(after)
    }
    fn log(&self, level: Level, text: &str) {
        self.0.log(level, text);
    }
}

impl Readiness for Lie {
    fn poll_ready(&self, task: &mut Context<'_>, interest: Interest) -> Ready {
        let _ = self.0.poll_ready(task, interest);
        Ready::TryAgain
    }
}

#[test]
fn false_wake_ups_make_nobody_up_and_hang_nothing() {
    let (_listener, _fillers, address) = full_backlog();
    let bench = Bench::new();
    let plugin = linked().into_iter().find(|plugin| plugin.name() == "talk").unwrap();
    let object = plugin.probe("{}", Arc::new(Liar(bench.side()))).unwrap();
    let call = ProbeCall { target: Target::new(address, "web1", "www"), timeout: SHORT };
    assert_timeout(bench.block_on(object.start(call)).unwrap(), "connecting", "200ms");
}

#[test]
fn a_server_that_says_nothing_is_a_timeout_that_names_its_phase() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    assert_timeout(testing::probe::<Talk>("say = \"hello\"", address, SHORT), "answer", "200ms");
}

/// More than the socket's buffers hold, so that both directions wait for room.
#[test]
fn what_is_written_is_read() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let echo = thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let said: String = (0..1_000_000_u32).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let up = testing::probe::<Talk>(&format!("say = {said:?}"), address, LONG).unwrap();
    assert!(up.detail == said);
    echo.join().unwrap();
}

#[test]
fn a_reset_is_down() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let reset = thread::spawn(move || {
        let (stream, _) = server.accept().unwrap();
        // Closed with data unread: a reset.
        stream.peek(&mut [0; 1]).unwrap();
    });
    let fault = testing::probe::<Talk>("say = \"hello\"", address, LONG).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
    reset.join().unwrap();
}

/// Sends one datagram and returns the answer.
struct Ask;

impl Probe for Ask {
    const NAME: &'static str = "ask";
    const SAMPLE: &'static str = "type = \"ask\"\nport = 7";
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }
    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        let socket = UdpSocket::connect(cx.net(), target.address)?;
        socket.send(b"hello").await?;
        cx.phase("answer");
        let mut answer = [0; 100];
        let size = socket.recv(&mut answer).await?;
        Ok(Up::new(cx.elapsed()).with_detail(String::from_utf8_lossy(&answer[..size])))
    }
}

rais_sdk::plugin!(probe Ask);

#[test]
fn datagrams_go_out_and_back() {
    let server = StdUdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let answers = thread::spawn(move || {
        let mut data = [0; 100];
        let (size, from) = server.recv_from(&mut data).unwrap();
        data[..size].make_ascii_uppercase();
        server.send_to(&data[..size], from).unwrap();
    });
    let up = testing::probe::<Ask>("", address, LONG).unwrap();
    assert_eq!(up.detail, "HELLO");
    answers.join().unwrap();
}

#[test]
fn a_closed_udp_port_is_down_and_a_silent_one_a_timeout() {
    let server = StdUdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    assert_timeout(testing::probe::<Ask>("", address, SHORT), "answer", "200ms");
    // With a peer of its own it takes nothing from others: the port is as good as closed.
    server.connect("127.0.0.1:1").unwrap();
    let fault = testing::probe::<Ask>("", address, LONG).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
}

/// Sleeps in its own time, and answers late as a blocking probe.
struct Slow;

impl Probe for Slow {
    const NAME: &'static str = "slow";
    const SAMPLE: &'static str = "type = \"slow\"";
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }
    async fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        let begin = cx.now();
        cx.sleep(Duration::from_millis(5)).await;
        cx.sleep(Duration::ZERO).await;
        assert!(cx.now() - begin >= Duration::from_millis(5));
        assert!(cx.elapsed() >= Duration::from_millis(5) && cx.deadline() > begin);
        Ok(Up::new(cx.elapsed()))
    }
}

impl BlockingProbe for Slow {
    const NAME: &'static str = "slow";
    const SAMPLE: &'static str = "type = \"slow\"";
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }
    fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        cx.phase("dawdling");
        while !cx.left().is_zero() {
            thread::yield_now();
        }
        Ok(Up::new(cx.elapsed()))
    }
}

rais_sdk::plugin!(probe Slow);
rais_sdk::plugin!(blocking_probe Slow);

#[test]
fn a_probe_sleeps_as_long_as_it_says() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    testing::probe::<Slow>("", nowhere, LONG).unwrap();
}

#[test]
fn a_blocking_probe_that_answers_late_is_a_timeout() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let object = Bench::new().blocking_probe::<Slow>("").unwrap();
    let timeout = Duration::from_millis(10);
    let call = ProbeCall { target: Target::new(nowhere, "web1", "www"), timeout };
    assert_timeout(object.run(call), "dawdling", "10ms");
}
