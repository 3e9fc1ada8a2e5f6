//! Perfdata: the measured values of a check,
//! `'label'=value[UOM];[warn];[crit];[min];[max]`, with spaces between them.

/// All values that a check has told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Perfdata {
    metrics: Vec<Metric>,
}

/// One measured value. Its thresholds are left out: they are in the exit code already.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, without quotes.
    pub label: String,
    /// How much.
    pub value: Value,
    /// Unit of measurement, as it stands there: `s`, `%`, `MB`, `c`; may be empty.
    pub unit: String,
    /// The most that there can be, in the same unit.
    pub max: Option<f64>,
}

/// What stands for a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A finite number.
    Known(f64),
    /// `U`: the check could not measure it.
    Unknown,
    /// This is no number.
    Malformed(String),
}

impl Perfdata {
    /// Reads what stands behind the `|` of a check's output. What is no value is passed over.
    #[must_use]
    pub fn parse(text: &str) -> Perfdata {
        let mut metrics = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (label, behind) = label(rest);
            let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
            if let (Some(label), Some(value)) = (label, behind[..end].strip_prefix('=')) {
                metrics.push(metric(label, value));
            }
            rest = behind[end..].trim_start();
        }
        Perfdata { metrics }
    }

    /// The first value of this name.
    #[must_use]
    pub fn get(&self, label: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.label == label)
    }

    /// Every value, in the order told.
    pub fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter()
    }
}

/// The label that `text` begins with, and what is behind it.
fn label(text: &str) -> (Option<String>, &str) {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
        let (label, behind) = text.split_at(end);
        return ((!label.is_empty()).then(|| label.to_owned()), behind);
    };
    let mut label = String::new();
    let mut rest = quoted;
    while let Some((part, behind)) = rest.split_once('\'') {
        label.push_str(part);
        match behind.strip_prefix('\'') {
            // Doubled, it is a quote of the label's own.
            Some(more) => {
                label.push('\'');
                rest = more;
            }
            None => return ((!label.is_empty()).then_some(label), behind),
        }
    }
    // It is never closed.
    (None, "")
}

/// The value of `label`, from what stands behind its `=`.
fn metric(label: String, text: &str) -> Metric {
    // Some set commas between their values.
    let mut fields = text.trim_end_matches(',').split(';');
    let value = fields.next().unwrap_or_default();
    let max = fields.nth(3).and_then(number);
    if value == "U" {
        return Metric { label, value: Value::Unknown, unit: String::new(), max: None };
    }
    let Some((known, unit)) = number(value) else {
        let value = Value::Malformed(value.to_owned());
        return Metric { label, value, unit: String::new(), max: None };
    };
    // A greatest value has the unit of the value, and need not say so.
    let max = max.filter(|(_, its)| its.is_empty() || *its == unit).map(|(max, _)| max);
    Metric { label, value: Value::Known(known), unit: unit.to_owned(), max }
}

/// A finite number with `.` or `,` before its fraction, and the unit behind it.
fn number(text: &str) -> Option<(f64, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with(['-', '+']));
    let whole = digits(&text[sign..]);
    let mut end = sign + whole;
    let mut fraction = 0;
    if text[end..].starts_with(['.', ',']) {
        fraction = digits(&text[end + 1..]);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if text[end..].starts_with(['e', 'E']) {
        let behind = &text[end + 1..];
        let sign = usize::from(behind.starts_with(['-', '+']));
        // Without digits it is the unit's first letter.
        if let power @ 1.. = digits(&behind[sign..]) {
            end += 1 + sign + power;
        }
    }
    let (number, unit) = text.split_at(end);
    // A second separator: thousands, a version, anything but a number.
    if unit.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',')) {
        return None;
    }
    let number: f64 = number.replace(',', ".").parse().ok()?;
    number.is_finite().then_some((number, unit))
}

#[cfg(test)]
mod tests;
