//! A load index from one value of a check.

use crate::error::TableError;
use crate::perfdata::{Perfdata, Value};

/// The highest load index there is, in percent.
const MOST: f64 = 1000.0;

/// Which value counts, and what is 100 % of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge {
    label: String,
    full: Option<f64>,
}

/// Why no load can be told from what a check said.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GaugeError {
    /// There is no such value.
    #[error("no value `{label}` was told: {}", list(there))]
    Absent {
        /// The one that was looked for.
        label: String,
        /// Those that were told.
        there: Vec<String>,
    },
    /// The check could not measure it.
    #[error("the check could not measure `{0}` (its value is U)")]
    Unknown(String),
    /// It is no number.
    #[error("`{label}` is {text:?}, which is no number")]
    Malformed {
        /// Its name.
        label: String,
        /// What stands there.
        text: String,
    },
    /// It only ever grows.
    #[error("`{0}` is a counter (its unit is c), which tells how often, not how much")]
    Counter(String),
    /// Nothing says what is much.
    #[error(
        "`{label}` is {value}{unit}, neither in percent nor with a maximum: \
         write which value is 100 %, as in `full = 8`"
    )]
    NoFull {
        /// Its name.
        label: String,
        /// How much.
        value: f64,
        /// Of what.
        unit: String,
    },
}

impl Gauge {
    /// The value `label` counts. So much of it, in the unit that the check tells, is 100 %; none:
    /// percent are taken as they are, and others by the maximum that the check tells.
    ///
    /// # Errors
    /// No label, and a `full` that is not above zero.
    pub fn new(label: &str, full: Option<f64>) -> Result<Gauge, TableError> {
        if label.is_empty() {
            let text = "is empty: the name of one of the check's values is needed, as in \"load1\"";
            return Err(TableError::new("label", text));
        }
        if let Some(full) = full.filter(|full| !(full.is_finite() && *full > 0.0)) {
            return Err(TableError::new("full", format!("is {full}: it must be above zero")));
        }
        Ok(Gauge { label: label.to_owned(), full })
    }

    /// The load that `perfdata` tells: percent, 0 to 1000.
    ///
    /// # Errors
    /// What keeps it from being told.
    pub fn percent(&self, perfdata: &Perfdata) -> Result<f64, GaugeError> {
        let label = || self.label.clone();
        let Some(metric) = perfdata.get(&self.label) else {
            let there = perfdata.iter().map(|metric| metric.label.clone()).collect();
            return Err(GaugeError::Absent { label: label(), there });
        };
        let value = match &metric.value {
            Value::Known(value) => *value,
            Value::Unknown => return Err(GaugeError::Unknown(label())),
            Value::Malformed(text) => {
                return Err(GaugeError::Malformed { label: label(), text: text.clone() });
            }
        };
        if metric.unit == "c" {
            return Err(GaugeError::Counter(label()));
        }
        let full = match (self.full, metric.max) {
            (Some(full), _) => full,
            (None, _) if metric.unit == "%" => 100.0,
            (None, Some(max)) if max > 0.0 => max,
            (None, _) => {
                let unit = metric.unit.clone();
                return Err(GaugeError::NoFull { label: label(), value, unit });
            }
        };
        Ok((value / full * 100.0).clamp(0.0, MOST))
    }
}

impl GaugeError {
    /// The key of the table that would have to say otherwise.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            GaugeError::NoFull { .. } => "full",
            _ => "label",
        }
    }
}

fn list(labels: &[String]) -> String {
    if labels.is_empty() {
        return "there is no perfdata".to_owned();
    }
    let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
    format!("there are {}", labels.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn percent(full: Option<f64>, text: &str) -> Result<f64, String> {
        let gauge = Gauge::new("a", full).unwrap();
        gauge.percent(&Perfdata::parse(text)).map_err(|error| error.to_string())
    }

    #[test]
    fn full_wins_over_percent_over_the_maximum() {
        for (full, text, wanted) in [
            (None, "a=42%", 42.0),
            (None, "a=42%;;;0;50", 42.0),
            (Some(84.0), "a=42%", 50.0),
            (None, "a=3;;;0;4", 75.0),
            (None, "a=512MB;;;0;1024MB", 50.0),
            (Some(2.0), "a=3;;;0;4", 150.0),
            (Some(0.2), "a=0.05s", 25.0),
            (None, "a=-1%", 0.0),
            (None, "a=5000%", 1000.0),
            (Some(1e-300), "a=1e300", 1000.0),
            (None, "b=1% a=2% a=3%", 2.0),
        ] {
            assert_eq!(percent(full, text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_tells_no_load_says_why() {
        for (text, wanted) in [
            ("", "no value `a` was told: there is no perfdata"),
            ("b=1 'c d'=2", "no value `a` was told: there are `b`, `c d`"),
            ("a=U", "the check could not measure `a` (its value is U)"),
            ("a=x", "`a` is \"x\", which is no number"),
            ("a=7c", "`a` is a counter (its unit is c), which tells how often, not how much"),
            (
                "a=7MB",
                "`a` is 7MB, neither in percent nor with a maximum: \
                 write which value is 100 %, as in `full = 8`",
            ),
        ] {
            assert_eq!(percent(None, text), Err(wanted.to_owned()), "{text}");
        }
        assert!(percent(None, "a=1;;;0;0").is_err(), "nothing is a part of nothing");
        assert!(percent(Some(8.0), "a=7c").is_err(), "a counter stays one");
    }

    #[test]
    fn the_key_at_fault_is_named() {
        let key = |text| {
            Gauge::new("a", None).unwrap().percent(&Perfdata::parse(text)).unwrap_err().key()
        };
        assert_eq!(key("a=7MB"), "full");
        assert_eq!(key("b=7MB"), "label");
    }

    #[test]
    fn tables_that_make_no_sense_are_refused() {
        assert_eq!(Gauge::new("", None).unwrap_err().at, "label");
        for full in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Gauge::new("a", Some(full)).unwrap_err().at, "full");
        }
    }

    proptest! {
        #[test]
        fn a_load_is_one_whatever_was_said(
            text in "a=[-0-9.,eU]{0,8}(%|s|MB|c)?(;[0-9.]{0,4}){0,5}",
            full in prop::option::of(any::<f64>().prop_filter("above zero", |it| it.is_finite() && *it > 0.0)),
        ) {
            if let Ok(load) = percent(full, &text) {
                prop_assert!((0.0..=MOST).contains(&load), "{load}");
            }
        }
    }
}
