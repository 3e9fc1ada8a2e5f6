//! What a plugin's keys are, as `rais plugins info` tells them.

pub mod told;
mod toml_text;
mod types;
mod words;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A type that stands in a plugin's table and can say what may be written there.
///
/// [`#[config]`](crate::config) on a struct or enum implements it. The usual types of a table have
/// it: numbers, `bool`, texts, addresses, [`DurationText`](crate::DurationText),
/// [`PathText`](crate::PathText), and `Option`, lists and maps of them. A type that reads itself by
/// a `Deserialize` of its own says in three lines what it reads:
///
/// ```
/// use rais_sdk::serde::{Deserialize, Deserializer};
/// use rais_sdk::{Describe, config};
///
/// /// From `"1%"` to `"100%"`.
/// struct Share(u8);
///
/// # impl<'de> Deserialize<'de> for Share {
/// #     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
/// #         let text = String::deserialize(deserializer)?;
/// #         text.trim_end_matches('%').parse().map(Share).map_err(rais_sdk::serde::de::Error::custom)
/// #     }
/// # }
/// impl Describe for Share {
///     fn words() -> String {
///         "percentage".into()
///     }
///
///     fn written(&self) -> Option<String> {
///         Some(format!("\"{}%\"", self.0))
///     }
/// }
///
/// #[config]
/// struct Table {
///     /// So much of the disk may be full.
///     #[default = "90%"]
///     disk: Share,
/// }
///
/// let options = Table::options();
/// assert_eq!(options[0].kind, "percentage");
/// assert_eq!(options[0].need, rais_sdk::Need::Default("\"90%\"".into()));
/// ```
#[diagnostic::on_unimplemented(
    message = "rais cannot tell the keys of `{Self}`",
    label = "put `#[config]` on `{Self}`",
    note = "`#[config]` makes a type readable from a plugin's table and describes its keys"
)]
pub trait Describe: DeserializeOwned {
    /// What is written, in the words of the configuration: `text`, `duration`,
    /// `whole number, 0 to 65535`, `one of "a" | "b"`, `list of paths`, `table`.
    #[must_use]
    fn words() -> String;

    /// The keys of a table, or of each table of a list or map; empty for what is none.
    #[must_use]
    fn options() -> Vec<OptionInfo> {
        Vec::new()
    }

    /// This value as a person would write it, in TOML; `None` where that cannot be told, or where
    /// nothing would be written.
    ///
    /// The text of a default comes from here, hence from the value that counts.
    #[must_use]
    fn written(&self) -> Option<String> {
        None
    }

    /// Whether a key of this type may be left out by itself, as that of an `Option` may.
    #[doc(hidden)]
    const LEFT_OUT: bool = false;
}

/// One key of a plugin's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OptionInfo {
    /// The key, without the tables around it.
    pub name: String,
    /// What is written there: [`Describe::words`].
    pub kind: String,
    /// Whether it may be left out.
    #[serde(default)]
    pub need: Need,
    /// What it means: one paragraph, on one line. The first of the field's doc comment.
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
