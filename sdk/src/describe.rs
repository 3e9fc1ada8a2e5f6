//! What a plugin's keys are, as `rais plugins info` tells them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A type that stands in a plugin's table and can say what may be written there.
///
/// `#[config]` on a struct or enum implements it. The usual types of a table have it: numbers,
/// `bool`, texts, addresses, [`DurationText`](crate::DurationText), [`PathText`](crate::PathText),
/// and `Option`, lists and maps of them.
#[diagnostic::on_unimplemented(
    message = "rais cannot tell the keys of `{Self}`",
    label = "put `#[config]` on `{Self}`",
    note = "`#[config]` makes a type readable from a plugin's table and describes its keys"
)]
pub trait Describe: DeserializeOwned {
    /// The keys of a table; empty for what is not one.
    #[must_use]
    fn options() -> Vec<OptionInfo>;
}

/// One key of a plugin's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OptionInfo {
    /// The key, without the tables around it.
    pub name: String,
    /// What is written there, in the words of the configuration: `text`, `duration`,
    /// `whole number, 0 to 65535`, `one of "a" | "b"`, `list of paths`, `table`.
    pub kind: String,
    /// Whether it may be left out.
    #[serde(default)]
    pub need: Need,
    /// What it means: one paragraph.
    #[serde(default)]
    pub text: String,
    /// Of a table, a list of tables or a map of them: its keys.
    #[serde(default)]
    pub inner: Vec<OptionInfo>,
}

/// Whether a key may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Need {
    /// It must be written.
    Required,
    /// Without it the plugin does without, or finds out for itself.
    #[default]
    Optional,
    /// Without it this counts; as it would be written, in TOML.
    Default(String),
}

impl OptionInfo {
    /// The key `name`, at which `kind` is written.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: impl Into<String>, need: Need) -> Self {
        let (name, kind) = (name.into(), kind.into());
        Self { name, kind, need, text: String::new(), inner: Vec::new() }
    }

    /// The same, told what it means.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// The same with the keys of its table.
    #[must_use]
    pub fn with_inner(mut self, inner: Vec<OptionInfo>) -> Self {
        self.inner = inner;
        self
    }
}
