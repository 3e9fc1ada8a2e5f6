//! The table's queries, put to BIND, Knot and NSD with the same zone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::net::SocketAddr;

use domain::base::Message;
use domain::base::iana::Rtype;
use domain::base::message::RecordSection;
use domain::base::name::Name;
use domain::rdata::AllRecordData;
use rais_plugin_sink_dns::Dns;
use rais_sdk::testing::Bench;
use rais_sdk::{Owner, Zone, ZoneHead};

use support::{Daemon, PATIENCE, exchange, free_address};

const TABLE: &str = include_str!("table/queries.txt");
const ZONE: &str = include_str!("table/example.com.zone");
const HEADER: &str = "$TTL 1h\n@ SOA ns1 h ( 7 3h 1h 1w 300 )\n NS ns1\nns1 A 192.0.2.53\n";

/// A query of the table that any client might send.
struct Row {
    ask: &'static str,
    query: Vec<u8>,
    /// Who answers otherwise, as the table explains.
    otherwise: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let blocks = TABLE.split("\n# RFC ").skip(1);
    let row = |block: &'static str| {
        let mut lines = block.lines().skip(1);
        let ask = lines.next().unwrap();
        let otherwise = lines.filter_map(|line| line.strip_prefix("~ ")?.split(':').next());
        Some(Row { ask, query: query(ask)?, otherwise: otherwise.collect() })
    };
    blocks.filter_map(row).collect()
}

/// None of one that is sent in a way of its own.
fn query(ask: &str) -> Option<Vec<u8>> {
    let mut words = ask.split(' ');
    let (name, rtype) = (words.next()?, words.next()?.parse::<Rtype>().unwrap());
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend_from_slice(name.parse::<Name<Vec<u8>>>().unwrap().as_slice());
    query.extend_from_slice(&rtype.to_int().to_be_bytes());
    query.extend_from_slice(&[0, 1]);
    for word in words {
        match word.split_once('=') {
            None if word == "rd" => query[2] |= 1,
            Some(("edns", size)) => {
                query[11] += 1;
                query.extend_from_slice(&[0, 0, 41]);
                query.extend_from_slice(&size.parse::<u16>().unwrap().to_be_bytes());
                query.extend_from_slice(&[0; 6]);
            }
            _ => return None,
        }
    }
    Some(query)
}

fn records(section: RecordSection<'_, Vec<u8>>) -> Vec<String> {
    let mut records: Vec<_> = section
        .filter_map(|record| {
            let record = record.unwrap().into_any_record::<AllRecordData<_, _>>().unwrap();
            let text = format!("{} {} {}", record.owner(), record.ttl().as_secs(), record.data());
            (record.rtype() != Rtype::OPT).then(|| text.to_lowercase())
        })
        .collect();
    records.sort();
    records
}

/// What has to be the same: everything but the order of records and the OPT record.
fn told(message: &Message<Vec<u8>>) -> String {
    let header = message.header();
    let [answers, authority, additional] =
        [message.answer(), message.authority(), message.additional()]
            .map(|section| records(section.unwrap()));
    let (aa, tc) = (header.aa(), header.tc());
    let sections = format!("\n    an {answers:?}\n    ns {authority:?}\n    ar {additional:?}");
    format!("{} aa={aa} tc={tc}{sections}", header.rcode())
}

fn ours() -> (Bench, rais_sdk::host::SinkObject, SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("example.com.zone"), ZONE).unwrap();
    let bench = Bench::new();
    let table = format!("listen = ['127.0.0.1:0']\nzones = '{}'", folder.path().display());
    let sink = bench.sink::<Dns>(&table).unwrap();
    let mut head = ZoneHead::new(vec![Owner::new("@", 10)], 8);
    head.header = Some(HEADER.to_owned());
    sink.publish(&Zone::new("www.example", head, &[], &[], &[])).unwrap();
    let lines = bench.lines();
    let told = lines.iter().find_map(|(_, line)| line.strip_prefix("answering at "));
    let address = told.unwrap().parse().unwrap();
    (bench, sink, address, folder)
}

fn peers() -> Vec<Daemon> {
    let folder = || {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("example.com.zone"), ZONE).unwrap();
        folder
    };
    let named = "zone \"example.com\" { type primary; file \"example.com.zone\"; };\n";
    let at = folder();
    let knot = format!(
        "zone:\n  - domain: example.com\n    file: {}\n    zonefile-sync: -1\n    semantic-checks: off\n",
        at.path().join("example.com.zone").display()
    );
    let nsd = "zone:\n  name: example.com\n  zonefile: example.com.zone\n";
    vec![
        Daemon::named(free_address(), folder(), named),
        Daemon::knotd(free_address(), at, &knot),
        Daemon::nsd(free_address(), folder(), nsd),
    ]
}

#[test]
fn every_server_answers_alike_but_where_the_table_says_why() {
    let (_bench, sink, ours, _folder) = ours();
    let peers = peers();
    let soa = query("example.com SOA").unwrap();
    for peer in &peers {
        peer.answers(&soa, |answer| !records(answer.answer().unwrap()).is_empty());
    }
    let rows = rows();
    assert!(rows.len() >= 80, "{}", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let own = told(&exchange(ours, &row.query, PATIENCE).unwrap());
        for peer in &peers {
            let theirs = exchange(peer.address, &row.query, PATIENCE);
            let theirs = theirs.as_ref().map_or("no answer".to_owned(), told);
            let explained = row.otherwise.contains(&peer.name);
            if (own == theirs) == explained {
                let as_told = if explained { "is explained and the same" } else { "differs" };
                wrong.push(format!("{}: {} {as_told}\n  {theirs}\n  {own}", row.ask, peer.name));
            }
        }
    }
    sink.stop();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
