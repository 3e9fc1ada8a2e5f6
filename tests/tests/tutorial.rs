//! `docs/tutorial/first-probe.md`, block by block, against a real Redis: what a reader types is
//! typed, what it shows is what is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use rais_tests::binary::{Output, finish, rais};
use rais_tests::host::Host;
use rais_tests::markdown::{Typed, What, blocks};
use rais_tests::process::Process;
use rais_tests::status::Binder;
use rais_tests::wait;
use rais_tests::workshop::{self, Workshop};

/// What only looks; it is typed again until it shows what the page does, as a reader would.
const LOOKING: [&str; 5] = ["rais status", "rais plugins list", "rais probe", "redis-cli", "cat"];

/// Beats that are heard after the upgrade before it is judged.
const BEATS: u64 = 10;

/// Who follows the page, on a machine with a network of its own.
struct Reader {
    host: Host,
    workshop: Workshop,
    /// With `rais` in it.
    programs: tempfile::TempDir,
    /// Where the terminal is.
    here: PathBuf,
    terminals: BTreeMap<String, Process>,
}

impl Reader {
    fn new() -> Self {
        let programs = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(rais(), programs.path().join("rais")).unwrap();
        workshop::give(&[programs.path()]);
        let workshop = Workshop::open("first-probe");
        let here = workshop.path().to_owned();
        Self { host: Host::new("cache1"), workshop, programs, here, terminals: BTreeMap::new() }
    }

    fn bash(&self, script: &str) -> Command {
        let words = workshop::as_author(&["bash", "-c", script]);
        let mut command = self.host.command(&words[0]);
        workshop::settle_environment(&mut command);
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.programs.path().display());
        // There is no network but loopback; all that is needed was needed to build rais.
        command.args(&words[1..]).env("PATH", path).env("CARGO_NET_OFFLINE", "true");
        command
    }

    /// Types one command, and goes where it goes.
    fn type_once(&mut self, typed: &Typed) -> Result<(), String> {
        let place = self.workshop.path().with_extension("place");
        let command = &typed.command;
        let script = format!(
            "cd '{}' || exit 99; exec 2>&1\n{command}\ncode=$?\npwd >'{}'\nexit $code",
            self.here.display(),
            place.display()
        );
        let Output { code, stdout, .. } = finish(&mut self.bash(&script));
        if (code != 0) != typed.fails() || !typed.is(&stdout) {
            return Err(format!("exit code {code} and\n{stdout}"));
        }
        self.here = fs::read_to_string(place).unwrap().trim().into();
        Ok(())
    }

    fn type_in(&mut self, line: usize, typed: &Typed) {
        let command = &typed.command;
        println!("--- line {line}: {command}");
        let before = command.starts_with("rais reload").then(|| self.binder());
        let looks = LOOKING.iter().any(|look| command.starts_with(look));
        let typing =
            if looks { wait::try_until(|| self.type_once(typed)) } else { self.type_once(typed) };
        typing.unwrap_or_else(|why| panic!("line {line}: `{command}` gave {why}"));
        if let Some(before) = before {
            self.every_beat_is_heard_since(&before);
        }
        if command.starts_with("rais plugins new") {
            let name = command.split(' ').next_back().unwrap();
            let made = self.here.join(name);
            workshop::settle(&made);
            std::os::unix::fs::symlink(workshop::target(), made.join("target")).unwrap();
        }
    }

    fn start(&mut self, terminal: &str, command: &str) {
        let script = format!("cd '{}' && exec {command}", self.here.display());
        let mut command = self.bash(&script);
        let process = self.host.spawn(terminal, &mut command);
        assert!(self.terminals.insert(terminal.to_owned(), process).is_none(), "{terminal} twice");
    }

    fn change(&self, path: &str, old: &str, new: &str) {
        let path = self.file(path);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(text.matches(old).count(), 1, "{}:\n{old}\nin\n{text}", path.display());
        self.write(&path, &text.replacen(old, new, 1));
    }

    fn write(&self, path: &Path, text: &str) {
        fs::write(path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        workshop::give(&[path]);
    }

    /// A title counts from the folder that the page makes first.
    fn file(&self, title: &str) -> PathBuf {
        self.workshop.path().join("first-probe").join(title)
    }

    fn binder(&self) -> Binder {
        let socket = self.file("binder.sock");
        let arguments = ["status", "--output", "json", "--socket", socket.to_str().unwrap()];
        let mut roles: Vec<Binder> =
            serde_json::from_value(self.host.rais(&arguments).expect_code(0).json()).unwrap();
        roles.remove(0)
    }

    /// Every beat since then was heard once, and none changed the zone.
    fn every_beat_is_heard_since(&self, before: &Binder) {
        let after = wait::until("more beats", || {
            let after = self.binder();
            let beats = after.hosts[0].sequence - before.hosts[0].sequence;
            if beats >= BEATS { Ok(after) } else { Err(format!("{beats}")) }
        });
        let beats = after.hosts[0].sequence - before.hosts[0].sequence;
        assert_eq!(after.hosts[0].epoch, before.hosts[0].epoch);
        assert_eq!(after.counters.accepted - before.counters.accepted, beats);
        assert_eq!(after.refused(), 0);
        assert_eq!(after.counters.published, before.counters.published, "the set has changed");
    }
}

#[test]
fn a_first_probe_from_nothing_to_its_second_version() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tutorial/first-probe.md");
    let blocks = blocks(&fs::read_to_string(page).unwrap());
    let mut reader = Reader::new();
    for block in blocks {
        match block.what {
            What::Commands(all) => all.iter().for_each(|typed| reader.type_in(block.line, typed)),
            What::Stays { terminal, command } => reader.start(&terminal, &command),
            What::File { path, text } => reader.write(&reader.file(&path), &text),
            What::Change { path, old, new } => reader.change(&path, &old, &new),
        }
    }
    for (terminal, mut process) in std::mem::take(&mut reader.terminals) {
        assert!(process.is_running(), "{terminal} has ended");
        process.signal(Signal::SIGINT);
        assert_eq!(process.finished(), 0, "{terminal}:\n{}", process.stderr());
    }
}
