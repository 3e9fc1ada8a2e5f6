//! Faults while plugins are made and dropped, and libraries whose panics abort.

use rais_tests::library::{faulty_that_aborts, install};
use rais_tests::wait;

use crate::daemon::{Daemon, Kind, MODES, Mode, Net, PLUGINS, sound, suspect};
use crate::each::each;
use crate::period;

const KINDS: [Kind; 4] = [Kind::Probe, Kind::BlockingProbe, Kind::Load, Kind::Sink];

/// Every kind in both modes.
fn all() -> Vec<(Kind, Mode)> {
    KINDS.into_iter().flat_map(|kind| MODES.map(|mode| (kind, mode))).collect()
}

fn name((kind, mode): &(Kind, Mode)) -> String {
    format!("{kind:?}, {mode}")
}

fn fault(name: &str) -> String {
    format!("fault = \"{name}\"")
}

#[test]
fn a_panic_in_new_starts_nothing() {
    let _turn = period::turn();
    each(&all(), 2, name, |&(kind, mode)| {
        let net = Net::with_faulty();
        net.write(&suspect(kind, mode, "", &fault("panic-in-new")));
        for command in ["check", "run", "plugins list"] {
            let out = net.rais(command).expect_code(2);
            let says = "panicked: faulty in new, at tests/plugins/faulty/src/fault.rs:";
            assert!(out.stderr.contains(says), "{command}: {}", out.stderr);
            assert!(out.stderr.contains("rais.toml:"), "{command}: {}", out.stderr);
        }
    });
}

#[test]
fn a_panic_in_new_can_be_left_aside() {
    let _turn = period::turn();
    each(&all(), 4, name, |&(kind, mode)| {
        for policy in ["ignore", "retry"] {
            let net = Net::with_faulty();
            let policy = format!("on_startup_error = \"{policy}\"");
            net.write(&suspect(kind, mode, &policy, &fault("panic-in-new")));
            let mut daemon = net.start();
            let before = daemon.until_sound();
            wait::until("the fault to be told", || {
                let told = daemon.told(kind)?;
                let right = match kind {
                    Kind::Probe | Kind::BlockingProbe => {
                        told.starts_with("unknown: ") && told.contains("panicked: faulty in new")
                    }
                    Kind::Load => told.starts_with("up with load unknown"),
                    Kind::Sink => {
                        told.starts_with("failed: ") && told.contains("panicked: faulty in new")
                    }
                };
                if right { Ok(()) } else { Err(told) }
            });
            daemon.net.until_asked("the sound services to be asked", 10);
            daemon.assert_undisturbed(&before);
        }
    });
}

#[test]
fn a_panic_in_new_refuses_a_reload() {
    let _turn = period::turn();
    each(&all(), 4, name, |&(kind, mode)| {
        let net = Net::with_faulty();
        net.write(&suspect(kind, mode, "", &fault("none")));
        let mut daemon = net.start();
        let before = daemon.until_sound();
        daemon.net.write(&suspect(kind, mode, "", &fault("panic-in-new")));
        let out = daemon.net.rais("reload").expect_code(2);
        assert!(out.stderr.contains("panicked: faulty in new"), "{}", out.stderr);
        daemon.net.until_asked("the sound services to be asked", 5);
        daemon.assert_undisturbed(&before);
        let row = daemon.row(kind.row(), kind.plugin()).unwrap();
        assert_eq!(row.state, "ready", "{row:?}");
    });
}

/// Waits until the log says so.
#[track_caller]
fn until_logged(daemon: &Daemon, says: &str) {
    wait::until(says, || {
        let log = daemon.process.stderr();
        if log.contains(says) { Ok(()) } else { Err(log) }
    });
}

#[test]
fn a_panic_in_a_plugins_drop_is_logged() {
    let _turn = period::turn();
    each(&all(), 4, name, |&(kind, mode)| {
        let net = Net::with_faulty();
        net.write(&suspect(kind, mode, "", &fault("panic-in-drop")));
        let mut daemon = net.start();
        let before = daemon.until_sound();
        daemon.net.write(&sound(""));
        daemon.net.rais("reload").expect_code(0);
        until_logged(&daemon, "panic in a destructor: faulty in a plugin's drop, at ");
        daemon.net.until_asked("the sound services to be asked", 10);
        daemon.assert_undisturbed(&before);
    });
}

/// A reload drops a probe that has not answered yet.
#[test]
fn a_panic_in_the_drop_of_a_half_finished_probe_is_logged() {
    let _turn = period::turn();
    each(&MODES, 2, Mode::to_string, |&mode| {
        let net = Net::with_faulty();
        let with = suspect(Kind::Probe, mode, "", &fault("panic-in-future-drop"));
        // Most of the time one is under way.
        let slow = "interval = \"2s\"\ntimeout = \"2s\"";
        let with = with.replacen("interval = \"100ms\"\ntimeout = \"80ms\"", slow, 1);
        net.write(&with);
        let mut daemon = net.start();
        let before = daemon.until_sound();
        wait::until("a probe to be dropped half-finished", || {
            daemon.net.write(&sound(""));
            daemon.net.rais("reload").expect_code(0);
            daemon.net.write(&with);
            daemon.net.rais("reload").expect_code(0);
            daemon.net.until_asked("the sound services to be asked", 5);
            let log = daemon.process.stderr();
            let says = "panic in a future's destructor: faulty in a drop, at ";
            if log.contains(says) { Ok(()) } else { Err(log) }
        });
        daemon.assert_undisturbed(&before);
    });
}

#[test]
fn a_library_whose_panics_abort_is_held_apart_or_not_at_all() {
    let _turn = period::turn();
    let with = || {
        let net = Net::new();
        install(&faulty_that_aborts(), &net.host.path(&format!("{PLUGINS}/faulty.so")));
        net
    };
    let net = with();
    net.write(&suspect(Kind::Probe, Mode::InProcess, "", &fault("none")));
    for command in ["run", "monitor"] {
        let out = net.rais(command).expect_code(2);
        let says = "was built with panic = \"abort\"";
        assert!(out.stderr.contains(says), "{command}: {}", out.stderr);
    }

    let net = with();
    net.write(&suspect(Kind::Probe, Mode::Isolated, "", "fault = \"panic-in-call\", when = 3"));
    let mut daemon = net.start();
    let before = daemon.until_sound();
    wait::until("its process to be given up", || {
        let row = daemon.row("probe", "faulty")?;
        let right = row.state == "down" && row.why.contains("died by SIGABRT (signal 6)");
        if right { Ok(()) } else { Err(format!("{row:?}")) }
    });
    daemon.net.until_asked("the sound services to be asked", 10);
    daemon.assert_undisturbed(&before);
}
