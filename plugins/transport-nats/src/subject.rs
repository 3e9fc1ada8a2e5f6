//! The subject that beats are sent under.

use std::fmt;

use rais_sdk::Describe;
use rais_sdk::serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};

/// Names one subject: dots between its words, nothing that stands for many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject(String);

/// In octets. A server's line of control ends at 4,096.
const LONGEST: usize = 255;

impl Subject {
    pub(crate) fn get(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.contains(|c: char| c.is_whitespace() || c.is_control())
                && !word.contains(['*', '>'])
        };
        // Behind `$` are the server's own: $SYS, $JS.
        let sound = text.len() <= LONGEST && !text.starts_with('$') && text.split('.').all(is_word);
        sound.then(|| Self(text.to_owned()))
    }
}

impl Default for Subject {
    fn default() -> Self {
        Self("rais.beats".to_owned())
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Subject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    "a subject such as \"rais.site\": words with dots between them, no spaces, no \
                     `*` or `>`, no `$` in front, {LONGEST} octets at most"
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Subject, E> {
                Subject::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl Describe for Subject {
    fn words() -> String {
        "subject".into()
    }

    fn written(&self) -> Option<String> {
        self.0.written()
    }
}
