//! Cuts a zone's text into entries and words (RFC 1035 §5.1) and keeps where each word stands.

use crate::error::{Problem, ZoneError};

/// One word of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    /// Without the quotation marks.
    pub(crate) text: &'a str,
    /// The offset of `text` in the zone's text.
    pub(crate) start: usize,
    pub(crate) form: Form,
    pub(crate) joint: Joint,
}

/// How a word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Quoted,
}

/// What stands between a word and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    Space,
    /// Nothing, as in `key="value"`.
    None,
}

/// One record or directive: the words up to the end of a line outside parentheses.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) words: Vec<Word<'a>>,
    pub(crate) indent: Indent,
}

/// Whether an entry names its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Indent {
    /// The first word is the owner.
    None,
    /// White space in front: the owner is the last one.
    Space,
}

/// A comment that has its line to itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comment<'a> {
    /// Behind the semicolon.
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

/// A piece of a zone's text.
#[derive(Clone, Debug)]
pub(crate) enum Item<'a> {
    Entry(Entry<'a>),
    Comment(Comment<'a>),
}

/// Walks over a zone's text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    /// The next entry or comment line; empty lines are skipped.
    pub(crate) fn next(&mut self) -> Result<Option<Item<'a>>, ZoneError> {
        let octets = self.text.as_bytes();
        let mut entry = Entry { words: Vec::new(), indent: Indent::None };
        let mut open = Vec::new();
        let mut joint = Joint::None;
        while let Some(&octet) = octets.get(self.at) {
            match octet {
                b' ' | b'\t' | b'\r' => {
                    self.at += 1;
                    joint = Joint::Space;
                    if entry.words.is_empty() {
                        entry.indent = Indent::Space;
                    }
                    continue;
                }
                b'\n' => {
                    self.at += 1;
                    joint = Joint::Space;
                    if !open.is_empty() {
                        continue;
                    }
                    if !entry.words.is_empty() {
                        return Ok(Some(Item::Entry(entry)));
                    }
                    entry.indent = Indent::None;
                    joint = Joint::None;
                    continue;
                }
                b';' => {
                    let comment = self.comment();
                    if entry.words.is_empty() {
                        return Ok(Some(Item::Comment(comment)));
                    }
                    continue;
                }
                b'(' if entry.words.is_empty() => {
                    return Err(self.error(self.at, Problem::ParenthesisFirst));
                }
                b'(' => {
                    open.push(self.at);
                    self.at += 1;
                    joint = Joint::Space;
                    continue;
                }
                b')' => {
                    if open.pop().is_none() {
                        return Err(self.error(self.at, Problem::ParenthesisClosed));
                    }
                    self.at += 1;
                    joint = Joint::Space;
                    continue;
                }
                b'"' => entry.words.push(self.quoted(joint)?),
                _ => entry.words.push(self.plain(joint)?),
            }
            joint = Joint::None;
        }
        match open.first() {
            Some(&at) => Err(self.error(at, Problem::ParenthesisOpen)),
            None if entry.words.is_empty() => Ok(None),
            None => Ok(Some(Item::Entry(entry))),
        }
    }

    /// An error at an offset of this text.
    pub(crate) fn error(&self, at: usize, problem: Problem) -> ZoneError {
        ZoneError::at(self.text, at, problem)
    }

    /// Takes the rest of the line, its line feed not included.
    fn comment(&mut self) -> Comment<'a> {
        let rest = &self.text[self.at + 1..];
        let text = rest.split('\n').next().unwrap_or(rest);
        let start = self.at + 1;
        self.at = start + text.len();
        Comment { text, start }
    }

    fn quoted(&mut self, joint: Joint) -> Result<Word<'a>, ZoneError> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            match self.text.as_bytes().get(at) {
                Some(b'"') => break,
                Some(b'\\') => at = self.escape(at)?,
                None | Some(b'\n') => return Err(self.error(self.at, Problem::Quote)),
                Some(&octet) => {
                    self.refuse_control(octet, at)?;
                    at += 1;
                }
            }
        }
        self.at = at + 1;
        Ok(Word { text: &self.text[start..at], start, form: Form::Quoted, joint })
    }

    fn plain(&mut self, joint: Joint) -> Result<Word<'a>, ZoneError> {
        let start = self.at;
        let mut at = start;
        loop {
            match self.text.as_bytes().get(at) {
                None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b';' | b'"') => break,
                Some(b'\\') => at = self.escape(at)?,
                Some(&octet) => {
                    self.refuse_control(octet, at)?;
                    at += 1;
                }
            }
        }
        self.at = at;
        Ok(Word { text: &self.text[start..at], start, form: Form::Plain, joint })
    }

    /// The offset behind a backslash and the character that it protects.
    fn escape(&self, at: usize) -> Result<usize, ZoneError> {
        match self.text[at + 1..].chars().next() {
            None | Some('\n' | '\r') => Err(self.error(at, Problem::Backslash)),
            Some(c) => Ok(at + 1 + c.len_utf8()),
        }
    }

    fn refuse_control(&self, octet: u8, at: usize) -> Result<(), ZoneError> {
        if octet.is_ascii_control() && octet != b'\t' {
            return Err(self.error(at, Problem::Control(u32::from(octet))));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<&str>> {
        let mut scanner = Scanner::new(text);
        let mut entries = Vec::new();
        while let Some(item) = scanner.next().unwrap() {
            if let Item::Entry(entry) = item {
                entries.push(entry.words.iter().map(|word| word.text).collect());
            }
        }
        entries
    }

    #[test]
    fn parentheses_join_lines_and_comments_vanish() {
        let text = "; head\n@ SOA a b ( ; serial\n 1 2\n\n 3)4 ; end\n\n  A 192.0.2.1\r\n";
        assert_eq!(
            words(text),
            [vec!["@", "SOA", "a", "b", "1", "2", "3", "4"], vec!["A", "192.0.2.1"]]
        );
    }

    #[test]
    fn quotes_and_escapes_protect() {
        assert_eq!(
            words(r#"a TXT "x ; (y" z\;\(\" "q\"r""#),
            [vec!["a", "TXT", "x ; (y", r#"z\;\(\""#, r#"q\"r"#]]
        );
    }

    #[test]
    fn joints_and_indents() {
        let mut scanner = Scanner::new("a k=\"v\" w\n b\n");
        let Some(Item::Entry(first)) = scanner.next().unwrap() else { panic!("an entry") };
        let joints: Vec<_> = first.words[1..].iter().map(|word| word.joint).collect();
        assert_eq!(joints, [Joint::Space, Joint::None, Joint::Space]);
        assert_eq!(first.indent, Indent::None);
        let Some(Item::Entry(second)) = scanner.next().unwrap() else { panic!("an entry") };
        assert_eq!(second.indent, Indent::Space);
    }

    #[test]
    fn faults_are_placed() {
        let cases = [
            ("a b\n c ( d\n", Problem::ParenthesisOpen, "line 2, column 4"),
            ("a b )\n", Problem::ParenthesisClosed, "line 1, column 5"),
            ("\n(a b)\n", Problem::ParenthesisFirst, "line 2, column 1"),
            ("a \"b\nc\"\n", Problem::Quote, "line 1, column 3"),
            ("a \u{1}\n", Problem::Control(1), "line 1, column 3"),
            ("ä b\\\n", Problem::Backslash, "line 1, column 4"),
        ];
        for (text, problem, place) in cases {
            let mut scanner = Scanner::new(text);
            let error = loop {
                match scanner.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{text:?} was taken"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.problem(), &problem, "{text:?}");
            assert_eq!(error.place().unwrap().to_string(), place, "{text:?}");
        }
    }
}
