//! What a new plugin is called.

use std::fmt;
use std::str::FromStr;

/// Lower-case words with `-` between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PluginName(String);

/// More does not fit a table's column.
const LONGEST: usize = 40;

/// What Rust itself calls so, and macros say without a path.
const TAKEN: [&str; 10] =
    ["Box", "Err", "None", "Ok", "Option", "Result", "Self", "Some", "String", "Vec"];

impl PluginName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As part of a Rust name.
    pub(super) fn in_snake_case(&self) -> String {
        self.0.replace('-', "_")
    }

    /// As a type in `code`, which calls no other so.
    pub(super) fn as_type(&self, code: &str) -> String {
        let words = self.0.split('-').map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        });
        let name: String = words.collect();
        let mut used = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let is_taken = TAKEN.contains(&name.as_str()) || used.any(|word| word == name);
        if is_taken { name + "Plugin" } else { name }
    }
}

impl FromStr for PluginName {
    /// For the command line.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_name(text) && text.len() <= LONGEST {
            return Ok(Self(text.to_owned()));
        }
        let meant = near(text).map(|near| format!("; did you mean `{near}`?"));
        Err(format!(
            "allowed: a letter from a to z, then letters, digits and single `-`, \
             {LONGEST} at most{}",
            meant.unwrap_or_default()
        ))
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_name(text: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(|word| !word.is_empty() && word.chars().all(known))
}

/// The words of `text` as a name, if they make one.
fn near(text: &str) -> Option<String> {
    let mut words = String::new();
    for (at, c) in text.char_indices() {
        match c {
            'A'..='Z' => {
                let behind_small = text[..at].ends_with(|c: char| c.is_ascii_lowercase());
                words.push_str(if behind_small { "-" } else { "" });
                words.push(c.to_ascii_lowercase());
            }
            'a'..='z' | '0'..='9' => words.push(c),
            _ => words.push('-'),
        }
    }
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    let near = words.join("-");
    (is_name(&near) && near.len() <= LONGEST).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_with_dashes_between_them() {
        for good in ["redis", "a", "http2", "my-own-probe", "x-1"] {
            assert_eq!(good.parse::<PluginName>().unwrap().as_str(), good);
        }
        for (bad, meant) in [
            ("Redis", Some("redis")),
            ("RedisPing", Some("redis-ping")),
            ("redis_ping", Some("redis-ping")),
            ("redis--ping", Some("redis-ping")),
            ("-redis-", Some("redis")),
            ("redis ping!", Some("redis-ping")),
            ("../redis", Some("redis")),
            ("2fast", None),
            ("", None),
            ("é", None),
            ("-", None),
            (&"x".repeat(41), None),
        ] {
            let error = bad.parse::<PluginName>().unwrap_err();
            let allowed =
                "allowed: a letter from a to z, then letters, digits and single `-`, 40 at most";
            let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            assert_eq!(error, format!("{allowed}{meant}"), "{bad}");
        }
    }

    #[test]
    fn a_type_hides_no_other() {
        let code = "use std::net::{Server, TcpStream}; let free = [Ready];";
        let name = |text: &str| text.parse::<PluginName>().unwrap().as_type(code);
        assert_eq!(name("redis"), "Redis");
        assert_eq!(name("my-own-2"), "MyOwn2");
        assert_eq!(name("server"), "ServerPlugin");
        assert_eq!(name("tcp-stream"), "TcpStreamPlugin");
        assert_eq!(name("self"), "SelfPlugin");
    }
}
