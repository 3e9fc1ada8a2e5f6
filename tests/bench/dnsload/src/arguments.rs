//! The command line.

use std::collections::HashMap;
use std::str::FromStr;

/// `--key value` pairs; a key before another key, or at the end, is a flag.
pub struct Arguments(HashMap<String, Option<String>>);

impl Arguments {
    pub fn parse(words: impl Iterator<Item = String>) -> Self {
        let mut found = HashMap::new();
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            let Some(key) = word.strip_prefix("--") else { die(&format!("unexpected {word}")) };
            found.insert(key.to_owned(), words.next_if(|next| !next.starts_with("--")));
        }
        Self(found)
    }

    /// The value of a key, or what stands for it where it is missing.
    pub fn get<T: FromStr>(&self, key: &str, otherwise: T) -> T {
        let Some(value) = self.0.get(key) else { return otherwise };
        let parsed = value.as_deref().and_then(|text| text.parse().ok());
        parsed.unwrap_or_else(|| die(&format!("--{key} has no such value: {value:?}")))
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}

pub fn die(text: &str) -> ! {
    eprintln!("dnsload: {text}");
    std::process::exit(2)
}
