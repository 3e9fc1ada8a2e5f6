//! Libraries that are refused, and some that are not.

use rais_tests::binary::Output;
use rais_tests::library::{compile, install, probe_tcp_of_next_abi};
use serde_json::Value;

use crate::bad::{Bad, CONTENTS};
use crate::daemon::{MODES, Mode, Net, PLUGINS, service, sound, tcp};
use crate::each::each;
use crate::period;

/// A service whose probe no library and no built-in plugin has.
fn stranger() -> String {
    sound(&service("suspect", "{ type = \"stranger\" }", "", "files"))
}

pub(crate) fn rows(out: &Output) -> Vec<Value> {
    out.json().as_array().unwrap().clone()
}

/// That `file` is refused everywhere for what `says`, and that nobody dies of it.
#[track_caller]
pub(crate) fn assert_refused(net: &Net, file: &str, says: &str) {
    let path = format!("{PLUGINS}/{file}");
    net.write(&sound(""));
    let out = net.rais("check").expect_code(0);
    let warned = format!("{path} is not used: ");
    let line = out.stderr.lines().find(|line| line.contains(&warned));
    let line = line.unwrap_or_else(|| panic!("{warned} in\n{}", out.stderr));
    assert!(line.starts_with("warning: ") && line.contains(says), "{says} in\n{line}");

    let out = net.rais("plugins list --output json").expect_code(0);
    let rows = rows(&out);
    let row = rows.iter().find(|row| row["origin"] == *path);
    let row = row.unwrap_or_else(|| panic!("{path} in\n{}", out.stdout));
    assert_eq!(row["state"], "refused", "{row}");
    let why = row["why"].as_str().unwrap();
    assert!(why.contains(says), "{says} in\n{why}");

    // Where a table names what nobody has, it is the likely reason.
    net.write(&stranger());
    for command in ["check", "run"] {
        let out = net.rais(command).expect_code(2);
        for word in ["stranger", &path, says] {
            assert!(out.stderr.contains(word), "{word} in what {command} says\n{}", out.stderr);
        }
    }
}

#[test]
fn bad_contents_are_refused_by_every_command() {
    let _turn = period::turn();
    each(
        CONTENTS,
        2,
        |bad| bad.name.to_owned(),
        |bad| {
            let net = Net::new();
            let file = format!("{}.so", bad.name);
            (bad.make)(&net.host.path(&format!("{PLUGINS}/{file}")));
            assert_refused(&net, &file, bad.says);
        },
    );
}

#[test]
fn a_daemon_runs_beside_all_of_them() {
    let _turn = period::turn();
    let net = Net::new();
    for bad in CONTENTS {
        (bad.make)(&net.host.path(&format!("{PLUGINS}/{}.so", bad.name)));
    }
    net.write(&sound(""));
    let mut daemon = net.start();
    let before = daemon.until_sound();
    let log = daemon.process.stderr();
    for Bad { name, says, .. } in CONTENTS {
        let path = format!("{PLUGINS}/{name}.so is not used: ");
        let line = log.lines().find(|line| line.contains(&path));
        let line = line.unwrap_or_else(|| panic!("{path} in\n{log}"));
        assert!(line.contains(says), "{says} in\n{line}");
    }
    let out = daemon.host().rais(&["plugins", "list", "--running", "--output", "json"]);
    let rows = rows(&out.expect_code(0));
    assert_eq!(rows.iter().filter(|row| row["state"] == "refused").count(), CONTENTS.len());
    daemon.net.until_asked("the sound services to be asked", 10);
    daemon.assert_undisturbed(&before);
}

#[test]
fn a_constructor_that_hangs_is_given_up() {
    let _turn = period::turn();
    let net = Net::new();
    let path = net.host.path(&format!("{PLUGINS}/hangs.so"));
    let source = "#include <unistd.h>\n\
                  __attribute__((constructor)) static void at_load(void) { for (;;) pause(); }\n";
    compile(source, &path);
    net.write(&sound(""));
    let out = net.rais("check").expect_code(0);
    let says = "hangs.so is not used: did not finish loading within 10s";
    assert!(out.stderr.contains(says), "{}", out.stderr);
}

#[test]
fn a_library_of_the_next_minor_abi_is_taken() {
    let _turn = period::turn();
    each(&MODES, 2, Mode::to_string, |mode| {
        let net = Net::new();
        install(&probe_tcp_of_next_abi(), &net.host.path(&format!("{PLUGINS}/tcp.so")));
        net.write(&tcp(*mode));
        let mut daemon = net.start();
        let before = daemon.until_sound();
        let row = daemon.row("probe", "tcp").unwrap();
        assert_eq!((&*row.abi, &*row.isolation), ("1.1", &*mode.to_string()));
        assert_eq!((&*row.state, &*row.origin), ("ready", "/var/lib/plugins/tcp.so"));
        daemon.net.until_asked("its probes", 5);
        daemon.assert_undisturbed(&before);
    });
}
