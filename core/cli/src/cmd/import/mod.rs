//! `rais import`: the paper's three files as one of our configurations.

mod binder;
mod dns;
mod monitor;
mod site;
mod statement;
mod write;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use rais_runtime::durable;

use self::binder::Binder;
use self::dns::Dns;
use self::monitor::Monitor;
use self::site::{Site, Start};
use self::statement::Fault;
use self::write::Names;
use crate::exit::Stop;
use crate::output;

/// Arguments of `rais import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// The Service Monitor's file (Fig. 7): service INTERVAL NAME PORT, sample INTERVAL, exclude RANGE
    #[arg(long, value_name = "FILE")]
    monitor: PathBuf,
    /// The Name Binder Modifier's file (Fig. 8): dns-update INTERVAL SERVICE HEADER OUTPUT MIN MAX
    #[arg(long, value_name = "FILE")]
    binder: PathBuf,
    /// The DNS server's file (Fig. 9): ZONE FILE SCHEME
    #[arg(long, value_name = "FILE")]
    dns: PathBuf,
    /// Where the configuration goes, in place of standard output
    #[arg(short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file that -o names, should there be one
    #[arg(long, requires = "output")]
    force: bool,
}

const EXAMPLES: &str = "\
Intervals are in seconds, decimals allowed. Names of files in Fig. 8 start at its own folder.

Examples:
  rais import --monitor monitor.conf --binder binder.conf --dns named.boot -o rais.toml
  rais check -c rais.toml";

/// BIND 9.18's own order is random; the others keep the zone file's.
const ROTATION: &str = "\
Answers take turns, each address first in its own, where the name server is told so:
  BIND  in options:  rrset-order { order cyclic; };
  Knot  in server:   answer-rotation: on
  NSD   in server:   round-robin: yes";

/// Reads the three, writes the one.
///
/// # Errors
/// A file that cannot be read, every line that is at fault.
pub(crate) fn run(args: &ImportArgs) -> Result<(), Stop> {
    // Somebody may have put keys and more into an earlier import.
    if let Some(file) = args.output.as_deref().filter(|file| file.is_file() && !args.force) {
        let file = file.display();
        return Err(Stop::Usage(format!("{file} is there already; --force replaces it")));
    }
    let texts = [&args.monitor, &args.binder, &args.dns].map(|file| read(file));
    let [monitor, binder, dns] = texts;
    let start = Start::of(&args.binder, args.output.as_deref()).map_err(|why| {
        let folder = args.output.as_deref().unwrap_or(&args.binder).display();
        Stop::Usage(format!("{folder}: its folder: {why}"))
    })?;
    let [first, second, third] =
        [&args.monitor, &args.binder, &args.dns].map(|f| f.display().to_string());
    let names = Names { monitor: &first, binder: &second, dns: &third };
    let imported = import(names, [&monitor?, &binder?, &dns?], &start).map_err(refused)?;
    for doubt in &imported.doubts {
        output::error(&output::titled_warning(doubt));
    }
    match &args.output {
        Some(file) => {
            put(file, &imported.text).with_context(|| file.display().to_string())?;
            let file = file.display();
            output::error(&format!("{file} is written; next: rais check -c {file}\n"));
        }
        None => output::text(imported.text.trim_end())?,
    }
    output::error(ROTATION);
    Ok(())
}

/// What an import gives.
#[derive(Debug)]
struct Imported {
    text: String,
    doubts: Vec<String>,
}

fn import(names: Names<'_>, texts: [&str; 3], start: &Start) -> Result<Imported, Vec<Fault>> {
    let mut faults = Vec::new();
    let monitor = Monitor::read(names.monitor, texts[0], &mut faults);
    let binder = Binder::read(names.binder, texts[1], &mut faults);
    let dns = Dns::read(names.dns, texts[2], &mut faults);
    // Lines that do not fit together are told where each by itself is sound.
    if !faults.is_empty() {
        return Err(faults);
    }
    let site = Site::of(&monitor, &binder, &dns, start, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let text = write::configuration(names, &monitor, &binder, &dns, &site);
    Ok(Imported { text, doubts: site.doubts })
}

fn read(file: &Path) -> Result<String, Stop> {
    fs::read_to_string(file).map_err(|why| Stop::Usage(format!("{}: {why}", file.display())))
}

/// Whole or not at all where it is a file; a pipe or a device is written to.
fn put(file: &Path, text: &str) -> std::io::Result<()> {
    match fs::metadata(file) {
        Ok(about) if !about.is_file() => fs::write(file, text),
        _ => durable::write(file, text.as_bytes(), 0o644),
    }
}

#[allow(clippy::needless_pass_by_value)] // as `map_err` wants it
fn refused(faults: Vec<Fault>) -> Stop {
    let lines: Vec<String> =
        faults.iter().map(|fault| output::titled_error(&fault.to_string())).collect();
    Stop::Said { text: lines.join("\n"), code: 2 }
}
