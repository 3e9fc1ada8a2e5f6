//! An rndc key, as `rndc-confgen` and `tsig-keygen` write it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use zeroize::Zeroizing;

/// Signs what goes to named and checks what comes back.
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) algorithm: Algorithm,
    /// As it is read: ring's form of it could not be wiped.
    secret: Zeroizing<Vec<u8>>,
}

/// A keyed hash that rndc and we both know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Why a key file is not taken. Never holds any of the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum KeyError {
    #[error(
        "no key in it: a statement `key \"NAME\" {{ algorithm hmac-sha256; secret \"…\"; }};` is needed"
    )]
    None,
    #[error("{0} keys in it, exactly one is allowed: put the one for rndc into a file of its own")]
    Several(usize),
    #[error(
        "line {line}: algorithm {found:?}: allowed are hmac-sha256, hmac-sha384, hmac-sha512 and hmac-sha1"
    )]
    Algorithm { line: usize, found: String },
    #[error("line {0}: the secret is not base64")]
    Secret(usize),
    #[error("line {line}: the key {name:?} has no {missing}")]
    Missing { line: usize, name: String, missing: &'static str },
    #[error("line {0}: expected `key \"NAME\" {{ algorithm hmac-sha256; secret \"…\"; }};`")]
    Syntax(usize),
    #[error("line {0}: a comment or a quotation mark is not closed")]
    Open(usize),
}

impl Algorithm {
    /// The number that stands for it in a message (ISC's `isccc/types.h`).
    pub(crate) fn code(self) -> u8 {
        match self {
            Algorithm::Sha1 => 161,
            Algorithm::Sha256 => 163,
            Algorithm::Sha384 => 164,
            Algorithm::Sha512 => 165,
        }
    }

    fn parse(name: &str) -> Option<Algorithm> {
        match name.to_ascii_lowercase().as_str() {
            "hmac-sha1" => Some(Algorithm::Sha1),
            "hmac-sha256" => Some(Algorithm::Sha256),
            "hmac-sha384" => Some(Algorithm::Sha384),
            "hmac-sha512" => Some(Algorithm::Sha512),
            _ => None,
        }
    }

    fn ring(self) -> hmac::Algorithm {
        match self {
            Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => hmac::HMAC_SHA256,
            Algorithm::Sha384 => hmac::HMAC_SHA384,
            Algorithm::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).field("algorithm", &self.algorithm).finish()
    }
}

impl Key {
    /// For one message.
    pub(crate) fn hmac(&self) -> hmac::Key {
        hmac::Key::new(self.algorithm.ring(), &self.secret)
    }

    /// Whether named would tell the two apart; it knows nothing of names.
    pub(crate) fn differs_from(&self, other: &Key) -> bool {
        self.algorithm != other.algorithm || *self.secret != *other.secret
    }

    /// Reads a file in named's syntax: the one `key` statement in it, others are passed over.
    pub(crate) fn parse(text: &str) -> Result<Key, KeyError> {
        let tokens = tokens(text)?;
        let mut found = Vec::new();
        let mut rest = tokens.as_slice();
        while let Some((first, after)) = rest.split_first() {
            if first.is("key") {
                let (key, after) = statement(first.line, after)?;
                found.push(key);
                rest = after;
            } else {
                rest = past_statement(rest);
            }
        }
        match found.len() {
            0 => Err(KeyError::None),
            1 => found.pop().ok_or(KeyError::None),
            several => Err(KeyError::Several(several)),
        }
    }
}

/// A word, a quoted string, or one of `{ } ;`.
struct Token<'a> {
    text: &'a str,
    quoted: bool,
    line: usize,
}

impl Token<'_> {
    fn is(&self, text: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(text)
    }
}

/// What follows the word `key`; gives back what follows the statement.
fn statement<'t, 'a>(
    line: usize,
    rest: &'t [Token<'a>],
) -> Result<(Key, &'t [Token<'a>]), KeyError> {
    let [name, open, rest @ ..] = rest else { return Err(KeyError::Syntax(line)) };
    if !open.is("{") {
        return Err(KeyError::Syntax(line));
    }
    let name = name.text.to_owned();
    let (mut algorithm, mut secret, mut rest) = (None, None, rest);
    loop {
        match rest {
            [word, value, end, after @ ..] if end.is(";") && word.is("algorithm") => {
                let bad = || KeyError::Algorithm { line: value.line, found: value.text.to_owned() };
                algorithm = Some(Algorithm::parse(value.text).ok_or_else(bad)?);
                rest = after;
            }
            [word, value, end, after @ ..] if end.is(";") && word.is("secret") => {
                let mut octets = Zeroizing::new(Vec::new());
                let decoded = STANDARD.decode_vec(value.text, &mut octets);
                if decoded.is_err() || octets.is_empty() {
                    return Err(KeyError::Secret(value.line));
                }
                secret = Some(octets);
                rest = after;
            }
            [close, after @ ..] if close.is("}") => {
                rest = after.strip_prefix_semicolon();
                break;
            }
            [other, ..] => return Err(KeyError::Syntax(other.line)),
            [] => return Err(KeyError::Syntax(line)),
        }
    }
    let missing = |missing| KeyError::Missing { line, name: name.clone(), missing };
    let algorithm = algorithm.ok_or_else(|| missing("algorithm"))?;
    let secret = secret.ok_or_else(|| missing("secret"))?;
    Ok((Key { name, algorithm, secret }, rest))
}

/// What follows the statement at the start, its blocks passed over.
fn past_statement<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth = depth.saturating_sub(1);
        } else if token.is(";") && depth == 0 {
            return &tokens[index + 1..];
        }
    }
    &[]
}

trait StripSemicolon {
    fn strip_prefix_semicolon(&self) -> &Self;
}

impl StripSemicolon for [Token<'_>] {
    fn strip_prefix_semicolon(&self) -> &Self {
        match self {
            [first, rest @ ..] if first.is(";") => rest,
            all => all,
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, KeyError> {
    let octets = text.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&octet) = octets.get(at) {
        let rest = &text[at..];
        let length = match octet {
            b'\n' => {
                line += 1;
                1
            }
            _ if octet.is_ascii_whitespace() => 1,
            b'#' => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => {
                let length = rest[2..].find("*/").ok_or(KeyError::Open(line))? + 4;
                line += rest[..length].matches('\n').count();
                length
            }
            b'{' | b'}' | b';' => {
                found.push(Token { text: &rest[..1], quoted: false, line });
                1
            }
            b'"' => {
                let length = rest[1..].find('"').ok_or(KeyError::Open(line))?;
                found.push(Token { text: &rest[1..=length], quoted: true, line });
                line += rest[1..=length].matches('\n').count();
                length + 2
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "{};\"#".contains(c);
                let length = rest.find(ends).unwrap_or(rest.len());
                found.push(Token { text: &rest[..length], quoted: false, line });
                length
            }
        };
        // Always at least one character, so that the loop ends.
        at += length.max(rest.chars().next().map_or(1, char::len_utf8));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "vTR1IiazC0fyKwdsD9dzYR4fvFdW+zG+Pe7d9C804VY=";

    #[test]
    fn files_of_confgen_and_keygen() {
        let key = Key::parse(&format!(
            "key \"rndc-key\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{SECRET}\";\n}};\n"
        ))
        .unwrap();
        assert_eq!((key.name.as_str(), key.algorithm), ("rndc-key", Algorithm::Sha256));
        let conf = format!(
            "# Start of rndc.conf\n/* key \"no\" {{\n*/ // key\noptions {{ default-key k; x {{ y; }}; }};\n\
             key k {{ secret {SECRET}; algorithm HMAC-SHA512; }};\n# key \"rndc-key\" {{\n"
        );
        let key = Key::parse(&conf).unwrap();
        assert_eq!((key.name.as_str(), key.algorithm), ("k", Algorithm::Sha512));
        assert!(!format!("{key:?}").contains("vTR1"));
    }

    #[test]
    fn faults_name_their_line_and_never_the_secret() {
        let one = |body: &str| format!("\nkey k {{ {body} }};");
        let cases = [
            (String::new(), KeyError::None),
            ("options { key k; };".to_owned(), KeyError::None),
            (
                one("algorithm hmac-md5;"),
                KeyError::Algorithm { line: 2, found: "hmac-md5".to_owned() },
            ),
            (one("secret \"?\";"), KeyError::Secret(2)),
            (one("secret \"\";"), KeyError::Secret(2)),
            (
                one("algorithm hmac-sha256;"),
                KeyError::Missing { line: 2, name: "k".to_owned(), missing: "secret" },
            ),
            (
                one("secret AAAA;"),
                KeyError::Missing { line: 2, name: "k".to_owned(), missing: "algorithm" },
            ),
            (one("algorithm;"), KeyError::Syntax(2)),
            ("key k".to_owned(), KeyError::Syntax(1)),
            ("key k { secret AAAA;".to_owned(), KeyError::Syntax(1)),
            ("\nkey \"k {".to_owned(), KeyError::Open(2)),
            ("/* x".to_owned(), KeyError::Open(1)),
        ];
        for (text, error) in cases {
            let found = Key::parse(&text).unwrap_err();
            assert_eq!(found, error, "{text}");
        }
        let twice = one("algorithm hmac-sha1; secret AAAA;").repeat(2);
        assert_eq!(Key::parse(&twice).unwrap_err(), KeyError::Several(2));
        for odd in ["/", "/ é { \u{a0} ;", "key é", "}};;{"] {
            assert!(Key::parse(odd).is_err());
        }
    }
}
