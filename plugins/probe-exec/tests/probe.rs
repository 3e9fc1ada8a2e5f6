//! The probe with small scripts for checks, through the plugin boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::Duration;

use rais_plugin_probe_exec::Exec;
use rais_sdk::host::ProbeCall;
use rais_sdk::testing::Bench;
use rais_sdk::{BlockingProbe, Describe, Fault, FaultKind, Need, OptionInfo, Target, Up};

const AMPLE: Duration = Duration::from_secs(60);

fn target(address: &str) -> Target {
    Target::new(address.parse::<SocketAddr>().unwrap(), "web1", "www")
}

/// One probe by the shell's `script`, with `more` in its table.
fn probe(script: &str, more: &str) -> Result<Up, Fault> {
    let table = format!("argv = ['sh', '-c', '''{script}''']\n{more}");
    let probe = Bench::new().blocking_probe::<Exec>(&table).unwrap();
    probe.run(ProbeCall { target: target("192.0.2.1:80"), timeout: AMPLE })
}

fn fault(script: &str) -> (FaultKind, String) {
    let fault = probe(script, "").unwrap_err();
    assert_eq!(fault.at, "");
    (fault.kind, fault.text)
}

fn refused(table: &str) -> String {
    let fault = Bench::new().blocking_probe::<Exec>(table).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    fault.to_string()
}

#[test]
fn exit_code_0_is_up() {
    let up = probe("echo fine; echo more", "").unwrap();
    assert_eq!((up.load, up.detail.as_str()), (None, "fine"));
    assert!(up.took > Duration::ZERO && up.took < AMPLE);
    assert_eq!(probe("exit 0", "").unwrap().detail, "");
}

#[test]
fn exit_code_1_is_up_and_overloaded() {
    let up = probe("echo slow; exit 1", "").unwrap();
    assert_eq!((up.load, up.detail.as_str()), (Some(1000.0), "slow"));
    let up = probe("exit 1", "").unwrap();
    assert_eq!((up.load, up.detail.as_str()), (Some(1000.0), "WARNING (exit code 1)"));
    // Whatever its value is: nothing above 1000 % can be told.
    let up = probe("echo \"slow | a=5%\"; exit 1", "label = 'a'").unwrap();
    assert_eq!(up.load, Some(1000.0));
}

#[test]
fn exit_code_2_is_down() {
    assert_eq!(fault("echo gone; exit 2"), (FaultKind::Down, "gone".to_owned()));
    assert_eq!(fault("exit 2"), (FaultKind::Down, "CRITICAL (exit code 2)".to_owned()));
}

#[test]
fn all_else_is_no_opinion() {
    let unknown = |text: &str| (FaultKind::Unknown, text.to_owned());
    assert_eq!(fault("echo usage; exit 3"), unknown("usage"));
    assert_eq!(fault("exit 3"), unknown("UNKNOWN (exit code 3)"));
    assert_eq!(
        fault("nowhere-at-all 2>/dev/null"),
        unknown("sh ended with exit code 127, which no check has")
    );
    assert_eq!(
        fault("echo broken >&2; exit 4"),
        unknown("sh ended with exit code 4, which no check has: broken")
    );
    assert_eq!(fault("kill -KILL $$"), unknown("sh ended with signal 9"));
    assert_eq!(fault("echo half; kill -SEGV $$"), unknown("sh ended with signal 11: half"));
}

#[test]
fn a_check_that_takes_too_long_is_a_timeout() {
    let table = "argv = ['sh', '-c', 'echo trying; exec sleep 1000']";
    let probe = Bench::new().blocking_probe::<Exec>(table).unwrap();
    let timeout = Duration::from_millis(500);
    let fault = probe.run(ProbeCall { target: target("192.0.2.1:80"), timeout }).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, ""));
    assert!(fault.text.starts_with("sh was killed, it took longer than 500ms"), "{fault}");
}

#[test]
fn a_check_that_is_gone_is_no_opinion_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let check = folder.path().join("check");
    let there = || std::os::unix::fs::symlink("/bin/true", &check).unwrap();
    there();
    let table = format!("argv = ['{}']", check.display());
    let probe = Bench::new().blocking_probe::<Exec>(&table).unwrap();
    let run = || probe.run(ProbeCall { target: target("192.0.2.1:80"), timeout: AMPLE });
    run().unwrap();
    std::fs::remove_file(&check).unwrap();
    let fault = run().unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io);
    assert_eq!(fault.text, "check cannot be run: it is not there");
    there();
    run().unwrap();
}

#[test]
fn what_is_known_of_the_target_is_filled_in() {
    let table = "argv = ['echo', '{address}', '[{address}]:{port}', '{name} of {service}', '{{port}}', '$HOME;']";
    let probe = Bench::new().blocking_probe::<Exec>(table).unwrap();
    let said = |address: &str| {
        probe.run(ProbeCall { target: target(address), timeout: AMPLE }).map(|up| up.detail)
    };
    assert_eq!(said("192.0.2.1:80").unwrap(), "192.0.2.1 [192.0.2.1]:80 web1 of www {port} $HOME;");
    assert_eq!(
        said("[2001:db8::1]:443").unwrap(),
        "2001:db8::1 [2001:db8::1]:443 web1 of www {port} $HOME;"
    );
    let fault = said("192.0.2.1:0").unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "port"));
    assert!(probe_without_port().is_ok());
}

fn probe_without_port() -> Result<Up, Fault> {
    let probe = Bench::new().blocking_probe::<Exec>("argv = ['true', '{address}']")?;
    probe.run(ProbeCall { target: target("192.0.2.1:0"), timeout: AMPLE })
}

#[test]
fn the_environment_is_the_tables() {
    let all = "env | sort | tr \"\\n\" \" \"";
    let said = |more: &str| probe(all, more).unwrap().detail;
    // The shell adds its own.
    let path = "/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins:/usr/lib/monitoring-plugins:\
                /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(said(""), format!("LC_ALL=C PATH={path} PWD=/"));
    assert_eq!(
        said("env = { A = 'b c', LC_ALL = 'POSIX' }"),
        format!("A=b c LC_ALL=POSIX PATH={path} PWD=/")
    );
}

#[test]
fn a_value_that_is_named_is_the_load() {
    let load = |said: &str, more: &str| {
        let up = probe(&format!("echo \"fine | {said}\""), more).unwrap();
        (up.load, up.detail)
    };
    let fine = "fine".to_owned();
    assert_eq!(load("a=5% b=40%", "label = 'b'"), (Some(40.0), fine.clone()));
    assert_eq!(load("time=0.05s;;;0;10", "label = 'time'\nfull = 0.2"), (Some(25.0), fine.clone()));
    assert_eq!(load("'used slots'=3;;;0;4", "label = 'used slots'"), (Some(75.0), fine));
}

#[test]
fn a_server_is_up_also_where_no_load_can_be_told() {
    let bench = Bench::new();
    let table = "argv = ['echo', 'fine | a=5MB']\nlabel = 'a'";
    let probe = bench.blocking_probe::<Exec>(table).unwrap();
    for _ in 0..3 {
        let call = ProbeCall { target: target("192.0.2.1:80"), timeout: AMPLE };
        let up = probe.run(call).unwrap();
        assert_eq!(up.load, None);
        assert!(up.detail.starts_with("fine (load unknown: `a` is 5MB, neither"), "{}", up.detail);
    }
    let lines = bench.lines();
    assert_eq!(lines.len(), 1, "said once: {lines:?}");
    assert!(lines[0].1.starts_with("echo tells no load: full: `a` is 5MB"), "{lines:?}");
}

#[test]
fn tables_are_refused_at_their_keys() {
    for (table, wanted) in [
        ("", "missing field `argv`"),
        ("argv = []", "argv: is empty"),
        ("argv = ['']", "argv[0]: is empty"),
        ("argv = 'check_tcp -H x'", "argv: invalid type: string"),
        ("argv = ['check_nowhere']", "argv[0]: check_nowhere cannot be run: no such file in /usr/"),
        ("argv = ['/etc/passwd']", "argv[0]: /etc/passwd cannot be run: it is not executable"),
        ("argv = ['./check']", "argv[0]: \"./check\" is relative"),
        ("argv = ['{name}']", "argv[0]: {name} cannot be run"),
        ("argv = ['true', '-x', '{adress}']", "argv[2]: `{adress}` is no placeholder"),
        ("argv = ['true']\nenv = { 'A=B' = 'c' }", "env: \"A=B\" is no name of a variable"),
        ("argv = ['true']\nenv = { A = 1 }", "env.A: invalid type: integer"),
        ("argv = ['true']\nfull = 2", "full: has no meaning without `label`"),
        ("argv = ['true']\nlabel = 'a'\nfull = 0", "full: is 0: it must be above zero"),
        ("argv = ['true']\nlabel = ''", "label: is empty"),
        ("argv = ['true']\nshell = true", "shell: unknown field `shell`"),
    ] {
        let said = refused(table);
        assert!(said.starts_with(wanted), "{table}: {said}");
    }
}

#[test]
fn the_sample_stands_in_the_readme() {
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
    let told = <<Exec as BlockingProbe>::Config as Describe>::options();
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
