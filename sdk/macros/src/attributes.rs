//! The attributes of a type, field or variant: those of `#[config]` are taken out, serde's are
//! understood and stay.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::rename::Rename;
use crate::template::{Error, fill};
use crate::tokens::{Tokens, unquoted};

/// What stands above a type, field or variant.
#[derive(Default)]
pub(crate) struct Attributes {
    /// What goes back into the code.
    pub(crate) kept: TokenStream,
    /// Expressions of doc comments, a line each.
    pub(crate) docs: Vec<TokenStream>,
    /// `#[cfg(…)]`, for the code that speaks of a field.
    pub(crate) cfg: TokenStream,
    pub(crate) serde: Vec<Meta>,
    /// `#[default = …]`.
    pub(crate) default: Option<Given>,
    /// The text of `#[option(type = "…")]`.
    pub(crate) words: Option<TokenStream>,
    /// `derive(…)` lists that name `Default`, without it; see [`Attributes::keep_derives`].
    derives: Vec<(TokenStream, TokenStream)>,
}

/// A default in the code.
pub(crate) struct Given {
    pub(crate) at: Span,
    /// `None` for a bare `#[default]`.
    pub(crate) value: Option<TokenStream>,
}

/// One word in `#[serde(…)]`.
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) at: Span,
    value: Option<TokenTree>,
    list: Vec<Meta>,
}

/// Whose attributes they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Type,
    Field,
    Variant,
}

impl Attributes {
    pub(crate) fn take(tokens: &mut Tokens, of: Of) -> Result<Self, Error> {
        let mut all = Self::default();
        while tokens.is_punct('#') {
            let Some(hash) = tokens.next() else { break };
            let Some(group) = tokens.take_group(Delimiter::Bracket) else {
                return Err(Error::new(hash.span(), "expected an attribute"));
            };
            all.add(hash, group, of)?;
        }
        Ok(all)
    }

    fn add(&mut self, hash: TokenTree, group: Group, of: Of) -> Result<(), Error> {
        let mut inside = Tokens::new(group.stream(), group.span());
        let Some(TokenTree::Ident(path)) = inside.next() else {
            self.keep(hash, group);
            return Ok(());
        };
        match path.to_string().as_str() {
            "default" if of == Of::Field => return self.add_default(&path, inside),
            "option" if of == Of::Field => return self.add_option(&path, inside),
            "doc" if inside.take_punct('=') => self.docs.push(inside.rest()),
            "cfg" => self.cfg.extend([hash.clone(), group.clone().into()]),
            "cfg_attr" if mentions(&group.stream(), "serde") => {
                let text = "`#[config]` cannot see a `serde` attribute inside `cfg_attr`";
                return Err(Error::new(path.span(), text));
            }
            "serde" => {
                if let Some(list) = inside.take_group(Delimiter::Parenthesis) {
                    self.serde.extend(metas(list.stream(), list.span()));
                }
            }
            "derive" if of == Of::Type => {
                if let Some(without) = without_default(inside) {
                    let mut with = TokenStream::from(hash.clone());
                    with.extend([TokenTree::Group(group)]);
                    let mut less = TokenStream::from(hash);
                    less.extend(without);
                    self.derives.push((with, less));
                    return Ok(());
                }
            }
            _ => {}
        }
        self.keep(hash, group);
        Ok(())
    }

    fn keep(&mut self, hash: TokenTree, group: Group) {
        self.kept.extend([hash, TokenTree::Group(group)]);
    }

    fn add_default(&mut self, path: &Ident, mut inside: Tokens) -> Result<(), Error> {
        let value = if inside.is_empty() {
            None
        } else if inside.take_punct('=') && !inside.is_empty() {
            Some(inside.rest())
        } else {
            let text = "write `#[default = VALUE]`, VALUE as in TOML or as an expression of Rust";
            return Err(Error::new(path.span(), text));
        };
        if self.default.is_some() {
            return Err(Error::new(path.span(), "a second default for this field"));
        }
        self.default = Some(Given { at: path.span(), value });
        Ok(())
    }

    fn add_option(&mut self, path: &Ident, mut inside: Tokens) -> Result<(), Error> {
        let wrong = || {
            let text = "write `#[option(type = \"…\")]`: what is written there, in words";
            Error::new(path.span(), text)
        };
        let group = inside.take_group(Delimiter::Parenthesis).ok_or_else(wrong)?;
        let mut inside = Tokens::new(group.stream(), group.span());
        if !inside.take_word("type") || !inside.take_punct('=') || inside.is_empty() {
            return Err(wrong());
        }
        self.words = Some(inside.rest());
        Ok(())
    }

    /// Puts the `derive`s back, with `Default` or without. Returns whether there was one.
    pub(crate) fn keep_derives(&mut self, default: Derive) -> bool {
        let any = !self.derives.is_empty();
        for (with, less) in self.derives.drain(..) {
            self.kept.extend(match default {
                Derive::Default => with,
                Derive::NoDefault => less,
            });
        }
        any
    }

    /// The word `name` in `#[serde(…)]`.
    pub(crate) fn serde(&self, name: &str) -> Option<&Meta> {
        self.serde.iter().find(|meta| meta.name == name)
    }

    pub(crate) fn has_serde(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.serde(name).is_some())
    }

    /// `rename = "…"`.
    pub(crate) fn rename(&self) -> Option<TokenStream> {
        self.serde("rename").and_then(Meta::of_reading).map(TokenStream::from)
    }

    /// `rename_all = "…"`, or another word for the same.
    pub(crate) fn rename_all(&self, word: &str) -> Option<Rename> {
        Rename::parse(&unquoted(&self.serde(word)?.of_reading()?)?)
    }
}

/// Whether a `derive` keeps its `Default`.
#[derive(Clone, Copy)]
pub(crate) enum Derive {
    Default,
    NoDefault,
}

impl Meta {
    /// The inside of its string: a path or a type.
    pub(crate) fn text(&self) -> Option<String> {
        unquoted(self.value.as_ref()?)
    }

    pub(crate) fn literal(&self) -> Option<TokenStream> {
        self.value.clone().map(TokenStream::from)
    }

    /// Its value, or that for reading: `rename(serialize = "…", deserialize = "…")`.
    fn of_reading(&self) -> Option<TokenTree> {
        let inner = || self.list.iter().find(|meta| meta.name == "deserialize");
        self.value.clone().or_else(|| inner()?.value.clone())
    }
}

fn metas(list: TokenStream, end: Span) -> Vec<Meta> {
    let mut tokens = Tokens::new(list, end);
    let mut all = Vec::new();
    while let Some(name) = tokens.next() {
        let mut meta =
            Meta { name: name.to_string(), at: name.span(), value: None, list: Vec::new() };
        if let Some(group) = tokens.take_group(Delimiter::Parenthesis) {
            meta.list = metas(group.stream(), group.span());
        } else if tokens.take_punct('=') {
            meta.value = tokens.next();
        }
        let _ = tokens.until_comma();
        all.push(meta);
    }
    all
}

/// `[derive(…)]` without `Default`; `None` where it does not name it.
fn without_default(mut inside: Tokens) -> Option<TokenStream> {
    let list = inside.take_group(Delimiter::Parenthesis)?;
    let mut tokens = Tokens::new(list.stream(), list.span());
    let (mut found, mut others) = (false, TokenStream::new());
    while !tokens.is_empty() {
        let path = tokens.until_comma();
        let last = path.clone().into_iter().last();
        if last.is_some_and(|last| last.to_string() == "Default") {
            found = true;
        } else {
            others.extend(path);
            others.extend(fill(",", &[]));
        }
    }
    found.then(|| fill("[derive($others)]", &[("others", &others)]))
}

fn mentions(stream: &TokenStream, word: &str) -> bool {
    stream.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident.to_string() == word,
        TokenTree::Group(group) => mentions(&group.stream(), word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
