//! Libraries that change under a daemon that uses them.

use rais_tests::library::{octets, probe_tcp, write};
use rais_tests::wait;

use crate::bad::{Bad, CONTENTS};
use crate::daemon::{Daemon, MODES, Mode, Net, PLUGINS, tcp};
use crate::each::each;
use crate::period;

fn start(mode: Mode) -> (Daemon, std::path::PathBuf) {
    let net = Net::new();
    let path = net.host.path(&format!("{PLUGINS}/tcp.so"));
    write(&path, &octets(&probe_tcp()));
    net.write(&tcp(mode));
    (net.start(), path)
}

#[test]
fn a_bad_library_is_refused_and_the_old_one_goes_on() {
    let _turn = period::turn();
    each(&MODES, 2, Mode::to_string, |mode| {
        let (mut daemon, path) = start(*mode);
        let before = daemon.until_sound();
        for Bad { name, make, says } in CONTENTS {
            make(&path);
            let out = daemon.net.rais("reload");
            assert_eq!(out.code, 2, "{name}: {}{}", out.stdout, out.stderr);
            let refused = out.stderr.lines().find(|line| line.contains("tcp.so is refused: "));
            let refused = refused.unwrap_or_else(|| panic!("{name}: {}", out.stderr));
            assert!(refused.contains(says), "{name}: {says} in\n{refused}");
        }
        std::fs::remove_file(&path).unwrap();
        daemon.net.until_asked("the old library's probes to go on", 5);
        daemon.assert_undisturbed(&before);

        // And a good one is taken again.
        write(&path, &[&octets(&probe_tcp())[..], b"newer"].concat());
        daemon.net.rais("reload").expect_code(0);
        daemon.net.until_asked("the new library's probes", 5);
        daemon.assert_undisturbed(&before);
    });
}

#[test]
fn a_library_overwritten_in_place_is_as_it_was() {
    let _turn = period::turn();
    each(&MODES, 2, Mode::to_string, |mode| {
        let (mut daemon, path) = start(*mode);
        let before = daemon.until_sound();
        // The very file, which whoever has mapped it would see.
        std::fs::write(&path, vec![0; octets(&path).len()]).unwrap();
        daemon.net.until_asked("probes", 10);
        std::fs::write(&path, b"").unwrap();
        daemon.net.until_asked("more probes", 10);
        daemon.assert_undisturbed(&before);
        if *mode == Mode::Isolated {
            // A new process is of the old octets, too.
            let old = daemon.plugin_processes();
            assert_eq!(old.len(), 1, "{old:?}");
            nix::sys::signal::kill(old[0], nix::sys::signal::Signal::SIGKILL).unwrap();
            wait::until("another process", || match &daemon.plugin_processes()[..] {
                [new] if *new != old[0] => Ok(()),
                other => Err(format!("there are {other:?}")),
            });
            daemon.net.until_asked("probes of the new process", 10);
            daemon.assert_undisturbed(&before);
        }
    });
}
