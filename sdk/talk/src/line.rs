//! An answer in a word, for people.

/// Characters; a line of status has room for so many.
const LONGEST: usize = 60;

/// The first line of an answer, cut where it is long; where that is no text, how long the answer is.
/// Empty for an empty one.
#[must_use]
pub fn first_line(heard: &[u8]) -> String {
    let end = heard.iter().position(|octet| b"\r\n".contains(octet)).unwrap_or(heard.len());
    let text = std::str::from_utf8(&heard[..end]).unwrap_or_default().trim();
    if heard.is_empty() {
        String::new()
    } else if text.is_empty() || text.chars().any(char::is_control) {
        format!("{} octets", heard.len())
    } else if text.chars().nth(LONGEST).is_some() {
        text.chars().take(LONGEST - 1).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_text_that_fits() {
        assert_eq!(first_line(b"220 ready\r\n250 ok\r\n"), "220 ready");
        assert_eq!(first_line(" früh \n".as_bytes()), "früh");
        assert_eq!(first_line(b""), "");
        let just = "ü".repeat(60);
        assert_eq!(first_line(just.as_bytes()), just);
        assert_eq!(first_line("ü".repeat(61).as_bytes()), format!("{}…", "ü".repeat(59)));
    }

    #[test]
    fn what_is_no_text_is_counted() {
        for heard in [b"\x00\x01a".as_slice(), b"\xff\xff\xff", b"a\x1b[", b"\r\na"] {
            assert_eq!(first_line(heard), "3 octets", "{heard:?}");
        }
    }
}
