//! What a probe or load said, as a row.

use std::time::Duration;

use rais_proto::name::ServiceName;
use rais_runtime::config::Call;
use rais_sdk::{Fault, FaultKind, Reading, Subject, Target, Up};
use serde::Serialize;

use crate::output::{self, Side, Table, Tone};

/// What one probe or load said.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) service: String,
    kind: &'static str,
    r#type: String,
    target: Option<String>,
    pub(super) outcome: Outcome,
    took_ms: Option<f64>,
    /// In percent.
    load: Option<f64>,
    reason: String,
}

/// In a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Up,
    Down,
    Timeout,
    /// The load is known.
    Known,
    /// Nothing can be said.
    Unknown,
    /// The plugin or this machine failed.
    Failed,
}

impl Row {
    pub(super) fn probe(
        name: &ServiceName,
        call: &Call,
        target: &Target,
        answer: &Result<Up, Fault>,
    ) -> Row {
        let (outcome, took, load, reason) = match answer {
            Ok(up) => (Outcome::Up, Some(up.took), up.load, up.detail.clone()),
            Err(fault) => (Outcome::of(fault), None, None, fault.to_string()),
        };
        Row {
            service: name.to_string(),
            kind: "probe",
            r#type: call.table.type_name.clone(),
            target: Some(shown(target)),
            outcome,
            took_ms: took.map(|took| took.as_secs_f64() * 1000.0),
            load,
            reason,
        }
    }

    pub(super) fn load(
        name: &ServiceName,
        call: &Call,
        subject: &Subject,
        answer: Result<Reading, Fault>,
    ) -> Row {
        let (outcome, load, reason) = match answer {
            Ok(Reading { load: Some(load), reason, .. }) => (Outcome::Known, Some(load), reason),
            Ok(reading) => (Outcome::Unknown, None, reading.reason),
            Err(fault) => (Outcome::Failed, None, fault.to_string()),
        };
        Row {
            service: name.to_string(),
            kind: "load",
            r#type: call.table.type_name.clone(),
            target: subject.target.as_ref().map(shown),
            outcome,
            took_ms: None,
            load,
            reason,
        }
    }
}

impl Outcome {
    fn of(fault: &Fault) -> Outcome {
        match fault.kind {
            FaultKind::Down | FaultKind::Refused => Outcome::Down,
            FaultKind::Timeout => Outcome::Timeout,
            FaultKind::Unknown => Outcome::Unknown,
            _ => Outcome::Failed,
        }
    }

    fn word(self) -> (&'static str, Tone) {
        match self {
            Outcome::Up => ("up", Tone::Good),
            Outcome::Known => ("known", Tone::Good),
            Outcome::Down => ("down", Tone::Bad),
            Outcome::Timeout => ("timeout", Tone::Bad),
            Outcome::Failed => ("failed", Tone::Bad),
            Outcome::Unknown => ("unknown", Tone::Doubtful),
        }
    }
}

/// Without a port where there is none.
pub(super) fn shown(target: &Target) -> String {
    match target.address.port() {
        0 => target.address.ip().to_string(),
        _ => target.address.to_string(),
    }
}

pub(super) fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        ("service", Side::Left),
        ("kind", Side::Left),
        ("type", Side::Left),
        ("target", Side::Left),
        ("outcome", Side::Left),
        ("took", Side::Right),
        ("load", Side::Right),
        ("reason", Side::Left),
    ]);
    for row in rows {
        let plain = |text: String| (text, Tone::Plain);
        let (word, tone) = row.outcome.word();
        let took = row.took_ms.map(|took| output::duration(Duration::from_secs_f64(took / 1000.0)));
        table.row([
            plain(row.service.clone()),
            plain(row.kind.to_owned()),
            plain(row.r#type.clone()),
            plain(row.target.clone().unwrap_or_else(|| "this host".to_owned())),
            (word.to_owned(), tone),
            plain(took.unwrap_or_default()),
            plain(row.load.map(output::percent).unwrap_or_default()),
            plain(row.reason.clone()),
        ]);
    }
    table
}
