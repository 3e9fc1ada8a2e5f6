//! `docs/howto/write-a-*.md`, block by block: what an author types is typed, what he writes is built.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use rais_tests::binary::{Output, finish, rais};
use rais_tests::markdown::{Typed, What, blocks};
use rais_tests::process::Process;
use rais_tests::wait;
use rais_tests::workshop::{self, Workshop};

/// What only looks; it is typed again until it shows what the page does, as a reader would.
const LOOKING: [&str; 2] = ["rais status", "cat "];

/// Who follows a page.
struct Author {
    workshop: Workshop,
    /// With `rais` in it.
    programs: tempfile::TempDir,
    /// Where the terminal is.
    here: PathBuf,
    terminals: BTreeMap<String, Process>,
    /// The crates.
    made: Vec<PathBuf>,
}

impl Author {
    fn new() -> Self {
        let programs = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(rais(), programs.path().join("rais")).unwrap();
        workshop::give(&[programs.path()]);
        let workshop = Workshop::open("howtos");
        let here = workshop.path().to_owned();
        let (terminals, made) = (BTreeMap::new(), Vec::new());
        Self { workshop, programs, here, terminals, made }
    }

    fn bash(&self, script: &str) -> Command {
        let words = workshop::as_author(&["bash", "-c", script]);
        let mut command = Command::new(&words[0]);
        workshop::settle_environment(&mut command);
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.programs.path().display());
        // All that is needed was needed to build rais.
        command.args(&words[1..]).env("PATH", path).env("CARGO_NET_OFFLINE", "true");
        command
    }

    /// Types one command, and goes where it goes.
    fn type_once(&mut self, typed: &Typed) -> Result<(), String> {
        let place = self.workshop.path().with_extension("place");
        // A build that is optimised shows nothing more, and takes a minute longer.
        let command = typed.command.replace("cargo build --release", "cargo build");
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
        let looks = LOOKING.iter().any(|look| command.starts_with(look));
        let typing =
            if looks { wait::try_until(|| self.type_once(typed)) } else { self.type_once(typed) };
        typing.unwrap_or_else(|why| panic!("line {line}: `{command}` gave {why}"));
        if command.starts_with("rais plugins new") {
            self.settle(command.split(' ').next_back().unwrap());
        }
    }

    fn settle(&mut self, name: &str) {
        let made = self.here.join(name);
        workshop::settle(&made);
        let target = made.join("target");
        fs::create_dir(&target).unwrap();
        std::os::unix::fs::symlink(workshop::target().join("debug"), target.join("release"))
            .unwrap();
        workshop::give(&[&made]);
        self.made.push(made);
    }

    fn start(&mut self, terminal: &str, command: &str) {
        let script = format!("cd '{}' && exec {command}", self.here.display());
        let process = Process::spawn(terminal, self.programs.path(), &mut self.bash(&script));
        assert!(self.terminals.insert(terminal.to_owned(), process).is_none(), "{terminal} twice");
    }

    fn write(&self, title: &str, text: &str) {
        let path = self.workshop.path().join(title);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        workshop::give(&[&path]);
    }

    fn follow(mut self, page: &str) {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/howto").join(page);
        for block in blocks(&fs::read_to_string(page).unwrap()) {
            match block.what {
                What::Commands(all) => all.iter().for_each(|it| self.type_in(block.line, it)),
                What::Stays { terminal, command } => self.start(&terminal, &command),
                What::File { path, text } => self.write(&path, &text),
                What::Change { .. } => panic!("line {}: nothing is changed here", block.line),
            }
        }
        for made in &self.made {
            workshop::cargo(made, &["fmt", "--check"]).expect_code(0);
            workshop::cargo(made, &["clippy", "--all-targets", "--", "-D", "warnings"])
                .expect_code(0);
        }
        for (terminal, mut process) in std::mem::take(&mut self.terminals) {
            assert!(process.is_running(), "{terminal} has ended:\n{}", process.stderr());
            process.signal(Signal::SIGINT);
            assert_eq!(process.finished(), 0, "{terminal}:\n{}", process.stderr());
        }
    }
}

#[test]
fn a_load() {
    Author::new().follow("write-a-load.md");
}

#[test]
fn a_sink() {
    Author::new().follow("write-a-sink.md");
}

#[test]
fn a_transport() {
    Author::new().follow("write-a-transport.md");
}
