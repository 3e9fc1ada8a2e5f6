//! A plugin's table: how it is read.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Fault;
use crate::path::read_in_folder;

/// For a plugin whose table has no keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Reads a table that crossed the boundary as JSON. The fault's place is the key path in it.
pub(crate) fn parse<C: DeserializeOwned>(json: &str) -> Result<C, Fault> {
    let table = serde_json::from_str(json).map_err(|error| Fault::config("", error))?;
    // From the value and not the text: positions in the JSON mean nothing to who wrote TOML.
    read_in_folder(table, |table| {
        serde_path_to_error::deserialize(table).map_err(|error| {
            let path = error.path().to_string();
            // "." is the table itself, "?" a place in it that serde did not name.
            let at = path.trim_end_matches(['.', '?']);
            Fault::config(at, in_words(error.inner()))
        })
    })
}

/// What serde says, without the names of our types, which nobody writes into a table.
fn in_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once("expected struct ") {
        Some((before, rest)) => {
            let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
            format!("{before}expected a table{}", rest.trim_start_matches(is_name))
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DurationText;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        #[allow(dead_code)]
        inner: Option<Inner>,
        #[serde(default)]
        #[allow(dead_code)]
        wait: Option<DurationText>,
        #[serde(default)]
        #[allow(dead_code)]
        many: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        port: u16,
    }

    fn fault(json: &str) -> (String, String) {
        let fault = parse::<Outer>(json).unwrap_err();
        (fault.at, fault.text)
    }

    #[test]
    fn faults_have_their_key_path_and_no_position() {
        let at = |at: &str, text: &str| (at.to_owned(), text.to_owned());
        assert_eq!(
            fault(r#"{"inner":{"prot":80}}"#),
            at("inner.prot", "unknown field `prot`, expected `port`")
        );
        assert_eq!(
            fault(r#"{"inner":{"port":-1}}"#),
            at("inner.port", "invalid value: integer `-1`, expected u16")
        );
        assert_eq!(fault(r#"{"inner":{}}"#), at("inner", "missing field `port`"));
        assert_eq!(
            fault(r#"{"many":[{"port":1},{"port":"x"}]}"#),
            at("many[1].port", "invalid type: string \"x\", expected u16")
        );
        assert_eq!(fault("5"), at("", "invalid type: integer `5`, expected a table"));
        let (place, text) = fault(r#"{"wait":"5"}"#);
        assert_eq!(place, "wait");
        assert!(text.contains("lacks a unit"), "{text}");
        let (place, text) = fault(r#"{"wait":5}"#);
        assert_eq!(place, "wait");
        assert!(text.contains("expected a duration with a unit"), "{text}");
    }
}
