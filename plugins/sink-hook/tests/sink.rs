//! The sink with small scripts for hooks, through the plugin boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rais_plugin_sink_hook::Hook;
use rais_sdk::host::SinkObject;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{Describe, Fault, FaultKind, Need, Owner, Record, Sink, Zone, ZoneHead};

const README: &str = include_str!("../README.md");

/// A sink whose hook is the shell's `script`, with `more` in its table.
fn sink(script: &str, more: &str) -> SinkObject {
    let table = format!("argv = ['sh', '-c', '''{script}''', 'sh', '{{zone}}']\n{more}");
    Bench::new().sink::<Hook>(&table).unwrap()
}

fn publish(sink: &SinkObject, zone: &str, addresses: &[&str]) -> Result<u32, Fault> {
    let records: Vec<_> = addresses.iter().map(|ip| Record::new(0, ip.parse().unwrap())).collect();
    let head = ZoneHead::new(vec![Owner::new("@", 10)], 7);
    sink.publish(&Zone::new(zone, head, &records, &records, &[]))
}

fn refused(table: &str) -> String {
    let fault = Bench::new().sink::<Hook>(table).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    fault.to_string()
}

#[test]
fn it_is_told_the_zone_and_exit_code_0_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let sink = sink(&format!("cat >{}/$1", folder.path().display()), "");
    assert_eq!(publish(&sink, "www.example", &["192.0.2.1", "2001:db8::1"]), Ok(7));
    let text = fs::read_to_string(folder.path().join("www.example")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&told["version"], &told["serial"]), (&1.into(), &7.into()));
    assert_eq!(told["owners"][0]["addresses"][1]["address"], "2001:db8::1");
    // It tells nothing of what is served.
    assert_eq!(sink.served("www.example"), Ok(None));
}

#[test]
fn a_large_zone_is_told_whole_to_who_reads_slowly() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("sleep 0.01; cat >{}/told; echo done", folder.path().display());
    let many: Vec<_> = (0..=u16::MAX).map(|n| format!("10.0.{}.{}", n >> 8, n & 255)).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    publish(&sink(&script, "timeout = '50s'"), "www.example", &many).unwrap();
    let text = fs::read_to_string(folder.path().join("told")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["owners"][0]["addresses"].as_array().unwrap().len(), many.len());
    // Who does not read it has done its work, too.
    assert_eq!(publish(&sink("exit 0", ""), "www.example", &many), Ok(7));
}

#[test]
fn any_other_end_is_a_fault_with_its_last_words() {
    let fault = |script: &str| publish(&sink(script, ""), "www.example", &[]).unwrap_err();
    let no = fault("echo trying; echo the API says 403 >&2; exit 9");
    assert_eq!(no.kind, FaultKind::Refused);
    assert_eq!(no.text, "sh ended with exit code 9, saying: trying | the API says 403");
    assert_eq!(fault("kill -9 $$").text, "sh ended with signal 9");
    let flood = fault("yes | head -n 1000000; echo the last words; exit 1").text;
    assert!(flood.ends_with("the last words") && flood.len() < 2000, "{flood}");
}

#[test]
fn it_may_go_away_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let hook = folder.path().join("hook");
    let install = || {
        fs::copy(fs::canonicalize("/bin/true").unwrap(), &hook).unwrap();
    };
    install();
    let sink = Bench::new().sink::<Hook>(&format!("argv = [{hook:?}]")).unwrap();
    assert_eq!(publish(&sink, "www.example", &[]), Ok(7));
    fs::remove_file(&hook).unwrap();
    let gone = publish(&sink, "www.example", &[]).unwrap_err();
    assert_eq!((gone.kind, &*gone.text), (FaultKind::Io, "hook cannot be run: it is not there"));
    install();
    assert_eq!(publish(&sink, "www.example", &[]), Ok(7));
}

/// A pipe that processes hold open, and that tells when all of them are gone.
fn pipe(folder: &Path) -> PathBuf {
    let path = folder.join("held");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[test]
fn one_that_hangs_is_killed_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let held = pipe(folder.path());
    let script = format!(
        "trap \"\" TERM; exec 3>{}; sleep 1000 & echo waiting; echo up >&3; sleep 1000",
        held.display()
    );
    let mut reader =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&held).unwrap();
    // On a busy machine the shell may not get so far: then it is given longer.
    let mut limit = Duration::from_millis(100);
    loop {
        let sink = sink(&script, &format!("timeout = '{}ms'", limit.as_millis()));
        let fault = publish(&sink, "www.example", &[]).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Timeout);
        let mut said = String::new();
        // The end of the file comes once every process that held it open is gone.
        while let Err(error) = reader.read_to_string(&mut said) {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            std::thread::yield_now();
        }
        if said == "up\n" {
            let cut = format!("sh was killed, it took longer than {limit:?}, saying: waiting");
            assert_eq!(fault.text, cut);
            return;
        }
        limit *= 2;
    }
}

#[test]
fn a_hanging_one_holds_no_other_zone() {
    let folder = tempfile::tempdir().unwrap();
    let held = pipe(folder.path());
    // One waits for a word, which the other says: neither end opens alone.
    let script =
        format!("case $1 in slow.*) cat {0} >/dev/null;; *) echo up >{0};; esac", held.display());
    let sink = sink(&script, "timeout = '50s'");
    std::thread::scope(|scope| {
        for zone in ["slow.example", "quick.example"] {
            let sink = &sink;
            scope.spawn(move || publish(sink, zone, &[]).unwrap());
        }
    });
}

#[test]
fn stopping_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let held = pipe(folder.path());
    let script = format!("exec 3>{}; sleep 1000 & echo up >&3; sleep 1000", held.display());
    let sink = sink(&script, "timeout = '50s'");
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| publish(&sink, "www.example", &[]));
        let mut reader = BufReader::new(fs::File::open(&held).unwrap());
        let mut said = String::new();
        reader.read_line(&mut said).unwrap();
        sink.stop();
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        let fault = publishing.join().unwrap().unwrap_err();
        assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
    });
    assert_eq!(publish(&sink, "www.example", &[]).unwrap_err().kind, FaultKind::Busy);
}

#[test]
fn its_environment_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("env >{0}/env; pwd >{0}/place", folder.path().display());
    let sink = sink(&script, "env = { API_URL = 'https://api.example' }");
    publish(&sink, "www.example", &[]).unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let mut names: Vec<_> =
        read("env").lines().map(|it| it.split('=').next().unwrap().to_owned()).collect();
    // The shell's own.
    names.retain(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(&&**name));
    names.sort();
    assert_eq!(names, ["API_URL", "LC_ALL", "PATH"]);
    assert_eq!(read("place"), "/\n");
}

#[test]
fn what_is_wrong_with_a_table_is_said_at_its_key() {
    for (table, wanted) in [
        ("argv = []", "argv: is empty"),
        ("argv = ['relative/hook']", "argv[0]: \"relative/hook\" is relative"),
        ("argv = ['/nowhere/hook']", "argv[0]: /nowhere/hook cannot be run: it is not there"),
        ("argv = ['tee', '{address}']", "argv[1]: `{address}` is no placeholder: there are {zone}"),
        ("argv = ['tee']\ntimeout = '51s'", "timeout: 51s is too long: at most 50s is allowed"),
        ("argv = ['tee']\nenv = { 'A=B' = '' }", "env: \"A=B\" is no name of a variable"),
        ("timeout = '5s'", "missing field `argv`"),
        ("argv = ['tee']\nargs = []", "args"),
    ] {
        let said = refused(table);
        assert!(said.contains(wanted), "{table}: {said}");
    }
}

#[test]
fn sample_and_readme_say_what_is_there() {
    assert_eq!(samples_parse(), Ok(1));
    assert!(README.contains(Hook::SAMPLE));
    Bench::new().sink::<Hook>(Hook::SAMPLE).unwrap();
    let (_, part) = README.split_once("## Configuration").unwrap();
    let rows = part.split("## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<Vec<_>> = rows
        .map(|row| row.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`'])).collect())
        .collect();
    let told = <Hook as Sink>::Config::options();
    assert_eq!(told.len(), rows.len());
    for (key, row) in told.iter().zip(rows) {
        let default = match &key.need {
            Need::Required => "required".to_owned(),
            Need::Default(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((key.name.as_str(), default.as_str()), (row[0], row[1]));
    }
}
