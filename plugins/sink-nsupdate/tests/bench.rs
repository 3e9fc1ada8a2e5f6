//! What a change costs, beside a raw update of the same server in the same run: medians until it is
//! served, and until that is known: raw by the answer, of the sink when it has the serial as well,
//! which it asks for once the server has answered. By hand:
//!
//! ```text
//! cargo test --release -p rais-plugin-sink-nsupdate --test bench -- --ignored --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use domain::base::iana::{Class, Opcode, Rtype};
use domain::base::message_builder::MessageBuilder;
use domain::base::{Message, Name, Ttl, UnknownRecordData};
use domain::rdata::A;
use rais_dns::{Access, Conversation, KeyFile, Life, Request, Server, Way};
use support::server::{Make, Setup, ZONE};
use support::{Publication, sink};

const ROUNDS: u32 = 300;

fn connected(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect(to).unwrap();
    socket
}

fn exchange(socket: &UdpSocket, request: &[u8]) -> Message<Vec<u8>> {
    let mut room = [0; 4096];
    socket.send(request).unwrap();
    let read = socket.recv(&mut room).unwrap();
    let answer = Message::from_octets(room[..read].to_vec()).unwrap();
    assert_eq!(answer.header().rcode().to_int(), 0);
    answer
}

/// As somebody would send it who wants nothing but speed: one socket, the answer taken as it is.
struct Raw<'a> {
    talk: Conversation<'a>,
    socket: UdpSocket,
    zone: Name<Vec<u8>>,
    name: Name<Vec<u8>>,
}

impl Raw<'_> {
    fn change(&self, to: Ipv4Addr) {
        let mut builder = Request::builder(Opcode::UPDATE).question();
        builder.push((&self.zone, Rtype::SOA)).unwrap();
        let mut builder = builder.authority();
        let all = UnknownRecordData::from_octets(Rtype::A, [0; 0]).unwrap();
        builder.push((&self.name, Class::ANY, Ttl::ZERO, all)).unwrap();
        builder.push((&self.name, Class::IN, Ttl::from_secs(10), A::new(to))).unwrap();
        let request = self.talk.sign(builder.additional()).unwrap();
        exchange(&self.socket, request.as_slice());
    }
}

/// Asks for a name's address without a pause, on a thread of its own, until it is another one.
struct Watcher {
    watch: Sender<(Name<Vec<u8>>, Ipv4Addr)>,
    begun: Receiver<()>,
    seen: Receiver<Instant>,
}

impl Watcher {
    fn of(server: SocketAddr) -> Watcher {
        let (watch, orders) = channel::<(Name<Vec<u8>>, Ipv4Addr)>();
        let ((begins, begun), (sees, seen)) = (channel(), channel());
        std::thread::spawn(move || {
            let socket = connected(server);
            for (name, wanted) in orders {
                let mut question = MessageBuilder::new_vec().question();
                question.push((&name, Rtype::A)).unwrap();
                let question = question.finish();
                let found = || {
                    let answer = exchange(&socket, &question);
                    let records = answer.answer().unwrap().limit_to::<A>();
                    records.map(|it| it.unwrap().data().addr()).next()
                };
                found();
                begins.send(()).unwrap();
                while found() != Some(wanted) {}
                sees.send(Instant::now()).unwrap();
            }
        });
        Watcher { watch, begun, seen }
    }

    /// How long `change` takes until `name` has the address, and until it returns.
    fn time(&self, name: &Name<Vec<u8>>, ip: Ipv4Addr, change: impl FnOnce()) -> [Duration; 2] {
        self.watch.send((name.clone(), ip)).unwrap();
        self.begun.recv().unwrap();
        let begin = Instant::now();
        change();
        let returned = begin.elapsed();
        [self.seen.recv().unwrap() - begin, returned]
    }
}

/// The middle ones.
fn medians(times: &[[Duration; 2]]) -> [Duration; 2] {
    [0, 1].map(|which| {
        let mut times: Vec<_> = times.iter().map(|both| both[which]).collect();
        times.sort();
        times[times.len() / 2]
    })
}

#[test]
#[ignore = "a measurement"]
fn a_change_is_served_as_soon_as_a_raw_update() {
    for make in [Make::Knot, Make::Bind, Make::PowerDns] {
        let server = Setup::of(make).start();
        let sink = sink(&server.table(""));
        let key = KeyFile::open(&server.key_file(), Access::Ours).unwrap().key();
        let (timeout, life) = (Duration::from_secs(5), Life::default());
        let to = Server { address: server.dns, way: Way::Udp, timeout };
        let raw = Raw {
            talk: Conversation::new(&to, Some(&key), timeout, &life).unwrap(),
            socket: connected(server.dns),
            zone: ZONE.parse().unwrap(),
            name: "raw.example.com".parse().unwrap(),
        };
        let ours: Name<Vec<u8>> = "api.example.com".parse().unwrap();
        raw.change(Ipv4Addr::new(192, 0, 2, 1));
        Publication::new(ZONE, &[("api", &["192.0.2.1"])]).publish(&sink).unwrap();
        let watcher = Watcher::of(server.dns);
        let (mut of_raw, mut of_sink) = (Vec::new(), Vec::new());
        for round in 0..2 * ROUNDS {
            let ip = Ipv4Addr::from(0x0a00_0000 + round);
            // What the server does after a change is held against neither.
            std::thread::sleep(Duration::from_micros(2_000 + u64::from(round * 7919 % 12_000)));
            if round % 2 == 0 {
                of_raw.push(watcher.time(&raw.name, ip, || raw.change(ip)));
            } else {
                let publication = Publication::new(ZONE, &[("api", &[&ip.to_string()])]);
                of_sink.push(watcher.time(&ours, ip, || {
                    publication.publish(&sink).unwrap();
                }));
            }
        }
        let [[raw, answered], [served, confirmed]] = [&of_raw, &of_sink].map(|it| medians(it));
        println!(
            "{make:?}: raw: served {raw:.2?}, answered {answered:.2?}; \
             sink: served {served:.2?}, confirmed {confirmed:.2?}"
        );
    }
}
