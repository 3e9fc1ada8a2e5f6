//! `rais plugins test`: a library's plugins, tried.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::PathBuf;

use clap::Args;
use rais_runtime::conformance::{
    self, Finding, Given, Heard, Now, Report, State, TestError, Tried,
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
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Each plugin is tried twice: isolated in a process of its own, and in-process within another rais.
That takes some seconds, a minute at most. Exit code 1 where a check failed.

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
        TestError::Given(error) => Stop::Usage(error.to_string()),
        other => Stop::Failed(other.into()),
    };
    let given = args.config.as_deref().map(Given::read).transpose();
    let given = given.map_err(|error| usage(error.into()))?;
    let heard = Heard::listen();
    let mut progress = Progress::new();
    let report =
        conformance::test(&args.file, given.as_ref(), &heard, &mut |now| progress.say(now));
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
    row(&report.library, &mut text);
    for Tried { kind, name, mode, findings } in &report.trials {
        let title = format!("{kind} {name}, {}", mode.as_str());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}", output::bold(&title));
        for finding in findings {
            row(finding, &mut text);
        }
    }
    text.push('\n');
    if report.trials.is_empty() {
        let _ = writeln!(text, "{}: {}", report.file.display(), sums([&report.library]));
    }
    let mut plugins: Vec<_> = report.trials.iter().map(|it| (it.kind, it.name.as_str())).collect();
    plugins.dedup();
    for (kind, name) in plugins {
        let tried = report.trials.iter().filter(|it| (it.kind, it.name.as_str()) == (kind, name));
        let _ = writeln!(text, "{kind} {name}: {}", sums(tried.flat_map(|it| &it.findings)));
    }
    text.truncate(text.trim_end().len());
    text
}

fn row(finding: &Finding, text: &mut String) {
    let Finding { check, verdict } = finding;
    let tone = match verdict.state {
        State::Passed => Tone::Good,
        State::Failed => Tone::Bad,
        State::Warning => Tone::Doubtful,
        State::Skipped => Tone::Faint,
    };
    let state = output::toned(&format!("{:<7}", verdict.state.as_str()), tone);
    let lines = output::wrapped(&verdict.text, INDENT);
    let said = lines.join(&format!("\n{}", " ".repeat(INDENT)));
    let _ = writeln!(text, "  {:<13}  {state}  {said}", check.as_str());
}

/// `12 passed, 1 failed`
fn sums<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let findings: Vec<_> = findings.into_iter().collect();
    let count = |state| findings.iter().filter(|it| it.verdict.state == state).count();
    let (passed, failed) = (count(State::Passed), count(State::Failed));
    let tone = if failed > 0 { Tone::Bad } else { Tone::Good };
    let mut sums = format!("{passed} passed, {}", output::toned(&format!("{failed} failed"), tone));
    for (state, name) in [(State::Warning, "warnings"), (State::Skipped, "skipped")] {
        match count(state) {
            0 => {}
            1 if state == State::Warning => sums.push_str(", 1 warning"),
            several => {
                let _ = write!(sums, ", {several} {name}");
            }
        }
    }
    sums
}
