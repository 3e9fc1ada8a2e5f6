//! Values as TOML, on one line.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

/// A basic string; a literal one where that saves escapes.
pub(crate) fn string(text: &str) -> String {
    let control = |c: char| c.is_control();
    if text.contains(['\\', '"']) && !text.contains('\'') && !text.contains(control) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if control(c) => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// With a point or an exponent, as TOML wants it.
pub(super) fn float(number: f64) -> String {
    match number {
        _ if number.is_nan() => "nan".to_owned(),
        number => format!("{number:?}"),
    }
}

pub(super) fn list(items: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let items: Option<Vec<_>> = items.into_iter().collect();
    items.map(|items| format!("[{}]", items.join(", ")))
}

/// An inline table of keys and texts of their values.
pub(super) fn table(entries: &[(String, String)]) -> String {
    if entries.is_empty() {
        return "{}".to_owned();
    }
    let entries: Vec<_> =
        entries.iter().map(|(name, value)| format!("{} = {value}", key(name))).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// What `value` serializes to; `None` where that is nothing that TOML has.
pub(super) fn serialized(value: &impl Serialize) -> Option<String> {
    json(&serde_json::to_value(value).ok()?)
}

pub(super) fn json(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(float),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(string(text)),
        Value::Array(items) => list(items.iter().map(json)),
        Value::Object(entries) => {
            let there = entries.iter().filter(|(_, value)| !value.is_null());
            let there: Option<Vec<_>> =
                there.map(|(name, value)| Some((name.clone(), json(value)?))).collect();
            there.map(|there| table(&there))
        }
    }
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { string(name) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is written is read back as what it was.
    #[test]
    fn it_is_toml() {
        let values = [
            json!("plain"),
            json!("say \"what\""),
            json!("back\\slash"),
            json!("both ' and \" and \\"),
            json!("line\nbell\u{7} ü"),
            json!(-5),
            json!(18_446_744_073_709u64),
            json!(5.0),
            json!(1e300),
            json!(true),
            json!([]),
            json!(["a", "b c"]),
            json!({}),
            json!({ "a": 1, "b c": { "d": [1.5] }, "": "" }),
        ];
        for value in values {
            let text = format!("value = {}", json(&value).unwrap());
            let table: toml::Table = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(serde_json::to_value(&table["value"]).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn what_toml_has_not_is_left_out() {
        assert_eq!(json(&Value::Null), None);
        assert_eq!(json(&json!([null])), None);
        assert_eq!(json(&json!({ "a": null, "b": 1 })).as_deref(), Some("{ b = 1 }"));
    }
}
