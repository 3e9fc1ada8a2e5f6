//! The sink through the plugin boundary, asked by its sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use domain::base::Message;
use domain::base::iana::{Rcode, Rtype};
use domain::base::name::Name;
use domain::rdata::AllRecordData;
use rais_plugin_sink_dns::Dns;
use rais_sdk::host::{Level, SinkObject};
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{Describe, Fault, FaultKind, Owner, Record, Sink, Zone, ZoneHead};

const README: &str = include_str!("../README.md");
const HEADER: &str = "$TTL 1h\n@ SOA ns1 h ( 7 3h 1h 1w 300 )\n NS ns1\nns1 A 192.0.2.53\n";
/// For what comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);

fn publish(sink: &SinkObject, header: &str, addresses: &[&str], serial: u32) -> Result<u32, Fault> {
    let records: Vec<_> = addresses.iter().map(|ip| Record::new(0, ip.parse().unwrap())).collect();
    let mut head = ZoneHead::new(vec![Owner::new("@", 10)], serial);
    head.header = Some(header.to_owned());
    sink.publish(&Zone::new("www.example", head, &records, &records, &[]))
}

/// Where the sink says that it answers.
fn address(bench: &Bench) -> SocketAddr {
    let lines = bench.lines();
    let told = lines.iter().find_map(|(_, line)| line.strip_prefix("answering at "));
    told.unwrap().parse().unwrap()
}

fn query(name: &str) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend_from_slice(name.parse::<Name<Vec<u8>>>().unwrap().as_slice());
    query.extend_from_slice(&[0, Rtype::A.to_int() as u8, 0, 1]);
    query
}

fn by_udp(server: SocketAddr, name: &str) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(server).unwrap();
    socket.send(&query(name)).unwrap();
    let mut room = [0; 1500];
    let length = socket.recv(&mut room).unwrap();
    room[..length].to_vec()
}

fn by_tcp(server: SocketAddr, name: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let query = query(name);
    stream.write_all(&[&[0, query.len() as u8][..], &query].concat()).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// The addresses in an answer, or what it says instead.
fn addresses(answer: Vec<u8>) -> Result<Vec<String>, Rcode> {
    let message = Message::from_octets(answer).unwrap();
    let records = message.answer().unwrap().limit_to::<AllRecordData<_, _>>();
    match message.header().rcode() {
        Rcode::NOERROR => Ok(records.map(|record| record.unwrap().data().to_string()).collect()),
        rcode => Err(rcode),
    }
}

/// Asks until the answer is right: zones come in their own time.
#[track_caller]
fn until_answered(server: SocketAddr, name: &str, ip: &str) {
    let begun = Instant::now();
    while addresses(by_udp(server, name)) != Ok(vec![ip.to_owned()]) {
        assert!(begun.elapsed() < PATIENCE, "{name} is never {ip}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits for a line of the log.
#[track_caller]
fn until_told(bench: &Bench, text: &str) {
    let begun = Instant::now();
    while !bench.lines().iter().any(|(_, line)| line.contains(text)) {
        assert!(begun.elapsed() < PATIENCE, "{text:?} is never told: {:?}", bench.lines());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_published_is_answered_over_udp_and_tcp_until_it_is_stopped() {
    let bench = Bench::new();
    let sink = bench.sink::<Dns>("listen = ['127.0.0.1:0']").unwrap();
    assert_eq!(bench.lines(), []);
    assert_eq!(publish(&sink, HEADER, &["192.0.2.1", "2001:db8::1"], 8), Ok(8));
    let server = address(&bench);
    for ask in [by_udp, by_tcp] {
        assert_eq!(addresses(ask(server, "www.example")), Ok(vec!["192.0.2.1".to_owned()]));
        assert_eq!(addresses(ask(server, "www.example.net")), Err(Rcode::REFUSED));
    }
    let served = sink.served("WWW.example").unwrap().unwrap();
    assert_eq!((served.serial, served.records.len()), (Some(8), 2));

    let fault = publish(&sink, &format!("{HEADER}x A 1\n"), &["192.0.2.2"], 9).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused);
    assert!(fault.text.contains("line 5, column 1: not a valid A record"), "{fault}");
    assert_eq!(addresses(by_udp(server, "www.example")), Ok(vec!["192.0.2.1".to_owned()]));

    sink.stop();
    let lines = bench.lines();
    for told in [
        "answered by UDP: NOERROR 2, REFUSED 1",
        "answered by TCP: NOERROR 1, REFUSED 1",
        "answered for zones: www.example 3",
    ] {
        assert!(lines.iter().any(|(_, line)| line == told), "{lines:?}");
    }
    TcpListener::bind(server).unwrap();
    assert_eq!(publish(&sink, HEADER, &[], 10).unwrap_err().kind, FaultKind::Busy);
}

#[test]
fn files_are_served_beside_and_followed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |zone: &str, text: &str| {
        fs::write(folder.path().join(format!("{zone}.zone")), text).unwrap();
    };
    write("a.example", &format!("{HEADER}@ A 192.0.2.1\n"));
    write("www.example", HEADER);
    write("broken.example", &format!("{HEADER}\n$GENERATE 1-2 a$ A 192.0.2.$\n"));
    let bench = Bench::new();
    let table = format!("listen = ['127.0.0.1:0']\nzones = '{}'", folder.path().display());
    let sink = bench.sink::<Dns>(&table).unwrap();
    publish(&sink, HEADER, &["192.0.2.9"], 8).unwrap();
    let server = address(&bench);
    until_answered(server, "a.example", "192.0.2.1");
    // What a binder publishes goes before the file.
    assert_eq!(addresses(by_udp(server, "www.example")), Ok(vec!["192.0.2.9".to_owned()]));
    let warned: Vec<_> =
        bench.lines().into_iter().filter(|(level, _)| *level == Level::Warn).collect();
    let broken = folder.path().join("broken.example.zone");
    let says = format!("{}: line 6, column 1: $GENERATE", broken.display());
    assert!(warned.iter().any(|(_, line)| line.starts_with(&says)), "{warned:?}");

    write("a.example", &format!("{HEADER}@ A 192.0.2.111\n"));
    until_answered(server, "a.example", "192.0.2.111");
    sink.stop();
}

#[test]
fn an_address_that_is_not_ours_is_told_when_it_is_to_answer() {
    let sink = Bench::new().sink::<Dns>("listen = ['192.0.2.53:5300']").unwrap();
    let fault = publish(&sink, HEADER, &[], 8).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io);
    assert!(fault.text.contains("192.0.2.53:5300"), "{fault}");
}

#[test]
fn a_table_that_makes_no_sense_is_refused_with_its_key() {
    let refused = |table: &str| Bench::new().sink::<Dns>(table).unwrap_err();
    for (table, at) in [
        ("", ""),
        ("listen = []", "listen"),
        ("listen = ['localhost']", "listen"),
        ("listen = ['::1', '127.0.0.1', '[::1]:53']", "listen[2]"),
        ("listen = ['::1']\nworkers = 0", "workers"),
        ("listen = ['::1']\nzones = '/nowhere'", "zones"),
        ("listen = ['::1']\ntcp_connections = 0", "tcp_connections"),
        ("listen = ['::1']\ntcp_per_client = 0", "tcp_per_client"),
        ("listen = ['::1']\nrrl = { rate = 0 }", "rrl.rate"),
        ("listen = ['::1']\nrrl = { rates = 1 }", "rrl.rates"),
        ("listen = ['::1']\ntransfer = ['x']", "transfer"),
        ("listen = ['::1']\ntransfer_key = '/nowhere'", "transfer_key"),
        ("listen = ['::1']\nnotify = ['x']", "notify"),
        ("listen = ['::1']\ntcp_idle = '2h'", "tcp_idle"),
        ("listen = ['::1']\ntcp_idle = '99ms'", "tcp_idle"),
        ("listen = ['::1']\nzone = '.'", "zone"),
    ] {
        let fault = refused(table);
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{table}: {fault}");
    }
    let long = format!("listen = ['::1']\nnsid = '{}'", "x".repeat(129));
    assert_eq!(refused(&long).at, "nsid");
}

#[test]
fn two_of_one_configuration_at_one_address_are_refused_and_one_after_the_other_is_not() {
    let make = |listen: &str| Bench::new().sink::<Dns>(&format!("listen = [{listen}]"));
    for (first, second) in [
        ("'127.0.0.1:5999'", "'127.0.0.2:5998', '127.0.0.1:5999'"),
        ("'127.0.0.1:5999'", "'127.0.0.2:5998', '0.0.0.0:5999'"),
        ("'[::]:5999'", "'127.0.0.2:5998', '[::1]:5999'"),
    ] {
        let one = make(first).unwrap();
        let fault = make(second).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "listen[1]"), "{fault}");
        assert!(
            fault.text.contains(&format!("listens at {}", first.trim_matches('\''))),
            "{fault}"
        );
        drop(one);
        make(second).unwrap();
    }
    // Ports that the kernel chooses are others each time.
    let _two = [make("'127.0.0.1:0'").unwrap(), make("'127.0.0.1:0'").unwrap()];
}

#[test]
fn a_check_tells_of_unsound_files_and_the_start_does_not_repeat_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.example.zone", &format!("{HEADER}@ A 192.0.2.1\n"));
    write("b.example.zone", &format!("{HEADER}\n@ A 192.0.2.x\n"));
    write("c.example.db", "none");
    std::os::unix::fs::symlink("nowhere", folder.path().join("d.example.zone")).unwrap();
    let bench = Bench::new();
    let table = format!("listen = ['127.0.0.1:0']\nzones = '{}'", folder.path().display());
    let sink = bench.sink::<Dns>(&table).unwrap();
    let says = format!("{}: line 6", folder.path().join("b.example.zone").display());
    let lines = bench.lines();
    assert!(
        lines.len() == 1 && lines[0].0 == Level::Warn && lines[0].1.starts_with(&says),
        "{lines:?}"
    );
    sink.assign(&[]).unwrap();
    let server = address(&bench);
    until_answered(server, "a.example", "192.0.2.1");
    assert_eq!(addresses(by_udp(server, "b.example")), Err(Rcode::SERVFAIL));
    // The last of what a look tells.
    until_told(&bench, "2 ignored, as ");
    sink.stop();
    let lines = bench.lines();
    assert_eq!(lines.iter().filter(|(level, _)| *level == Level::Warn).count(), 1, "{lines:?}");
    let told = |text: &str| lines.iter().any(|(_, line)| line.contains(text));
    assert!(told("a.example: taken up from"), "{lines:?}");
    assert!(told("2 ignored, as "), "{lines:?}");
}

#[test]
fn the_sample_is_the_readmes_and_makes_a_sink() {
    assert_eq!(samples_parse(), Ok(1));
    assert!(README.contains(Dns::SAMPLE));
    for key in <Dns as Sink>::Config::options() {
        assert!(README.contains(&format!("\n| `{}` | ", key.name)), "{}", key.name);
    }
}

/// They wait for a second; a machine that has no time to publish for so long tells nothing, and is asked
/// again.
#[test]
fn queries_wait_at_the_start_until_there_is_an_answer_for_every_zone() {
    const GRACE: Duration = Duration::from_secs(1);
    let begun = Instant::now();
    loop {
        let bench = Bench::new();
        let sink = bench.sink::<Dns>("listen = ['127.0.0.1:0']\nworkers = 1").unwrap();
        let started = Instant::now();
        sink.assign(&["www.example".to_owned()]).unwrap();
        let server = address(&bench);
        let asked = UdpSocket::bind("127.0.0.1:0").unwrap();
        asked.set_read_timeout(Some(PATIENCE)).unwrap();
        asked.send_to(&query("www.example"), server).unwrap();
        publish(&sink, HEADER, &["192.0.2.1"], 8).unwrap();
        let is_in_time = started.elapsed() < GRACE;
        let mut room = [0; 1500];
        let length = asked.recv(&mut room).unwrap();
        let answer = addresses(room[..length].to_vec());
        // Not "refused", though it was asked before.
        if is_in_time || answer.is_ok() {
            assert_eq!(answer, Ok(vec!["192.0.2.1".to_owned()]));
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "never published in time");
    }
}

#[test]
fn a_zone_that_never_comes_keeps_no_other_from_being_answered() {
    let bench = Bench::new();
    let sink = bench.sink::<Dns>("listen = ['127.0.0.1:0']").unwrap();
    sink.assign(&["www.example", "never.example"].map(str::to_owned)).unwrap();
    publish(&sink, HEADER, &["192.0.2.1"], 8).unwrap();
    let server = address(&bench);
    assert_eq!(addresses(by_udp(server, "www.example")), Ok(vec!["192.0.2.1".to_owned()]));
    // It is ours all the same, and what it has is not known.
    assert_eq!(addresses(by_udp(server, "never.example")), Err(Rcode::SERVFAIL));
}

#[test]
fn a_zone_that_is_no_longer_the_sinks_is_no_longer_answered_but_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("www.example.zone");
    fs::write(&file, format!("{HEADER}@ A 192.0.2.99\n")).unwrap();
    let bench = Bench::new();
    let table = format!("listen = ['127.0.0.1:0']\nzones = '{}'", folder.path().display());
    let sink = bench.sink::<Dns>(&table).unwrap();
    let assign = |zones: &[&str]| {
        let zones: Vec<_> = zones.iter().map(|&zone| zone.to_owned()).collect();
        sink.assign(&zones).unwrap();
    };
    assign(&["WWW.example", "gone.example"]);
    publish(&sink, HEADER, &["192.0.2.1"], 8).unwrap();
    let server = address(&bench);
    assert_eq!(addresses(by_udp(server, "www.example")), Ok(vec!["192.0.2.1".to_owned()]));
    assign(&[]);
    assert_eq!(sink.served("www.example").unwrap(), None);
    // It takes the file's zone up by itself.
    until_answered(server, "www.example", "192.0.2.99");
}

/// Secondaries know their primary by its address.
#[test]
fn news_come_from_the_address_that_answers_until_they_are_taken() {
    let secondary = UdpSocket::bind("127.0.0.1:0").unwrap();
    secondary.set_read_timeout(Some(PATIENCE)).unwrap();
    let bench = Bench::new();
    let at = secondary.local_addr().unwrap();
    let sink = bench.sink::<Dns>(&format!("listen = ['127.0.0.5:0']\nnotify = ['{at}']")).unwrap();
    publish(&sink, HEADER, &["192.0.2.1"], 8).unwrap();
    for rcode in [Rcode::REFUSED, Rcode::NOERROR] {
        let mut room = [0; 512];
        let (length, from) = secondary.recv_from(&mut room).unwrap();
        // NOTIFY with authority (RFC 1996 §3.7).
        assert_eq!((room[2], from.ip().to_string()), (0x24, "127.0.0.5".to_owned()));
        room[2] |= 0x80;
        room[3] = rcode.to_int();
        secondary.send_to(&room[..length], from).unwrap();
    }
    sink.stop();
    let warned: Vec<_> =
        bench.lines().into_iter().filter(|(level, _)| *level == Level::Warn).collect();
    let text = format!("secondary {at}: does not take the news of www.example: REFUSED");
    assert_eq!(warned, [(Level::Warn, text)]);
}

/// Answers to queries from many ports, which the kernel gives to one of several servers by chance.
fn all_answers(server: SocketAddr) -> BTreeSet<Result<Vec<String>, String>> {
    let ask = |_| addresses(by_udp(server, "www.example")).map_err(|rcode| rcode.to_string());
    let mut all: BTreeSet<_> = (0..64).map(ask).collect();
    all.extend(
        (0..16)
            .map(|_| addresses(by_tcp(server, "www.example")).map_err(|rcode| rcode.to_string())),
    );
    all
}

#[test]
fn one_in_the_place_of_another_takes_no_query_before_that_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.example.zone"), format!("{HEADER}@ A 192.0.2.7\n")).unwrap();
    let bench = Bench::new();
    let first = bench.sink::<Dns>("listen = ['127.0.0.1:0']\nworkers = 2").unwrap();
    publish(&first, HEADER, &["192.0.2.1"], 8).unwrap();
    let server = address(&bench);
    let table =
        format!("listen = ['{server}']\nworkers = 3\nzones = '{}'", folder.path().display());
    let zones = ["www.example".to_owned()];
    let olds = BTreeSet::from([Ok(vec!["192.0.2.1".to_owned()])]);

    // One that is not taken after all.
    let refused = Bench::new().sink::<Dns>(&table).unwrap();
    refused.assign(&zones).unwrap();
    assert_eq!(all_answers(server), olds);
    refused.stop();
    assert_eq!(all_answers(server), olds);

    let second = Bench::new().sink::<Dns>(&table).unwrap();
    second.assign(&zones).unwrap();
    assert_eq!(all_answers(server), olds);
    first.stop();
    // Its zone has not come, so it is waited for, by whomever it is asked for.
    let asked = UdpSocket::bind("127.0.0.1:0").unwrap();
    asked.set_read_timeout(Some(PATIENCE)).unwrap();
    asked.send_to(&query("a.example"), server).unwrap();
    publish(&second, HEADER, &["192.0.2.2"], 9).unwrap();
    let mut room = [0; 1500];
    let length = asked.recv(&mut room).unwrap();
    assert_eq!(addresses(room[..length].to_vec()), Ok(vec!["192.0.2.7".to_owned()]));
    let news = BTreeSet::from([Ok(vec!["192.0.2.2".to_owned()])]);
    assert_eq!(all_answers(server), news);
}
