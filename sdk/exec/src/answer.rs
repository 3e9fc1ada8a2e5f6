//! What a check said: its exit code, its first line, its values.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::output::{Output, plain};
use crate::perfdata::Perfdata;

/// So many characters of a line are kept for people.
const LINE: usize = 200;

/// What one run of a check gave.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// By its exit code.
    pub verdict: Verdict,
    /// Its first line without the values, for people; where it said nothing, of what it complained.
    /// One line, without control characters, perhaps empty.
    pub text: String,
    /// Its values.
    pub perfdata: Perfdata,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Exit code 0.
    Ok,
    /// Exit code 1.
    Warning,
    /// Exit code 2.
    Critical,
    /// Exit code 3: the check could not find out.
    Unknown,
    /// Any other exit code; none of a check's.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl Verdict {
    fn of(status: ExitStatus) -> Verdict {
        match (status.code(), status.signal()) {
            (Some(0), _) => Verdict::Ok,
            (Some(1), _) => Verdict::Warning,
            (Some(2), _) => Verdict::Critical,
            (Some(3), _) => Verdict::Unknown,
            (Some(code), _) => Verdict::Code(code),
            // A process that has ended has a code or a signal.
            (None, signal) => Verdict::Signal(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Ok => f.write_str("OK (exit code 0)"),
            Verdict::Warning => f.write_str("WARNING (exit code 1)"),
            Verdict::Critical => f.write_str("CRITICAL (exit code 2)"),
            Verdict::Unknown => f.write_str("UNKNOWN (exit code 3)"),
            Verdict::Code(code) => write!(f, "exit code {code}, which no check has"),
            Verdict::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

impl Answer {
    pub(crate) fn new(status: ExitStatus, output: &Output, errors: &Output) -> Answer {
        let perfdata = Perfdata::parse(&perfdata(&output.text()));
        Answer { verdict: Verdict::of(status), text: text(output, errors), perfdata }
    }
}

/// For people: what was said, or else what was complained of.
pub(crate) fn text(output: &Output, errors: &Output) -> String {
    match first_line(&output.text()) {
        line if line.is_empty() => first_line(&errors.text()),
        line => line,
    }
}

/// The first line that says anything, up to its values.
fn first_line(said: &str) -> String {
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let text = line.split_once('|').map_or(line, |(text, _)| text).trim_end();
    let mut short: String = text.chars().take(LINE).map(plain).collect();
    if text.chars().nth(LINE).is_some() {
        short.push('…');
    }
    short
}

/// Behind the `|` of the first line, and all behind the next `|`, in as many lines as there are.
fn perfdata(said: &str) -> String {
    let said = said.trim_start();
    let (first, more) = said.split_once('\n').unwrap_or((said, ""));
    let behind = |text: &str| text.split_once('|').map_or(String::new(), |(_, it)| it.to_owned());
    format!("{} {}", behind(first), behind(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: i32, said: &str, complained: &str) -> Answer {
        // As wait(2) has it.
        let status = ExitStatus::from_raw(code << 8);
        Answer::new(status, &Output::of(said), &Output::of(complained))
    }

    fn labels(said: &str) -> Vec<String> {
        answer(0, said, "").perfdata.iter().map(|metric| metric.label.clone()).collect()
    }

    #[test]
    fn exit_codes_have_their_meaning() {
        let of = |code| answer(code, "", "").verdict;
        assert_eq!(of(0), Verdict::Ok);
        assert_eq!(of(1), Verdict::Warning);
        assert_eq!(of(2), Verdict::Critical);
        assert_eq!(of(3), Verdict::Unknown);
        assert_eq!(of(4), Verdict::Code(4));
        assert_eq!(of(127), Verdict::Code(127));
        assert_eq!(Verdict::of(ExitStatus::from_raw(11)), Verdict::Signal(11));
    }

    #[test]
    fn the_text_is_the_first_line_without_values() {
        for (said, wanted) in [
            ("OK", "OK"),
            (
                "TCP OK - 0.000 second response time on port 80|time=0.0001s\n",
                "TCP OK - 0.000 second response time on port 80",
            ),
            ("  CRITICAL - no route \r\nmore\n", "CRITICAL - no route"),
            ("\n\nlate | a=1", "late"),
            ("| a=1", ""),
            ("tab\there \u{1b}[31mred", "tab here  [31mred"),
        ] {
            assert_eq!(answer(2, said, "").text, wanted, "{said:?}");
        }
        let long = "ü".repeat(LINE);
        assert_eq!(answer(0, &long, "").text, long);
        assert_eq!(answer(0, &format!("{long}x"), "").text, format!("{long}…"));
    }

    #[test]
    fn a_complaint_counts_where_nothing_was_said() {
        assert_eq!(answer(127, "", "sh: 1: nope: not found\n").text, "sh: 1: nope: not found");
        assert_eq!(answer(2, "down", "a warning of the interpreter").text, "down");
        assert_eq!(answer(0, "", "x | a=1").perfdata, Perfdata::default());
    }

    #[test]
    fn values_stand_behind_the_first_line_and_behind_the_long_text() {
        assert_eq!(labels("OK"), [""; 0]);
        assert_eq!(labels("OK | a=1 b=2\nlong\ntext"), ["a", "b"]);
        // The guidelines' own form.
        let text = "DISK OK - free | /=2643MB;5948;5958;0;5968\n/ 15272 MB (77%);\n\
                    /boot 68 MB (69%);\n/var 819 MB (84%); | /boot=68MB;88;93;0;98\n\
                    /home=69357MB;253404;253409;0;253414 \n/var=818MB;970;975;0;980";
        assert_eq!(labels(text), ["/", "/boot", "/home", "/var"]);
        assert_eq!(labels("OK\nlong | a=1\nb=2\n"), ["a", "b"]);
        assert_eq!(labels("\nOK | a=1\n"), ["a"]);
        assert_eq!(labels("OK | a=1\r\nlong | b=2\r\nmore | c=3"), ["a", "b", "c"]);
    }
}
