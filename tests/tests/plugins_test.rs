//! `rais plugins test`: good plugins pass it, and each mistake is found by the one check that is for
//! it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};

use domain::base::Rtype;
use rais_tests::binary::{Output, finish, rais, run_in};
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::nats::NatsServer;
use rais_tests::{library, wait};
use serde_json::Value;
use tempfile::TempDir;

/// A library where it may be loaded from, and the folder that it is tried in.
struct Bench {
    folder: TempDir,
    library: PathBuf,
}

/// What a run found.
struct Report {
    code: i32,
    json: Value,
}

impl Bench {
    fn of(built: &Path) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        library::set_mode(folder.path(), 0o755);
        let library = folder.path().join("lib.so");
        library::install(built, &library);
        Bench { folder, library }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn run(&self, more: &[&str]) -> Output {
        let library = self.library.to_str().unwrap();
        run_in(self.folder.path(), &[&["plugins", "test", library], more].concat())
    }

    fn test(&self, more: &[&str]) -> Report {
        let output = self.run(&[more, &["--output", "json"]].concat());
        assert_eq!(output.stderr, "", "nothing but the report is printed");
        Report { code: output.code, json: output.json() }
    }

    /// With a table of its own.
    fn test_with(&self, table: &str, more: &[&str]) -> Report {
        self.write("table.toml", table);
        self.test(&[&["--config", "table.toml"], more].concat())
    }
}

impl Report {
    /// The checks that went so: `isolated calls`.
    fn those(&self, state: &str) -> BTreeSet<String> {
        let mut those = BTreeSet::new();
        if self.json["library"]["state"] == state {
            those.insert("load".to_owned());
        }
        for (trial, finding) in self.findings() {
            if finding["state"] == state {
                those.insert(format!("{} {}", word(&trial["mode"]), word(&finding["check"])));
            }
        }
        those
    }

    fn findings(&self) -> Vec<(&Value, &Value)> {
        let trials = self.json["trials"].as_array().unwrap().iter();
        let all = trials.flat_map(|trial| {
            trial["findings"].as_array().unwrap().iter().map(move |finding| (trial, finding))
        });
        all.collect()
    }

    /// What was found by `check`, once for each mode.
    fn found(&self, check: &str) -> Vec<&Value> {
        let findings = self.findings().into_iter().map(|(_, finding)| finding);
        findings.filter(|finding| finding["check"] == check).collect()
    }

    #[track_caller]
    fn all_passed(&self, checks: &[&str]) {
        let all = ["isolated", "in-process"]
            .map(|mode| checks.iter().map(move |check| format!("{mode} {check}")));
        let mut all: BTreeSet<_> = all.into_iter().flatten().collect();
        all.insert("load".to_owned());
        assert_eq!(self.those("passed"), all, "{:#}", self.json);
        assert_eq!(self.code, 0);
        assert_eq!(self.json["passed"], all.len());
        assert_eq!(self.json["failed"], 0);
    }

    /// Both ways of holding it fail by `check` and by nothing else, in these words.
    #[track_caller]
    fn failed_by(&self, check: &str, words: &str) {
        let both = ["isolated", "in-process"].map(|mode| format!("{mode} {check}"));
        assert_eq!(self.those("failed"), BTreeSet::from(both), "{:#}", self.json);
        for failed in self.found(check).iter().filter(|found| found["state"] == "failed") {
            assert!(word(&failed["text"]).contains(words), "{failed:#}");
        }
        assert_eq!(self.code, 1);
        assert_eq!(self.json["failed"], 2);
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}

// --- good ones

#[test]
fn a_good_probe_passes() {
    let bench = Bench::of(&library::probe_tcp());
    let report = bench.test(&[]);
    report.all_passed(&[
        "sample",
        "unknown-key",
        "wrong-type",
        "calls",
        "black-hole",
        "silence",
        "together",
        "drop",
        "end",
    ]);
    for calls in report.found("calls") {
        assert_eq!(calls["figures"]["calls"], 1000, "{calls:#}");
        assert!(calls["figures"]["up"].as_u64() > Some(900), "{calls:#}");
        assert!(calls["figures"]["p50_ms"].as_f64() <= calls["figures"]["max_ms"].as_f64());
    }
    for black_hole in report.found("black-hole") {
        assert!(word(&black_hole["text"]).starts_with("timeout at \"connecting\" after "));
    }
    assert_eq!(report.json["library"]["figures"]["abi"], "1.0");
    assert_eq!(report.json["library"]["figures"]["panic"], "unwind");
}

#[test]
fn a_probe_that_asks_the_kernel_waits_for_no_dead_host() {
    let bench = Bench::of(&library::probe_udp());
    let skipped =
        BTreeSet::from(["isolated", "in-process"].map(|mode| format!("{mode} black-hole")));
    let report = bench.test(&[]);
    assert_eq!(report.those("skipped"), skipped, "{:#}", report.json);
    for black_hole in report.found("black-hole") {
        assert_eq!(black_hole["text"], "it asks nobody at its target");
    }
    for state in ["failed", "warning"] {
        assert_eq!(report.those(state), BTreeSet::new(), "{:#}", report.json);
    }
    // Where it asks the server, the kit has it wait.
    let report = bench.test_with("type = \"udp\"\nsend = \"PING\"\n", &[]);
    for black_hole in report.found("black-hole") {
        assert_eq!(black_hole["state"], "passed", "{black_hole:#}");
        assert!(word(&black_hole["text"]).starts_with("timeout at \"expecting\" after "));
    }
}

#[test]
fn a_good_load_passes() {
    let report = Bench::of(&library::load_cpu()).test(&[]);
    report.all_passed(&["sample", "unknown-key", "wrong-type", "calls", "deadline", "drop", "end"]);
}

#[test]
fn a_good_sink_passes_with_a_place_to_write_to() {
    let bench = Bench::of(&library::sink_bind());
    fs::create_dir(bench.folder.path().join("zones")).unwrap();
    // A relative path counts from the table's folder.
    let table = "zone = \"www.test.example\"\n[sink]\ntype = \"bind\"\ndirectory = \"zones\"\n\
                 retry = \"1s\"\nreload = { type = \"none\" }\n";
    let report = bench.test_with(table, &[]);
    report.all_passed(&[
        "sample",
        "table",
        "unknown-key",
        "wrong-type",
        "publish",
        "publish-again",
        "read-back",
        "drop",
        "end",
    ]);
    for publish in report.found("publish") {
        assert!(publish["figures"]["calls"].as_u64() >= Some(10), "{publish:#}");
    }
    let zone = fs::read_to_string(bench.folder.path().join("zones/www.test.example.zone")).unwrap();
    assert!(zone.contains("www.test.example."), "{zone}");
}

#[test]
fn a_good_hook_passes_with_a_command_to_run() {
    let bench = Bench::of(&library::sink_hook());
    let told = bench.folder.path().join("told.json");
    let report = bench.test_with(&format!("type = \"hook\"\nargv = [\"tee\", {told:?}]\n"), &[]);
    let checks = ["sample", "table", "unknown-key", "wrong-type", "publish", "publish-again"];
    report.all_passed(&[&checks[..], &["drop", "end"]].concat());
    // What it has done is not read back.
    assert!(report.found("read-back").iter().all(|found| found["state"] == "skipped"));
    let told: Value = serde_json::from_str(&fs::read_to_string(told).unwrap()).unwrap();
    assert_eq!(told["zone"], "conformance.example");
}

#[test]
fn a_name_server_passes_at_a_port_of_its_own() {
    let table = "type = \"dns\"\nlisten = [\"127.0.0.1:0\"]\n";
    let report = Bench::of(&library::sink_dns()).test_with(table, &[]);
    report.all_passed(&[
        "sample",
        "table",
        "unknown-key",
        "wrong-type",
        "publish",
        "publish-again",
        "read-back",
        "drop",
        "end",
    ]);
}

#[test]
fn a_good_sink_passes_with_a_name_server_to_update() {
    let host = Host::new("ns1");
    let key = "key \"rais\" { algorithm hmac-sha256; secret \"c2VjcmV0c2VjcmV0c2VjcmV0\"; };\n";
    let zone = "$TTL 1h\n@ IN SOA ns.example. hostmaster ( 1 3h 1h 1w 10 )\n@ IN NS ns.example.\n";
    let named = format!(
        "{key}options {{ directory \"/var/lib/bind\"; pid-file none; recursion no; \
         dnssec-validation no; }};\n\
         zone \"test.example\" {{ type primary; file \"zone\"; allow-update {{ key rais; }}; }};\n"
    );
    host.write("/etc/bind/named.conf", &named);
    host.write("/var/lib/bind/zone", zone);
    let _named =
        host.spawn("named", host.command("named").args(["-g", "-c", "/etc/bind/named.conf"]));
    let address = "127.0.0.1:53".parse().unwrap();
    let client = Client::new(host.net(), address);
    wait::until("named to serve", || {
        let answer = client.ask("test.example", Rtype::SOA)?;
        if answer.authoritative { Ok(()) } else { Err(answer.rcode) }
    });

    let bench = Bench::of(&library::sink_nsupdate());
    bench.write("tsig.key", key);
    library::set_mode(&bench.folder.path().join("tsig.key"), 0o600);
    bench.write(
        "table.toml",
        "zone = \"test.example\"\n[sink]\ntype = \"nsupdate\"\nserver = \"127.0.0.1:53\"\n\
         key = \"tsig.key\"\n",
    );
    let table = bench.folder.path().join("table.toml");
    let mut command = host.command(rais());
    command
        .args(["plugins", "test", "--output", "json", "--config"])
        .arg(table)
        .arg(&bench.library);
    let output = finish(&mut command);
    assert_eq!(output.stderr, "", "nothing but the report is printed");
    let report = Report { code: output.code, json: output.json() };
    report.all_passed(&[
        "sample",
        "table",
        "unknown-key",
        "wrong-type",
        "publish",
        "publish-again",
        "read-back",
        "drop",
        "end",
    ]);
    let there = client.addresses("test.example", Rtype::A).unwrap();
    assert_eq!(there, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
}

#[test]
fn a_good_transport_passes_as_its_own_peer() {
    // Nobody else uses an address like that.
    let [a, b] = std::process::id().to_le_bytes()[..2] else { unreachable!() };
    let socket = UdpSocket::bind(format!("127.77.{a}.{b}:0")).unwrap();
    let peer = socket.local_addr().unwrap();
    drop(socket);
    let table =
        format!("type = \"udp\"\nmode = \"unicast\"\nlisten = \"{peer}\"\npeers = [\"{peer}\"]\n");
    let report = Bench::of(&library::transport_udp()).test_with(&table, &[]);
    let checks = ["sample", "table", "unknown-key", "wrong-type", "send", "restart", "drop", "end"];
    report.all_passed(&checks);
    for check in ["send", "restart"] {
        for found in report.found(check) {
            assert!(found["figures"]["came_back"].as_u64() > Some(0), "{found:#}");
        }
    }
}

#[test]
fn a_good_transport_passes_with_a_server_between_it_and_itself() {
    let host = Host::new("nats");
    let _nats = NatsServer::start(&host, "");
    let bench = Bench::of(&library::transport_nats());
    bench.write("table.toml", "type = \"nats\"\nservers = [\"nats://127.0.0.1:4222\"]\n");
    let table = bench.folder.path().join("table.toml");
    let mut command = host.command(rais());
    command
        .args(["plugins", "test", "--output", "json", "--config"])
        .arg(table)
        .arg(&bench.library);
    let output = finish(&mut command);
    let report = Report { code: output.code, json: output.json() };
    let checks = ["sample", "table", "unknown-key", "wrong-type", "send", "restart", "drop", "end"];
    report.all_passed(&checks);
    for check in ["send", "restart"] {
        for found in report.found(check) {
            assert!(found["figures"]["came_back"].as_u64() > Some(0), "{found:#}");
        }
    }
}

#[test]
fn what_writes_or_sends_is_not_tried_without_a_table_for_it() {
    let report = Bench::of(&library::transport_udp()).test(&[]);
    let skipped = ["isolated send", "isolated restart", "in-process send", "in-process restart"];
    assert_eq!(report.those("skipped"), BTreeSet::from(skipped.map(str::to_owned)));
    for send in report.found("send") {
        assert_eq!(send["text"], "give --config: it sends where its table says");
    }
    assert_eq!(report.those("failed"), BTreeSet::new());
    assert_eq!(report.code, 0);
}

#[test]
fn what_a_panic_would_end_is_tried_isolated_only() {
    let report = Bench::of(&library::faulty_that_aborts()).test(&["--only", "faulty-blocking"]);
    assert_eq!(report.json["library"]["state"], "warning");
    assert_eq!(report.those("failed"), BTreeSet::new());
    for (trial, finding) in report.findings() {
        if trial["mode"] == "in-process" {
            assert_eq!(finding["state"], "skipped", "{finding:#}");
        }
    }
    assert_eq!(report.code, 0);
}

// --- mistakes, each found by one check

#[track_caller]
fn mistake(name: &str, check: &str, words: &str) {
    Bench::of(&library::careless()).test(&["--only", name]).failed_by(check, words);
}

#[track_caller]
fn mistake_with(kind: &str, name: &str, check: &str, words: &str) {
    let table = format!("[{kind}]\ntype = \"{name}\"\n");
    let bench = Bench::of(&library::careless());
    bench.test_with(&table, &["--only", name]).failed_by(check, words);
}

#[test]
fn a_sample_of_another_plugin_is_found() {
    mistake(
        "other-sample",
        "sample",
        "its `type` is \"tcp\"; the plugin's name is \"other-sample\"",
    );
}

#[test]
fn a_table_that_takes_any_key_is_found() {
    mistake("takes-any-key", "unknown-key", "`no_such_key` is accepted");
}

#[test]
fn a_key_that_takes_anything_is_found() {
    let words = "`greeting = {}`, where text belongs, is accepted";
    mistake("takes-any-type", "wrong-type", words);
}

#[test]
fn a_dead_host_that_is_up_is_found() {
    mistake("believes", "black-hole", "though nobody answered");
}

#[test]
fn a_probe_that_blocks_the_thread_of_all_is_found() {
    mistake("holds-lane", "together", "make it a BlockingProbe");
}

#[test]
fn a_blocking_probe_that_overruns_is_found() {
    mistake("overruns", "black-hole", "give each call that waits `cx.left()` as its limit");
}

#[test]
fn a_load_that_takes_its_time_is_found() {
    mistake("slow", "deadline", "a sample takes more than 1.00s");
}

#[test]
fn a_new_that_hangs_is_found() {
    mistake("stays-in-new", "sample", "`new` hangs: ");
}

#[test]
fn files_that_stay_open_are_found() {
    mistake("opens-files", "drop", "20 files more open after 20 instances");
}

#[test]
fn threads_that_stay_are_found() {
    mistake("starts-threads", "drop", "20 threads more after 20 instances");
}

#[test]
fn a_serial_that_goes_back_is_found() {
    mistake_with("sink", "rewinds", "publish", "the serial goes back");
}

#[test]
fn a_zone_that_is_not_what_was_published_is_found() {
    mistake_with("sink", "misreads", "read-back", "192.0.2.1 was published and is not served");
}

#[test]
fn a_send_that_waits_is_found() {
    mistake_with("transport", "holds-on", "send", "a send does not return");
}

// --- what harms who holds it

#[track_caller]
fn fault(fault: &str, check: &str, words: &str) {
    let table = format!("[probe]\ntype = \"faulty\"\nfault = \"{fault}\"\n");
    let bench = Bench::of(&library::faulty());
    bench.test_with(&table, &["--only", "faulty"]).failed_by(check, words);
}

#[test]
fn a_panic_is_found_where_it_is() {
    fault("panic-in-new", "table", "`new` panicked: faulty in new, at ");
    fault("panic-in-call", "calls", "panicked: faulty in a call, at ");
    fault("panic-in-drop", "drop", "panic in a destructor: faulty in a plugin's drop, at ");
}

#[test]
fn a_call_that_hangs_is_found() {
    fault("hang-sleeping", "calls", "a call does not return: the probe `faulty` ");
}

#[test]
fn a_crash_is_a_result() {
    fault("segfault", "calls", "its process died by SIGSEGV (signal 11)");
    fault("exit", "calls", "its process exited with 7");
    fault("allocate", "calls", "its last words: memory allocation of 4194304 bytes failed");
    let words =
        "its last words: rais plugin: panicked where nothing can catch it: faulty in a drop";
    fault("panic-while-unwinding", "calls", words);
}

// --- around it

#[test]
fn what_is_no_library_fails_by_its_load() {
    let bench = Bench::of(&library::probe_tcp());
    library::write(&bench.library, b"#!/bin/sh\n");
    let report = bench.test(&[]);
    assert_eq!(report.those("failed"), BTreeSet::from(["load".to_owned()]));
    assert_eq!(report.json["library"]["text"], "is a script, not a shared library");
    assert_eq!(report.code, 1);
}

#[test]
fn people_get_a_table_and_the_sums() {
    let bench = Bench::of(&library::careless());
    let output = bench.run(&["--only", "other-sample"]).expect_code(1);
    let expected = "
probe other-sample, isolated
  sample         failed   its `type` is \"tcp\"; the plugin's name is \"other-sample\"
  8 checks       skipped  not tried: there is no table to try it with

probe other-sample, in-process
  sample         failed   its `type` is \"tcp\"; the plugin's name is \"other-sample\"
  7 checks       skipped  not tried: there is no table to try it with
  end            passed   its process ended by itself, exit code 0

probe other-sample: 1 passed, 2 failed (isolated sample, in-process sample), 15 skipped
";
    let rest: Vec<_> = output.stdout.lines().skip(2).collect();
    assert_eq!(format!("{}\n", rest.join("\n")), expected);
    assert_eq!(output.stderr, "");
}

#[test]
fn what_does_not_fit_is_wrong_usage() {
    let bench = Bench::of(&library::probe_tcp());
    let says = |more: &[&str], words: &str| {
        let output = bench.run(more).expect_code(2);
        assert!(output.stderr.contains(words), "{}", output.stderr);
        assert_eq!(output.stdout, "");
    };
    says(&["--only", "udp"], "there is no plugin `udp` in the library; there are: probe tcp");
    says(&["--config", "none.toml"], "none.toml: No such file or directory");
    bench.write("broken.toml", "type = ");
    says(&["--config", "broken.toml"], "broken.toml: TOML parse error at line 1");
    bench.write("other.toml", "[sink]\ntype = \"bind\"\n");
    says(&["--config", "other.toml"], "there is no sink `bind` in the library");
    bench.write("whole.toml", "[monitor]\n");
    says(&["--config", "whole.toml"], "`monitor` is no kind of plugin; allowed: ");
}
