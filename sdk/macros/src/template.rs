//! Code from text with holes, and errors that point at the author's.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// What is wrong with the author's type, and where.
#[derive(Debug)]
pub(crate) struct Error {
    at: Span,
    text: String,
}

impl Error {
    pub(crate) fn new(at: Span, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }

    /// `compile_error!` at the place.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let at = |mut token: TokenTree| {
            token.set_span(self.at);
            token
        };
        let punct = |c, spacing| at(Punct::new(c, spacing).into());
        let ident = |name| at(Ident::new(name, self.at).into());
        let text = at(Literal::string(&self.text).into());
        let colons = || [punct(':', Spacing::Joint), punct(':', Spacing::Alone)];
        let mut out = TokenStream::from_iter(colons());
        out.extend([ident("core")]);
        out.extend(colons());
        out.extend([ident("compile_error"), punct('!', Spacing::Alone)]);
        out.extend([at(Group::new(Delimiter::Brace, text.into()).into())]);
        out
    }
}

/// The tokens of `text`, with those of `holes` where it says `$name`.
pub(crate) fn fill(text: &str, holes: &[(&str, &TokenStream)]) -> TokenStream {
    fill_tokens(text.parse().unwrap_or_default(), holes)
}

fn fill_tokens(tokens: TokenStream, holes: &[(&str, &TokenStream)]) -> TokenStream {
    let mut out = TokenStream::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(dollar) if dollar.as_char() == '$' => {
                let name = tokens.next().map(|name| name.to_string()).unwrap_or_default();
                if let Some((_, hole)) = holes.iter().find(|(hole, _)| *hole == name) {
                    out.extend((*hole).clone());
                }
            }
            TokenTree::Group(group) => {
                let inner = fill_tokens(group.stream(), holes);
                let mut filled = Group::new(group.delimiter(), inner);
                filled.set_span(group.span());
                out.extend([TokenTree::Group(filled)]);
            }
            other => out.extend([other]),
        }
    }
    out
}

/// The same tokens; an error in them points to `at`.
pub(crate) fn located(tokens: TokenStream, at: Span) -> TokenStream {
    let located = |token| {
        let mut token = match token {
            TokenTree::Group(group) => {
                Group::new(group.delimiter(), located(group.stream(), at)).into()
            }
            other => other,
        };
        token.set_span(token.span().located_at(at));
        token
    };
    tokens.into_iter().map(located).collect()
}

/// A string literal.
pub(crate) fn string(text: &str) -> TokenStream {
    TokenTree::from(Literal::string(text)).into()
}
