//! From what a binder publishes to what is answered.

use std::collections::{BTreeMap, HashMap};

use domain::base::opt::ExtendedError;
use rais_sdk::{Fault, Owner, Record, Zone as Publication, ZoneHead};

use super::*;
use crate::publish::{Records, State};

const HEADER: &str = "\
$TTL 1h
@ SOA ns1 h ( 7 3h 1h 1w 300 )
  NS ns1
ns1 A 192.0.2.53
  MX 10 www.example.
";

struct Bed {
    state: State,
    engine: Arc<Engine>,
    responder: Responder,
}

impl Bed {
    fn new() -> Bed {
        let engine = Arc::new(Engine::new(Identity::default(), Access::default(), None));
        let responder = Responder::new(Arc::clone(&engine));
        Bed { state: State::default(), engine, responder }
    }

    fn publish(
        &mut self,
        header: &str,
        owners: &[Owner],
        records: &[Record],
        serial: u32,
    ) -> Result<u32, Fault> {
        let mut head = ZoneHead::new(owners.to_vec(), serial);
        head.header = Some(header.to_owned());
        let publication = Publication::new("www.example", head, records, &[], &[]);
        self.state.publish(&publication, &self.engine).map(|_| serial)
    }

    /// By a publication with this reason.
    fn publish_because(&mut self, reason: &str, owners: &[Owner], records: &[Record]) -> Records {
        let mut head = ZoneHead::new(owners.to_vec(), 8);
        (head.header, head.reason) = (Some(HEADER.to_owned()), reason.to_owned());
        let publication = Publication::new("www.example", head, records, &[], &[]);
        self.state.publish(&publication, &self.engine).unwrap()
    }

    /// What is told beside an answer without an address.
    fn explanation(&mut self, name: &str) -> String {
        let query = with_edns(question(name, "AAAA"), 1232, 0, &[]);
        let answer = ask(&mut self.responder, &query, &peer("192.0.2.1", Transport::Udp)).unwrap();
        let message = Message::from_octets(&answer).unwrap();
        let opt = message.opt().unwrap();
        let errors = opt.opt().iter::<ExtendedError<_>>();
        let texts = errors.map(|error| error.unwrap().text_slice().unwrap_or_default().to_vec());
        texts.map(|text| String::from_utf8(text).unwrap()).collect()
    }

    fn ask(&mut self, name: &str, rtype: &str) -> Vec<String> {
        self.ask_as("192.0.2.200", name, rtype)
    }

    fn ask_as(&mut self, client: &str, name: &str, rtype: &str) -> Vec<String> {
        let query = question(name, rtype);
        shown(&ask(&mut self.responder, &query, &peer(client, Transport::Udp)).unwrap())
    }

    /// The addresses in the order of the answer.
    fn addresses(&mut self, client: &str, rtype: &str) -> Vec<IpAddr> {
        let query = question("www.example", rtype);
        let answer = ask(&mut self.responder, &query, &peer(client, Transport::Udp)).unwrap();
        let message = Message::from_octets(answer).unwrap();
        let records = message.answer().unwrap().map(|record| record.unwrap());
        records
            .filter_map(|record| {
                let data = record.to_any_record::<AllRecordData<_, _>>().unwrap();
                data.data().to_string().parse().ok()
            })
            .collect()
    }
}

fn apex(scheme: &str) -> Vec<Owner> {
    vec![Owner::new("@", 10).with_scheme(scheme)]
}

fn v4(count: u8) -> Vec<Record> {
    (1..=count).map(|n| Record::new(0, [192, 0, 2, n].into())).collect()
}

/// In how many of so many answers each address is, and in how many it is first.
fn counted(bed: &mut Bed, answers: usize) -> (BTreeMap<IpAddr, usize>, BTreeMap<IpAddr, usize>) {
    let (mut all, mut first) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..answers {
        let addresses = bed.addresses("192.0.2.200", "A");
        *first.entry(addresses[0]).or_default() += 1;
        for address in addresses {
            *all.entry(address).or_default() += 1;
        }
    }
    (all, first)
}

#[test]
fn what_is_published_is_answered_and_read_back() {
    let mut bed = Bed::new();
    assert_eq!(bed.state.served(&bed.engine), None);
    assert_eq!(bed.ask("www.example", "A"), ["REFUSED"]);

    let owners = [Owner::new("@", 10), Owner::new("api", 5), Owner::new("*.any", 7)];
    let record = |owner, ip: &str| Record::new(owner, ip.parse().unwrap());
    let records = [record(0, "192.0.2.1"), record(0, "2001:db8::1"), record(2, "192.0.2.9")];
    assert_eq!(bed.publish(HEADER, &owners, &records, 8), Ok(8));
    let answer = bed.ask("www.example", "A");
    assert_eq!(answer, ["NOERROR aa", "an www.example 10 a 192.0.2.1"]);
    let answer = bed.ask("www.example", "AAAA");
    assert_eq!(answer, ["NOERROR aa", "an www.example 10 aaaa 2001:db8::1"]);
    assert_eq!(bed.ask("x.any.www.example", "A")[1], "an x.any.www.example 7 a 192.0.2.9");
    // The serial is the publication's, and no address is remembered no longer than one.
    let soa = "soa ns1.www.example. h.www.example. 8 10800 3600 604800 300";
    assert_eq!(bed.ask("www.example", "SOA")[1], format!("an www.example 3600 {soa}"));
    assert_eq!(bed.ask("api.www.example", "A")[1], format!("ns www.example 5 {soa}"));
    assert_eq!(bed.ask("www.example", "TXT")[1], format!("ns www.example 300 {soa}"));
    // Bound addresses go along with what names them.
    let mx = bed.ask("ns1.www.example", "MX");
    assert_eq!(mx[2..], ["ar www.example 10 a 192.0.2.1", "ar www.example 10 aaaa 2001:db8::1"]);
    assert_eq!(bed.ask("www.example", "ANY").len(), 2);

    let served = bed.state.served(&bed.engine).unwrap();
    assert_eq!((served.serial, served.owners), (Some(8), owners.to_vec()));
    assert_eq!(served.records.len(), 3);
    assert_eq!(served.records[2].owner, 2);
}

#[test]
fn a_change_of_addresses_swaps_its_set_and_nothing_else() {
    let mut bed = Bed::new();
    let owners = [Owner::new("@", 10), Owner::new("api", 5)];
    let of = |owner, n| Record::new(owner, [192, 0, 2, n].into());
    bed.publish(HEADER, &owners, &[of(0, 1), of(1, 2)], 8).unwrap();
    let catalog = Arc::clone(&bed.engine.catalog());
    let zone = bed.engine.zone(&to_wire("www.example")).unwrap();
    let sets = |zone: &Zone| zone.slots().iter().map(|slot| slot.load_full()).collect::<Vec<_>>();
    let before = sets(&zone);
    bed.publish(HEADER, &owners, &[of(0, 1), of(0, 3), of(1, 2)], 9).unwrap();
    assert!(Arc::ptr_eq(&bed.engine.catalog(), &catalog));
    let after = sets(&zone);
    assert!(!Arc::ptr_eq(&before[0], &after[0]) && Arc::ptr_eq(&before[1], &after[1]));
    assert_eq!(bed.ask("www.example", "A").len(), 3);
    assert!(bed.ask("www.example", "SOA")[1].contains(" 9 "));
    // Another TTL is another set, in the same zone.
    let [www, api] = owners.clone();
    let brief = [Owner::new("@", 1), api];
    bed.publish(HEADER, &brief, &[of(0, 1), of(0, 3), of(1, 2)], 10).unwrap();
    assert!(Arc::ptr_eq(&bed.engine.catalog(), &catalog));
    assert!(Arc::ptr_eq(&sets(&zone)[1], &before[1]));
    let ttls = |answer: &[String]| {
        let of_an = answer.iter().filter(|line| line.starts_with("an "));
        of_an.map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ttls(&bed.ask("www.example", "A")), ["1", "1"]);
    assert_eq!(ttls(&bed.ask("api.www.example", "A")), ["5"]);
    assert_eq!(bed.state.served(&bed.engine).unwrap().owners, brief);
    // The last address goes.
    let owners = [www, brief[1].clone()];
    bed.publish(HEADER, &owners, &[of(1, 2)], 11).unwrap();
    assert!(bed.ask("www.example", "A")[1].starts_with("ns www.example 10 soa"));
}

#[test]
fn a_name_of_which_nobody_is_up_says_so() {
    let mut bed = Bed::new();
    bed.publish(HEADER, &[Owner::new("@", 10)], &[], 8).unwrap();
    let query = with_edns(question("www.example", "A"), 1232, 0, &[]);
    let answer = ask(&mut bed.responder, &query, &peer("192.0.2.1", Transport::Udp)).unwrap();
    assert!(answer.ends_with(b"\x00\x0f\x00\x11\x00\x00no server is up"), "{answer:?}");
}

#[test]
fn it_says_why_as_well_and_not_at_any_length() {
    for (reason, told) in [
        ("www 192.0.2.1 down: connection refused", "www 192.0.2.1 down: connection refused"),
        (&*"ä".repeat(100), &*"ä".repeat(60)),
    ] {
        let mut bed = Bed::new();
        let owners = [Owner::new("@", 10)];
        bed.publish_because("start", &owners, &v4(1));
        bed.publish_because(reason, &owners, &[]);
        assert_eq!(bed.explanation("www.example"), format!("no server is up: {told}"));
    }
}

#[test]
fn each_name_has_the_reason_for_which_it_lost_its_last_address() {
    let mut bed = Bed::new();
    let owners = [Owner::new("@", 10), Owner::new("api", 10), Owner::new("new", 10)];
    let of = |owner: u32| Record::new(owner, [192, 0, 2, 1].into());
    bed.publish_because("start", &owners[..2], &[of(0), of(1)]);
    bed.publish_because("www is down", &owners[..2], &[of(1)]);
    bed.publish_because("api is down", &owners[..2], &[]);
    // Another table of owners is another zone.
    bed.publish_because("the zone's fixed part changed", &owners, &[]);
    for (name, told) in [
        ("www.example", "no server is up: www is down"),
        ("api.www.example", "no server is up: api is down"),
        ("new.www.example", "no server is up"),
    ] {
        assert_eq!(bed.explanation(name), told);
    }
}

#[test]
fn names_with_the_same_servers_share_one_set() {
    let mut bed = Bed::new();
    let names = ["a", "b", "c"].map(|name| Owner::new(name, 10).with_scheme("weighted"));
    let owners = [&names[..], &[Owner::new("d", 20).with_scheme("weighted")]].concat();
    let records = |weight| -> Vec<_> {
        let of =
            |owner| [1, 2].map(|n| Record::new(owner, [192, 0, 2, n].into()).with_weight(n.into()));
        let mut records: Vec<_> = (0..4).flat_map(of).collect();
        records[4] = records[4].with_weight(weight);
        records
    };
    let shared = |bed: &Bed| {
        let zone = bed.engine.zone(b"\x03www\x07example\0").unwrap();
        let sets: Vec<_> = zone.slots().iter().map(arc_swap::ArcSwapAny::load_full).collect();
        [1, 2, 3].map(|n| Arc::ptr_eq(&sets[0], &sets[n]))
    };
    bed.publish_because("start", &owners, &records(1));
    assert_eq!(shared(&bed), [true, true, false]);
    assert_eq!(bed.publish_because("other weights", &owners, &records(9)), Records::Same);
    assert_eq!(shared(&bed), [true, false, false]);
}

#[test]
fn a_broken_header_is_told_with_its_line_and_the_old_zone_goes_on() {
    let mut bed = Bed::new();
    bed.publish(HEADER, &[Owner::new("@", 10)], &v4(1), 8).unwrap();
    let owner = [Owner::new("@", 10)];
    for (more, says) in [
        ("$GENERATE 1-9 a$ A 192.0.2.$\n", "in its header: line 6, column 1: $GENERATE"),
        ("x A 192.0.2.300\n", "in its header: line 6, column 1: not a valid A record"),
        ("@ A 192.0.2.7\n", "in its header: line 6, column 1: www.example has a record of type A"),
        (
            "x CNAME y\nx A 192.0.2.1\n",
            "in its header: line 6, column 1: x.www.example. has a CNAME",
        ),
    ] {
        let fault = bed.publish(&format!("{HEADER}{more}"), &owner, &v4(2), 9).unwrap_err();
        assert!(fault.text.starts_with("www.example: ") && fault.text.contains(says), "{fault}");
        assert_eq!(bed.ask("www.example", "A").len(), 2, "{more}");
    }
    let below = [Owner::new("a.sub", 10)];
    let fault = bed.publish(&format!("{HEADER}sub NS ns1\n"), &below, &[], 9).unwrap_err();
    assert!(fault.text.contains("a.sub.www.example. stands at or below a delegation"), "{fault}");
    let fault = bed.publish(HEADER, &apex("best"), &[], 9).unwrap_err();
    assert!(fault.text.contains("\"least-load\""), "{fault}");
    bed.publish(&format!("{HEADER}x A 192.0.2.30\n"), &owner, &v4(2), 9).unwrap();
    assert_eq!(bed.ask("x.www.example", "A").len(), 2);
    assert_eq!(bed.ask("www.example", "A").len(), 3);
}

#[test]
fn round_robin_gives_each_its_turn() {
    for (count, taken) in [(3, 3), (28, 28), (40, 28)] {
        let mut bed = Bed::new();
        bed.publish(HEADER, &apex("round-robin"), &v4(count), 8).unwrap();
        let (all, first) = counted(&mut bed, 10 * usize::from(count));
        assert_eq!(first.len(), usize::from(count));
        assert!(first.values().all(|times| *times == 10), "{first:?}");
        assert!(all.values().all(|times| *times == 10 * taken), "{all:?}");
    }
}

#[test]
fn an_answer_has_as_many_addresses_as_the_zone_says() {
    let mut bed = Bed::new();
    for scheme in ["round-robin", "weighted", "random", "fixed", "least-load", "client-hash"] {
        for (most, told) in [(2, 2), (1, 1), (200, 5)] {
            let weights = [1000, 2000, 1500, 1200, 1300];
            let records = v4(5).into_iter().zip(weights).map(|(r, w)| r.with_weight(w));
            let mut records: Vec<_> = records.collect();
            records
                .extend((1..=5).map(|n| Record::new(0, format!("2001:db8::{n}").parse().unwrap())));
            let mut head = ZoneHead::new(apex(scheme), 8);
            head.header = Some(HEADER.to_owned());
            (head.max_addresses.a, head.max_addresses.aaaa) = (most, 3);
            let publication = Publication::new("www.example", head, &records, &[], &[]);
            bed.state.publish(&publication, &bed.engine).unwrap();
            // Shares that are kept exactly may take fewer.
            let told = if scheme == "weighted" { told.min(3) } else { told };
            assert_eq!(bed.addresses("192.0.2.200", "A").len(), told, "{scheme} {most}");
            assert_eq!(bed.addresses("192.0.2.200", "AAAA").len(), 3, "{scheme}");
        }
    }
}

#[test]
fn questions_for_other_families_and_names_do_not_disturb_a_turn() {
    let mut bed = Bed::new();
    let owners = [Owner::new("@", 10), Owner::new("api", 5)];
    let mut records = v4(2);
    records.extend([1, 2].map(|n| Record::new(0, format!("2001:db8::{n}").parse().unwrap())));
    records.extend([1, 2].map(|n| Record::new(1, [192, 0, 2, n].into())));
    bed.publish(HEADER, &owners, &records, 8).unwrap();
    let mut first = HashMap::new();
    for _ in 0..20 {
        for rtype in ["A", "AAAA"] {
            *first.entry(bed.addresses("192.0.2.200", rtype)[0]).or_insert(0) += 1;
        }
        bed.ask("api.www.example", "A");
        // Both bring addresses of the name along.
        bed.ask("ns1.www.example", "MX");
        bed.ask("www.example", "ANY");
    }
    assert_eq!(first.len(), 4);
    assert!(first.values().all(|times| *times == 10), "{first:?}");
}

#[test]
fn weights_are_the_shares_of_answers() {
    let mut bed = Bed::new();
    let records: Vec<_> =
        v4(3).into_iter().zip([65_535, 32_768, 32_768]).map(|(r, w)| r.with_weight(w)).collect();
    bed.publish(HEADER, &apex("weighted"), &records, 8).unwrap();
    let (all, first) = counted(&mut bed, 1024);
    let share = |counts: &BTreeMap<IpAddr, usize>, n: u8| counts[&IpAddr::from([192, 0, 2, n])];
    for counts in [&all, &first] {
        let (one, two) = (share(counts, 1), share(counts, 2));
        assert!(one.abs_diff(2 * two) * 100 <= 2 * one, "{counts:?}");
    }
    // Equal weights are a rotation, and weights alone may change.
    bed.publish(HEADER, &apex("weighted"), &v4(3), 9).unwrap();
    let (_, first) = counted(&mut bed, 30);
    assert!(first.values().all(|times| *times == 10), "{first:?}");
}

#[test]
fn the_other_schemes_order_as_they_are_called() {
    let mut bed = Bed::new();
    bed.publish(HEADER, &apex("random"), &v4(4), 8).unwrap();
    let (all, first) = counted(&mut bed, 4000);
    assert!(all.values().all(|times| *times == 4000), "{all:?}");
    // Of 1,000, seven times the deviation of 27.
    assert!(first.values().all(|times| times.abs_diff(1000) < 190), "{first:?}");

    let mut records = v4(4);
    records.reverse();
    bed.publish(HEADER, &apex("fixed"), &records, 9).unwrap();
    let sorted: Vec<IpAddr> = (1..=4).map(|n| [192, 0, 2, n].into()).collect();
    assert_eq!(bed.addresses("192.0.2.200", "A"), sorted);
    assert_eq!(bed.addresses("192.0.2.200", "A"), sorted);

    let loaded: Vec<_> = v4(3).into_iter().zip([90.0, 10.0]).map(|(r, l)| r.with_load(l)).collect();
    let loaded = [loaded, vec![v4(3)[2]]].concat();
    bed.publish(HEADER, &apex("least-load"), &loaded, 10).unwrap();
    let order: Vec<IpAddr> = [2, 3, 1].map(|n| [192, 0, 2, n].into()).to_vec();
    assert_eq!(bed.addresses("192.0.2.200", "A"), order);
}

#[test]
fn a_client_keeps_its_server_while_that_is_there() {
    let mut bed = Bed::new();
    bed.publish(HEADER, &apex("client-hash"), &v4(8), 8).unwrap();
    let clients: Vec<_> = (0..200).map(|n| format!("198.51.{n}.7")).collect();
    let first = |bed: &mut Bed, client: &str| bed.addresses(client, "A")[0];
    let before: Vec<_> = clients.iter().map(|client| first(&mut bed, client)).collect();
    for server in 1..=8 {
        assert!(before.contains(&[192, 0, 2, server].into()), "{server}");
    }
    assert_eq!(first(&mut bed, "198.51.3.250"), before[3]);
    bed.publish(HEADER, &apex("client-hash"), &v4(7), 9).unwrap();
    let gone = IpAddr::from([192, 0, 2, 8]);
    for (client, before) in clients.iter().zip(&before) {
        let now = first(&mut bed, client);
        assert!(now == *before || *before == gone, "{client}");
        assert_ne!(now, gone);
    }
}

#[test]
fn another_header_leaves_no_counters_behind() {
    let mut bed = Bed::new();
    for serial in 0..100 {
        let header = format!("{HEADER}x{serial} A 192.0.2.1\n");
        bed.publish(&header, &[Owner::new("@", 10)], &v4(3), serial).unwrap();
    }
    assert!(bed.engine.catalog().turns() <= 2);

    // Nor do owners that come and go.
    for serial in 100..200 {
        let owners: Vec<_> = (0..serial % 50).map(|n| Owner::new(format!("n{n}"), 10)).collect();
        bed.publish(HEADER, &owners, &[], serial).unwrap();
    }
    // Two for each of 49 owners, in rooms of 2 to 128.
    assert!(bed.engine.catalog().turns() <= 256, "{}", bed.engine.catalog().turns());
}
