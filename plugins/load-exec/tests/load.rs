//! The load with small scripts for checks, and with Debian's own of monitoring-plugins-basic,
//! through the plugin boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rais_plugin_load_exec::Exec;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{Describe, Fault, FaultKind, Load, Need, OptionInfo, Reading, Scope, Subject};

fn sample(table: &str) -> Result<Reading, Fault> {
    let load = Bench::new().load::<Exec>(table).unwrap();
    assert_eq!(load.scope(), Scope::Host);
    load.sample(&Subject::new("www"))
}

fn script(script: &str, more: &str) -> Result<Reading, Fault> {
    sample(&format!("argv = ['sh', '-c', '''{script}''']\n{more}"))
}

#[test]
fn the_named_value_is_the_load_at_exit_codes_0_and_1() {
    for code in [0, 1] {
        let told = |more: &str| {
            let said = "echo \"fine | a=30% b=3;;;0;4 c=6 d=U\"";
            script(&format!("{said}; exit {code}"), more).unwrap()
        };
        let reading = told("label = 'a'");
        assert_eq!((reading.load, reading.reason.as_str()), (Some(30.0), "fine"));
        assert_eq!(told("label = 'b'").load, Some(75.0));
        assert_eq!(told("label = 'c'\nfull = 4").load, Some(150.0));
        let reading = told("label = 'd'");
        assert_eq!(reading.load, None);
        assert_eq!(reading.reason, "the check could not measure `d` (its value is U)");
    }
}

#[test]
fn what_the_check_could_not_tell_is_unknown_with_its_reason() {
    let said = |code: u8, text: &str| {
        script(&format!("{text} exit {code}"), "label = 'a'")
            .map(|it| (it.load, it.reason))
            .unwrap()
    };
    let unknown = |why: &str| (None, why.to_owned());
    let value = "echo \"no way | a=30%\";";
    assert_eq!(
        said(2, value),
        (Some(30.0), "no way".to_owned()),
        "it is overloaded, and says how far"
    );
    assert_eq!(said(2, "echo \"no way\";"), unknown("CRITICAL (exit code 2): no way"));
    assert_eq!(said(2, ""), unknown("CRITICAL (exit code 2)"));
    assert_eq!(said(3, value), unknown("UNKNOWN (exit code 3): no way"));
    assert_eq!(said(3, ""), unknown("UNKNOWN (exit code 3)"));
}

#[test]
fn what_tells_no_load_is_a_fault_with_its_reason() {
    let fault = |text: &str, more: &str| {
        let fault = script(text, more).unwrap_err();
        (fault.kind, fault.to_string())
    };
    let (kind, text) = fault("echo \"fine | a=30MB\"", "label = 'a'");
    assert_eq!(kind, FaultKind::Config);
    assert!(text.starts_with("full: `a` is 30MB, neither in percent nor with a maximum"), "{text}");
    let (kind, text) = fault("echo \"fine | a=30% b=1\"", "label = 'x'");
    assert_eq!(kind, FaultKind::Config);
    assert_eq!(text, "label: no value `x` was told: there are `a`, `b`");
    let (kind, text) = fault("kill -KILL $$", "label = 'a'");
    assert_eq!((kind, text.as_str()), (FaultKind::Unknown, "sh ended with signal 9"));
    let (kind, text) = fault("nowhere-at-all", "label = 'a'");
    assert_eq!(kind, FaultKind::Unknown);
    assert!(text.starts_with("sh ended with exit code 127, which no check has: "), "{text}");
}

#[test]
fn a_check_that_hangs_is_killed() {
    let load = Bench::new().load::<Exec>("argv = ['sleep', '1000']\nlabel = 'a'").unwrap();
    let of = Subject::new("www").with_timeout(Duration::from_millis(200));
    let fault = load.sample(&of).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
    assert_eq!(fault.text, "sleep was killed, it took longer than 200ms");
}

#[test]
fn tables_are_refused_at_their_keys() {
    for (table, wanted) in [
        ("argv = ['true']", "missing field `label`"),
        ("label = 'a'", "missing field `argv`"),
        ("argv = ['true']\nlabel = ''", "label: is empty"),
        ("argv = ['true']\nlabel = 'a'\nfull = -1", "full: is -1: it must be above zero"),
        ("argv = ['check_nowhere']\nlabel = 'a'", "argv[0]: check_nowhere cannot be run"),
        (
            "argv = ['true', '-H', '{address}']\nlabel = 'a'",
            "argv[2]: `{address}` is no placeholder: none is filled in here",
        ),
    ] {
        let fault = Bench::new().load::<Exec>(table).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Config);
        assert!(fault.to_string().starts_with(wanted), "{table}: {fault}");
    }
}

#[test]
fn the_load_of_this_machine_is_told_by_debians_check() {
    let reading = sample(Exec::SAMPLE).unwrap();
    assert!(reading.load.is_some_and(|load| (0.0..=1000.0).contains(&load)), "{reading:?}");
    assert!(reading.reason.starts_with("LOAD OK"), "{reading:?}");
    // A disk has a maximum of its own.
    let disk = "argv = ['check_disk', '-w', '0%', '-c', '0%', '-p', '/']\nlabel = '/'";
    let reading = sample(disk).unwrap();
    assert!(reading.load.is_some_and(|load| (0.0..=100.0).contains(&load)), "{reading:?}");
}

#[test]
fn the_sample_makes_a_load_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Exec::SAMPLE)), "sample.toml differs");
}

#[test]
fn what_is_told_of_the_keys_is_what_the_readme_says() {
    let (_, part) = include_str!("../README.md").split_once("## Configuration").unwrap();
    let (part, _) = part.split_once("\n## ").unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<_> = rows
        .map(|row| {
            let mut cells = row.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`']));
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect();
    let told = <<Exec as Load>::Config as Describe>::options();
    let need = |key: &OptionInfo| match &key.need {
        Need::Required => "required".to_owned(),
        Need::Default(text) => text.clone(),
        _ if key.name == "full" => "by the check".to_owned(),
        _ => "none".to_owned(),
    };
    let needs: Vec<_> = told.iter().map(need).collect();
    let keys: Vec<_> =
        told.iter().zip(&needs).map(|(key, need)| (key.name.as_str(), need.as_str())).collect();
    assert_eq!(keys, rows);
    for key in told {
        assert!(!key.text.is_empty() && key.kind != "value", "{key:?}");
    }
}
