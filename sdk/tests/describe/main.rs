//! What `#[config]` tells of a plugin's keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

mod choices;
mod defaults;
mod names;
mod texts;
mod types;
mod within;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

use rais_sdk::serde::de::{Error as _, IgnoredAny};
use rais_sdk::serde::{Deserialize, Deserializer, Serialize};
use rais_sdk::{Describe, DurationText, NoConfig, OptionInfo, PathText, config};

/// One line for each key: `name: kind = default`, `name?: kind` where it may be left out.
fn told<T: Describe>() -> Vec<String> {
    lines("", &T::options())
}

fn lines(indent: &str, keys: &[OptionInfo]) -> Vec<String> {
    let mut all = Vec::new();
    for key in keys {
        let OptionInfo { name, kind, .. } = key;
        all.push(match &key.need {
            rais_sdk::Need::Required => format!("{indent}{name}: {kind}"),
            rais_sdk::Need::Default(text) => format!("{indent}{name}: {kind} = {text}"),
            _ => format!("{indent}{name}?: {kind}"),
        });
        all.extend(lines(&format!("{indent}  "), &key.inner));
    }
    all
}

fn texts<T: Describe>() -> Vec<String> {
    T::options().into_iter().map(|key| key.text).collect()
}

fn read<'de, T: Deserialize<'de>>(text: &'de str) -> T {
    T::deserialize(toml::Deserializer::parse(text).unwrap()).unwrap_or_else(|e| panic!("{e}"))
}

fn refused<T: for<'de> Deserialize<'de>>(text: &str) -> String {
    match T::deserialize(toml::Deserializer::parse(text).unwrap()) {
        Ok(_) => panic!("`{text}` was taken"),
        Err(error) => error.message().to_owned(),
    }
}

/// Of another crate, so to say: it can be read, and nothing else is known of it.
#[derive(Debug, PartialEq)]
struct Foreign(String);

impl<'de> Deserialize<'de> for Foreign {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(D::Error::custom("empty"));
        }
        Ok(Self(text))
    }
}

/// The same, but it can be shown.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(crate = "rais_sdk::serde")]
struct Shown {
    left: u8,
    right: Option<u8>,
}

/// It crosses from a plugin of another version: what is new there is passed over.
#[test]
fn descriptions_of_later_versions_can_be_read() {
    #[config]
    struct Table {
        /// Text.
        #[default = "1s"]
        key: DurationText,
    }
    let json =
        r#"{"name":"key","kind":"duration","need":{"default":"\"1s\""},"text":"Text.","inner":[]}"#;
    let options = Table::options();
    assert_eq!(serde_json::to_string(&options[0]).unwrap(), json);
    let later = json.replacen('{', r#"{"since":"9.9","#, 1);
    assert_eq!(serde_json::from_str::<OptionInfo>(&later).unwrap(), options[0]);
    let least: OptionInfo = serde_json::from_str(r#"{"name":"a","kind":"text"}"#).unwrap();
    assert_eq!(least, OptionInfo::new("a", "text", rais_sdk::Need::Optional));
    let _: IgnoredAny = serde_json::from_str(json).unwrap();
}
