//! `rais check`: a configuration judged as a start would, and how fast it would react.

use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rais_runtime::check::{self, Checked};
use rais_runtime::config::{self, Asked, Fault, Faults, Look, Role, Severity};
use rais_runtime::host::{Foreign, PluginHost};
use rais_runtime::plan::Instances;
use rais_runtime::privileges;
use serde::Serialize;

use super::plugins::host;
use super::worst_case::{WorstCase, worst_cases};
use crate::args::{ConfigFile, Output};
use crate::exit::Stop;
use crate::output::{self, Format, Side, Table, Tone};

/// Arguments of `rais check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Judge what this role alone needs: a host that only monitors has no zone headers
    #[arg(long, value_enum, value_name = "ROLE")]
    role: Option<Half>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Every plugin is made and every header and key is read; nothing is bound, written or sent. Faults go
to standard error with their places (exit code 2), as do doubts. Root looks with the eyes of `[host]
user`, as whom a start would read. Then, for each service, the longest
until the zone is without an address whose process died, hangs, or whose host died; for + TTL more,
resolvers may answer from what they have.

Examples:
  rais check -c rais.toml
  rais check -c site.toml --role monitor";

/// A half of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Half {
    /// Probes and announces.
    Monitor,
    /// Hears and publishes.
    Binder,
}

/// What was found, as JSON.
#[derive(Debug, Serialize)]
struct Findings {
    faults: Vec<Finding>,
    warnings: Vec<Finding>,
    services: Vec<WorstCase>,
}

#[derive(Debug, Serialize)]
struct Finding {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    key: String,
    message: String,
}

/// Judges, and prints what was found.
///
/// # Errors
/// Everything that is wrong.
pub(crate) fn run(args: &CheckArgs) -> Result<(), Stop> {
    let asked = match args.role {
        None => Asked::All,
        Some(Half::Monitor) => Asked::Only(Role::Monitor),
        Some(Half::Binder) => Asked::Only(Role::Binder),
    };
    // What is wrong with the file is told below. Before the log or anything else has a thread.
    if let Ok(loaded) = config::load_for(&args.config.path, asked) {
        privileges::look_as(&loaded.config).map_err(|error| Stop::Failed(error.into()))?;
    }
    crate::logging::quiet()?;
    let host = host(Foreign::Apart)?;
    let checked = checked(&args.config.path, asked, &host);
    if args.output.format == Format::Json {
        output::json(&Findings::of(&checked))?;
    }
    let checked = checked?;
    for warning in &checked.warnings {
        output::error(&format!("{}\n", warning.render(Look::Styled)));
    }
    if args.output.format == Format::Human {
        output::text(&table(&worst_cases(&checked.config)).to_string())?;
    }
    Ok(())
}

/// The configuration at `path`, found sound for a process of the roles `asked`.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn checked(path: &Path, asked: Asked, host: &PluginHost) -> Result<Checked, Faults> {
    check::check(path, asked, host, &Instances::default())
}

fn table(cases: &[WorstCase]) -> Table {
    let mut table = Table::new(&[
        ("service", Side::Left),
        ("zone", Side::Left),
        ("react", Side::Left),
        ("dead process", Side::Right),
        ("hung", Side::Right),
        ("dead host", Side::Right),
        ("+ TTL", Side::Right),
    ]);
    let open = || ("–".to_owned(), Tone::Faint);
    let word = |word: Option<&str>| word.map_or_else(open, |word| (word.to_owned(), Tone::Plain));
    let time = |time: Option<Duration>| {
        time.map_or_else(open, |time| (output::duration(time), Tone::Plain))
    };
    for case in cases {
        table.row([
            (case.service.clone(), Tone::Plain),
            word(case.zone.as_deref()),
            word(case.react),
            time(case.dead_process),
            time(case.hung),
            time(case.dead_host),
            time(case.ttl),
        ]);
    }
    table
}

impl Findings {
    fn of(checked: &Result<Checked, Faults>) -> Findings {
        let list = |faults: &[Fault]| faults.iter().map(Finding::from).collect();
        match checked {
            Ok(checked) => Findings {
                faults: Vec::new(),
                warnings: list(&checked.warnings),
                services: worst_cases(&checked.config),
            },
            Err(faults) => {
                let (faults, warnings): (Vec<Fault>, Vec<Fault>) =
                    faults.0.iter().cloned().partition(|f| f.severity() == Severity::Error);
                Findings { faults: list(&faults), warnings: list(&warnings), services: Vec::new() }
            }
        }
    }
}

impl From<&Fault> for Finding {
    fn from(fault: &Fault) -> Finding {
        Finding {
            file: fault.file().display().to_string(),
            line: fault.place().map(|place| place.line()),
            column: fault.place().map(|place| place.column()),
            key: fault.key().to_owned(),
            message: fault.message().to_owned(),
        }
    }
}
