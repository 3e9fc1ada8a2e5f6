//! Durations as written: a whole number and its unit.

use std::time::Duration;

/// The longest that is taken: what is longer is a slip.
pub(super) const MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What may be written.
pub(super) const ALLOWED: &str =
    "a whole number and one of the units ms, s, m, h, d, from \"1ms\" to \"7d\"";

/// Why a text is no duration, and what was probably meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) why: String,
    pub(super) meant: Option<String>,
}

/// Reads `"500ms"`.
pub(super) fn parse(text: &str) -> Result<Duration, Wrong> {
    let wrong = |why: String| Wrong { why, meant: None };
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (Sign::Minus, rest),
        None => (Sign::Plus, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, unit) = rest.split_at(end);
    if digits.is_empty() {
        return Err(wrong(format!("{text:?} is no duration")));
    }
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        "" => return Err(wrong(format!("{text:?} has no unit"))),
        _ if unit.starts_with('.') => {
            return Err(wrong(format!("{text:?} is no whole number; take a smaller unit")));
        }
        _ => return Err(unknown_unit(text, digits, unit)),
    };
    if sign == Sign::Minus {
        return Err(wrong(format!("{text:?} is negative")));
    }
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(millis));
    match number.map(Duration::from_millis) {
        Some(Duration::ZERO) => Err(wrong(format!("{text:?} is zero"))),
        Some(duration) if duration <= MAX => Ok(duration),
        _ => Err(wrong(format!("{text:?} is longer than seven days"))),
    }
}

/// Whether it is a duration, and none at all.
pub(super) fn is_zero(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_duration = parse(&text.replacen(digits, "1", 1)).is_ok();
    is_duration && !digits.is_empty() && digits.bytes().all(|digit| digit == b'0')
}

#[derive(PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

fn unknown_unit(text: &str, digits: &str, unit: &str) -> Wrong {
    let word = unit.trim().to_ascii_lowercase();
    let short = match word.as_str() {
        "msec" | "msecs" | "millis" | "milliseconds" => "ms",
        "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        other => exact(other).unwrap_or(""),
    };
    let meant = (!short.is_empty()).then(|| format!("`\"{digits}{short}\"`"));
    Wrong { why: format!("{text:?} has an unknown unit"), meant }
}

/// A unit but for its case or spaces around it.
fn exact(word: &str) -> Option<&'static str> {
    ["ms", "s", "m", "h", "d"].into_iter().find(|unit| *unit == word)
}

/// As it would be written, in the largest unit that holds it whole.
pub(super) fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    match units.into_iter().find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(parse("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse("7d"), Ok(MAX));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", "no duration", None),
            ("ms", "no duration", None),
            ("5", "no unit", None),
            ("0s", "zero", None),
            ("-5s", "negative", None),
            ("1.5s", "whole number", None),
            ("8d", "seven days", None),
            ("99999999999999999999d", "seven days", None),
            ("5sec", "unknown unit", Some("`\"5s\"`")),
            ("5 S", "unknown unit", Some("`\"5s\"`")),
            ("5us", "unknown unit", None),
        ];
        for (text, gist, meant) in cases {
            let wrong = parse(text).unwrap_err();
            assert!(wrong.why.contains(gist), "{text:?}: {wrong:?}");
            assert_eq!(wrong.meant.as_deref(), meant, "{text:?}");
        }
    }

    #[test]
    fn nothing_is_told_from_what_is_no_duration() {
        for zero in ["0s", "000ms", "0d"] {
            assert!(is_zero(zero), "{zero}");
        }
        for other in ["", "0", "s", "10s", "0x", "-0s", "0.0s"] {
            assert!(!is_zero(other), "{other}");
        }
    }

    #[test]
    fn shown_as_written() {
        for text in ["1ms", "1500ms", "90s", "2m", "1d", "25h"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
