//! `#[default = VALUE]`: a value as in TOML, or an expression.

use proc_macro::{Delimiter, Span, TokenStream, TokenTree};

use crate::template::{fill, located};
use crate::tokens::{Tokens, is_punct, ungrouped};

const WHOLE: [&str; 12] =
    ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];

/// The expression that makes the default of a field of type `of` with the key `key`.
pub(crate) fn value(given: &TokenStream, of: &TokenStream, key: &TokenStream) -> TokenStream {
    let Some(literal) = literal(given) else {
        return given.clone();
    };
    let last = ungrouped(of.clone()).last().map(TokenTree::to_string).unwrap_or_default();
    // Where the compiler can judge it, it does.
    if last == "bool" || WHOLE.contains(&last.as_str()) {
        return given.clone();
    }
    if last == "DurationText" && is_text(given) {
        let text = "{ \
            const TEXT: ::rais_sdk::DurationText = ::rais_sdk::DurationText::literal($text); \
            TEXT \
        }";
        let at = given.clone().into_iter().next().map_or_else(Span::call_site, |it| it.span());
        return located(fill(text, &[("text", given)]), at);
    }
    fill("$literal.read($key)", &[("literal", &literal), ("key", key)])
}

/// The expression of a `Literal`, where `given` is one: a string, a number, a truth value, or a
/// list of such.
pub(crate) fn literal(given: &TokenStream) -> Option<TokenStream> {
    let tokens = ungrouped(given.clone());
    let (sign, tokens) = match tokens.split_first() {
        Some((first, rest)) if is_punct(first, '-') => (true, rest),
        _ => (false, &tokens[..]),
    };
    let [token] = tokens else { return None };
    let make = match token {
        TokenTree::Literal(literal) => match Sort::of(&literal.to_string())? {
            Sort::Text if sign => return None,
            Sort::Text => "text",
            Sort::Whole => "whole",
            Sort::Float => "float",
        },
        TokenTree::Ident(word) if !sign && is_truth(&word.to_string()) => "truth",
        TokenTree::Group(group) if !sign && group.delimiter() == Delimiter::Bracket => {
            return list(group.stream());
        }
        _ => return None,
    };
    Some(fill(&format!("::rais_sdk::__config::Literal::{make}($given)"), &[("given", given)]))
}

fn list(items: TokenStream) -> Option<TokenStream> {
    let mut tokens = Tokens::new(items, Span::call_site());
    let mut all = TokenStream::new();
    while !tokens.is_empty() {
        all.extend(literal(&tokens.until_comma())?);
        all.extend(fill(",", &[]));
    }
    Some(fill("::rais_sdk::__config::Literal::list(::std::vec![$all])", &[("all", &all)]))
}

fn is_text(given: &TokenStream) -> bool {
    let first = given.clone().into_iter().next();
    first.is_some_and(|first| matches!(Sort::of(&first.to_string()), Some(Sort::Text)))
}

fn is_truth(word: &str) -> bool {
    word == "true" || word == "false"
}

enum Sort {
    Text,
    Whole,
    Float,
}

impl Sort {
    /// `None` for what TOML has not: characters, octets, numbers with a type of their own.
    fn of(literal: &str) -> Option<Self> {
        let is_raw = literal.starts_with("r\"") || literal.starts_with("r#");
        let radix = ["0x", "0o", "0b"].iter().any(|radix| literal.starts_with(radix));
        match literal.chars().next()? {
            '"' => Some(Self::Text),
            _ if is_raw => Some(Self::Text),
            '0'..='9' if radix => Some(Self::Whole),
            '0'..='9' if literal.contains(['u', 'i', 'f']) => None,
            '0'..='9' if literal.contains(['.', 'e', 'E']) => Some(Self::Float),
            '0'..='9' => Some(Self::Whole),
            _ => None,
        }
    }
}
