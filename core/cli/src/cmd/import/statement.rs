//! A paper's file, cut into statements: one a line, its comments with it.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    file: Rc<str>,
    line: usize,
}

/// What is wrong, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    place: Place,
    text: String,
}

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    pub(super) place: Place,
    /// At least one.
    pub(super) words: Vec<&'a str>,
    /// Those above it and behind it, without their signs.
    pub(super) comments: Vec<String>,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statements<'a> {
    pub(super) list: Vec<Statement<'a>>,
    /// Comments behind the last statement.
    pub(super) rest: Vec<String>,
}

impl Place {
    pub(super) fn fault(&self, text: impl Into<String>) -> Fault {
        Fault { place: self.clone(), text: text.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl<'a> Statements<'a> {
    /// Cuts `text` up; `#` and `;` begin comments, at the start of a word only, since a file's name
    /// may hold them.
    pub(super) fn read(file: &str, text: &'a str) -> Statements<'a> {
        let file: Rc<str> = file.into();
        let mut list = Vec::new();
        let mut comments = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let (said, comment) = split(line);
            comments.extend(comment);
            let words: Vec<&str> = said.split_whitespace().collect();
            if !words.is_empty() {
                let place = Place { file: Rc::clone(&file), line: number + 1 };
                list.push(Statement { place, words, comments: std::mem::take(&mut comments) });
            }
        }
        Statements { list, rest: comments }
    }
}

impl<'a> Statement<'a> {
    /// The words behind the first, of which there are `N`, called `names`.
    pub(super) fn arguments<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<[&'a str; N], Fault> {
        self.words[1..].try_into().map_err(|_| {
            let there = self.words.len() - 1;
            let (first, names) = (self.words[0], names.join(" "));
            self.place.fault(format!("`{first}` takes {N}: {names}; here are {there}"))
        })
    }

    /// A number of seconds, decimals allowed down to the millisecond.
    pub(super) fn interval(&self, word: &str) -> Result<Duration, Fault> {
        const MOST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
        let wrong = |why: &str| {
            let allowed = "a number of seconds from 0.001 to 604800 (7 days), as in 60 or 0.5";
            self.place.fault(format!("the interval `{word}` {why}; allowed: {allowed}"))
        };
        let (whole, part) = word.split_once('.').unwrap_or((word, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        if !digits(whole) || !digits(part) {
            return Err(wrong("is no number of seconds"));
        }
        let part = part.trim_end_matches('0');
        if part.len() > 3 {
            return Err(wrong("is finer than a millisecond"));
        }
        let millis: u64 = format!("{part:0<3}").parse().map_err(|_| wrong("cannot be read"))?;
        let whole: u64 = whole.parse().map_err(|_| wrong("is too long"))?;
        let interval = Duration::from_secs(whole).saturating_add(Duration::from_millis(millis));
        match interval {
            Duration::ZERO => Err(wrong("is zero")),
            long if long > MOST => Err(wrong("is too long")),
            interval => Ok(interval),
        }
    }
}

/// What a line says, and its comment.
fn split(line: &str) -> (&str, Option<String>) {
    let mut start_of_word = true;
    let sign = line.char_indices().find(|(_, c)| {
        let found = start_of_word && matches!(c, '#' | ';');
        start_of_word = c.is_whitespace();
        found
    });
    match sign {
        Some((at, _)) => {
            let comment = line[at..].trim_start_matches(['#', ';']).trim();
            (&line[..at], Some(comment.to_owned()))
        }
        None => (line, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_with_the_statement_below_or_before_them() {
        let text = "# first\n\n; second\nservice 60 # third\nfile#1 a;b\n  # last\n";
        let read = Statements::read("monitor.conf", text);
        let words: Vec<_> = read.list.iter().map(|one| one.words.clone()).collect();
        assert_eq!(words, [["service", "60"], ["file#1", "a;b"]]);
        assert_eq!(read.list[0].comments, ["first", "second", "third"]);
        assert_eq!(read.list[1].comments, [""; 0]);
        assert_eq!(read.rest, ["last"]);
        assert_eq!(read.list[1].place.to_string(), "monitor.conf:5");
    }

    #[test]
    fn intervals_are_seconds_down_to_the_millisecond() {
        let read = Statements::read("f", "service");
        let interval = |word| read.list[0].interval(word).map_err(|fault| fault.to_string());
        assert_eq!(interval("60"), Ok(Duration::from_secs(60)));
        assert_eq!(interval("0.6"), Ok(Duration::from_millis(600)));
        assert_eq!(interval("1.2500"), Ok(Duration::from_millis(1250)));
        assert_eq!(interval("604800"), Ok(Duration::from_secs(604_800)));
        for (word, gist) in [
            ("0", "is zero"),
            ("0.000", "is zero"),
            ("0.0001", "finer"),
            ("604800.001", "too long"),
            ("99999999999999999999", "too long"),
            ("-1", "no number"),
            ("60s", "no number"),
            ("1.", "no number"),
            (".5", "no number"),
            ("1e3", "no number"),
        ] {
            let why = interval(word).unwrap_err();
            assert!(why.starts_with("f:1: ") && why.contains(gist), "{why}");
        }
    }
}
