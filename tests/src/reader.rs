//! Who follows a page of documentation: types what it says to type, writes what it says to write,
//! and looks whether the page shows what there is to see.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::binary::{Output, finish, rais};
use crate::host::Host;
use crate::markdown::{Typed, What, blocks};
use crate::process::Process;
use crate::wait;
use crate::workshop::{self, Workshop};

/// What only looks; it is typed again until it shows what the page does, as anybody would.
const LOOKING: [&str; 5] = ["rais status", "rais plugins list", "rais probe", "redis-cli ", "cat "];

/// A reader, in a folder of its own, to which the titles of a page's blocks are relative.
#[derive(Debug)]
pub struct Reader {
    host: Option<Host>,
    builds: Builds,
    workshop: Workshop,
    /// With `rais` in it.
    programs: TempDir,
    /// Where the terminal is.
    here: PathBuf,
    terminals: BTreeMap<String, Process>,
    made: Vec<PathBuf>,
}

/// What becomes of `cargo build --release`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builds {
    /// What the page says.
    AsTyped,
    /// `cargo build`: shows no less, and takes a minute less.
    Unoptimised,
}

impl Reader {
    /// One who sits at this machine. `name` is that of the folder.
    #[track_caller]
    #[must_use]
    pub fn new(name: &str, builds: Builds) -> Self {
        let programs = tempfile::tempdir().expect("a folder");
        symlink(rais(), programs.path().join("rais")).expect("a link to rais");
        workshop::give(&[programs.path()]);
        let workshop = Workshop::open(name);
        let here = workshop.path().to_owned();
        let (terminals, made) = (BTreeMap::new(), Vec::new());
        Self { host: None, builds, workshop, programs, here, terminals, made }
    }

    /// One who sits at `host`.
    #[must_use]
    pub fn at(self, host: Host) -> Self {
        Self { host: Some(host), ..self }
    }

    /// Where a file is that a page calls `title`.
    #[must_use]
    pub fn file(&self, title: &str) -> PathBuf {
        self.workshop.path().join(title)
    }

    /// The crates that `rais plugins new` has made, in order.
    #[must_use]
    pub fn made(&self) -> &[PathBuf] {
        &self.made
    }

    /// Runs `rais ARGUMENTS` beside what the page says.
    #[track_caller]
    #[must_use]
    pub fn rais(&self, arguments: &[&str]) -> Output {
        finish(self.command(rais()).args(arguments))
    }

    /// Follows `docs/PAGE` to its end, where what still runs is ended by Ctrl-C.
    #[track_caller]
    pub fn follow(&mut self, page: &str) {
        self.follow_with(page, Self::type_in);
    }

    /// [`follow`](Self::follow), with `typing` in the place of [`type_in`](Self::type_in).
    #[track_caller]
    pub fn follow_with(&mut self, page: &str, mut typing: impl FnMut(&mut Self, usize, &Typed)) {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
        let page = fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        for block in blocks(&page) {
            match block.what {
                What::Commands(all) => all.iter().for_each(|it| typing(self, block.line, it)),
                What::Stays { terminal, command } => self.start(&terminal, &command),
                What::File { path, text } => self.write(&path, &text),
                What::Change { path, old, new } => self.change(&path, &old, &new),
            }
        }
        for (terminal, mut process) in std::mem::take(&mut self.terminals) {
            assert!(process.is_running(), "{terminal} has ended:\n{}", process.stderr());
            process.signal(Signal::SIGINT);
            assert_eq!(process.finished(), 0, "{terminal}:\n{}", process.stderr());
        }
    }

    /// Types a command of the page's `line` until it shows what it should, or once where it does
    /// more than to look.
    #[track_caller]
    pub fn type_in(&mut self, line: usize, typed: &Typed) {
        let command = &typed.command;
        println!("--- line {line}: {command}");
        let looks = LOOKING.iter().any(|look| command.starts_with(look));
        let typing =
            if looks { wait::try_until(|| self.type_once(typed)) } else { self.type_once(typed) };
        typing.unwrap_or_else(|why| panic!("line {line}: `{command}` gave {why}"));
        if command.starts_with("rais plugins new") {
            self.settle(command.split(' ').next_back().unwrap_or_default());
        }
    }

    /// Goes where the command goes.
    fn type_once(&mut self, typed: &Typed) -> Result<(), String> {
        let place = self.workshop.path().with_extension("place");
        let command = match self.builds {
            Builds::AsTyped => typed.command.clone(),
            Builds::Unoptimised => typed.command.replace("cargo build --release", "cargo build"),
        };
        let script = format!(
            "cd '{}' || exit 99; exec 2>&1\n{command}\ncode=$?\npwd >'{}'\nexit $code",
            self.here.display(),
            place.display()
        );
        let Output { code, stdout, .. } = finish(&mut self.bash(&script));
        if (code != 0) != typed.fails() || !typed.is(&stdout) {
            return Err(format!("exit code {code} and\n{stdout}"));
        }
        self.here = fs::read_to_string(place).expect("where the terminal is").trim().into();
        Ok(())
    }

    fn start(&mut self, terminal: &str, command: &str) {
        let script = format!("cd '{}' && exec {command}", self.here.display());
        let process = Process::spawn(terminal, self.programs.path(), &mut self.bash(&script));
        assert!(self.terminals.insert(terminal.to_owned(), process).is_none(), "{terminal} twice");
    }

    fn write(&self, title: &str, text: &str) {
        let path = self.file(title);
        fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        workshop::give(&[&path]);
    }

    fn change(&self, title: &str, old: &str, new: &str) {
        let path = self.file(title);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(text.matches(old).count(), 1, "{title}:\n{old}\nin\n{text}");
        self.write(title, &text.replacen(old, new, 1));
    }

    /// What the crate's commands call `target` is where all crates are built.
    fn settle(&mut self, name: &str) {
        let made = self.here.join(name);
        workshop::settle(&made);
        let target = made.join("target");
        match self.builds {
            Builds::AsTyped => symlink(workshop::target(), target).expect("a link"),
            Builds::Unoptimised => {
                fs::create_dir(&target).expect("a folder");
                let debug = workshop::target().join("debug");
                symlink(debug, target.join("release")).expect("a link");
            }
        }
        workshop::give(&[&made]);
        self.made.push(made);
    }

    fn bash(&self, script: &str) -> Command {
        let words = workshop::as_author(&["bash", "-c", script]);
        let mut command = self.command(&words[0]);
        workshop::settle_environment(&mut command);
        let path = std::env::var("PATH").expect("a path");
        let path = format!("{}:{path}", self.programs.path().display());
        // All that is needed was needed to build rais.
        command.args(&words[1..]).env("PATH", path).env("CARGO_NET_OFFLINE", "true");
        command
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.host.as_ref().map_or_else(|| Command::new(&program), |host| host.command(&program))
    }
}
