//! `rais plugins new`: what it makes builds, passes its own tests and `rais plugins test` as it
//! comes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use rais_tests::binary::run_in;
use rais_tests::library;
use rais_tests::workshop::{self, Workshop, cargo};

/// Each with the name of a table's kind, which is in the library's name, and with a name that is
/// not easy on it: what Rust or the crate calls otherwise.
const KINDS: [(&str, &str, &str); 5] = [
    ("probe", "probe", "server"),
    ("blocking-probe", "probe", "self"),
    ("load", "load", "my-load-2"),
    ("sink", "sink", "host"),
    ("transport", "transport", "core"),
];

/// Fewest tests that a crate comes with.
const TESTS: usize = 4;

/// One after the other, in one place: they share the SDK, which is then built once.
#[test]
fn every_kind_builds_and_passes_its_tests_as_it_comes() {
    let workshop = Workshop::open("new-plugin");
    let folder = workshop.path().join("crate");
    let kept = tempfile::tempdir().unwrap();
    library::set_mode(kept.path(), 0o755);
    for (kind, of_table, name) in KINDS {
        let made = format!("librais_plugin_{of_table}_{}.so", name.replace('-', "_"));
        let arguments = ["plugins", "new", kind, name, "--into", folder.to_str().unwrap()];
        let out = run_in(workshop.path(), &arguments).expect_code(0);
        for next in ["cargo test", "cargo build --release", &format!("target/release/{made}")] {
            assert!(out.stdout.contains(next), "{kind}: no `{next}` in\n{}", out.stdout);
        }
        workshop::settle(&folder);

        let tests = cargo(&folder, &["test"]).expect_code(0);
        quiet(kind, &tests.stderr);
        assert!(passed(&tests.stdout) >= TESTS, "{kind}:\n{}", tests.stdout);
        let build = cargo(&folder, &["build"]).expect_code(0);
        quiet(kind, &build.stderr);
        let lints = cargo(&folder, &["clippy", "--all-targets", "--", "-D", "warnings"]);
        quiet(kind, &lints.expect_code(0).stderr);

        // Not where it was built: what the umask lets others write to is refused.
        let library = kept.path().join(&made);
        library::install(&workshop::target().join("debug").join(&made), &library);
        let library = library.to_str().unwrap();
        let mut test = vec!["plugins", "test", library];
        let table = kept.path().join("table.toml");
        if let Some(text) = table_for(kind, name, kept.path()) {
            std::fs::write(&table, text).unwrap();
            test.extend(["--config", table.to_str().unwrap()]);
        }
        let out = run_in(workshop.path(), &test).expect_code(0);
        assert!(!out.stdout.contains("skipped"), "{kind}:\n{}", out.stdout);
        let info = run_in(workshop.path(), &["plugins", "info", library]).expect_code(0);
        assert!(info.stdout.contains(name), "{kind}:\n{}", info.stdout);

        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// What a sink may write and a transport send: their samples are not of this machine.
fn table_for(kind: &str, name: &str, folder: &Path) -> Option<String> {
    match kind {
        "sink" => Some(format!("type = {name:?}\ndirectory = {folder:?}\n")),
        "transport" => {
            // An address of this process alone.
            let [.., high, low] = std::process::id().to_be_bytes();
            let here = format!("127.{high}.{low}.1:5369");
            Some(format!("type = {name:?}\nlisten = \"{here}\"\npeers = [\"{here}\"]\n"))
        }
        _ => None,
    }
}

fn quiet(kind: &str, stderr: &str) {
    assert!(!stderr.contains("warning"), "{kind}:\n{stderr}");
}

/// How many tests have passed.
fn passed(stdout: &str) -> usize {
    let results = stdout.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    results.map(|line| line.split(' ').next().unwrap().parse::<usize>().unwrap()).sum()
}

#[test]
fn it_is_formatted_as_cargo_does_it_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    workshop::give(&[folder.path()]);
    for (kind, ..) in KINDS {
        for name in ["a", "redis", "my-own-thing"] {
            run_in(folder.path(), &["plugins", "new", kind, name]).expect_code(0);
            let made = folder.path().join(name);
            workshop::give(&[&made]);
            let out = cargo(&made, &["fmt", "--check"]);
            assert_eq!((out.code, out.stdout.as_str()), (0, ""), "{kind} {name}\n{}", out.stderr);
            std::fs::remove_dir_all(made).unwrap();
        }
    }
}

/// Runs `rais plugins new ARGUMENTS` and gives what it says on standard error.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str], code: i32) -> String {
    let out = run_in(folder, &[&["plugins", "new"], arguments].concat()).expect_code(code);
    assert_eq!(out.stdout, "");
    out.stderr
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path();
    std::fs::create_dir(folder.join("taken")).unwrap();
    std::fs::write(folder.join("taken/mine"), "mine").unwrap();
    for (arguments, code, said) in [
        (&["prob", "redis"][..], 2, "'probe'"),
        (&["probe", "Redis_Ping"], 2, "did you mean `redis-ping`?"),
        (&["probe", "tcp"], 2, "a probe called `tcp` is rais's own"),
        (&["blocking-probe", "http"], 2, "a probe called `http` is rais's own"),
        (&["probe"], 2, "<NAME>"),
        (&["probe", "taken"], 1, "taken: is there already, and is not empty"),
        (&["probe", "redis", "--into", "."], 1, "is there already, and is not empty"),
        (&["probe", "redis", "--into", "taken/mine/below"], 1, "taken/mine"),
        (&["probe", "redis", "--into", "/proc/none"], 1, "/proc"),
    ] {
        let stderr = refused(folder, arguments, code);
        assert!(stderr.contains(said), "{arguments:?}: no `{said}` in\n{stderr}");
    }
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(names(folder), ["taken"]);
    assert_eq!(names(&folder.join("taken")), ["mine"]);
}

#[test]
fn an_empty_folder_is_filled_but_not_from_within() {
    let temp = tempfile::tempdir().unwrap();
    let empty = temp.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let stderr = refused(&empty, &["sink", "hosts", "--into", "."], 1);
    assert!(stderr.contains("is the folder that you are in"), "{stderr}");
    let arguments = ["plugins", "new", "sink", "hosts", "--into", "empty"];
    run_in(temp.path(), &arguments).expect_code(0);
    assert!(empty.join("sdk/src/lib.rs").is_file());
}
