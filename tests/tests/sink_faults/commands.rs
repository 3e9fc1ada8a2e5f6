//! Commands that fail, hang, or find a zone wrong: the next zone of the same sink is on time.

use std::fs;

use rais_tests::host::Host;
use rais_tests::wait;

use super::stage::{ILL, Stage, WELL, Which};

/// Both zones by one sink.
fn stage(table: &str) -> Stage {
    let host = Host::new("ns1");
    std::fs::create_dir_all(host.path("/var/lib/well")).unwrap();
    Stage::sharing(host, table)
}

/// Has one zone's call hang for as long as it may, and the other's go through meanwhile.
fn hangs_alone(stage: &Stage) {
    for up in [&["192.0.2.2"][..], &["192.0.2.1", "2001:db8::3"]] {
        [Which::Ill, Which::Well].into_iter().for_each(|which| stage.set(which, up));
        wait::until("one to hang", || match stage.sink(Which::Ill)? {
            sink if sink.state == "pending" => Ok(()),
            sink => Err(format!("{sink:?}")),
        });
        stage.until_published(Which::Well);
        assert_eq!(stage.sink(Which::Ill).unwrap().state, "pending");
    }
    assert_eq!(stage.lines("not published"), [""; 0]);
}

#[test]
fn a_command_that_hangs_for_one_zone_holds_up_no_other_of_the_same_sink() {
    let script = format!("if [ $1 = {ILL} ] && [ -e /run/hang ]; then sleep 1000; fi");
    let argv = format!("[\"sh\", \"-c\", \"{script}\", \"sh\", \"{{zone}}\"]");
    for kind in [
        format!(
            "type = \"bind\"\ndirectory = \"/var/lib/well\"\n\
             reload = {{ type = \"exec\", argv = {argv} }}"
        ),
        format!("type = \"hook\"\nargv = {argv}"),
    ] {
        let stage = stage(&format!("{kind}\ntimeout = \"50s\""));
        stage.host.write("/run/hang", "");
        hangs_alone(&stage);
    }
}

#[test]
fn a_reload_that_hangs_for_one_zone() {
    // Hangs, with a child, for as long as a file says so.
    let script = format!(
        "if [ $1 = {ILL} ] && [ -e /run/hang ]; then sleep 1000 & echo stuck; sleep 1000; fi"
    );
    let stage = stage(&format!(
        "type = \"bind\"\ndirectory = \"/var/lib/well\"\ntimeout = \"500ms\"\n\
         reload = {{ type = \"exec\", argv = [\"sh\", \"-c\", \"{script}\", \"sh\", \"{{zone}}\"] }}"
    ));
    stage.host.write("/run/hang", "");
    stage.plays_through("sh was killed, it took longer than 500ms", || {
        fs::remove_file(stage.host.path("/run/hang")).unwrap();
    });
    assert_eq!(
        stage.file(Which::Ill, "/var/lib/well/ill.example.zone").unwrap(),
        stage.up(Which::Ill)
    );
}

#[test]
fn a_check_that_finds_one_zone_wrong() {
    let script = "if [ -e /run/wrong-$1 ]; then echo $2: line 4 is odd; exit 3; fi";
    let stage = stage(&format!(
        "type = \"bind\"\ndirectory = \"/var/lib/well\"\nreload = {{ type = \"none\" }}\n\
         check = [\"sh\", \"-c\", \"{script}\", \"sh\", \"{{zone}}\", \"{{file}}\"]"
    ));
    let file = "/var/lib/well/ill.example.zone";
    let before = fs::read(stage.host.path(file)).unwrap();
    stage.host.write(&format!("/run/wrong-{ILL}"), "");
    let says = format!("sh ended with exit code 3, saying: {file}: line 4 is odd");
    stage.plays_through(&says, || {
        assert_eq!(fs::read(stage.host.path(file)).unwrap(), before);
        fs::remove_file(stage.host.path(&format!("/run/wrong-{ILL}"))).unwrap();
    });
    assert_eq!(stage.file(Which::Ill, file).unwrap(), stage.up(Which::Ill));
}

/// Writes what it is told to a file; hangs, or fails, where another file says so.
const HOOK: &str = "case $(cat /run/hook-$1 2>/dev/null) in \
                    hang) sleep 1000 & echo stuck; sleep 1000;; \
                    fail) echo trying; echo the API says 403 >&2; exit 9;; \
                    esac; cat >/run/told-$1.new && mv /run/told-$1.new /run/told-$1";

fn hook(what: &str, says: &str) {
    let stage = stage(&format!(
        "type = \"hook\"\ntimeout = \"500ms\"\n\
         argv = [\"sh\", \"-c\", \"{HOOK}\", \"sh\", \"{{zone}}\"]"
    ));
    let order = format!("/run/hook-{ILL}");
    stage.host.write(&order, what);
    stage.plays_through(says, || fs::remove_file(stage.host.path(&order)).unwrap());
    for (which, zone) in [(Which::Ill, ILL), (Which::Well, WELL)] {
        let told = stage.host.read(&format!("/run/told-{zone}"));
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let addresses = told["owners"][0]["addresses"].as_array().unwrap();
        let addresses = addresses.iter().map(|one| one["address"].as_str().unwrap());
        assert_eq!(
            addresses.map(|it| it.parse().unwrap()).collect::<std::collections::BTreeSet<_>>(),
            stage.up(which)
        );
        assert_eq!(told["zone"], zone);
    }
    // Nothing that was killed is left.
    wait::until("what hooks have started to be gone", || {
        let left = processes(|words| words.starts_with("sleep\x001000"), &stage.host);
        if left == 0 { Ok(()) } else { Err(format!("{left} of them")) }
    });
}

/// How many processes of a host there are with such words.
fn processes(is: impl Fn(&str) -> bool, host: &Host) -> usize {
    // All that a host runs is in its network.
    let of_host = host.net().enter(|| fs::read_link("/proc/thread-self/ns/net").unwrap());
    let all = fs::read_dir("/proc").unwrap().flatten();
    let words = all.filter_map(|process| {
        let words = fs::read_to_string(process.path().join("cmdline")).ok()?;
        (fs::read_link(process.path().join("ns/net")).ok()? == of_host).then_some(words)
    });
    words.filter(|words| is(words)).count()
}

#[test]
fn a_hook_that_hangs_for_one_zone() {
    hook("hang", "sh was killed, it took longer than 500ms, saying: stuck");
}

#[test]
fn a_hook_that_fails_for_one_zone() {
    hook("fail", "sh ended with exit code 9, saying: trying | the API says 403");
}
