//! What a key file says: whatever is wrong is told with its line and by its field, and never with the
//! secret, which may stand in any place of a file that is wrong.

use std::net::IpAddr;
use std::ops::Range;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use rais_proto::heartbeat::key::{KeyId, KeyLimits, Secret};
use rais_proto::name::NameError;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::KeyUse;
use crate::config::nearest;

/// All that a key file may have.
pub(super) const FIELDS: [&str; 8] =
    ["name", "use", "follows", "created", "hosts", "services", "addresses", "secret"];

/// A key file.
pub(super) struct Written {
    pub(super) secret: Secret,
    pub(super) usage: Spanned<KeyUse>,
    pub(super) follows: Option<Spanned<KeyId>>,
    pub(super) created: Option<String>,
    pub(super) name: Option<String>,
    pub(super) limits: KeyLimits,
}

/// Reads a key file's text.
///
/// # Errors
/// What is wrong, and in which line.
pub(super) fn parse(text: &str) -> Result<Written, String> {
    let table = DeTable::parse(text).map_err(|error| {
        let why = match error.message() {
            twice if twice.contains("duplicate key") => "a field that stands there twice",
            // The parser's own words may be the file's.
            _ => "not TOML; a field is written `NAME = VALUE`, and strings stand in quotes",
        };
        format!("line {}: {why}", line(text, error.span()))
    })?;
    let fields = Fields { text, table: table.get_ref() };
    fields.are_known()?;
    Ok(Written {
        secret: fields.required("secret", "32 octets in base64", decode)?.into_inner(),
        usage: fields.required("use", "\"sign\" or \"accept\"", usage)?,
        follows: fields
            .one("follows", "the id of a key, like f6c35988", |text| text.parse().ok())?,
        created: fields.text("created")?,
        name: fields.text("name")?,
        limits: KeyLimits {
            hosts: fields.names("hosts")?,
            services: fields.names("services")?,
            addresses: fields.list("addresses", range)?,
        },
    })
}

struct Fields<'t> {
    text: &'t str,
    table: &'t DeTable<'t>,
}

impl<'t> Fields<'t> {
    fn are_known(&self) -> Result<(), String> {
        let known = |name: &Spanned<_>| FIELDS.contains(&AsRef::<str>::as_ref(name.get_ref()));
        let Some(unknown) = self.table.keys().find(|name| !known(name)) else { return Ok(()) };
        let name: &str = unknown.get_ref();
        let meant = nearest(name, FIELDS).map(|meant| format!("; did you mean `{meant}`?"));
        let meant = meant.unwrap_or_else(|| format!("; a key file has {}", FIELDS.join(", ")));
        let line = line(self.text, Some(unknown.span()));
        Err(format!("line {line}: unknown field{}{meant}", shown_name(name)))
    }

    fn get(&self, field: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(field)
    }

    fn wrong(&self, at: Range<usize>, why: &str) -> String {
        format!("line {}: {why}", line(self.text, Some(at)))
    }

    /// The string of a field, which `read` takes for what it is `called`.
    fn one<T>(
        &self,
        field: &str,
        called: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Spanned<T>>, String> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let Some(text) = value.get_ref().as_str() else {
            let kind = kind(value.get_ref());
            return Err(
                self.wrong(value.span(), &format!("`{field}` must be a string, not {kind}"))
            );
        };
        match read(text) {
            Some(read) => Ok(Some(Spanned::new(value.span(), read))),
            None => {
                let not = if field == "secret" { String::new() } else { shown(text) };
                let not = if not.is_empty() { not } else { format!(", not{not}") };
                Err(self.wrong(value.span(), &format!("`{field}` must be {called}{not}")))
            }
        }
    }

    fn required<T>(
        &self,
        field: &str,
        called: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Spanned<T>, String> {
        self.one(field, called, read)?.ok_or_else(|| format!("no `{field}` in it: {called}"))
    }

    fn text(&self, field: &str) -> Result<Option<String>, String> {
        let text = self.one(field, "a string", |text| Some(text.to_owned()))?;
        Ok(text.map(Spanned::into_inner))
    }

    /// A list of strings, each read by `read`, which says why it is none.
    fn list<T>(
        &self,
        field: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Vec<T>>, String> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let Some(items) = value.get_ref().as_array() else {
            let kind = kind(value.get_ref());
            let why = format!("`{field}` must be a list of strings, not {kind}");
            return Err(self.wrong(value.span(), &why));
        };
        let one = |item: &Spanned<DeValue<'_>>| {
            let Some(text) = item.get_ref().as_str() else {
                let kind = kind(item.get_ref());
                let why = format!("`{field}` must be a list of strings, and one is {kind}");
                return Err(self.wrong(item.span(), &why));
            };
            read(text).map_err(|why| self.wrong(item.span(), &format!("`{field}`:{why}")))
        };
        items.iter().map(one).collect::<Result<_, _>>().map(Some)
    }

    fn names<N: FromStr<Err = NameError>>(&self, field: &str) -> Result<Option<Vec<N>>, String> {
        self.list(field, |text| {
            text.parse().map_err(|error: NameError| match shown(text) {
                none if none.is_empty() => format!(" {error}"),
                shown => format!("{shown}: {error}"),
            })
        })
    }
}

/// From 1.
fn line(text: &str, at: Option<Range<usize>>) -> usize {
    let start = at.map_or(0, |span| span.start.min(text.len()));
    text.as_bytes()[..start].iter().filter(|&&octet| octet == b'\n').count() + 1
}

/// What a value is, in place of another.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Behind a space and in quotes a field's value that cannot hold a secret, nor a good part of one.
fn shown(text: &str) -> String {
    let like_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=-_".contains(c);
    let run = text.split(|c| !like_base64(c)).map(str::len).max().unwrap_or(0);
    let is_plain = text.chars().all(|c| c.is_ascii_graphic());
    if is_plain && text.len() <= LONGEST_RANGE && run <= LONGEST_RUN {
        format!(" \"{text}\"")
    } else {
        String::new()
    }
}

/// A range of IPv6 addresses.
const LONGEST_RANGE: usize = 43;

/// So many characters of a secret are a quarter of it: words, ids and the labels of most names have no more.
const LONGEST_RUN: usize = 11;

/// Behind a space the name of a field, which may be the secret where that stands in the wrong place.
fn shown_name(name: &str) -> String {
    let is_word = name.len() <= 16 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if is_word { format!(" `{name}`") } else { String::new() }
}

fn usage(text: &str) -> Option<KeyUse> {
    [KeyUse::Sign, KeyUse::Accept].into_iter().find(|usage| usage.as_str() == text)
}

/// An address range, or an address alone.
fn range(text: &str) -> Result<IpNet, String> {
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
        let what = match shown(text) {
            none if none.is_empty() => " one".to_owned(),
            shown => shown,
        };
        format!("{what} is neither an address nor a range like 192.0.2.0/24")
    })
}

fn decode(text: &str) -> Option<Secret> {
    // Room for what may be decoded too long, so that it is told from what is right.
    let mut octets = Zeroizing::new([0; 3 * Secret::LEN]);
    let len = STANDARD.decode_slice(text.trim(), &mut *octets).ok()?;
    let exact = Zeroizing::new(<[u8; Secret::LEN]>::try_from(octets.get(..len)?).ok()?);
    Some(Secret::from(*exact))
}

#[cfg(test)]
mod tests;
