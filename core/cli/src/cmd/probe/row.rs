//! What a probe or load said, as a row.

use std::time::Duration;

use rais_proto::name::ServiceName;
use rais_runtime::config::Call;
use rais_sdk::{Fault, FaultKind, Reading, Subject, Target, Up, Wish};
use serde::Serialize;

use super::trial::Trial;
use super::verdict::{self, Verdict};
use crate::output::{self, Side, Table, Tone};

/// What one probe or load said, or several probes together.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    service: String,
    kind: Kind,
    r#type: String,
    target: Option<String>,
    outcome: Outcome,
    took_ms: Option<f64>,
    /// In percent.
    load: Option<f64>,
    /// What a load says that its server asks for.
    wish: Option<&'static str>,
    /// The same, in percent of the configured weight.
    weight: Option<u16>,
    reason: String,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Probe,
    /// A probe of several, which are judged together.
    #[serde(rename = "probe")]
    Part,
    /// Several probes together.
    Service,
    Load,
}

/// In a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Up,
    Down,
    Timeout,
    /// The load or the weight is known.
    Known,
    /// The server asks for nothing.
    Ready,
    /// It asks to be left alone by new clients.
    Drain,
    /// It asks to be out.
    Maintenance,
    /// Nothing can be said.
    Unknown,
    /// The plugin or this machine failed.
    Failed,
}

impl Row {
    /// One for each probe, and one for what they say together.
    pub(super) fn trial(trial: &Trial<'_>) -> Vec<Row> {
        let rule = verdict::rule(&trial.service.probe);
        let kind = if rule.is_some() { Kind::Part } else { Kind::Probe };
        let probe =
            |(call, answer)| Row::probe(trial.name, kind, call, &trial.target(call), answer);
        let mut rows: Vec<Row> = trial.answers().map(probe).collect();
        if let (Some(rule), Some(verdict)) = (rule, &trial.verdict) {
            let target = trial.place.address.to_string();
            rows.push(Row::together(trial.name, rule, target, verdict));
        }
        rows
    }

    fn probe(
        name: &ServiceName,
        kind: Kind,
        call: &Call,
        target: &Target,
        answer: &Result<Up, Fault>,
    ) -> Row {
        let (outcome, took, load, reason) = match answer {
            Ok(up) => (Outcome::Up, Some(up.took), up.load, up.detail.clone()),
            Err(fault) => (Outcome::of(fault), None, None, fault.to_string()),
        };
        Row {
            took_ms: took.map(millis),
            load,
            reason,
            ..Row::new(name, kind, call.table.type_name.clone(), Some(shown(target)), outcome)
        }
    }

    fn together(name: &ServiceName, rule: String, target: String, verdict: &Verdict) -> Row {
        let (outcome, took, load, reason) = match verdict {
            Verdict::Up { took, load } => (Outcome::Up, Some(*took), *load, ""),
            Verdict::Down(reason) => (Outcome::Down, None, None, reason.as_str()),
            Verdict::NoOpinion(outcome, reason) => (*outcome, None, None, reason.as_str()),
        };
        Row {
            took_ms: took.map(millis),
            load: load.map(|load| load.as_percent()),
            reason: reason.to_owned(),
            ..Row::new(name, Kind::Service, rule, Some(target), outcome)
        }
    }

    pub(super) fn load(
        name: &ServiceName,
        call: &Call,
        subject: &Subject,
        answer: Result<Reading, Fault>,
    ) -> Row {
        let kind = call.table.type_name.clone();
        let target = subject.target.as_ref().map(shown);
        let row = |outcome| Row::new(name, Kind::Load, kind, target, outcome);
        match answer {
            Ok(reading) => Row {
                load: reading.load,
                wish: word(reading.wish),
                weight: reading.weight,
                reason: reading.reason.clone(),
                ..row(Outcome::of_reading(&reading))
            },
            Err(fault) => Row { reason: fault.to_string(), ..row(Outcome::Failed) },
        }
    }

    fn new(
        name: &ServiceName,
        kind: Kind,
        r#type: String,
        target: Option<String>,
        outcome: Outcome,
    ) -> Row {
        let service = name.to_string();
        let (took_ms, load, wish, weight, reason) = (None, None, None, None, String::new());
        Row { service, kind, r#type, target, outcome, took_ms, load, wish, weight, reason }
    }

    /// Whether somebody should look after it: of several probes, only what they say together.
    pub(super) fn is_bad(&self) -> bool {
        let bad = match self.outcome {
            Outcome::Up | Outcome::Known | Outcome::Ready | Outcome::Unknown => false,
            Outcome::Down | Outcome::Timeout | Outcome::Failed => true,
            Outcome::Drain | Outcome::Maintenance => true,
        };
        bad && self.kind != Kind::Part
    }

    /// A weight has no column, since few loads tell one.
    fn remark(&self) -> String {
        match (self.weight, self.reason.as_str()) {
            (None, reason) => reason.to_owned(),
            (Some(weight), "") => format!("weight {weight}%"),
            (Some(weight), reason) => format!("weight {weight}%: {reason}"),
        }
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Probe | Kind::Part => "probe",
            Kind::Service => "service",
            Kind::Load => "load",
        }
    }
}

impl Outcome {
    pub(super) fn of(fault: &Fault) -> Outcome {
        match fault.kind {
            FaultKind::Down | FaultKind::Refused => Outcome::Down,
            FaultKind::Timeout => Outcome::Timeout,
            FaultKind::Unknown => Outcome::Unknown,
            _ => Outcome::Failed,
        }
    }

    /// What is asked for comes before what is measured.
    fn of_reading(reading: &Reading) -> Outcome {
        match (reading.wish, reading.weight, reading.load) {
            (Wish::Maintenance, ..) => Outcome::Maintenance,
            (Wish::Down, ..) => Outcome::Down,
            // A weight of nothing is how HAProxy's agents drain.
            (Wish::Drain, ..) | (_, Some(0), _) => Outcome::Drain,
            (Wish::Ready, ..) => Outcome::Ready,
            (Wish::Up, ..) => Outcome::Up,
            (_, None, None) => Outcome::Unknown,
            _ => Outcome::Known,
        }
    }

    fn word(self) -> (&'static str, Tone) {
        match self {
            Outcome::Up => ("up", Tone::Good),
            Outcome::Known => ("known", Tone::Good),
            Outcome::Ready => ("ready", Tone::Good),
            Outcome::Down => ("down", Tone::Bad),
            Outcome::Timeout => ("timeout", Tone::Bad),
            Outcome::Failed => ("failed", Tone::Bad),
            Outcome::Drain => ("drain", Tone::Doubtful),
            Outcome::Maintenance => ("maintenance", Tone::Doubtful),
            Outcome::Unknown => ("unknown", Tone::Doubtful),
        }
    }
}

/// None where nothing is asked for, or what a later version asks for.
fn word(wish: Wish) -> Option<&'static str> {
    match wish {
        Wish::Ready => Some("ready"),
        Wish::Drain => Some("drain"),
        Wish::Maintenance => Some("maintenance"),
        Wish::Down => Some("down"),
        Wish::Up => Some("up"),
        _ => None,
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
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
            plain(row.kind.word().to_owned()),
            plain(row.r#type.clone()),
            plain(row.target.clone().unwrap_or_else(|| "this host".to_owned())),
            (word.to_owned(), tone),
            plain(took.unwrap_or_default()),
            plain(row.load.map(output::percent).unwrap_or_default()),
            plain(row.remark()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(reading: Reading) -> Row {
        let table = "[host]\nname = \"h\"\n[monitor.service.s]\nload = { type = \"agent\", port = 1 }\n\
                     probe = { type = \"tcp\", port = 80 }\n";
        let loaded = rais_runtime::config::parse(std::path::Path::new("rais.toml"), table);
        let config = loaded.unwrap_or_else(|faults| panic!("{faults}")).config;
        let (name, service) = config.monitor.services.first_key_value().unwrap();
        let call = service.load.as_ref().unwrap().calls()[0];
        Row::load(name, call, &Subject::new("s"), Ok(reading))
    }

    #[test]
    fn a_wish_is_shown_and_counts() {
        let nothing = || Reading::unknown("");
        for (reading, shown, is_bad) in [
            (nothing(), "unknown", false),
            (Reading::load(10.0), "known", false),
            (nothing().with_weight(50), "known", false),
            (nothing().with_wish(Wish::Ready), "ready", false),
            (nothing().with_wish(Wish::Up), "up", false),
            (nothing().with_weight(0), "drain", true),
            (Reading::load(10.0).with_wish(Wish::Drain), "drain", true),
            (nothing().with_wish(Wish::Maintenance).with_weight(0), "maintenance", true),
            (nothing().with_wish(Wish::Down), "down", true),
        ] {
            let row = load(reading);
            assert_eq!((row.outcome.word().0, row.is_bad()), (shown, is_bad));
        }
    }

    #[test]
    fn a_wish_and_a_weight_are_told_to_programs() {
        let reading = Reading::unknown("").with_wish(Wish::Drain).with_weight(75);
        let row = serde_json::to_value(load(reading.with_reason("drain 75%"))).unwrap();
        for (key, expected) in [
            ("kind", "load".into()),
            ("outcome", "drain".into()),
            ("wish", "drain".into()),
            ("weight", 75.into()),
            ("load", serde_json::Value::Null),
            ("reason", "drain 75%".into()),
        ] {
            assert_eq!(row[key], expected, "{key}");
        }
    }

    #[test]
    fn a_weight_stands_before_the_reason() {
        let weight = || Reading::unknown("").with_weight(75);
        assert_eq!(load(weight()).remark(), "weight 75%");
        assert_eq!(load(weight().with_reason("ready 75%")).remark(), "weight 75%: ready 75%");
        assert_eq!(load(Reading::unknown("why")).remark(), "why");
    }
}
