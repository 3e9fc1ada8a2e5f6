//! What `#[config]` expands to: how a field is told, and defaults written as literals.
//!
//! A field's type need not be a [`Describe`]: the method [`told`](ByDescribe::told), called on
//! `&&&Of<T>`, is that of the first of three traits which `T` can have.

#![allow(missing_docs)] // written by `#[config]` alone

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::toml_text::{json, serialized, string, table};
use super::words;
use super::{Describe, Need, OptionInfo};

/// Asks how `T` is told.
pub struct Of<T>(PhantomData<T>);

/// How a type is told.
pub struct Told<T> {
    words: String,
    inner: Vec<OptionInfo>,
    left_out: bool,
    written: Box<dyn Fn(&T) -> Written>,
}

/// A value, as it would be written.
enum Written {
    Text(String),
    /// Nothing is written for it: `None`.
    Absent,
    /// It has no text that is known.
    Untold,
}

/// Of a type that tells it itself.
pub trait ByDescribe<T> {
    fn told(&self) -> Told<T>;
}

/// Of a type whose values can at least be shown.
pub trait BySerialize<T> {
    fn told(&self) -> Told<T>;
}

/// Of any other type.
pub trait ByNothing<T> {
    fn told(&self) -> Told<T>;
}

/// A default as the author wrote it: a string, a number, a truth value or a list of such.
pub struct Literal(Value);

/// A table's text, key by key.
#[derive(Default)]
pub struct TableText {
    entries: Vec<(String, String)>,
    untold: bool,
}

/// Says more than serde where a field's type cannot be read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a plugin's table",
    label = "put `#[config]` on `{Self}`",
    note = "for a type of another crate see whether it has a `serde` feature"
)]
pub trait Readable {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Readable for T {}

pub fn is_readable<T: Readable>() {}

const UNKNOWN: &str = "value";

impl<T> Of<T> {
    pub const NEW: Self = Self(PhantomData);
}

impl<T: Describe + 'static> ByDescribe<T> for &&Of<T> {
    fn told(&self) -> Told<T> {
        Told {
            words: T::words(),
            inner: T::options(),
            left_out: T::LEFT_OUT,
            written: Box::new(|value| match value.written() {
                Some(text) => Written::Text(text),
                None if T::LEFT_OUT => Written::Absent,
                None => Written::Untold,
            }),
        }
    }
}

impl<T: Serialize + 'static> BySerialize<T> for &Of<T> {
    fn told(&self) -> Told<T> {
        let written = |value: &T| serialized(value).map_or(Written::Untold, Written::Text);
        Told { written: Box::new(written), ..Told::unknown() }
    }
}

impl<T: 'static> ByNothing<T> for Of<T> {
    fn told(&self) -> Told<T> {
        Told::unknown()
    }
}

impl<T: 'static> Told<T> {
    /// Nothing is known: a type of another crate, or a field that is read in a way of its own.
    #[must_use]
    pub fn unknown() -> Self {
        let written = Box::new(|_: &T| Written::Untold);
        Self { words: UNKNOWN.to_owned(), inner: Vec::new(), left_out: false, written }
    }

    /// With `#[option(type = "…")]`.
    #[must_use]
    pub fn in_words(mut self, words: &str) -> Self {
        self.words = words.to_owned();
        self
    }

    /// Of an `Option`.
    #[must_use]
    pub fn optional(self) -> Told<Option<T>> {
        let Self { words, inner, written, .. } = self;
        let written = move |value: &Option<T>| value.as_ref().map_or(Written::Absent, &written);
        Told { words, inner, left_out: true, written: Box::new(written) }
    }

    /// Of a table with these keys.
    #[must_use]
    pub fn table(inner: Vec<OptionInfo>) -> Self {
        Self { words: "table".to_owned(), inner, ..Self::unknown() }
    }

    /// What `value` would be written as.
    #[must_use]
    pub fn text(&self, value: &T) -> Option<String> {
        match (self.written)(value) {
            Written::Text(text) => Some(text),
            Written::Absent | Written::Untold => None,
        }
    }

    /// The words alone.
    #[must_use]
    pub fn words(self) -> String {
        self.words
    }

    /// The keys of a table alone.
    #[must_use]
    pub fn inner(self) -> Vec<OptionInfo> {
        self.inner
    }

    /// A key without a default.
    #[must_use]
    pub fn key(self, name: &str, doc: &[&str]) -> OptionInfo {
        let need = if self.left_out { Need::Optional } else { Need::Required };
        self.info(name, doc, need)
    }

    /// A key with a default: a value and, where the author wrote one, its literal.
    #[must_use]
    pub fn key_or(
        self,
        name: &str,
        doc: &[&str],
        default: &T,
        literal: Option<Literal>,
    ) -> OptionInfo {
        let need = match (self.written)(default) {
            Written::Text(text) => Need::Default(text),
            Written::Absent => Need::Optional,
            // The value was made from the literal, so that is its text.
            Written::Untold => {
                literal.and_then(|literal| json(&literal.0)).map_or(Need::Optional, Need::Default)
            }
        };
        self.info(name, doc, need)
    }

    /// One variant of a choice, written as `{ name = … }`.
    #[must_use]
    pub fn case(self, name: &str, doc: &[&str]) -> OptionInfo {
        self.info(name, doc, Need::Optional)
    }

    fn info(self, name: &str, doc: &[&str], need: Need) -> OptionInfo {
        OptionInfo::new(name, self.words, need).with_text(paragraph(doc)).with_inner(self.inner)
    }
}

impl TableText {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn key<T>(&mut self, name: &str, told: &Told<T>, value: &T) {
        match (told.written)(value) {
            Written::Text(text) => self.entries.push((name.to_owned(), text)),
            Written::Absent => {}
            Written::Untold => self.untold = true,
        }
    }

    #[must_use]
    pub fn text(&self) -> Option<String> {
        (!self.untold).then(|| table(&self.entries))
    }
}

impl<T> std::fmt::Debug for Told<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told").field("words", &self.words).finish_non_exhaustive()
    }
}

impl Literal {
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self(text.into())
    }

    #[must_use]
    pub fn whole(number: i64) -> Self {
        Self(number.into())
    }

    #[must_use]
    pub fn float(number: f64) -> Self {
        Self(number.into())
    }

    #[must_use]
    pub fn truth(truth: bool) -> Self {
        Self(truth.into())
    }

    #[must_use]
    pub fn list(items: Vec<Literal>) -> Self {
        Self(items.into_iter().map(|item| item.0).collect())
    }

    /// The value that is read from it, as from a table.
    ///
    /// # Panics
    /// Where the type does not read it: serde's `default` has no way to give an error. It is the
    /// author's mistake, found by the plugin's first test, since `options` comes here too.
    #[must_use]
    #[allow(clippy::panic)] // see above; the guards make a fault of it
    pub fn read<T: DeserializeOwned>(self, key: &str) -> T {
        match serde_json::from_value(self.0) {
            Ok(value) => value,
            Err(error) => panic!("the default of `{key}`: {error}"),
        }
    }
}

#[must_use]
pub fn one_of(words: &[String]) -> String {
    words::one_of(words)
}

/// `a or b`.
#[must_use]
pub fn either(mut words: Vec<String>) -> String {
    words.dedup();
    words.join(" or ")
}

#[must_use]
pub fn quoted(text: &str) -> String {
    string(text)
}

/// The key that says which variant it is, and what each is.
#[must_use]
pub fn tag(name: &str, cases: &[(&str, &[&str])]) -> OptionInfo {
    let words: Vec<_> = cases.iter().map(|(case, _)| string(case)).collect();
    let texts: Vec<_> = cases
        .iter()
        .map(|(case, doc)| (string(case), paragraph(doc)))
        .filter(|(_, text)| !text.is_empty())
        .map(|(case, text)| format!("{case}: {text}"))
        .collect();
    OptionInfo::new(name, words::one_of(&words), Need::Required).with_text(texts.join(" "))
}

/// Keys that only one variant has.
#[must_use]
pub fn only_with(tag: &str, case: &str, keys: Vec<OptionInfo>) -> Vec<OptionInfo> {
    let with = format!("With {tag} = {}", string(case));
    keys.into_iter()
        .map(|mut key| {
            let text = std::mem::take(&mut key.text);
            key.text = if text.is_empty() { format!("{with}.") } else { format!("{with}: {text}") };
            key
        })
        .collect()
}

/// The first of a doc comment's, on one line.
fn paragraph(doc: &[&str]) -> String {
    let lines = doc.iter().flat_map(|lines| lines.split('\n')).map(str::trim);
    let first = lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
    first.collect::<Vec<_>>().join(" ")
}
