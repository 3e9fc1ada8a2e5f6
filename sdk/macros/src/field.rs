//! Code for one field.

use proc_macro::{Ident, Span, TokenStream, TokenTree};

use crate::attributes::{Attributes, Given, Meta};
use crate::default;
use crate::item::Field;
use crate::rename::Rename;
use crate::template::{Error, fill, located, string};
use crate::tokens::{is_punct, ungrouped};

/// Serde's words for a field that is read in a way of its own.
const OWN_WAY: [&str; 2] = ["with", "deserialize_with"];
const SKIPPED: [&str; 2] = ["skip", "skip_deserializing"];

/// Whose fields they are.
pub(crate) struct Owner<'a> {
    pub(crate) name: &'a Ident,
    /// Of an enum's.
    pub(crate) variant: Option<&'a Ident>,
    pub(crate) rename: Option<Rename>,
    /// Whether `whole` is a value of all defaults.
    pub(crate) has_whole: bool,
}

impl Field {
    pub(crate) fn is_skipped(&self) -> bool {
        self.attributes.has_serde(&SKIPPED)
    }

    /// Refuses what would make the description untrue.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(flatten) = self.attributes.serde("flatten") {
            let text = "`flatten` and the refusal of unknown keys do not go together; write the \
                        fields out";
            return Err(Error::new(flatten.at, text));
        }
        match (&self.attributes.default, self.attributes.serde("default")) {
            (Some(Given { at, .. }), Some(_)) => {
                Err(Error::new(*at, "a second default, beside serde's; keep one of the two"))
            }
            (Some(Given { at, .. }), None) if self.name.is_none() => {
                Err(Error::new(*at, "only a field with a name can have a default"))
            }
            (Some(Given { at, .. }), None) if self.is_skipped() => {
                Err(Error::new(*at, "a skipped field is not read; give it `#[serde(default)]`"))
            }
            _ => Ok(()),
        }
    }

    /// The string literal of the key.
    pub(crate) fn key(&self, rename: Option<Rename>) -> TokenStream {
        if let Some(name) = self.attributes.rename() {
            return name;
        }
        let name = self.name.as_ref().map(plain).unwrap_or_default();
        string(&rename.map_or_else(|| name.clone(), |rename| rename.field(&name)))
    }

    /// How its type is told: an expression of type `Told`.
    pub(crate) fn told(&self) -> TokenStream {
        let mut out = if self.attributes.has_serde(&OWN_WAY) {
            fill("::rais_sdk::__config::Told::<$of>::unknown()", &[("of", &self.of)])
        } else if let Some(inner) = inside_option(&self.of) {
            fill("(&&&::rais_sdk::__config::Of::<$of>::NEW).told().optional()", &[("of", &inner)])
        } else {
            fill("(&&&::rais_sdk::__config::Of::<$of>::NEW).told()", &[("of", &self.of)])
        };
        if let Some(words) = &self.attributes.words {
            out.extend(fill(".in_words($words)", &[("words", words)]));
        }
        out
    }

    /// Statement that says what is missing where its type cannot be read; serde's own word for it
    /// does not know of `#[config]`.
    pub(crate) fn readable(&self) -> TokenStream {
        let of = inside_option(&self.of).unwrap_or_else(|| self.of.clone());
        if self.attributes.has_serde(&OWN_WAY)
            || of.clone().into_iter().any(|it| is_punct(&it, '<'))
        {
            return TokenStream::new();
        }
        fill(
            "$cfg ::rais_sdk::__config::is_readable::<$of>();",
            &[("cfg", &self.attributes.cfg), ("of", &of)],
        )
    }

    /// Statement that adds it to `keys`.
    pub(crate) fn push(&self, owner: &Owner<'_>) -> TokenStream {
        let key = self.key(owner.rename);
        let info = match self.default_value(owner) {
            None => fill(".key($key, &[$docs])", &[("key", &key), ("docs", &self.docs())]),
            Some((value, literal)) => fill(
                ".key_or($key, &[$docs], &$value, $literal)",
                &[("key", &key), ("docs", &self.docs()), ("value", &value), ("literal", &literal)],
            ),
        };
        fill(
            "$cfg keys.push($told $info);",
            &[("cfg", &self.attributes.cfg), ("told", &self.told()), ("info", &info)],
        )
    }

    /// Statement that adds its value to `text`.
    pub(crate) fn write(&self, rename: Option<Rename>) -> TokenStream {
        let Some(name) = self.ident() else { return TokenStream::new() };
        fill(
            "$cfg text.key($key, &$told, &self.$name);",
            &[
                ("cfg", &self.attributes.cfg),
                ("key", &self.key(rename)),
                ("told", &self.told()),
                ("name", &name),
            ],
        )
    }

    /// Its default and the literal that the author wrote for it, both as expressions.
    fn default_value(&self, owner: &Owner<'_>) -> Option<(TokenStream, TokenStream)> {
        let none = || fill("::core::option::Option::None", &[]);
        let std = || fill("<$of as ::core::default::Default>::default()", &[("of", &self.of)]);
        match (&self.attributes.default, self.attributes.serde("default")) {
            (Some(Given { value: None, .. }), _) => Some((std(), none())),
            (Some(Given { value: Some(given), .. }), _) => {
                let value = fill("Self::$maker()", &[("maker", &self.maker(owner)?)]);
                let literal = match default::literal(given) {
                    Some(literal) if !self.attributes.has_serde(&OWN_WAY) => {
                        fill("::core::option::Option::Some($it)", &[("it", &literal)])
                    }
                    _ => none(),
                };
                Some((value, literal))
            }
            (None, Some(meta)) => match meta.text() {
                None => Some((std(), none())),
                Some(path) => Some((fill(&format!("{path}()"), &[]), none())),
            },
            (None, None) if owner.has_whole => {
                Some((fill("whole.$name", &[("name", &self.ident()?)]), none()))
            }
            (None, None) => None,
        }
    }

    /// The function that makes the default, for serde; its attribute on the field.
    pub(crate) fn make_default(&mut self, owner: &Owner<'_>) -> TokenStream {
        let Some(Given { at, value }) = &self.attributes.default else {
            return TokenStream::new();
        };
        let (at, Some(given)) = (*at, value) else {
            self.attributes.kept.extend(fill("#[serde(default)]", &[]));
            return TokenStream::new();
        };
        let Some(maker) = self.maker(owner) else { return TokenStream::new() };
        let of_its_own = self.attributes.has_serde(&OWN_WAY);
        let made = if of_its_own {
            given.clone()
        } else {
            default::value(given, &self.of, &self.key(owner.rename))
        };
        let path = located(string(&format!("{}::{maker}", owner.name)), at);
        self.attributes.kept.extend(fill("#[serde(default = $path)]", &[("path", &path)]));
        fill(
            "$cfg #[doc(hidden)] #[allow(non_snake_case)] fn $maker() -> $of { $made }",
            &[("cfg", &self.attributes.cfg), ("maker", &maker), ("of", &self.of), ("made", &made)],
        )
    }

    /// `name: DEFAULT,` in a value of the whole struct.
    pub(crate) fn in_default(&self, owner: &Owner<'_>) -> Option<TokenStream> {
        let std = || fill("::core::default::Default::default()", &[]);
        let value = self.default_value(owner).map_or_else(std, |(value, _)| value);
        Some(fill(
            "$cfg $name: $value,",
            &[("cfg", &self.attributes.cfg), ("name", &self.ident()?), ("value", &value)],
        ))
    }

    fn maker(&self, owner: &Owner<'_>) -> Option<TokenStream> {
        let variant = owner.variant.map(|variant| format!("_{}", plain(variant)));
        let name =
            format!("__default{}_{}", variant.unwrap_or_default(), plain(self.name.as_ref()?));
        Some(TokenTree::from(Ident::new(&name, Span::call_site())).into())
    }

    fn ident(&self) -> Option<TokenStream> {
        self.name.clone().map(|name| TokenTree::from(name).into())
    }

    fn docs(&self) -> TokenStream {
        docs(&self.attributes)
    }
}

/// The lines of a doc comment, each with a comma.
pub(crate) fn docs(attributes: &Attributes) -> TokenStream {
    attributes.docs.iter().map(|line| fill("$line,", &[("line", line)])).collect()
}

/// Without `r#`.
pub(crate) fn plain(name: &Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

/// The path in a serde attribute's string, as tokens.
pub(crate) fn path_in(meta: &Meta) -> Option<TokenStream> {
    meta.text()?.parse().ok()
}

/// `T` of `Option<T>`, however it is reached by a path.
fn inside_option(of: &TokenStream) -> Option<TokenStream> {
    let tokens = ungrouped(of.clone());
    let open = tokens.iter().position(|token| is_punct(token, '<'))?;
    let is_path = |token: &TokenTree| matches!(token, TokenTree::Ident(_)) || is_punct(token, ':');
    let last = tokens[..open].last()?.to_string();
    if last != "Option" || !tokens[..open].iter().all(is_path) || !is_punct(tokens.last()?, '>') {
        return None;
    }
    Some(tokens[open + 1..tokens.len() - 1].iter().cloned().collect())
}
