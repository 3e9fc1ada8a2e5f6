//! Code for enums.

use proc_macro::{TokenStream, TokenTree};

use crate::attributes::{Attributes, Derive};
use crate::field::{Owner, docs, plain};
use crate::item::{Body, Field, Item, Shape, Variant};
use crate::rename::Rename;
use crate::table::{Beside, options, rename_of};
use crate::template::{Error, fill, string};

/// How a variant is told apart from the others.
enum Tagging {
    /// By its name: `"a"`, `{ b = … }`.
    Name,
    /// By a key of its table.
    Key { tag: TokenStream, content: Option<TokenStream> },
    /// By what it holds.
    None,
}

/// An enum.
pub(crate) fn choice(item: &mut Item) -> Result<Beside, Error> {
    let Item { attributes, name, body: Body::Enum(_, variants), .. } = item else {
        return Err(Error::new(item.name.span(), "not an enum"));
    };
    attributes.keep_derives(Derive::Default);
    let mut makers = TokenStream::new();
    for variant in variants.iter_mut() {
        let own = variant.attributes.rename_all("rename_all");
        let rename = rename_of(own, attributes);
        let owner = Owner { name, variant: Some(&variant.name), rename, has_whole: false };
        if let Shape::Named(_, fields) | Shape::Tuple(_, fields) = &mut variant.shape {
            fields.iter().try_for_each(Field::check)?;
            makers.extend(fields.iter_mut().map(|field| field.make_default(&owner)));
        }
    }
    let enumeration = Enumeration { attributes, owner: name, variants };
    let describe = match tagging(attributes) {
        Tagging::Name => enumeration.by_name(),
        Tagging::Key { tag, content: None } => enumeration.by_key(&tag),
        Tagging::Key { tag, content: Some(content) } => enumeration.with_content(&tag, &content),
        Tagging::None => enumeration.by_content(),
    };
    Ok(Beside { describe, makers, ..Beside::nothing() })
}

fn tagging(attributes: &Attributes) -> Tagging {
    let literal = |name| attributes.serde(name).and_then(crate::attributes::Meta::literal);
    match (literal("tag"), literal("content")) {
        (Some(tag), content) => Tagging::Key { tag, content },
        _ if attributes.serde("untagged").is_some() => Tagging::None,
        _ => Tagging::Name,
    }
}

struct Enumeration<'a> {
    attributes: &'a Attributes,
    owner: &'a proc_macro::Ident,
    variants: &'a [Variant],
}

impl Enumeration<'_> {
    /// `"a"`, or `{ b = … }` for a variant that holds something.
    fn by_name(&self) -> TokenStream {
        let words = self.read().map(|variant| {
            let key = self.key(variant);
            match self.told(variant) {
                None => fill("::rais_sdk::__config::quoted($key),", &[("key", &key)]),
                Some(told) => fill(
                    "::std::format!(\"{{ {} = {} }}\", $key, $told.words()),",
                    &[("key", &key), ("told", &told)],
                ),
            }
        });
        let words = fill("::rais_sdk::__config::one_of(&[$all])", &[("all", &words.collect())]);
        let cases = self.read().filter_map(|variant| {
            let (key, docs) = (self.key(variant), docs(&variant.attributes));
            Some(fill(
                "keys.push($told.case($key, &[$docs]));",
                &[("told", &self.told(variant)?), ("key", &key), ("docs", &docs)],
            ))
        });
        let written = self.units().map(|(variant, key)| {
            fill(
                "Self::$name => \
                 ::core::option::Option::Some(::rais_sdk::__config::quoted($key)),",
                &[("name", &variant), ("key", &key)],
            )
        });
        self.body(&words, &options(TokenStream::new(), cases), &written.collect())
    }

    /// A table with the key `tag` and those of the variant.
    fn by_key(&self, tag: &TokenStream) -> TokenStream {
        let keys = self.read().filter_map(|variant| {
            let keys = match &variant.shape {
                Shape::Unit => return None,
                shape => self.inner(variant, shape),
            };
            Some(fill(
                "keys.extend(::rais_sdk::__config::only_with($tag, $key, $keys));",
                &[("tag", tag), ("key", &self.key(variant)), ("keys", &keys)],
            ))
        });
        let written = self.units().map(|(variant, key)| {
            fill(
                "Self::$name => { \
                     let told = ::rais_sdk::__config::quoted($key); \
                     ::core::option::Option::Some(::std::format!(\"{{ {} = {told} }}\", $tag)) \
                 }",
                &[("name", &variant), ("key", &key), ("tag", tag)],
            )
        });
        let table = fill("::core::convert::From::from(\"table\")", &[]);
        self.body(&table, &options(self.tag(tag), keys), &written.collect())
    }

    /// A table with the keys `tag` and `content`.
    fn with_content(&self, tag: &TokenStream, content: &TokenStream) -> TokenStream {
        let content = self.read().filter_map(|variant| {
            Some(fill(
                "keys.extend(::rais_sdk::__config::only_with($tag, $key, \
                     ::std::vec![$told.key($content, &[])]));",
                &[
                    ("tag", tag),
                    ("key", &self.key(variant)),
                    ("told", &self.told(variant)?),
                    ("content", content),
                ],
            ))
        });
        let table = fill("::core::convert::From::from(\"table\")", &[]);
        self.body(&table, &options(self.tag(tag), content), &TokenStream::new())
    }

    /// Whichever variant fits.
    fn by_content(&self) -> TokenStream {
        let told = || self.read().filter_map(|variant| self.told(variant));
        let words = told().map(|told| fill("$told.words(),", &[("told", &told)]));
        let words =
            fill("::rais_sdk::__config::either(::std::vec![$all])", &[("all", &words.collect())]);
        let keys = told().map(|told| fill("keys.extend($told.inner());", &[("told", &told)]));
        self.body(&words, &options(TokenStream::new(), keys), &self.write_inside())
    }

    /// Arms that write what a variant of one value holds.
    fn write_inside(&self) -> TokenStream {
        let arms = self.read().filter_map(|variant| match &variant.shape {
            Shape::Tuple(_, fields) => match &fields[..] {
                [field] => Some(fill(
                    "Self::$name(it) => $told.text(it),",
                    &[("name", &name(variant)), ("told", &field.told())],
                )),
                _ => None,
            },
            _ => None,
        });
        arms.collect()
    }

    fn body(&self, words: &TokenStream, options: &TokenStream, arms: &TokenStream) -> TokenStream {
        fill(
            "fn words() -> ::std::string::String { $words } \
             $options \
             fn written(&self) -> ::core::option::Option<::std::string::String> { \
                 #[allow(unreachable_patterns)] \
                 match self { $arms _ => ::core::option::Option::None } \
             }",
            &[("words", words), ("options", options), ("arms", arms)],
        )
    }

    /// Pushes the key that tells the variants apart.
    fn tag(&self, tag: &TokenStream) -> TokenStream {
        let cases = self.read().map(|variant| {
            fill(
                "($key, &[$docs]),",
                &[("key", &self.key(variant)), ("docs", &docs(&variant.attributes))],
            )
        });
        fill(
            "keys.push(::rais_sdk::__config::tag($tag, &[$cases]));",
            &[("tag", tag), ("cases", &cases.collect())],
        )
    }

    /// What a variant holds, as an expression of type `Told`; `None` where that is nothing.
    fn told(&self, variant: &Variant) -> Option<TokenStream> {
        match &variant.shape {
            Shape::Unit => None,
            Shape::Tuple(_, fields) => match &fields[..] {
                [field] => Some(field.told()),
                _ => Some(fill("::rais_sdk::__config::Told::<()>::unknown()", &[])),
            },
            Shape::Named(_, fields) => {
                let keys = self.keys(variant, fields);
                Some(fill("::rais_sdk::__config::Told::<()>::table($keys)", &[("keys", &keys)]))
            }
        }
    }

    /// The keys of what a variant holds, as an expression.
    fn inner(&self, variant: &Variant, shape: &Shape) -> TokenStream {
        match shape {
            Shape::Named(_, fields) => self.keys(variant, fields),
            _ => match self.told(variant) {
                Some(told) => fill("$told.inner()", &[("told", &told)]),
                None => fill("::std::vec::Vec::new()", &[]),
            },
        }
    }

    fn keys(&self, variant: &Variant, fields: &[Field]) -> TokenStream {
        let own = variant.attributes.rename_all("rename_all");
        let rename = rename_of(own, self.attributes);
        let variant = Some(&variant.name);
        let owner = Owner { name: self.owner, variant, rename, has_whole: false };
        let pushes = fields.iter().filter(|field| !field.is_skipped()).map(|it| it.push(&owner));
        fill(
            "{ #[allow(unused_mut)] let mut keys = ::std::vec::Vec::new(); $pushes keys }",
            &[("pushes", &pushes.collect())],
        )
    }

    /// Variants without content, and their keys.
    fn units(&self) -> impl Iterator<Item = (TokenStream, TokenStream)> {
        let units = self.read().filter(|variant| matches!(variant.shape, Shape::Unit));
        units.map(|variant| (name(variant), self.key(variant)))
    }

    /// The string literal by which a configuration names a variant.
    fn key(&self, variant: &Variant) -> TokenStream {
        let rename: Option<Rename> = self.attributes.rename_all("rename_all");
        variant.attributes.rename().unwrap_or_else(|| {
            let name = plain(&variant.name);
            string(&rename.map_or_else(|| name.clone(), |rename| rename.variant(&name)))
        })
    }

    /// Those that can be read.
    fn read(&self) -> impl Iterator<Item = &Variant> {
        self.variants
            .iter()
            .filter(|variant| !variant.attributes.has_serde(&["skip", "skip_deserializing"]))
    }
}

fn name(variant: &Variant) -> TokenStream {
    TokenTree::from(variant.name.clone()).into()
}
