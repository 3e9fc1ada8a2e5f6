//! The binder is out of file descriptors.

use std::collections::BTreeSet;
use std::fs;

use rais_tests::binary::finish;
use rais_tests::host::Host;
use rais_tests::status;
use rais_tests::wait;

use super::stage::{Stage, Which};

const FILES: &str = "type = \"bind\"\ndirectory = \"/var/lib/well\"\nreload = { type = \"none\" }";

#[test]
fn a_binder_without_descriptors() {
    let host = Host::new("ns1");
    let stage = Stage::new(host, FILES, FILES);
    let serials = || [Which::Ill, Which::Well].map(|which| stage.sink(which).map(|it| it.serial));
    let before = serials();
    // One is left, by which it can be asked; a zone file takes two.
    let open: BTreeSet<u32> = fs::read_dir(format!("/proc/{}/fd", stage.binder.id()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    let limit = (0..).filter(|number| !open.contains(number)).nth(1).unwrap();
    prlimit(&stage, &format!("{limit}:"));
    for which in [Which::Ill, Which::Well] {
        stage.set(which, &["192.0.2.1", "192.0.2.2"]);
    }
    status::until_binder(&stage.host, "both to fail, again and again", |status| {
        let sinks: Vec<_> = status.zones.iter().map(|zone| &zone.sinks[0]).collect();
        let full = |error: &String| error.contains("Too many open files");
        let fail =
            sinks.iter().all(|it| it.state == "failed" && it.error.as_ref().is_some_and(full));
        if fail && status.counters.failed >= 6 { Ok(()) } else { Err(format!("{sinks:?}")) }
    });
    assert_eq!(serials(), before);
    let said = stage.lines("not published");
    assert_eq!(said.len(), 1, "{said:#?}");
    let said = stage.binder.stderr();
    assert!(said.matches("the control socket cannot answer").count() <= 1, "{said}");

    prlimit(&stage, "1024:");
    for (which, file) in [(Which::Ill, "ill.example"), (Which::Well, "well.example")] {
        stage.until_published(which);
        let file = format!("/var/lib/well/{file}.zone");
        assert_eq!(stage.file(which, &file).unwrap(), stage.up(which));
    }
    wait::until("no alarm", || {
        let alarms = status::binder(&stage.host)?.alarms;
        if alarms.is_empty() { Ok(()) } else { Err(format!("{alarms:?}")) }
    });
}

fn prlimit(stage: &Stage, nofile: &str) {
    let process = stage.binder.id().to_string();
    let nofile = format!("--nofile={nofile}");
    let out = finish(std::process::Command::new("prlimit").args(["--pid", &process, &nofile]));
    assert_eq!(out.code, 0, "{}", out.stderr);
}
