//! The testing kit: a clock that stands still, and servers that follow a script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::io::{Read, Write};
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use rais_sdk::host::ProbeCall;
use rais_sdk::prelude::*;
use rais_sdk::testing::{Bench, Script, Server};

const LIMIT: Duration = Duration::from_secs(2);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Asks `PING` and wants `+PONG`.
struct Ping;

impl Probe for Ping {
    const NAME: &'static str = "ping";
    const SAMPLE: &'static str = "type = \"ping\"\nport = 6379";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        cx.phase("connecting");
        let stream = TcpStream::connect(cx.net(), target.address).await?;
        cx.phase("asking");
        stream.write_all(b"PING\r\n").await?;
        cx.phase("answer");
        let mut answer = Vec::new();
        let mut piece = [0; 64];
        while !answer.ends_with(b"\r\n") {
            match stream.read(&mut piece).await? {
                0 => return Err(Fault::down("half an answer")),
                read => answer.extend_from_slice(&piece[..read]),
            }
        }
        match &answer[..] {
            b"+PONG\r\n" => Ok(Up::new(cx.elapsed())),
            other => Err(Fault::down(format!("answered \"{}\"", other.escape_ascii()))),
        }
    }
}

/// The same over UDP, three times if need be.
struct UdpPing;

impl Probe for UdpPing {
    const NAME: &'static str = "udp-ping";
    const SAMPLE: &'static str = "type = \"udp-ping\"\nport = 7";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        cx.phase("answer");
        let socket = UdpSocket::connect(cx.net(), target.address)?;
        for _ in 0..3 {
            socket.send(b"ping").await?;
            let mut answer = [0; 64];
            let pause = Duration::from_millis(500);
            if let Some(size) = within(cx, pause, socket.recv(&mut answer)).await {
                let size = size?;
                return match &answer[..size] {
                    b"pong" => Ok(Up::new(cx.elapsed())),
                    _ => Err(Fault::down("another answer")),
                };
            }
        }
        std::future::pending().await
    }
}

async fn within<F: Future>(cx: &Cx, time: Duration, future: F) -> Option<F::Output> {
    let (mut future, mut time) = (pin!(future), pin!(cx.sleep(time)));
    let first = std::future::poll_fn(|task| match future.as_mut().poll(task) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => time.as_mut().poll(task).map(|()| None),
    });
    first.await
}

fn ping(script: Script) -> Result<Up, Fault> {
    let bench = Bench::with_paused_time();
    let server = Server::tcp(&bench, script).unwrap();
    bench.run_probe::<Ping>("", server.address(), LIMIT)
}

#[track_caller]
fn assert_timeout(outcome: Result<Up, Fault>, phase: &str) {
    let fault = outcome.unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, phase), "{fault}");
}

#[track_caller]
fn assert_down(outcome: Result<Up, Fault>, text: &str) {
    let fault = outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
    assert!(fault.text.contains(text), "{fault}");
}

mod over_tcp {
    use super::*;

    #[test]
    fn up_takes_no_time_where_nobody_waits() {
        let up = ping(Script::new().hear("PING\r\n").say("+PONG\r\n")).unwrap();
        assert_eq!(up.took, Duration::ZERO);
    }

    #[test]
    fn nobody_listens() {
        let bench = Bench::with_paused_time();
        let server = Server::refusing().unwrap();
        assert_down(bench.run_probe::<Ping>("", server.address(), LIMIT), "refused");
        assert_eq!(server.heard(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_dead_host() {
        let bench = Bench::with_paused_time();
        let began = bench.now();
        let server = Server::black_hole().unwrap();
        // A year, and the kernel has not given up.
        assert_timeout(bench.run_probe::<Ping>("", server.address(), YEAR), "connecting");
        assert_eq!(bench.now() - began, YEAR);
    }

    #[test]
    fn it_hangs() {
        assert_timeout(ping(Script::new().hang()), "answer");
        assert_timeout(ping(Script::new().hear("PING\r\n").hang()), "answer");
        assert_timeout(ping(Script::new().wait(LIMIT).say("+PONG\r\n")), "answer");
    }

    #[test]
    fn it_talks_rubbish() {
        let rubbish = Script::new().hear_anything().say("HTTP/1.1 400\r\n");
        assert_down(ping(rubbish), "answered \"HTTP/1.1 400\\r\\n\"");
        let octets = Script::new().say([0, 255, b'\r', b'\n']);
        assert_down(ping(octets), "answered \"\\x00\\xff\\r\\n\"");
    }

    #[test]
    fn half_an_answer() {
        let half = Script::new().hear_until("\r\n").say("+PO");
        assert_down(ping(half.clone()), "half an answer");
        assert_timeout(ping(half.clone().hang()), "answer");
        assert_down(ping(half.reset()), "reset");
    }

    #[test]
    fn nothing_at_all() {
        assert_down(ping(Script::new()), "half an answer");
        assert_down(ping(Script::new().reset()), "reset");
    }

    #[test]
    fn drop_by_drop() {
        let drip = |millis| Script::new().drip("+PONG\r\n", Duration::from_millis(millis));
        let up = ping(drip(100)).unwrap();
        assert_eq!(up.took, Duration::from_millis(700));
        assert_eq!(ping(drip(285)).unwrap().took, Duration::from_millis(1995));
        assert_timeout(ping(drip(286)), "answer");
    }

    #[test]
    fn each_connection_may_have_its_own() {
        let bench = Bench::with_paused_time();
        let pong = Script::new().hear("PING\r\n").say("+PONG\r\n");
        let scripts = [Script::new().hang(), Script::new(), pong];
        let server = Server::tcp_each(&bench, scripts).unwrap();
        let ask = || bench.run_probe::<Ping>("", server.address(), LIMIT);
        assert_timeout(ask(), "answer");
        assert_down(ask(), "half an answer");
        ask().unwrap();
        ask().unwrap();
        assert_eq!(server.complaints(), Vec::<String>::new());
        // Who hangs does not listen.
        assert_eq!(server.heard()[0], b"");
        assert_eq!(server.heard()[1..], [b"PING\r\n", b"PING\r\n", b"PING\r\n"]);
    }

    #[test]
    fn who_says_something_else_is_complained_of() {
        let bench = Bench::with_paused_time();
        let script = Script::new().hear("QUIT\r\n").say("bye");
        let server = Server::tcp(&bench, script).unwrap();
        assert_down(bench.run_probe::<Ping>("", server.address(), LIMIT), "reset");
        let complaint = "connection 1: \"PING\\r\\n\" in place of \"QUIT\\r\\n\"";
        assert_eq!(server.complaints(), [complaint]);
    }

    #[test]
    fn who_goes_too_early_is_complained_of() {
        let bench = Bench::with_paused_time();
        let script = Script::new().say("+PONG\r\n").hear("PING\r\nQUIT\r\n");
        let server = Server::tcp(&bench, script).unwrap();
        bench.run_probe::<Ping>("", server.address(), LIMIT).unwrap();
        // The probe is over before the server has looked.
        assert_eq!(server.complaints(), Vec::<String>::new());
        bench.settle().unwrap();
        let complaint = "connection 1: the end in place of \"PING\\r\\nQUIT\\r\\n\"";
        assert_eq!(server.complaints(), [complaint]);
    }

    #[test]
    fn a_server_that_is_gone_is_gone() {
        let bench = Bench::with_paused_time();
        let server = Server::tcp(&bench, Script::new().hang()).unwrap();
        let address = server.address();
        assert_timeout(bench.run_probe::<Ping>("", address, LIMIT), "answer");
        drop(server);
        assert_down(bench.run_probe::<Ping>("", address, LIMIT), "refused");
    }
}

mod over_udp {
    use super::*;

    fn ping(script: Script) -> Result<Up, Fault> {
        let bench = Bench::with_paused_time();
        let server = Server::udp(&bench, script).unwrap();
        bench.run_probe::<UdpPing>("", server.address(), LIMIT)
    }

    #[test]
    fn answers_at_once_and_late() {
        assert_eq!(ping(Script::new().hear("ping").say("pong")).unwrap().took, Duration::ZERO);
        let late = Duration::from_millis(499);
        assert_eq!(ping(Script::new().wait(late).say("pong")).unwrap().took, late);
        assert_down(ping(Script::new().say("what?")), "another answer");
    }

    #[test]
    fn never_answers() {
        let bench = Bench::with_paused_time();
        let server = Server::udp(&bench, Script::new().hear("ping")).unwrap();
        assert_timeout(bench.run_probe::<UdpPing>("", server.address(), LIMIT), "answer");
        assert_eq!(server.heard(), [b"pingpingping"]);
        let closed = Server::refusing().unwrap();
        assert_down(bench.run_probe::<UdpPing>("", closed.address(), LIMIT), "refused");
    }
}

mod time {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Sleeps, and writes down when it woke.
    struct Sleeper {
        woken: Mutex<Vec<Duration>>,
    }

    impl Probe for Sleeper {
        const NAME: &'static str = "sleeper";
        const SAMPLE: &'static str = "type = \"sleeper\"";
        type Config = NoConfig;

        fn new(_: NoConfig) -> Result<Self, Fault> {
            Ok(Self { woken: Mutex::default() })
        }

        async fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
            let begin = cx.now();
            for minutes in [2, 1, 3] {
                cx.sleep(MINUTE * minutes).await;
                self.woken.lock().unwrap().push(cx.elapsed());
            }
            assert_eq!(cx.now() - begin, MINUTE * 6);
            assert_eq!(cx.left(), YEAR - MINUTE * 6);
            let woken = format!("{:?}", self.woken.lock().unwrap());
            Ok(Up::new(cx.elapsed()).with_detail(woken))
        }
    }

    fn call() -> ProbeCall {
        let target = Target::new("127.0.0.1:1".parse().unwrap(), "here", "test");
        ProbeCall { target, timeout: YEAR }
    }

    #[test]
    fn sleeping_takes_as_long_as_it_says() {
        let bench = Bench::with_paused_time();
        let probe = bench.probe::<Sleeper>("").unwrap();
        let up = bench.block_on(probe.start(call())).unwrap().unwrap();
        assert_eq!(up.detail, "[120s, 180s, 360s]");
        assert_eq!(up.took, MINUTE * 6);
    }

    #[test]
    fn a_test_can_look_in_between() {
        let bench = Bench::with_paused_time();
        let probe = bench.probe::<Sleeper>("").unwrap();
        let mut probing = pin!(probe.start(call()));
        for _ in 0..5 {
            assert!(bench.block_for(MINUTE, probing.as_mut()).unwrap().is_none());
        }
        // Now by hand.
        bench.advance(MINUTE);
        let up = bench.block_for(Duration::ZERO, probing.as_mut()).unwrap();
        assert_eq!(up.unwrap().unwrap().took, MINUTE * 6);
    }

    #[test]
    #[should_panic(expected = "runs by itself")]
    fn a_clock_that_runs_is_not_moved() {
        Bench::new().advance(MINUTE);
    }

    /// Whose answer and whose deadline come at one instant: what has been sent is heard first.
    #[test]
    fn what_was_sent_counts_before_time_goes_on() {
        for _ in 0..200 {
            let wait = Duration::from_millis(1999);
            let up = ping(Script::new().wait(wait).say("+PONG\r\n")).unwrap();
            assert_eq!(up.took, wait);
        }
    }

    #[test]
    fn in_real_time_the_same_scripts_hold() {
        let bench = Bench::new();
        let drip = Script::new().drip("+PONG\r\n", Duration::from_millis(2));
        let server = Server::tcp(&bench, drip).unwrap();
        let up = bench.run_probe::<Ping>("", server.address(), Duration::from_secs(60)).unwrap();
        assert!(up.took >= Duration::from_millis(14));
    }
}

mod on_a_thread {
    use super::*;

    struct BlockingPing;

    impl BlockingProbe for BlockingPing {
        const NAME: &'static str = "blocking-ping";
        const SAMPLE: &'static str = "type = \"blocking-ping\"\nport = 6379";
        type Config = NoConfig;

        fn new(_: NoConfig) -> Result<Self, Fault> {
            Ok(Self)
        }

        fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
            let mut stream = std::net::TcpStream::connect_timeout(&target.address, cx.left())?;
            stream.set_read_timeout(Some(cx.left()))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            match answer.as_str() {
                "+PONG\r\n" => Ok(Up::new(cx.elapsed())),
                _ => Err(Fault::down(answer)),
            }
        }
    }

    fn ping(server: &Server) -> Result<Up, Fault> {
        let bench = Bench::new();
        let target = Target::new(server.address(), "here", "test");
        let timeout = Duration::from_secs(60);
        bench.blocking_probe::<BlockingPing>("")?.run(ProbeCall { target, timeout })
    }

    #[test]
    fn a_plugin_that_blocks_meets_a_server() {
        let server =
            Server::tcp_on_thread(Script::new().hear("PING\r\n").say("+PONG\r\n")).unwrap();
        ping(&server).unwrap();
        assert_eq!(server.heard(), [b"PING\r\n"]);
        let server = Server::tcp_on_thread(Script::new().hear("PING\r\n").reset()).unwrap();
        assert_down(ping(&server), "reset");
    }

    #[test]
    fn datagrams_as_well() {
        let server = Server::udp_on_thread(Script::new().hear("ping").say("pong")).unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        for _ in 0..2 {
            socket.send_to(b"ping", server.address()).unwrap();
            let mut answer = [0; 8];
            assert_eq!(socket.recv(&mut answer).unwrap(), 4);
        }
    }
}
