//! What single words of a zone's text mean: TTLs, serials, names.

use crate::scan::{Form, Joint, Word};

/// The largest TTL (RFC 2181 §8).
pub(crate) const MAX_TTL: u32 = 0x7FFF_FFFF;

/// A TTL in seconds: a number, or numbers with the units w d h m s.
pub(crate) fn ttl(word: &Word<'_>) -> Option<u32> {
    if word.form == Form::Quoted || word.text.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    let mut number: Option<u64> = None;
    let mut units = 0;
    for c in word.text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(digit))?);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            'w' => 604_800,
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
        units += 1;
    }
    match (number, units) {
        (Some(seconds), 0) => total = seconds,
        // A number behind the last unit: servers differ, so we take none.
        (Some(_), _) => return None,
        (None, _) => {}
    }
    u32::try_from(total).ok().filter(|seconds| *seconds <= MAX_TTL)
}

/// The serial that a word is: digits, neither quoted nor escaped.
pub(crate) fn serial(word: &Word<'_>) -> Option<u32> {
    let digits = word.form == Form::Plain && word.text.bytes().all(|octet| octet.is_ascii_digit());
    if digits { word.text.parse().ok() } else { None }
}

/// Whether two dots stand side by side, or one in front, with no backslash to protect them.
pub(crate) fn empty_label(name: &str) -> bool {
    let mut last = b'.';
    let mut octets = name.bytes();
    while let Some(octet) = octets.next() {
        if octet == b'\\' {
            octets.next();
        } else if octet == b'.' && last == b'.' && name != "." {
            return true;
        }
        last = octet;
    }
    false
}

/// Appends a word as it was written; octets beyond ASCII, which servers take and the checker does
/// not, become `\DDD`.
pub(crate) fn push(line: &mut String, word: &Word<'_>) {
    if word.joint == Joint::Space {
        line.push(' ');
    }
    let quote = word.form == Form::Quoted;
    if quote {
        line.push('"');
    }
    if word.text.is_ascii() {
        line.push_str(word.text);
    } else {
        let mut octets = word.text.bytes().peekable();
        while let Some(octet) = octets.next() {
            match (octet, octets.peek()) {
                // Each octet gets a backslash of its own.
                (b'\\', Some(next)) if !next.is_ascii() => {}
                // What is escaped already, another backslash above all.
                (b'\\', Some(&next)) => {
                    line.extend(['\\', char::from(next)]);
                    octets.next();
                }
                _ if octet.is_ascii() => line.push(char::from(octet)),
                _ => line.push_str(&format!("\\{octet:03}")),
            }
        }
    }
    if quote {
        line.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ttls_with_units() {
        let cases = [
            ("0", Some(0)),
            ("86400", Some(86_400)),
            ("1d", Some(86_400)),
            ("1W2d3h4M5s", Some(788_645)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", None),
            ("99999999999999999999", None),
            ("1x", None),
            ("d", None),
            ("1d2", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            let word = Word { text, start: 0, form: Form::Plain, joint: Joint::Space };
            assert_eq!(ttl(&word), seconds, "{text:?}");
        }
    }

    #[test]
    fn empty_labels() {
        for name in [".", "a", "a.", "a.b.", "a\\..b", "*.a"] {
            assert!(!empty_label(name), "{name}");
        }
        for name in ["..", ".a", "a..b", "a..", "a\\\\..b"] {
            assert!(empty_label(name), "{name}");
        }
    }
}
