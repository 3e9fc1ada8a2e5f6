//! A host and a library that are one minor version of the ABI apart, and what a library's panics
//! come to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod pair;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::thread;

use pair::Pair;

/// Greets whoever comes.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"220 here\r\n");
        }
    });
    address
}

fn probe(host: &Pair, libraries: &[&Path]) -> Vec<String> {
    let address = server().to_string();
    host.says(libraries, &["probe", "pair", "{\"begins\": \"220\"}", &address])
}

/// What is told of a library of `abi`.
fn told(abi: &str) -> Vec<String> {
    let plugins: &[(&str, &str, &str)] = &[
        ("carry", "Transport", ""),
        // Of a kind that no host of 1.0 knows.
        ("fresh", "", ""),
        ("keep", "Sink", ""),
        ("pair", "Probe", "\"begins\""),
        ("rude", "BlockingProbe", "\"how\""),
    ];
    let there = plugins.iter().filter(|plugin| abi == "1.1" || plugin.0 != "fresh");
    let each = there.map(|(name, kind, options)| {
        format!("{name} of ABI {abi}, [{kind}], One of the pair, [{options}]")
    });
    std::iter::once(format!("library of ABI {abi}, panic unwind")).chain(each).collect()
}

fn lines(mut told: Vec<String>, more: &[&str]) -> Vec<String> {
    told.extend(more.iter().map(|line| (*line).to_owned()));
    told
}

const OLD: &str = "up: the host says what it always said";
/// What a host of 1.1 is told of what is new in the declarations of a library.
const NEW_OF_NEW: &str = "next: Some(42) [Some(42), Some(42), Some(42), Some(42), Some(42)]";
const NEW_OF_OLD: &str = "next: None [None, None, None, None]";

#[test]
fn a_host_and_a_library_of_one_version() {
    let now = pair::now();
    let connected = "Info: connected";
    assert_eq!(probe(now, &[&now.library]), lines(told("1.0"), &[OLD, connected]));
    // That what is new is there at all.
    let next = pair::next();
    let new = [NEW_OF_NEW, "the probe says 44", "up: the host says 43", connected];
    assert_eq!(probe(next, &[&next.library]), lines(told("1.1"), &new));
}

#[test]
fn a_library_newer_than_its_host() {
    // 7: what the library itself answers where its host has no such method.
    let expected = lines(told("1.1"), &["up: the host says 7", "Info: connected"]);
    assert_eq!(probe(pair::now(), &[&pair::next().library]), expected);
}

#[test]
fn a_library_older_than_its_host() {
    // 8: what the host itself answers where its plugin has no such method.
    let expected = [NEW_OF_OLD, "the probe says 8", OLD, "Info: connected"];
    assert_eq!(probe(pair::next(), &[&pair::now().library]), lines(told("1.0"), &expected));
}

/// What comes of `what`, after the introduction.
fn says(host: &Pair, library: &Pair, what: &str) -> Vec<String> {
    let mut said = host.says(&[&library.library], &[what]);
    said.retain(|line| !line.contains(" of ABI ") && !line.starts_with("next: "));
    said
}

#[test]
fn a_method_of_a_sink_that_one_side_lacks() {
    let (now, next) = (pair::now(), pair::next());
    for library in [now, next] {
        assert_eq!(says(now, library, "sink"), ["up: None"]);
    }
    assert_eq!(says(next, next, "sink"), ["the sink says 45", "up: None"]);
    assert_eq!(says(next, now, "sink"), ["the sink says 9", "up: None"]);
}

#[test]
fn a_method_of_the_hosts_inbox_that_one_side_lacks() {
    let (now, next) = (pair::now(), pair::next());
    for host in [now, next] {
        let old = ["received: the inbox says what it always said", "up: "];
        assert_eq!(says(host, now, "transport"), old);
    }
    assert_eq!(says(next, next, "transport"), ["received: the inbox says 46", "up: "]);
    assert_eq!(says(now, next, "transport"), ["received: the inbox says 10", "up: "]);
}

#[test]
fn a_kind_that_one_side_lacks() {
    let (now, next) = (pair::now(), pair::next());
    let unknown = "config: type: `fresh` is of a kind that this rais does not know, not a probe";
    assert_eq!(says(next, next, "fresh"), ["the new kind says Some(Ok(47))", unknown]);
    assert_eq!(says(now, next, "fresh"), [unknown]);
    for host in [now, next] {
        assert_eq!(says(host, now, "fresh"), ["io: no such plugin"]);
    }
}

#[test]
fn libraries_of_both_versions_in_one_host() {
    let (now, next) = (pair::now(), pair::next());
    for host in [now, next] {
        for libraries in [[now, next], [next, now]] {
            let paths = libraries.map(|pair| pair.library.as_path());
            let each: Vec<_> = paths.iter().flat_map(|&path| probe(host, &[path])).collect();
            assert_eq!(probe(host, &paths), each);
        }
    }
}

/// What is said of `library` whose plugin is rude, after its introduction.
fn rude(how: &str) -> Vec<String> {
    let now = pair::now();
    now.says(&[&now.library], &["rude", how]).split_off(told("1.0").len())
}

/// Where the source says so.
fn place(of: &str) -> String {
    let source = pair::source();
    let text = std::fs::read_to_string(&source).unwrap();
    let line = text.lines().position(|line| line.contains(of)).unwrap() + 1;
    format!("{}:{line}", source.display())
}

/// `says` sees that nothing is on stderr.
#[test]
fn a_panic_in_a_call_is_its_outcome_with_its_place() {
    let at = place("\"in the {}\"");
    assert_eq!(rude("call"), [format!("panicked: panicked: in the call, at {at}")]);
    let at = place("\"in new\"");
    assert_eq!(rude("new"), [format!("panicked: panicked: in new, at {at}")]);
}

#[test]
fn a_panic_that_its_author_threw_on_is_not_given_anothers_place() {
    assert_eq!(rude("caught"), ["panicked: panicked: thrown on"]);
}

#[test]
fn a_panic_without_a_call_is_a_line_in_the_log() {
    let at = place("\"on an errand\"");
    let line = format!("Error: thread errand: panicked: on an errand, at {at}");
    assert_eq!(rude("thread"), ["up: ".to_owned(), line]);
    let line = format!("Error: panic in a destructor: in drop, at {}", place("\"in drop\""));
    assert_eq!(rude("drop"), ["up: ".to_owned(), line]);
}

#[test]
fn what_ends_the_process_says_so_first() {
    let now = pair::now();
    let output = now.run(&[&now.library], &["rude", "twice"]);
    assert_eq!(output.status.signal(), Some(6));
    let text = String::from_utf8(output.stderr).unwrap();
    let first = text.lines().next().unwrap();
    let at = place("\"second\"");
    let expected = format!("rais plugin: panicked where nothing can catch it: second, at {at}");
    assert_eq!(first, expected, "{text}");
}
