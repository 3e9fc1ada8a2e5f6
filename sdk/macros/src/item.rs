//! A type as the author wrote it.

use proc_macro::{Delimiter, Group, Ident, TokenStream, TokenTree};

use crate::attributes::{Attributes, Of};
use crate::template::{Error, fill};
use crate::tokens::Tokens;

/// A struct or enum.
pub(crate) struct Item {
    pub(crate) attributes: Attributes,
    /// Visibility, `struct` or `enum`, and the name.
    head: TokenStream,
    pub(crate) name: Ident,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    Struct(Group, Vec<Field>),
    Tuple(Group, Vec<Field>),
    Enum(Group, Vec<Variant>),
}

pub(crate) struct Field {
    pub(crate) attributes: Attributes,
    visibility: TokenStream,
    /// `None` in a tuple.
    pub(crate) name: Option<Ident>,
    pub(crate) of: TokenStream,
}

pub(crate) struct Variant {
    pub(crate) attributes: Attributes,
    pub(crate) name: Ident,
    pub(crate) shape: Shape,
    discriminant: TokenStream,
}

pub(crate) enum Shape {
    Unit,
    Tuple(Group, Vec<Field>),
    Named(Group, Vec<Field>),
}

const WANTED: &str = "`#[config]` goes on a struct or an enum";

impl Item {
    pub(crate) fn parse(stream: TokenStream) -> Result<Self, Error> {
        let mut tokens = Tokens::new(stream, proc_macro::Span::call_site());
        let attributes = Attributes::take(&mut tokens, Of::Type)?;
        let mut head = visibility(&mut tokens);
        let (keyword, name) = match (tokens.next(), tokens.next()) {
            (Some(TokenTree::Ident(keyword)), Some(TokenTree::Ident(name))) => (keyword, name),
            (Some(first), _) => return Err(Error::new(first.span(), WANTED)),
            (None, _) => return Err(Error::new(tokens.span(), WANTED)),
        };
        head.extend([TokenTree::from(keyword.clone()), name.clone().into()]);
        if tokens.is_punct('<') {
            let text = "`#[config]` takes no generic types: rais must know every key; write the \
                        types out";
            return Err(Error::new(tokens.span(), text));
        }
        let braces = tokens.take_group(Delimiter::Brace);
        let body = match (keyword.to_string().as_str(), braces) {
            ("struct", Some(group)) => Body::Struct(group.clone(), fields(&group)?),
            ("enum", Some(group)) => Body::Enum(group.clone(), variants(&group)?),
            ("struct", None) => match tokens.take_group(Delimiter::Parenthesis) {
                Some(group) => Body::Tuple(group.clone(), tuple(&group)?),
                None => {
                    let text = format!("a table without keys is `struct {name} {{}}`");
                    return Err(Error::new(name.span(), text));
                }
            },
            _ => return Err(Error::new(keyword.span(), WANTED)),
        };
        Ok(Self { attributes, head, name, body })
    }

    /// The type again, with what has been done to its attributes.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let mut out = self.attributes.kept;
        out.extend(self.head);
        match self.body {
            Body::Struct(group, fields) => out.extend([regroup(&group, fields_again(fields))]),
            Body::Tuple(group, fields) => {
                out.extend([regroup(&group, fields_again(fields))]);
                out.extend(fill(";", &[]));
            }
            Body::Enum(group, variants) => {
                let inner = variants.into_iter().map(Variant::into_tokens).collect();
                out.extend([regroup(&group, inner)]);
            }
        }
        out
    }
}

impl Field {
    fn into_tokens(self) -> TokenStream {
        let mut out = self.attributes.kept;
        out.extend(self.visibility);
        if let Some(name) = self.name {
            out.extend([TokenTree::from(name)]);
            out.extend(fill(":", &[]));
        }
        out.extend(self.of);
        out.extend(fill(",", &[]));
        out
    }
}

impl Variant {
    fn into_tokens(self) -> TokenStream {
        let mut out = self.attributes.kept;
        out.extend([TokenTree::from(self.name)]);
        match self.shape {
            Shape::Unit => {}
            Shape::Tuple(group, fields) | Shape::Named(group, fields) => {
                out.extend([regroup(&group, fields_again(fields))]);
            }
        }
        out.extend(self.discriminant);
        out.extend(fill(",", &[]));
        out
    }
}

fn fields_again(fields: Vec<Field>) -> TokenStream {
    fields.into_iter().map(Field::into_tokens).collect()
}

fn regroup(like: &Group, inner: TokenStream) -> TokenTree {
    let mut group = Group::new(like.delimiter(), inner);
    group.set_span(like.span());
    group.into()
}

fn visibility(tokens: &mut Tokens) -> TokenStream {
    let mut out = TokenStream::new();
    if matches!(tokens.peek(), Some(TokenTree::Ident(word)) if word.to_string() == "pub") {
        out.extend(tokens.next());
        out.extend(tokens.take_group(Delimiter::Parenthesis).map(TokenTree::from));
    }
    out
}

fn fields(group: &Group) -> Result<Vec<Field>, Error> {
    let mut tokens = Tokens::new(group.stream(), group.span());
    let mut all = Vec::new();
    while !tokens.is_empty() {
        let attributes = Attributes::take(&mut tokens, Of::Field)?;
        let visibility = visibility(&mut tokens);
        let at = tokens.span();
        let Some(TokenTree::Ident(name)) = tokens.next() else {
            return Err(Error::new(at, "expected a field"));
        };
        if !tokens.take_punct(':') {
            return Err(Error::new(tokens.span(), "expected `:`"));
        }
        let of = tokens.until_comma();
        all.push(Field { attributes, visibility, name: Some(name), of });
    }
    Ok(all)
}

fn tuple(group: &Group) -> Result<Vec<Field>, Error> {
    let mut tokens = Tokens::new(group.stream(), group.span());
    let mut all = Vec::new();
    while !tokens.is_empty() {
        let attributes = Attributes::take(&mut tokens, Of::Field)?;
        let visibility = visibility(&mut tokens);
        let of = tokens.until_comma();
        all.push(Field { attributes, visibility, name: None, of });
    }
    Ok(all)
}

fn variants(group: &Group) -> Result<Vec<Variant>, Error> {
    let mut tokens = Tokens::new(group.stream(), group.span());
    let mut all = Vec::new();
    while !tokens.is_empty() {
        let attributes = Attributes::take(&mut tokens, Of::Variant)?;
        let at = tokens.span();
        let Some(TokenTree::Ident(name)) = tokens.next() else {
            return Err(Error::new(at, "expected a variant"));
        };
        let shape = if let Some(group) = tokens.take_group(Delimiter::Parenthesis) {
            Shape::Tuple(group.clone(), tuple(&group)?)
        } else if let Some(group) = tokens.take_group(Delimiter::Brace) {
            Shape::Named(group.clone(), fields(&group)?)
        } else {
            Shape::Unit
        };
        // `= 3`, up to the comma.
        let mut discriminant = TokenStream::new();
        while !tokens.take_punct(',') {
            let Some(token) = tokens.next() else { break };
            discriminant.extend([token]);
        }
        all.push(Variant { attributes, name, shape, discriminant });
    }
    Ok(all)
}
