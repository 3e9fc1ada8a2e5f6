//! The last that a process printed before it ended.

use std::collections::VecDeque;
use std::fmt;

/// Of what a process prints, so many octets are kept.
const KEPT: usize = 2048;

/// The end of what a process printed: one line, without control characters. Displays as what
/// follows a sentence, or as nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastWords(String);

/// Keeps the end of what comes in.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    end: VecDeque<u8>,
    forgot: bool,
}

impl Ear {
    /// More of it.
    pub(crate) fn hear(&mut self, octets: &[u8]) {
        let new = &octets[octets.len().saturating_sub(KEPT)..];
        let over = (self.end.len() + new.len()).saturating_sub(KEPT);
        self.forgot |= over > 0 || new.len() < octets.len();
        self.end.drain(..over);
        self.end.extend(new);
    }

    /// What was said at last.
    pub(crate) fn words(&self) -> LastWords {
        let (front, back) = self.end.as_slices();
        let said = [front, back].concat();
        let said = String::from_utf8_lossy(&said);
        let spaced = said.replace(is_hidden, " ");
        let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
        LastWords(if self.forgot && !line.is_empty() { format!("… {line}") } else { line })
    }
}

/// Whether a terminal would do something else with it than show it: control characters, and those
/// by which Unicode turns the order of others or hides them.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// `text` for a terminal, in at most so many characters. Newlines and tabs stay.
pub(crate) fn clean(text: &str, most: usize) -> String {
    let shown = |character| match character {
        '\n' | '\t' => character,
        hidden if is_hidden(hidden) => ' ',
        plain => plain,
    };
    let mut clean: String = text.chars().take(most).map(shown).collect();
    if text.chars().nth(most).is_some() {
        clean.push('…');
    }
    clean
}

impl LastWords {
    /// The line; empty where nothing was printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "; its last words: {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(pieces: &[&[u8]]) -> String {
        let mut ear = Ear::default();
        for piece in pieces {
            ear.hear(piece);
        }
        ear.words().to_string()
    }

    #[test]
    fn are_one_clean_line() {
        assert_eq!(heard(&[]), "");
        assert_eq!(heard(&[b" \n\t\n"]), "");
        assert_eq!(
            heard(&[b"free(): \x1b[31minvalid\x07\n", b"pointer\r\n\xff"]),
            "; its last words: free(): [31minvalid pointer \u{fffd}"
        );
    }

    #[test]
    fn are_the_last_and_bounded() {
        let flood = vec![b'a'; 3 * KEPT];
        let said = heard(&[&flood, b" the end"]);
        assert!(said.starts_with("; its last words: … aaa"), "{said}");
        assert!(said.ends_with("aaa the end"), "{said}");
        assert!(said.len() < KEPT + 50);
        assert_eq!(heard(&[&vec![b'x'; KEPT - 1], b"y"]).matches('…').count(), 0);
    }
}
