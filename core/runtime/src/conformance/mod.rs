//! Whether a library's plugins do as they should: `rais plugins test`, for their authors' own CI.
//!
//! ```text
//! FILE ─► vetted ─► each plugin ─┬► isolated     in a process of its own, as libraries usually are
//!                                └► in-process   inside of another rais, made for nothing else
//! ```
//! Both are the same checks, through the same ports that the rest of rais uses. What the plugin's
//! servers do is in this process; the plugin never is.

mod child;
mod clean;
mod finding;
mod heard;
mod instance;
mod leftovers;
mod load;
mod probe;
mod refusals;
mod sample;
mod sink;
mod stage;
mod tables;
mod times;
mod transport;
mod trial;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};

pub use self::child::child;
pub use self::finding::{Check, Finding, State, Verdict};
pub use self::heard::Heard;
pub use self::tables::{Given, GivenError};

use self::leftovers::Whose;
use self::stage::Stage;
use self::times::{millis, took};
use self::trial::{Event, Job};
use crate::config::Kind;
use crate::host::{Foreign, Library, PanicStrategy, PluginHost, Program, Registry, Vetted};

/// How a plugin is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// In a process of its own.
    Isolated,
    /// In the process of rais.
    InProcess,
}

/// All that was found of a library.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its file.
    pub file: PathBuf,
    /// Of the file as such.
    pub library: Finding,
    /// Plugin by plugin, each in both modes.
    pub trials: Vec<Tried>,
}

/// What was found of a plugin in one mode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// What it is for.
    pub kind: Kind,
    /// The `type` by which a table names it.
    pub name: String,
    /// How it was held.
    pub mode: Mode,
    /// Check by check.
    pub findings: Vec<Finding>,
}

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The library.
    pub file: PathBuf,
    /// Only its plugins of this name.
    pub only: Option<String>,
    /// In place of their samples.
    pub given: Option<Given>,
}

/// What is tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now<'a> {
    /// What the plugin is for.
    pub kind: Kind,
    /// Its name.
    pub name: &'a str,
    /// How it is held.
    pub mode: Mode,
    /// What is looked at.
    pub check: Check,
}

/// Why nothing could be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// The tables do not fit the library.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// Nobody has the name.
    #[error("there is no plugin `{name}` in the library; there are: {}", there.join(", "))]
    NoPlugin {
        /// The name.
        name: String,
        /// The library's plugins.
        there: Vec<String>,
    },
    /// This machine lacks something.
    #[error("{what}: {error}")]
    Means {
        /// What was wanted.
        what: &'static str,
        /// The system's word.
        error: io::Error,
    },
}

/// Octets that a process may write to: endless allocation is to end the plugin's process, and not
/// the machine. It is not address space, of which a hundred threads reserve more than they use.
const MEMORY: u64 = 1 << 30;
/// For one plugin in one mode; a check that has begun may take ten seconds more.
const EACH: Duration = Duration::from_secs(18);

impl Mode {
    /// As it is printed, and as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Isolated => "isolated",
            Mode::InProcess => "in-process",
        }
    }
}

impl Report {
    /// Everything that was found.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        [&self.library].into_iter().chain(self.trials.iter().flat_map(|trial| &trial.findings))
    }

    /// How many checks went so.
    pub fn count(&self, state: State) -> usize {
        self.findings().filter(|finding| finding.verdict.state == state).count()
    }
}

/// Tries the plugins that are `asked` for, and tells `progress` what it does. Blocks, for a minute at
/// most for each.
///
/// `heard` listens to this process. The thread that calls this starts processes, which end with it.
/// This process and they are kept within a GiB of memory from now on.
///
/// # Errors
/// Plugins that are not there; no port, thread or process to be had.
pub fn test(
    asked: &Asked,
    heard: &Heard,
    progress: &mut dyn FnMut(Now<'_>),
) -> Result<Report, TestError> {
    let Asked { file, only, given } = asked;
    let program = Program::this();
    setrlimit(Resource::RLIMIT_DATA, MEMORY, MEMORY)
        .map_err(|error| error.into())
        .map_err(means("a limit of memory"))?;
    let library = match Library::open(file, &program) {
        Ok(library) => library,
        Err(fault) => {
            let library = loaded(Verdict::failed(fault.to_string()));
            return Ok(Report { file: file.to_owned(), library, trials: Vec::new() });
        }
    };
    let host = PluginHost::new(Registry::default(), Foreign::Apart).map_err(means("a thread"))?;
    let host = match host.with_library(file) {
        Ok(host) => host,
        Err(fault) => {
            let library = loaded(Verdict::failed(format!("a second time it {fault}")));
            return Ok(Report { file: file.to_owned(), library, trials: Vec::new() });
        }
    };
    let plugins = host.registry().iter().map(|it| (it.kind(), it.name().to_owned()));
    let mut plugins: Vec<_> = plugins.collect();
    if let Some(given) = given {
        given.only_for(&plugins)?;
    }
    if let Some(only) = only {
        let there = plugins.iter().map(|(kind, name)| format!("{kind} {name}")).collect();
        plugins.retain(|(_, name)| name == only);
        if plugins.is_empty() {
            return Err(TestError::NoPlugin { name: only.clone(), there });
        }
    }
    let stage = Stage::open().map_err(means("the servers that probes meet"))?;
    let mut trials = Vec::new();
    for (kind, name) in plugins {
        for mode in [Mode::Isolated, Mode::InProcess] {
            let mut findings = Vec::new();
            let mut tell = |event: Event| match event {
                Event::Begun(check) => progress(Now { kind, name: &name, mode, check }),
                Event::Found(finding) => findings.push(finding),
                Event::Done => {}
            };
            let job = Job {
                file: file.to_owned(),
                kind,
                name: name.clone(),
                given: given.as_ref().and_then(|given| given.table(kind, &name)).cloned(),
                folder: given.as_ref().map_or(Path::new(""), Given::folder).to_owned(),
                zone: given.as_ref().and_then(Given::zone).unwrap_or(sink::ZONE).to_owned(),
                places: stage.places,
                limit: EACH,
            };
            let outcome = match mode {
                Mode::Isolated => trial::run(&host, &job, Whose::Children, heard, &mut tell),
                Mode::InProcess if library.vetted.panic == PanicStrategy::Abort => {
                    trial::skip_all(&job, "panic = \"abort\": it is held isolated only", &mut tell);
                    Ok(())
                }
                Mode::InProcess => child::run(&program, &job, &mut tell),
            };
            outcome.map_err(means("a process for the plugin"))?;
            trials.push(Tried { kind, name: name.clone(), mode, findings });
        }
    }
    let library = about(&library.vetted);
    Ok(Report { file: file.to_owned(), library, trials })
}

fn about(vetted: &Vetted) -> Finding {
    let Vetted { abi, sdk, rustc, load_time, .. } = vetted;
    let text = format!("ABI {abi}, SDK {sdk}, rustc {rustc}, loaded in {}", took(*load_time));
    let (verdict, panic) = match vetted.panic {
        PanicStrategy::Unwind => (Verdict::passed(text), "unwind"),
        PanicStrategy::Abort => {
            let text = format!(
                "{text}; panic = \"abort\": a panic ends its process, so it is only ever held in \
                 one of its own"
            );
            (Verdict::warning(text), "abort")
        }
    };
    let verdict = verdict
        .with("abi", abi.as_str())
        .with("sdk", sdk.as_str())
        .with("rustc", rustc.as_str())
        .with("panic", panic)
        .with("load_ms", millis(*load_time));
    loaded(verdict)
}

fn loaded(verdict: Verdict) -> Finding {
    Finding { check: Check::Load, verdict }
}

fn means(what: &'static str) -> impl FnOnce(io::Error) -> TestError {
    move |error| TestError::Means { what, error }
}
