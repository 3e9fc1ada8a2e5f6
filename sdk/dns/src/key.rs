//! A key as BIND's tools write it: `tsig-keygen` and `rndc-confgen`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::base::Name;
use domain::tsig::{self, KeyName};
use zeroize::Zeroizing;

use crate::error::DnsError;

/// Signs what goes to a server and checks what comes back.
#[derive(PartialEq, Eq)]
pub struct Key {
    name: String,
    algorithm: Algorithm,
    /// As it is read: what ring makes of it could not be wiped.
    secret: Zeroizing<Vec<u8>>,
}

/// A keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA1: every server has it; RFC 8945 (§6) advises against it.
    Sha1,
    /// HMAC-SHA256, which RFC 8945 recommends.
    Sha256,
    /// HMAC-SHA384.
    Sha384,
    /// HMAC-SHA512.
    Sha512,
}

/// Why a key's text is not taken. Never holds any of the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No statement in it.
    #[error(
        "no key in it: a statement `key \"NAME\" {{ algorithm hmac-sha256; secret \"…\"; }};` is needed"
    )]
    None,
    /// More than one statement in it.
    #[error("{0} keys in it, exactly one is allowed: put the one for rais into a file of its own")]
    Several(usize),
    /// A hash that is not done here.
    #[error("line {line}: algorithm {found:?}: allowed are hmac-sha256, hmac-sha384, hmac-sha512 and hmac-sha1{}", advice(.found))]
    Algorithm {
        /// From 1.
        line: usize,
        /// As written.
        found: String,
    },
    /// The secret cannot be read.
    #[error("line {0}: the secret is not base64")]
    Secret(usize),
    /// Half a statement.
    #[error("line {line}: the key {name:?} has no {missing}")]
    Missing {
        /// Of the word `key`, from 1.
        line: usize,
        /// The key's.
        name: String,
        /// `algorithm` or `secret`.
        missing: &'static str,
    },
    /// Something else stands where a key's statement goes on.
    #[error("line {0}: expected `key \"NAME\" {{ algorithm hmac-sha256; secret \"…\"; }};`")]
    Syntax(usize),
    /// The text ends within something.
    #[error("line {0}: a comment or a quotation mark is not closed")]
    Open(usize),
}

/// Of a hash that is refused.
fn advice(found: &str) -> &'static str {
    match found.to_ascii_lowercase().starts_with("hmac-md5") {
        true => " (MD5 is broken, RFC 8945 forbids it: make a new key with `tsig-keygen`)",
        false => "",
    }
}

impl Algorithm {
    /// In BIND's configuration, in Knot's and in PowerDNS' alike.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "hmac-sha1",
            Algorithm::Sha256 => "hmac-sha256",
            Algorithm::Sha384 => "hmac-sha384",
            Algorithm::Sha512 => "hmac-sha512",
        }
    }

    fn parse(name: &str) -> Option<Algorithm> {
        [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).field("algorithm", &self.algorithm).finish()
    }
}

impl Key {
    /// What it is called, here and at the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// By which it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The octets that both sides know. A copy of them is not wiped.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The same for `domain`, which signs and checks by it.
    ///
    /// # Errors
    /// The key's name is not a domain name.
    pub fn tsig(&self) -> Result<tsig::Key, DnsError> {
        let bad = || DnsError::Name(self.name.clone());
        let name: Name<Vec<u8>> = self.name.parse().map_err(|_| bad())?;
        let name = KeyName::from_octets(name.as_slice().try_into().map_err(|_| bad())?);
        let algorithm = match self.algorithm {
            Algorithm::Sha1 => tsig::Algorithm::Sha1,
            Algorithm::Sha256 => tsig::Algorithm::Sha256,
            Algorithm::Sha384 => tsig::Algorithm::Sha384,
            Algorithm::Sha512 => tsig::Algorithm::Sha512,
        };
        // Neither bound is given, and those are all that can be refused.
        let key = tsig::Key::new(algorithm, self.secret(), name.map_err(|_| bad())?, None, None);
        key.map_err(|_| bad())
    }

    /// Reads a text in named's syntax: the one `key` statement in it, others are passed over.
    ///
    /// # Errors
    /// No such statement or several, or one that cannot be taken; with its line.
    pub fn parse(text: &str) -> Result<Key, KeyError> {
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
                rest = match after {
                    [end, after @ ..] if end.is(";") => after,
                    all => all,
                };
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
            return tokens.get(index + 1..).unwrap_or_default();
        }
    }
    &[]
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, KeyError> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\n' => {
                line += 1;
                1
            }
            _ if first.is_whitespace() => first.len_utf8(),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                let (comment, _) = rest[2..].split_once("*/").ok_or(KeyError::Open(line))?;
                line += comment.matches('\n').count();
                comment.len() + 4
            }
            '{' | '}' | ';' => {
                found.push(Token { text: &rest[..1], quoted: false, line });
                1
            }
            '"' => {
                let (quoted, _) = rest[1..].split_once('"').ok_or(KeyError::Open(line))?;
                found.push(Token { text: quoted, quoted: true, line });
                line += quoted.matches('\n').count();
                quoted.len() + 2
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "{};\"#".contains(c);
                let length = rest.find(ends).unwrap_or(rest.len());
                found.push(Token { text: &rest[..length], quoted: false, line });
                length
            }
        };
        rest = &rest[length..];
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
        assert_eq!((key.name(), key.algorithm()), ("rndc-key", Algorithm::Sha256));
        assert_eq!(key.secret().len(), 32);
        let conf = format!(
            "# Start of rndc.conf\n/* key \"no\" {{\n*/ // key\noptions {{ default-key k; x {{ y; }}; }};\n\
             /*/ key no {{{{ */ key k {{ secret {SECRET}; algorithm HMAC-SHA512; }};\n# key \"rndc-key\" {{\n"
        );
        let key = Key::parse(&conf).unwrap();
        assert_eq!((key.name(), key.algorithm()), ("k", Algorithm::Sha512));
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
            ("/*/ x".to_owned(), KeyError::Open(1)),
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
        let md5 = Key::parse(&one("algorithm hmac-md5.sig-alg.reg.int;")).unwrap_err().to_string();
        assert!(md5.contains("tsig-keygen"), "{md5}");
    }
}
