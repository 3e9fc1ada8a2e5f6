//! Walking over tokens.

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

/// Tokens that are looked at before they are taken.
pub(crate) struct Tokens {
    all: Vec<TokenTree>,
    at: usize,
    end: Span,
}

impl Tokens {
    /// `end` is where an error points to when there are none left.
    pub(crate) fn new(stream: TokenStream, end: Span) -> Self {
        Self { all: stream.into_iter().collect(), at: 0, end }
    }

    pub(crate) fn peek(&self) -> Option<&TokenTree> {
        self.all.get(self.at)
    }

    pub(crate) fn next(&mut self) -> Option<TokenTree> {
        let next = self.all.get(self.at).cloned();
        self.at += 1;
        next
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.all.len()
    }

    /// Of the next token.
    pub(crate) fn span(&self) -> Span {
        self.peek().map_or(self.end, TokenTree::span)
    }

    pub(crate) fn is_punct(&self, punct: char) -> bool {
        self.peek().is_some_and(|token| is_punct(token, punct))
    }

    /// Takes the next token if it is `punct`.
    pub(crate) fn take_punct(&mut self, punct: char) -> bool {
        let is = self.is_punct(punct);
        self.at += usize::from(is);
        is
    }

    /// Takes the next token if it is the word `word`.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(TokenTree::Ident(ident)) if ident.to_string() == word);
        self.at += usize::from(is);
        is
    }

    /// Takes the next token if it is a group in `delimiter`.
    pub(crate) fn take_group(&mut self, delimiter: Delimiter) -> Option<Group> {
        match self.peek() {
            Some(TokenTree::Group(group)) if group.delimiter() == delimiter => {
                let group = group.clone();
                self.at += 1;
                Some(group)
            }
            _ => None,
        }
    }

    pub(crate) fn rest(&mut self) -> TokenStream {
        let rest = self.all[self.at.min(self.all.len())..].iter().cloned().collect();
        self.at = self.all.len();
        rest
    }

    /// Up to a comma that stands in no `<…>`; the comma is taken too.
    pub(crate) fn until_comma(&mut self) -> TokenStream {
        let mut depth = 0_usize;
        let mut out = Vec::new();
        while let Some(token) = self.next() {
            // The `>` of `->` closes nothing.
            let is_arrow = out.last().is_some_and(|last| is_punct(last, '-'));
            if is_punct(&token, ',') && depth == 0 {
                break;
            }
            if is_punct(&token, '<') {
                depth += 1;
            } else if is_punct(&token, '>') && !is_arrow {
                depth = depth.saturating_sub(1);
            }
            out.push(token);
        }
        out.into_iter().collect()
    }
}

pub(crate) fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == punct)
}

/// The same without the invisible groups around what a `macro_rules!` macro was given.
pub(crate) fn ungrouped(stream: TokenStream) -> Vec<TokenTree> {
    let mut out = Vec::new();
    for token in stream {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                out.extend(ungrouped(group.stream()));
            }
            other => out.push(other),
        }
    }
    out
}

/// The inside of a string literal without escapes: names and paths.
pub(crate) fn unquoted(literal: &TokenTree) -> Option<String> {
    let text = literal.to_string();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('\\')).then(|| inner.to_owned())
}
