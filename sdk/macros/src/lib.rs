//! The `#[config]` attribute of `rais-sdk`.
//!
//! It takes tokens apart by hand: `syn` and `quote` would be the largest part of a plugin's build.

mod attributes;
mod choice;
mod default;
mod field;
mod item;
mod rename;
mod table;
mod template;
mod tokens;

use proc_macro::{TokenStream, TokenTree};

use item::{Body, Item};
use table::Beside;
use template::{Error, fill};

/// Makes a struct or enum readable from a plugin's table, and tells what may be written there.
///
/// Short for serde's `Deserialize` with `deny_unknown_fields`, through the SDK's own serde: the
/// plugin's `Cargo.toml` need not name serde. Beside it implements `Describe`: the names of the
/// fields are the keys, their doc comments (the first paragraph) the texts that `rais plugins info`
/// shows, their types the words for what is written there.
///
/// A struct with names for its fields is a table. A struct around one value is that value. An enum
/// is a choice, by serde's rules: `"a"` or `{ b = … }`, or with `tag`, `tag` and `content`, or
/// `untagged`.
///
/// # Attributes
///
/// - `#[default = VALUE]` on a field: it may be left out, and then this counts. VALUE is written as
///   in TOML (a string, a number, `true`, a list of those: `"100ms"`, `5369`, `["a", "b"]`) and
///   read as a table would be, or is an expression of Rust (`Mode::Fast`). A bare `#[default]` is
///   the type's `Default`. `derive(Default)` below `#[config]` takes these values too.
/// - `#[option(type = "WORDS")]` on a field: what is written there, where the type cannot tell.
/// - `#[serde(…)]` works as usual: `rename`, `rename_all`, `default` and so on. `flatten` does not
///   go with the refusal of unknown keys.
///
/// Types of other crates that only have `Deserialize` are told as `value`.
#[proc_macro_attribute]
pub fn config(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if let Some(first) = arguments.into_iter().next() {
        let text = "`#[config]` takes no arguments; use `#[serde(...)]` beside it";
        return Error::new(first.span(), text).into_tokens();
    }
    expand(item).unwrap_or_else(Error::into_tokens)
}

fn expand(item: TokenStream) -> Result<TokenStream, Error> {
    let mut item = Item::parse(item)?;
    // The type stays there all the same: that it is missing would be a second error.
    let (beside, error) = match beside(&mut item) {
        Ok(beside) => (beside, TokenStream::new()),
        Err(error) => (Beside::nothing(), error.into_tokens()),
    };
    let name = TokenTree::from(item.name.clone()).into();
    let makers = if beside.makers.is_empty() { "" } else { "impl $name { $makers }" };
    let text = format!(
        "const _: () = {{ #[allow(dead_code)] fn readable() {{ $readable }} }}; \
         #[derive(::rais_sdk::serde::Deserialize)] \
         #[serde(crate = \"::rais_sdk::serde\", deny_unknown_fields)] \
         $item \
         {makers} \
         $impls \
         const _: () = {{ \
             #[allow(unused_imports)] \
             use ::rais_sdk::__config::{{ByDescribe as _, ByNothing as _, BySerialize as _}}; \
             #[automatically_derived] \
             impl ::rais_sdk::Describe for $name {{ $describe }} \
         }}; \
         $error"
    );
    let holes = [
        ("name", &name),
        ("item", &item.into_tokens()),
        ("readable", &beside.readable),
        ("describe", &beside.describe),
        ("makers", &beside.makers),
        ("impls", &beside.impls),
        ("error", &error),
    ];
    Ok(fill(&text, &holes))
}

fn beside(item: &mut Item) -> Result<Beside, Error> {
    let other = ["try_from", "from"].iter().find_map(|word| item.attributes.serde(word));
    if let Some(other) = other.and_then(field::path_in) {
        return Ok(table::read_as(item, &other));
    }
    match item.body {
        Body::Struct(..) => table::table(item),
        Body::Tuple(..) => table::wrapper(item),
        Body::Enum(..) => choice::choice(item),
    }
}
