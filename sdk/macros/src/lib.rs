//! The `#[config]` attribute of `rais-sdk`.

use proc_macro::TokenStream;

/// Makes a struct or enum readable from a plugin's table; a key it does not have is refused.
///
/// Short for serde's `Deserialize` with `deny_unknown_fields`, through the SDK's own serde: the
/// plugin's `Cargo.toml` need not name serde. Further `#[serde(…)]` attributes work as usual.
#[proc_macro_attribute]
pub fn config(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if !arguments.is_empty() {
        return compile_error("`#[config]` takes no arguments; use `#[serde(...)]` beside it");
    }
    let name = name(item.clone());
    let mut out = attributes();
    out.extend(item);
    let described = format!(
        "impl ::rais_sdk::Describe for {name} {{ \
             fn options() -> ::std::vec::Vec<::rais_sdk::OptionInfo> {{ ::std::vec::Vec::new() }} \
         }}"
    );
    out.extend(described.parse::<TokenStream>().unwrap_or_default());
    out
}

/// Of the struct or enum.
fn name(item: TokenStream) -> String {
    let mut words = item.into_iter().map(|token| token.to_string());
    let _ = words.find(|word| word == "struct" || word == "enum");
    words.next().unwrap_or_default()
}

fn attributes() -> TokenStream {
    let text = "#[derive(::rais_sdk::serde::Deserialize)] \
                #[serde(crate = \"::rais_sdk::serde\", deny_unknown_fields)]";
    text.parse().unwrap_or_default()
}

fn compile_error(text: &str) -> TokenStream {
    format!("::core::compile_error!({text:?});").parse().unwrap_or_default()
}
