//! Where a library stands, who may write there, and what it is called.

use std::os::unix::fs::symlink;
use std::path::Path;

use rais_tests::binary::{finish, rais};
use rais_tests::library::{install, octets, probe_tcp, set_mode, write};

use crate::at_load::{assert_refused, rows};
use crate::bad::Bad;
use crate::daemon::{CONFIG, Net, PLUGINS, service, sound};
use crate::each::each;
use crate::period;

/// Of a library that is well: where it is and whose.
const PLACES: &[Bad] = &[
    Bad {
        name: "everybody-writes",
        make: |at| good_with_mode(at, 0o666),
        says: "the file can be written by its group or an ACL and everybody (mode 0666); chmod go-w",
    },
    Bad {
        name: "group-writes",
        make: |at| good_with_mode(at, 0o664),
        says: "the file can be written by its group or an ACL (mode 0664); chmod g-w",
    },
    Bad {
        name: "a-stranger-owns",
        make: |at| {
            good(at);
            give(at, 65534);
        },
        says: "the file belongs to user 65534; it must belong to root",
    },
    Bad {
        name: "group-writes-the-folder",
        make: |at| {
            good(at);
            set_mode(folder(at), 0o775);
        },
        says: "its folder /var/lib/plugins can be written by its group or an ACL (mode 0775); chmod g-w",
    },
    Bad {
        name: "everybody-writes-the-folder",
        make: |at| {
            good(at);
            set_mode(folder(at), 0o1777);
        },
        says: "its folder /var/lib/plugins can be written by its group or an ACL and everybody (mode 1777); chmod go-w",
    },
    Bad {
        name: "a-stranger-owns-the-folder",
        make: |at| {
            good(at);
            give(folder(at), 65534);
        },
        says: "its folder /var/lib/plugins belongs to user 65534; it must belong to root",
    },
    Bad {
        name: "a-folder",
        make: |at| std::fs::create_dir(at).unwrap(),
        says: "is a folder; a library is a regular file",
    },
    Bad {
        name: "a-pipe",
        make: |at| nix::unistd::mkfifo(at, nix::sys::stat::Mode::S_IRUSR).unwrap(),
        says: "is a pipe; a library is a regular file",
    },
    Bad {
        name: "leads-nowhere",
        make: |at| symlink("nowhere", at).unwrap(),
        says: "cannot be read: ",
    },
    Bad {
        name: "leads-to-itself",
        make: |at| symlink(at.file_name().unwrap(), at).unwrap(),
        says: "stands behind more than 8 symbolic links",
    },
    Bad {
        name: "leads-where-others-write",
        make: |at| linked_from(at, 0o777),
        says: "elsewhere can be written by its group or an ACL and everybody",
    },
];

fn good(at: &Path) {
    install(&probe_tcp(), at);
}

fn good_with_mode(at: &Path, mode: u32) {
    good(at);
    set_mode(at, mode);
}

fn folder(at: &Path) -> &Path {
    at.parent().unwrap()
}

fn give(path: &Path, to: u32) {
    std::os::unix::fs::chown(path, Some(to), None).unwrap();
}

fn linked_from(at: &Path, mode: u32) {
    let elsewhere = folder(folder(at)).join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    good(&elsewhere.join("tcp.so"));
    set_mode(&elsewhere, mode);
    symlink("../elsewhere/tcp.so", at).unwrap();
}

fn preferred() -> String {
    let probe = "{ type = \"tcp\", port = 1000 }";
    let text = sound(&service("suspect", probe, "", "files"));
    text.replacen("[plugins]\n", "[plugins]\nprefer = [\"tcp\"]\n", 1)
}

#[test]
fn who_may_write_may_run_so_only_root_may_write() {
    let _turn = period::turn();
    each(
        PLACES,
        2,
        |place| place.name.to_owned(),
        |place| {
            let net = Net::new();
            let file = format!("{}.so", place.name);
            (place.make)(&net.host.path(&format!("{PLUGINS}/{file}")));
            assert_refused(&net, &file, place.says);
        },
    );
}

#[test]
fn a_symbolic_link_that_is_safe_is_followed() {
    let _turn = period::turn();
    let net = Net::new();
    linked_from(&net.host.path(&format!("{PLUGINS}/tcp.so")), 0o755);
    net.write(&preferred());
    let out = net.rais("check").expect_code(0);
    assert!(!out.stderr.contains("tcp.so"), "{}", out.stderr);
}

#[test]
fn a_file_system_that_runs_nothing_is_heeded() {
    let _turn = period::turn();
    let net = Net::new();
    good(&net.host.path(&format!("{PLUGINS}/tcp.so")));
    net.write(&sound(""));
    // The command's mounts are its own.
    let script = format!(
        "mount --bind {PLUGINS} {PLUGINS} && mount -o remount,bind,noexec {PLUGINS} && \
         exec \"$0\" check -c {CONFIG}"
    );
    let mut command = net.host.command("sh");
    command.args(["-c", &script]).arg(rais());
    let out = finish(&mut command).expect_code(0);
    let says = "tcp.so is not used: its file system is mounted noexec";
    assert!(out.stderr.contains(says), "{}", out.stderr);
}

#[test]
fn a_folder_that_is_missing_or_none_is_a_warning() {
    let _turn = period::turn();
    let net = Net::new();
    for (folder, says) in [
        ("/var/lib/nowhere", "there is no folder /var/lib/nowhere"),
        (CONFIG, "there is no folder"),
    ] {
        net.write(&sound("").replacen(PLUGINS, folder, 1));
        let out = net.rais("check").expect_code(0);
        let line = out.stderr.lines().find(|line| line.contains(says));
        assert!(line.is_some_and(|line| line.starts_with("warning: ")), "{}", out.stderr);
    }
}

#[test]
fn the_same_file_twice_is_one_library() {
    let _turn = period::turn();
    let net = Net::new();
    for file in ["a.so", "b.so"] {
        good(&net.host.path(&format!("{PLUGINS}/{file}")));
    }
    let config = preferred().replacen(
        &format!("[\"{PLUGINS}\"]"),
        &format!("[\"{PLUGINS}\", \"{PLUGINS}\"]"),
        1,
    );
    net.write(&config);
    net.rais("check").expect_code(0);
    let out = net.rais("plugins list --output json").expect_code(0);
    let rows = rows(&out);
    let tcp: Vec<_> = rows.iter().filter(|row| row["name"] == "tcp").collect();
    assert_eq!(tcp.len(), 1, "{tcp:?}");
    assert_eq!(tcp[0]["origin"], format!("{PLUGINS}/a.so"));
    assert_eq!(tcp[0]["isolation"], "process");
}

#[test]
fn a_name_twice_is_an_error_that_names_both() {
    let _turn = period::turn();
    let net = Net::new();
    let path = |file: &str| net.host.path(&format!("{PLUGINS}/{file}"));
    good(&path("a.so"));
    net.write(&sound(""));
    let refused = |words: [&str; 2]| {
        for command in ["check", "run", "plugins list"] {
            let out = net.rais(command).expect_code(2);
            for word in ["two probe plugins are called `tcp`"].into_iter().chain(words) {
                assert!(out.stderr.contains(word), "{word} in\n{}", out.stderr);
            }
        }
    };
    // With the built-in one.
    refused(["built-in", "/var/lib/plugins/a.so"]);
    // Of two libraries, and `prefer` does not say which.
    write(&path("b.so"), &[&octets(&probe_tcp())[..], b"other"].concat());
    net.write(&preferred());
    refused(["/var/lib/plugins/a.so", "/var/lib/plugins/b.so"]);
}
