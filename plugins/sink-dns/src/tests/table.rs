//! A table of queries, each with the RFC that says what is to be answered.

use std::io::Write;
use std::process::{Command, Stdio};

use domain::base::opt::UnknownOptData;

use super::*;

const TABLE: &str = include_str!("../../tests/table/queries.txt");

/// A query of the table.
struct Row {
    rfc: &'static str,
    ask: &'static str,
    want: Vec<String>,
}

/// The table's form is told at its head.
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut lines = TABLE.lines().filter(|line| !line.starts_with(';')).peekable();
    while let Some(line) = lines.next() {
        let Some(rfc) = line.strip_prefix("# ") else { continue };
        let ask = lines.next().unwrap();
        let mut want = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("> ")) {
            want.push(line[2..].to_lowercase());
        }
        rows.push(Row { rfc, ask, want });
    }
    rows
}

/// The octets of a query in words.
fn octets(ask: &str) -> (Vec<u8>, Transport) {
    let mut words = ask.split_whitespace();
    let (name, rtype) = (words.next().unwrap(), words.next().unwrap());
    let mut query = question(name, rtype);
    let mut transport = Transport::Udp;
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "tcp" => transport = Transport::Tcp,
            "rd" => query[2] |= 1,
            "cd" => query[3] |= 0x10,
            "ad" => query[3] |= 0x20,
            "qr" => query[2] |= 0x80,
            "opcode" => query[2] |= value.parse::<u8>().unwrap() << 3,
            "class" => *query.last_mut().unwrap() = value.parse().unwrap(),
            "qdcount" => query[5] = value.parse().unwrap(),
            "twice" => {
                query.extend_from_within(12..);
                query[5] = 2;
            }
            "edns" => query = with_edns(query, value.parse().unwrap(), 0, &[]),
            "do" => query = with_edns(query, value.parse().unwrap(), 0x8000, &[]),
            "option" => query = with_edns(query, 1232, 0, &hex(value)),
            "version" => {
                query = with_edns(query, 1232, 0, &[]);
                let at = query.len() - 5;
                query[at] = value.parse().unwrap();
            }
            "record" => {
                query.extend_from_slice(&hex(value));
                query[11] += 1;
            }
            "append" => query.extend_from_slice(&hex(value)),
            "cut" => query.truncate(value.parse().unwrap()),
            "raw" => query = hex(value),
            _ => panic!("{word}"),
        }
    }
    (query, transport)
}

/// The OPT record, its options by their names: their values are for tests of their own.
fn opt(answer: &[u8]) -> Option<String> {
    let message = Message::from_octets(answer.to_vec()).unwrap();
    let record = message.opt()?;
    let mut told = String::from("opt");
    if record.dnssec_ok() {
        told.push_str(" do");
    }
    for option in record.opt().iter::<UnknownOptData<_>>() {
        let option = option.unwrap();
        told.push_str(&match (option.code().to_int(), &option.data()[..]) {
            (3, _) => " nsid".to_owned(),
            (10, _) => " cookie".to_owned(),
            (11, _) => " keepalive".to_owned(),
            (15, [high, low, ..]) => format!(" ede={}", u16::from_be_bytes([*high, *low])),
            (code, _) => panic!("option {code}"),
        });
    }
    Some(told)
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

#[test]
fn every_query_is_answered_as_its_rfc_says() {
    let mut responder = Responder::new(engine());
    let rows = rows();
    assert!(rows.len() >= 80, "{}", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        assert!(row.rfc.starts_with("RFC "), "{}", row.rfc);
        let (query, transport) = octets(row.ask);
        let answer = ask(&mut responder, &query, &peer("192.0.2.200", transport));
        let mut got = answer.as_deref().map_or(vec!["silence".to_owned()], shown);
        let opt = answer.as_deref().and_then(opt);
        got.splice(1..1, opt);
        let got: Vec<_> = got.iter().map(|line| line.to_lowercase()).collect();
        if got != row.want {
            wrong.push(format!("# {}\n{}\n> {}\n", row.rfc, row.ask, got.join("\n> ")));
        }
        if let Some(answer) = answer {
            assert_eq!(answer[..2], query[..2], "{}", row.ask);
            // Opcode and RD as they came, the question in the case it came in.
            assert_eq!(answer[2] & 0x79, query[2] & 0x79, "{}", row.ask);
            if answer[5] == 1 {
                let question = crate::name::Lowered::new().read(&query, 12).unwrap() + 4;
                assert_eq!(answer[12..question], query[12..question], "{}", row.ask);
            }
        }
    }
    assert!(wrong.is_empty(), "answered otherwise:\n{}", wrong.join("\n"));
}

/// A reader that shares nothing with ours, strict about what is left over.
#[test]
fn dnspython_reads_every_answer_too() {
    const READ: &str = "\
import sys, dns.message
for line in sys.stdin:
    message = dns.message.from_wire(bytes.fromhex(line))
    print(message.rcode(), sum(len(rrset) for section in message.sections[1:] for rrset in section))
";
    let mut responder = Responder::new(engine());
    let mut answers = Vec::new();
    for row in rows() {
        let (query, transport) = octets(row.ask);
        answers.extend(ask(&mut responder, &query, &peer("192.0.2.200", transport)));
    }
    // It reads no message of an opcode that is not assigned.
    answers.retain(|answer| matches!(answer[2] >> 3 & 0xF, 0 | 1 | 2 | 4 | 5));
    assert!(answers.len() >= 80, "{}", answers.len());
    // Debian's own: its packages are not those of another python3 on the path.
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let lines = answers.iter().map(|answer| {
        let octets = answer.iter().map(|octet| format!("{octet:02x}"));
        octets.collect::<String>() + "\n"
    });
    let lines: String = lines.collect();
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let read = python.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(read.status.success());
    let found: Vec<_> = std::str::from_utf8(&read.stdout).unwrap().lines().collect();
    let wanted = answers.iter().map(|answer| {
        let message = Message::from_octets(answer.as_slice()).unwrap();
        let rcode = match message.opt() {
            Some(opt) => opt.rcode(message.header()).to_int(),
            None => message.header().rcode().to_int().into(),
        };
        let counts = message.header_counts();
        let records = counts.ancount() + counts.nscount() + counts.arcount();
        format!("{rcode} {}", records - u16::from(message.opt().is_some()))
    });
    assert_eq!(found, wanted.collect::<Vec<_>>());
}
