//! What a change costs, beside a raw update of the same server in the same run: medians. By hand:
//!
//! ```text
//! cargo test --release -p rais-plugin-sink-nsupdate --test bench -- --ignored --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use domain::base::iana::{Class, Opcode, Rtype};
use domain::base::{Message, Name, Ttl, UnknownRecordData};
use domain::rdata::A;
use rais_dns::{Access, Conversation, KeyFile, Life, Question, Request, Server, Way};
use support::server::{Make, Setup, ZONE};
use support::{Publication, sink};

const ROUNDS: u32 = 300;

/// A change until it is seen: as `nsupdate` would send it, and a question.
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
        self.exchange(request.as_slice());
        let mut builder = Request::builder(Opcode::QUERY).question();
        builder.push((&self.name, Rtype::A)).unwrap();
        let answer = self.exchange(&builder.additional().finish().into_target());
        let found = answer.answer().unwrap().limit_to::<A>().next().unwrap().unwrap();
        assert_eq!(found.data().addr(), to);
    }

    fn exchange(&self, request: &[u8]) -> Message<Vec<u8>> {
        let mut room = [0; 4096];
        self.socket.send(request).unwrap();
        let read = self.socket.recv(&mut room).unwrap();
        let answer = Message::from_octets(room[..read].to_vec()).unwrap();
        assert_eq!(answer.header().rcode().to_int(), 0);
        answer
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
#[ignore = "a measurement"]
fn a_change_costs_no_more_than_a_raw_update() {
    for make in [Make::Knot, Make::Bind, Make::PowerDns] {
        let server = Setup::of(make).start();
        let sink = sink(&server.table(""));
        let key = KeyFile::open(&server.key_file(), Access::Ours).unwrap().key();
        let (timeout, life) = (Duration::from_secs(5), Life::default());
        let to = Server { address: server.dns, way: Way::Udp, timeout };
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(server.dns).unwrap();
        let raw = Raw {
            talk: Conversation::new(&to, Some(&key), timeout, &life).unwrap(),
            socket,
            zone: ZONE.parse().unwrap(),
            name: "raw.example.com".parse().unwrap(),
        };
        Publication::new(ZONE, &[("api", &["192.0.2.1"])]).publish(&sink).unwrap();
        let (mut of_raw, mut of_sink) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let ip = Ipv4Addr::from(0x0a00_0000 + round);
            let begin = Instant::now();
            raw.change(ip);
            of_raw.push(begin.elapsed());
            let publication = Publication::new(ZONE, &[("api", &[&ip.to_string()])]);
            let begin = Instant::now();
            publication.publish(&sink).unwrap();
            of_sink.push(begin.elapsed());
        }
        // Confirmed is visible.
        let mut talk = Conversation::new(&to, Some(&key), timeout, &life).unwrap();
        let question = Question::new("api.example.com", Rtype::A).unwrap();
        let answer = talk.ask(std::slice::from_ref(&question)).unwrap().remove(0);
        let mut found = rais_dns::Answered::new();
        question.addresses(&answer, &mut found).unwrap();
        let last = Ipv4Addr::from(0x0a00_0000 + ROUNDS - 1);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(last.into(), 10)]);
        println!("{make:?}: raw {:.2?}, sink {:.2?}", median(of_raw), median(of_sink));
    }
}
