//! What a process wrote: the start of it, and the end.

/// So much of the start is kept.
pub(crate) const KEPT: usize = 8192;
/// So much of the end is kept, where there is more.
const LAST: usize = 1024;
/// So many characters of either are words for people.
const WORDS: usize = 500;

/// The start and the end of what was written; what stood between them is dropped.
#[derive(Debug, Default)]
pub(crate) struct Output {
    kept: Vec<u8>,
    last: Vec<u8>,
    rest: Rest,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Rest {
    #[default]
    None,
    Dropped,
}

impl Output {
    pub(crate) fn take(&mut self, octets: &[u8]) {
        let free = (KEPT - self.kept.len()).min(octets.len());
        let (kept, rest) = octets.split_at(free);
        self.kept.extend_from_slice(kept);
        if !rest.is_empty() {
            self.rest = Rest::Dropped;
            self.last.extend_from_slice(rest);
            self.last.drain(..self.last.len().saturating_sub(LAST));
        }
    }

    /// The start as text. Where the rest was dropped it ends with the last word that is whole: half a
    /// number would be another number.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        if self.rest == Rest::Dropped {
            let between = |c: char| c.is_whitespace() || c == '|';
            text.truncate(text.rfind(between).unwrap_or(text.len()));
        }
        text
    }

    /// For people, in one line: all of it, or its first words and its last ones. Empty where nothing
    /// was said.
    pub(crate) fn words(&self) -> String {
        let first = words(&String::from_utf8_lossy(&self.kept));
        let last = words(&String::from_utf8_lossy(&self.last));
        let all = match (self.rest == Rest::Dropped, last.is_empty()) {
            (true, false) => format!("{first} {last}"),
            _ => first,
        };
        let count = all.chars().count();
        if count <= 2 * WORDS {
            return all;
        }
        let start: String = all.chars().take(WORDS).collect();
        let end: String = all.chars().skip(count - WORDS).collect();
        format!("{} … {}", start.trim_end(), end.trim_start())
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Output {
        let mut output = Output::default();
        output.take(text.as_bytes());
        output
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.kept.len() + self.last.len()
    }
}

/// Lines that say something, in one.
fn words(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" | ").chars().map(plain).collect()
}

/// Control characters would move the cursor of whoever reads it, and those of direction and width
/// what stands beside it.
pub(crate) fn plain(c: char) -> char {
    match c {
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => ' ',
        '\u{2060}'..='\u{206f}' | '\u{feff}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_word_is_not_kept() {
        let line = "value=123456789 ";
        let output = Output::of(&line.repeat(KEPT));
        assert_eq!(output.text(), line.repeat(KEPT / line.len()).trim_end());
        let exact = "x ".repeat(KEPT / 2);
        assert_eq!(Output::of(&exact).text(), exact);
        let mut output = Output::of(&format!("text|{}", "1".repeat(KEPT)));
        assert_eq!(output.text(), "text");
        output.take(b"more");
        assert_eq!(output.text(), "text");
        assert_eq!(Output::of("a\u{fffd}").text(), "a\u{fffd}");
    }

    #[test]
    fn words_are_all_lines_in_one() {
        assert_eq!(Output::default().words(), "");
        assert_eq!(Output::of("\n one\r\n\n two\u{1b}[31m\u{202e}x\n").words(), "one | two [31m x");
    }

    #[test]
    fn of_a_flood_the_first_and_the_last_words_are_told() {
        let mut output = Output::of("the first words\n");
        for number in 0..100_000 {
            output.take(format!("line {number}\n").as_bytes());
        }
        output.take(b"the last words\n");
        assert!(output.len() <= KEPT + LAST);
        let words = output.words();
        assert!(words.starts_with("the first words | line 0 | "), "{words}");
        assert!(words.ends_with(" | line 99999 | the last words"), "{words}");
        assert!(words.contains(" … ") && words.chars().count() <= 2 * WORDS + 3, "{words}");
    }
}
