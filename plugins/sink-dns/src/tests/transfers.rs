//! Zones handed out, message by message.

use rais_sdk::{Owner, Record, Zone as Publication, ZoneHead};

use super::*;
use crate::publish::State;

const HEADER: &str = "$TTL 1h\n@ SOA ns1 h ( 7 3h 1h 1w 300 )\n NS ns1\nns1 A 192.0.2.53\n";
const FRIEND: &str = "192.0.2.10";

struct Bed {
    state: State,
    engine: Arc<Engine>,
    responder: Responder,
}

impl Bed {
    fn new() -> Bed {
        let access =
            Access { ranges: vec![format!("{FRIEND}/32").parse().unwrap()], ..Access::default() };
        let engine = Arc::new(Engine::new(Identity::default(), access, None));
        engine.serve(zone(EXAMPLE, "example.com").unwrap());
        let responder = Responder::new(Arc::clone(&engine));
        Bed { state: State::default(), engine, responder }
    }

    fn publish(&mut self, addresses: &[u8], serial: u32) {
        let record = |n: &u8| Record::new(0, [192, 0, 2, *n].into());
        let records: Vec<_> = addresses.iter().map(record).collect();
        let mut head = ZoneHead::new(vec![Owner::new("@", 10)], serial);
        head.header = Some(HEADER.to_owned());
        let publication = Publication::new("www.example", head, &records, &[], &[]);
        self.state.publish(&publication, &self.engine).unwrap();
    }

    /// The records of a transfer in their order, or the rcode.
    fn transfer(&mut self, query: &[u8], client: &str, transport: Transport) -> Vec<String> {
        self.responder.refresh();
        let mut out = vec![0xAA; 65_535];
        match self.responder.respond(query, &peer(client, transport), &mut out) {
            Reply::Silence => panic!("silence"),
            Reply::Message(length) => shown(&out[..length]),
            Reply::Stream(mut stream) => {
                let mut records = Vec::new();
                while let Some(length) = stream.next(&mut out) {
                    let message = Message::from_octets(&out[..length]).unwrap();
                    assert_eq!(message.header().id(), 0x1234);
                    assert!(message.header().aa());
                    for record in message.answer().unwrap() {
                        let record = record.unwrap();
                        let (owner, rtype) = (record.owner(), record.rtype());
                        let data = record.to_any_record::<AllRecordData<_, _>>().unwrap();
                        records.push(format!("{owner} {rtype} {}", data.data()));
                    }
                }
                records
            }
        }
    }
}

/// Flags of each message, and whether it has an OPT record.
fn heads(bed: &mut Bed, query: &[u8]) -> Vec<(u8, bool)> {
    let mut out = vec![0; 65_535];
    bed.responder.refresh();
    let reply = bed.responder.respond(query, &peer(FRIEND, Transport::Tcp), &mut out);
    let Reply::Stream(mut stream) = reply else { panic!("no transfer") };
    let mut heads = Vec::new();
    while let Some(length) = stream.next(&mut out) {
        let message = Message::from_octets(&out[..length]).unwrap();
        heads.push((out[2], message.opt().is_some()));
        assert!(message.header_counts().ancount() > 0);
    }
    heads
}

/// RFC 5936 §2.2.1 and §2.2.5.
#[test]
fn a_transfer_repeats_rd_and_has_an_opt_record_where_the_query_has_one() {
    let mut bed = Bed::new();
    let many: String = (0..3000).map(|n| format!("n{n} A 192.0.2.1\n")).collect();
    bed.engine.serve(zone(&format!("{HEADER}{many}"), "many.example").unwrap());
    let mut query = question("many.example", "AXFR");
    assert_eq!(heads(&mut bed, &query), [(0x84, false); 3]);
    query[2] |= 1;
    assert_eq!(heads(&mut bed, &query), [(0x85, false); 3]);
    let query = with_edns(query, 1232, 0, b"");
    assert_eq!(heads(&mut bed, &query), [(0x85, true), (0x85, false), (0x85, false)]);
    bed.publish(&[1], 8);
    bed.publish(&[2], 9);
    assert_eq!(heads(&mut bed, &with_edns(ixfr("www.example", 8), 1232, 0, b"")), [(0x84, true)]);
}

pub(super) fn ixfr(name: &str, serial: u32) -> Vec<u8> {
    let mut query = question(name, "IXFR");
    query[9] = 1;
    query.extend_from_slice(&[0xC0, 0x0C, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0]);
    query.extend_from_slice(&serial.to_be_bytes());
    query.extend_from_slice(&[0; 16]);
    query
}

fn soa(serial: u32) -> String {
    format!("www.example SOA ns1.www.example. h.www.example. {serial} 10800 3600 604800 300")
}

#[test]
fn a_whole_zone_is_every_record_of_it_between_two_of_its_soa() {
    let mut bed = Bed::new();
    let records = bed.transfer(&question("example.com", "AXFR"), FRIEND, Transport::Tcp);
    let zone = ZoneName::parse("example.com").unwrap();
    let mut wanted = 0;
    contents(EXAMPLE, &zone, |_| wanted += 1).unwrap();
    assert_eq!(records.len(), wanted + 1);
    assert_eq!(records.first(), records.last());
    for record in [
        "ns.sub.example.com A 192.0.2.153",
        "deeper.sub.example.com A 192.0.2.154",
        "*.wild.example.com MX 5 mail.example.com.",
        "example.com NS ns2.example.net.",
        "example.com NS ns1.example.com.",
    ] {
        assert_eq!(records.iter().filter(|found| *found == record).count(), 1, "{record}");
    }
}

#[test]
fn what_has_changed_is_told_from_any_serial_that_is_remembered() {
    let mut bed = Bed::new();
    bed.publish(&[1], 8);
    bed.publish(&[1, 2], 9);
    bed.publish(&[2, 3], 10);
    let a = |n: u8| format!("www.example A 192.0.2.{n}");
    let mut ask = |serial| bed.transfer(&ixfr("www.example", serial), FRIEND, Transport::Tcp);
    let wanted = [soa(10), soa(8), soa(9), a(2), soa(9), a(1), soa(10), a(3), soa(10)];
    assert_eq!(ask(8), wanted);
    assert_eq!(ask(9), [soa(10), soa(9), a(1), soa(10), a(3), soa(10)]);
    // Who is as far has nothing to learn, nor who is ahead.
    assert_eq!(ask(10), [soa(10)]);
    assert_eq!(ask(11), [soa(10)]);
    let whole = ask(7);
    assert_eq!((&whole[0], &whole[5]), (&soa(10), &soa(10)));
    assert_eq!(whole.len(), 6);
    // RFC 1995 §2: over UDP no more than how far we are.
    let told = bed.transfer(&ixfr("www.example", 8), FRIEND, Transport::Udp);
    assert!(told[0] == "NOERROR aa" && told[1].contains(" 10 10800 "), "{told:?}");
}

/// And it keeps nobody from publishing.
#[test]
fn a_transfer_under_way_tells_of_one_publication_whatever_comes_meanwhile() {
    let mut bed = Bed::new();
    let many: String = (0..3000).map(|n| format!("n{n} A 192.0.2.1\n")).collect();
    let publish = |bed: &mut Bed, serial: u32| {
        let mut head = ZoneHead::new(vec![Owner::new("bound", 10)], serial);
        head.header = Some(format!("{HEADER}{many}"));
        let records = [Record::new(0, [192, 0, 2, serial as u8].into())];
        let publication = Publication::new("www.example", head, &records, &[], &[]);
        bed.state.publish(&publication, &bed.engine).unwrap();
    };
    publish(&mut bed, 8);
    let mut out = vec![0; 65_535];
    let query = question("www.example", "AXFR");
    let reply = bed.responder.respond(&query, &peer(FRIEND, Transport::Tcp), &mut out);
    bed.responder.release();
    let Reply::Stream(mut stream) = reply else { panic!("no transfer") };
    let mut told = Vec::new();
    let mut messages = 0;
    while let Some(length) = stream.next(&mut out) {
        told.extend(shown(&out[..length]));
        messages += 1;
        // Addresses, and then the whole zone.
        publish(&mut bed, 8 + messages);
        if messages == 2 {
            bed.engine.withdraw(&to_wire("www.example"));
        }
    }
    assert!(messages >= 3, "{messages}");
    let of = |what: &str| told.iter().filter(|line| line.contains(what)).collect::<Vec<_>>();
    assert_eq!(of(" a 192.0.2.8"), ["an bound.www.example 10 a 192.0.2.8"]);
    assert!(of("bound.").len() == 1 && of(" soa ").len() == 2, "{:?}", of(" soa "));
    assert!(of(" soa ").iter().all(|soa| soa.contains(" 8 10800 ")), "{:?}", of(" soa "));
}

#[test]
fn half_a_change_is_told_to_nobody() {
    let mut bed = Bed::new();
    bed.publish(&[1], 8);
    bed.publish(&[2], 9);
    // Another owner comes that cannot: the address has changed all the same.
    let mut head = ZoneHead::new(vec![Owner::new("@", 10), Owner::new("ns1", 10)], 10);
    head.header = Some(HEADER.to_owned());
    let records = [Record::new(0, [192, 0, 2, 3].into())];
    let publication = Publication::new("www.example", head, &records, &records, &[]);
    bed.state.publish(&publication, &bed.engine).unwrap_err();
    bed.publish(&[3, 4], 11);
    let mut ask = |serial| bed.transfer(&ixfr("www.example", serial), FRIEND, Transport::Tcp);
    // The whole of it: what came before 11 is not remembered any more.
    assert_eq!((ask(8).len(), ask(8)[0].clone()), (6, soa(11)));
    // Nor is it right to tell from 9 on what was never 9.
    assert_ne!(ask(9)[1], soa(9));
}

#[test]
fn strangers_get_nothing_and_friends_what_is_there() {
    let mut bed = Bed::new();
    let axfr = question("example.com", "AXFR");
    for transport in [Transport::Udp, Transport::Tcp] {
        assert_eq!(bed.transfer(&axfr, "192.0.2.11", transport), ["REFUSED"]);
        let ixfr = ixfr("example.com", 1);
        assert_eq!(bed.transfer(&ixfr, "192.0.2.11", transport), ["REFUSED"]);
    }
    assert_eq!(bed.transfer(&axfr, FRIEND, Transport::Udp), ["FORMERR"]);
    let no_soa = question("example.com", "IXFR");
    assert_eq!(bed.transfer(&no_soa, FRIEND, Transport::Tcp), ["FORMERR"]);
    let not_a_zone = question("www.example.com", "AXFR");
    assert_eq!(bed.transfer(&not_a_zone, FRIEND, Transport::Tcp), ["NOTAUTH"]);
}
