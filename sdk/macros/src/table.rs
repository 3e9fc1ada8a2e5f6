//! Code for structs.

use proc_macro::{TokenStream, TokenTree};

use crate::attributes::{Attributes, Derive};
use crate::field::{Owner, path_in};
use crate::item::{Body, Field, Item};
use crate::rename::Rename;
use crate::template::{Error, fill};

/// What stands beside the type.
pub(crate) struct Beside {
    /// The body of `impl Describe`.
    pub(crate) describe: TokenStream,
    /// Statements that explain what else would be serde's error.
    pub(crate) readable: TokenStream,
    /// Functions that make defaults.
    pub(crate) makers: TokenStream,
    /// Other implementations.
    pub(crate) impls: TokenStream,
}

impl Beside {
    /// Enough for a type with an error in it.
    pub(crate) fn nothing() -> Self {
        let describe = "fn words() -> ::std::string::String { ::std::string::String::new() }";
        let none = TokenStream::new;
        Self { describe: fill(describe, &[]), readable: none(), makers: none(), impls: none() }
    }
}

/// A struct with named fields.
pub(crate) fn table(item: &mut Item) -> Result<Beside, Error> {
    let Item { attributes, name, body: Body::Struct(_, fields), .. } = item else {
        return Err(Error::new(item.name.span(), "not a table"));
    };
    fields.iter().try_for_each(Field::check)?;
    let rename = attributes.rename_all("rename_all");
    let whole = whole(attributes);
    let owner = Owner { name, variant: None, rename, has_whole: whole.is_some() };
    let makers: TokenStream = fields.iter_mut().map(|field| field.make_default(&owner)).collect();
    let impls = default_too(attributes, fields, &owner);
    let read = || fields.iter().filter(|field| !field.is_skipped());
    let describe = fill(
        "fn words() -> ::std::string::String { \
             ::core::convert::From::from(\"table\") \
         } \
         $options \
         fn written(&self) -> ::core::option::Option<::std::string::String> { \
             #[allow(unused_mut)] let mut text = ::rais_sdk::__config::TableText::new(); \
             $written \
             text.text() \
         }",
        &[
            ("options", &options(whole.unwrap_or_default(), read().map(|it| it.push(&owner)))),
            ("written", &read().map(|field| field.write(rename)).collect()),
        ],
    );
    let readable = read().map(Field::readable).collect();
    Ok(Beside { describe, readable, makers, impls })
}

/// A struct around one value: told as that value.
pub(crate) fn wrapper(item: &mut Item) -> Result<Beside, Error> {
    let Item { attributes, name, body: Body::Tuple(_, fields), .. } = item else {
        return Err(Error::new(item.name.span(), "not a tuple"));
    };
    attributes.keep_derives(Derive::Default);
    fields.iter().try_for_each(Field::check)?;
    let [field] = &fields[..] else {
        let text = "a struct without names for its fields holds exactly one value";
        return Err(Error::new(name.span(), text));
    };
    let describe = fill(
        "fn words() -> ::std::string::String { $told.words() } \
         fn options() -> ::std::vec::Vec<::rais_sdk::OptionInfo> { $told.inner() } \
         fn written(&self) -> ::core::option::Option<::std::string::String> { \
             $told.text(&self.0) \
         }",
        &[("told", &field.told())],
    );
    Ok(Beside { describe, ..Beside::nothing() })
}

/// A type that is read as another one first: told as that one.
pub(crate) fn read_as(item: &mut Item, other: &TokenStream) -> Beside {
    item.attributes.keep_derives(Derive::Default);
    let told = fill("(&&&::rais_sdk::__config::Of::<$it>::NEW).told()", &[("it", other)]);
    let describe = fill(
        "fn words() -> ::std::string::String { $told.words() } \
         fn options() -> ::std::vec::Vec<::rais_sdk::OptionInfo> { $told.inner() }",
        &[("told", &told)],
    );
    Beside { describe, ..Beside::nothing() }
}

/// `fn options` whose statements push into `keys`.
pub(crate) fn options(
    before: TokenStream,
    statements: impl Iterator<Item = TokenStream>,
) -> TokenStream {
    let mut all = before;
    all.extend(statements);
    fill(
        "fn options() -> ::std::vec::Vec<::rais_sdk::OptionInfo> { \
             #[allow(unused_mut)] let mut keys = ::std::vec::Vec::new(); \
             $all \
             keys \
         }",
        &[("all", &all)],
    )
}

pub(crate) fn rename_of(own: Option<Rename>, fields: &Attributes) -> Option<Rename> {
    own.or_else(|| fields.rename_all("rename_all_fields"))
}

/// `let whole = …;` where serde fills the whole struct with a default.
fn whole(attributes: &Attributes) -> Option<TokenStream> {
    let meta = attributes.serde("default")?;
    let make = match path_in(meta) {
        Some(path) => fill("$path()", &[("path", &path)]),
        None => fill("<Self as ::core::default::Default>::default()", &[]),
    };
    Some(fill("let whole: Self = $make;", &[("make", &make)]))
}

/// `derive(Default)` follows `#[default = …]`, as who writes both expects.
fn default_too(attributes: &mut Attributes, fields: &[Field], owner: &Owner<'_>) -> TokenStream {
    let has_value =
        |field: &Field| field.attributes.default.as_ref().is_some_and(|it| it.value.is_some());
    if !fields.iter().any(has_value) {
        attributes.keep_derives(Derive::Default);
        return TokenStream::new();
    }
    if !attributes.keep_derives(Derive::NoDefault) {
        return TokenStream::new();
    }
    let fields = fields.iter().filter_map(|field| field.in_default(owner)).collect();
    let name = TokenTree::from(owner.name.clone()).into();
    fill(
        "impl ::core::default::Default for $name { fn default() -> Self { Self { $fields } } }",
        &[("name", &name), ("fields", &fields)],
    )
}
