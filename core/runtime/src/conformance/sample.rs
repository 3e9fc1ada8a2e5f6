//! The plugin's own sample, and the table it was given.

use std::time::Instant;

use rais_sdk::{Fault, FaultKind};
use serde_json::{Map, Value as Json};
use toml::Table;

use super::finding::Verdict;
use super::tables::{body, json_of};
use super::times::{millis, took};
use super::trial::Trial;

/// How serde begins what it says of a table that has another form; what a plugin says in its own
/// words may be about this machine.
const OF_FORM: [&str; 6] = [
    "unknown field",
    "missing field",
    "duplicate field",
    "unknown variant",
    "invalid type",
    "invalid value",
];

/// It parses, is of this plugin, and the plugin takes it.
pub(super) fn sample(trial: &mut Trial<'_>) -> Verdict {
    let given = trial.job.given.is_some();
    let whole = match read(trial) {
        Ok(whole) => whole,
        Err(why) => {
            if !given {
                trial.stop("there is no table to try it with");
            }
            return Verdict::failed(why);
        }
    };
    let table = body(trial.job.kind, &whole);
    match take(trial, &table) {
        Ok(verdict) if given => {
            trial.kept = None;
            verdict
        }
        Ok(verdict) => verdict,
        Err((fault, _)) if given && !is_of_form(&fault) => {
            // The other table is for this one.
            trial.go_on();
            Verdict::passed(format!("parses; this machine is not made for it: {}", of(&fault)))
        }
        Err((_, verdict)) => verdict,
    }
}

/// It takes the table it was given.
pub(super) fn table(trial: &mut Trial<'_>) -> Verdict {
    let given = trial.job.given.clone().unwrap_or_default();
    let table = body(trial.job.kind, &given);
    take(trial, &table).unwrap_or_else(|(_, verdict)| verdict)
}

/// The sample, whole.
fn read(trial: &Trial<'_>) -> Result<Map<String, Json>, String> {
    let table: Table = trial.sample.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |at| trial.sample[..at.start].lines().count().max(1));
        format!("is no TOML: line {line}: {}", error.message())
    })?;
    let name = trial.job.name.as_str();
    match table.get("type") {
        Some(toml::Value::String(written)) if written == name => {}
        Some(written) => {
            return Err(format!("its `type` is {written}; the plugin's name is \"{name}\""));
        }
        None => return Err(format!("has no `type`; the plugin's name is \"{name}\"")),
    }
    let is_port =
        |port: &toml::Value| port.as_integer().is_some_and(|port| (1..65536).contains(&port));
    match table.get("port").filter(|_| trial.job.kind.taken().contains(&"port")) {
        Some(port) if !is_port(port) => {
            Err(format!("its `port`, which the host reads, is {port}; allowed: 1 to 65535"))
        }
        _ => Ok(json_of(table)),
    }
}

/// Has an instance made of it, and keeps that.
fn take(trial: &mut Trial<'_>, table: &Map<String, Json>) -> Result<Verdict, (Fault, Verdict)> {
    let begun = Instant::now();
    match trial.make(table) {
        Ok(instance) => {
            let took_so_long = begun.elapsed();
            trial.table = table.clone();
            trial.kept = Some(instance);
            let text = format!("an instance is made of it in {}", took(took_so_long));
            Ok(Verdict::passed(text).with("new_ms", millis(took_so_long)))
        }
        Err(fault) => {
            trial.stop("there is no instance of it");
            let verdict = trial.broke_in_new(&fault).unwrap_or_else(|| {
                let hint = match trial.job.given {
                    None if fault.kind == FaultKind::Config && !is_of_form(&fault) => {
                        "; where it needs another machine than this, give --config a table for \
                         this one"
                    }
                    _ => "",
                };
                Verdict::failed(format!("is refused{}{hint}", of(&fault)))
            });
            Err((fault, verdict))
        }
    }
}

fn is_of_form(fault: &Fault) -> bool {
    fault.kind != FaultKind::Config || OF_FORM.iter().any(|begin| fault.text.starts_with(begin))
}

/// ` at `KEY`: TEXT`
fn of(fault: &Fault) -> String {
    match fault.at.as_str() {
        "" => format!(": {}", fault.text),
        at => format!(" at `{at}`: {}", fault.text),
    }
}
