//! `rais plugins test`: a library's plugins, tried.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::PathBuf;

use clap::Args;
use rais_runtime::conformance::{
    self, Asked, Finding, Given, Heard, Mode, Now, Report, State, TestError, Tried,
};
use serde::Serialize;

use crate::args::Output;
use crate::exit::Stop;
use crate::output::{self, Format, Tone};

/// Arguments of `rais plugins test`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TestArgs {
    /// The library
    file: PathBuf,
    /// Tables for this machine in place of the samples; sinks and transports write and send with
    /// one of these only
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Try the plugins of this name alone
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Each plugin is tried twice: isolated in a process of its own, and in-process within another rais.
That takes some seconds, a minute at most for each. Exit code 1 where a check failed.

FILE of --config is a table as it stands below [sink.NAME], its `type` first; or one such table each
as [probe], [load], [sink], [transport], or several as [[probe]]. `zone = \"NAME\"` before them is
what sinks publish, conformance.example without it.

Examples:
  rais plugins test target/release/libprobe_redis.so
  rais plugins test ./libsink_dns.so --config tests/sink.toml --output json";

/// A report with its sums.
#[derive(Serialize)]
struct Summed<'a> {
    #[serde(flatten)]
    report: &'a Report,
    passed: usize,
    failed: usize,
    warnings: usize,
    skipped: usize,
}

/// Where what was found begins.
const INDENT: usize = 26;

/// Tries, and prints what was found.
///
/// # Errors
/// A check that failed; tables that do not fit.
pub(super) fn run(args: &TestArgs) -> Result<(), Stop> {
    let usage = |error: TestError| match error {
        TestError::Given(_) | TestError::NoPlugin { .. } => Stop::Usage(error.to_string()),
        other => Stop::Failed(other.into()),
    };
    let given = args.config.as_deref().map(Given::read).transpose();
    let given = given.map_err(|error| usage(error.into()))?;
    let asked = Asked { file: args.file.clone(), only: args.only.clone(), given };
    let heard = Heard::listen();
    let mut progress = Progress::new();
    let report = conformance::test(&asked, &heard, &mut |now| progress.say(now));
    progress.clear();
    let report = report.map_err(usage)?;
    match args.output.format {
        Format::Json => output::json(&Summed::of(&report))?,
        Format::Human => output::text(&text(&report))?,
    }
    if report.count(State::Failed) > 0 { Err(Stop::Told) } else { Ok(()) }
}

/// The line that says what lasts, on a terminal.
struct Progress {
    shown: bool,
    terminal: bool,
}

impl Progress {
    fn new() -> Progress {
        Progress { shown: false, terminal: io::stderr().is_terminal() }
    }

    fn say(&mut self, now: Now<'_>) {
        if self.terminal {
            let Now { kind, name, mode, check } = now;
            let line = format!("{kind} {name}, {}: {} …", mode.as_str(), check.as_str());
            self.shown = true;
            // A progress that is not seen harms nobody.
            let _ = write!(io::stderr(), "\r\u{1b}[K{line}").and_then(|()| io::stderr().flush());
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\u{1b}[K").and_then(|()| io::stderr().flush());
        }
    }
}

impl Summed<'_> {
    fn of(report: &Report) -> Summed<'_> {
        Summed {
            report,
            passed: report.count(State::Passed),
            failed: report.count(State::Failed),
            warnings: report.count(State::Warning),
            skipped: report.count(State::Skipped),
        }
    }
}

fn text(report: &Report) -> String {
    let mut text = format!("{}\n", output::bold(&report.file.display().to_string()));
    rows(std::slice::from_ref(&report.library), &mut text);
    for Tried { kind, name, mode, findings } in &report.trials {
        let title = format!("{kind} {name}, {}", mode.as_str());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}", output::bold(&title));
        // What was not tried for one reason is one line.
        let alike = |one: &Finding, other: &Finding| {
            one.verdict.state == State::Skipped && one.verdict == other.verdict
        };
        for alike in findings.chunk_by(alike) {
            rows(alike, &mut text);
        }
    }
    text.push('\n');
    if report.trials.is_empty() {
        let _ = writeln!(text, "{}: {}", report.file.display(), sums([(None, &report.library)]));
    }
    let mut plugins: Vec<_> = report.trials.iter().map(|it| (it.kind, it.name.as_str())).collect();
    plugins.dedup();
    for (kind, name) in plugins {
        let tried = report.trials.iter().filter(|it| (it.kind, it.name.as_str()) == (kind, name));
        let tried = tried.flat_map(|it| it.findings.iter().map(|one| (Some(it.mode), one)));
        let _ = writeln!(text, "{kind} {name}: {}", sums(tried));
    }
    text.truncate(text.trim_end().len());
    text
}

/// One line for findings that differ in what was looked at alone.
fn rows(findings: &[Finding], text: &mut String) {
    let [Finding { check, verdict }, others @ ..] = findings else { return };
    let check = match others {
        [] => check.as_str().to_owned(),
        others => format!("{} checks", others.len() + 1),
    };
    let tone = match verdict.state {
        State::Passed => Tone::Good,
        State::Failed => Tone::Bad,
        State::Warning => Tone::Doubtful,
        State::Skipped => Tone::Faint,
    };
    let state = output::toned(&format!("{:<7}", verdict.state.as_str()), tone);
    let lines = output::wrapped(&verdict.text, INDENT);
    let said = lines.join(&format!("\n{}", " ".repeat(INDENT)));
    let _ = writeln!(text, "  {check:<13}  {state}  {said}");
}

/// `12 passed, 1 failed (together, isolated)`
fn sums<'a>(findings: impl IntoIterator<Item = (Option<Mode>, &'a Finding)>) -> String {
    let findings: Vec<_> = findings.into_iter().collect();
    let those = |state| findings.iter().filter(move |(_, it)| it.verdict.state == state);
    let failed: Vec<_> = those(State::Failed)
        .map(|(mode, it)| match mode {
            Some(mode) => format!("{} {}", mode.as_str(), it.check.as_str()),
            None => it.check.as_str().to_owned(),
        })
        .collect();
    let mut sums = format!("{} passed, ", those(State::Passed).count());
    sums.push_str(&match failed.len() {
        0 => output::toned("0 failed", Tone::Good),
        some => output::toned(&format!("{some} failed ({})", failed.join(", ")), Tone::Bad),
    });
    for (state, one, several) in
        [(State::Warning, "warning", "warnings"), (State::Skipped, "skipped", "skipped")]
    {
        let number = those(state).count();
        if number > 0 {
            let _ = write!(sums, ", {number} {}", if number == 1 { one } else { several });
        }
    }
    sums
}
