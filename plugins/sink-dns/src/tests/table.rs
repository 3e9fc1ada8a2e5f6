//! A table of queries, each with the RFC that says what is to be answered.

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
        let got = answer.as_deref().map_or(vec!["silence".to_owned()], shown);
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
