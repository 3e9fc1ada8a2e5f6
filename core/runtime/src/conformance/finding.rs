//! What a check found.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::times::counted;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Check {
    /// The file is a library that may be loaded, and loads.
    Load,
    /// The sample is a table of this plugin, and it takes it.
    Sample,
    /// It takes the table it was given.
    Table,
    /// A key that it does not know is refused at its place.
    UnknownKey,
    /// A value of another type is refused at its place, key by key.
    WrongType,
    /// Many calls, one after the other: none panics, none hangs.
    Calls,
    /// A probe of a host that answers nothing ends as a timeout.
    BlackHole,
    /// A probe of a server that takes connections and says nothing ends in time.
    Silence,
    /// Many probes that wait do so at the same time.
    Together,
    /// A sample is there in time.
    Deadline,
    /// Zones are published, one after the other.
    Publish,
    /// The same publication once more does no harm.
    PublishAgain,
    /// What is served is what was published.
    ReadBack,
    /// Datagrams are sent, and none waits.
    Send,
    /// Stopped and started again it works as before.
    Restart,
    /// Instances that are gone leave nothing behind.
    Drop,
    /// Its process ends by itself.
    End,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Passed,
    /// To be mended.
    Failed,
    /// To be looked at.
    Warning,
    /// Not tried.
    Skipped,
}

/// One check of one plugin in one mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How it went.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// How a check went, and why that is so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// How it went.
    pub state: State,
    /// For people: one line.
    pub text: String,
    /// What was counted and measured; a name ends in its unit.
    pub figures: Map<String, Value>,
}

impl Check {
    /// As it is printed, and as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Check::Load => "load",
            Check::Sample => "sample",
            Check::Table => "table",
            Check::UnknownKey => "unknown-key",
            Check::WrongType => "wrong-type",
            Check::Calls => "calls",
            Check::BlackHole => "black-hole",
            Check::Silence => "silence",
            Check::Together => "together",
            Check::Deadline => "deadline",
            Check::Publish => "publish",
            Check::PublishAgain => "publish-again",
            Check::ReadBack => "read-back",
            Check::Send => "send",
            Check::Restart => "restart",
            Check::Drop => "drop",
            Check::End => "end",
        }
    }
}

impl State {
    /// As it is printed, and as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Passed => "passed",
            State::Failed => "failed",
            State::Warning => "warning",
            State::Skipped => "skipped",
        }
    }
}

impl Verdict {
    pub(super) fn passed(text: impl Into<String>) -> Verdict {
        Verdict::new(State::Passed, text)
    }

    pub(super) fn failed(text: impl Into<String>) -> Verdict {
        Verdict::new(State::Failed, text)
    }

    pub(super) fn warning(text: impl Into<String>) -> Verdict {
        Verdict::new(State::Warning, text)
    }

    pub(super) fn skipped(text: impl Into<String>) -> Verdict {
        Verdict::new(State::Skipped, text)
    }

    fn new(state: State, text: impl Into<String>) -> Verdict {
        // A plugin's own words are among them, and this is to be one line.
        let text = text.into().replace(char::is_control, " ");
        Verdict { state, text, figures: Map::new() }
    }

    /// The same, found after so many of `one` that were good.
    pub(super) fn after(mut self, good: usize, one: &str) -> Verdict {
        self.text.push_str(&match good {
            0 => format!(" (the first {one})"),
            good => format!(" (after {})", counted(good, &format!("good {one}"))),
        });
        self
    }

    /// The same with a figure.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Verdict {
        self.figures.insert(name.to_owned(), value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_json_are_those_that_are_printed() {
        let finding = Finding {
            check: Check::PublishAgain,
            verdict: Verdict::failed("two\nlines").with("calls", 7),
        };
        let json = serde_json::to_value(&finding).unwrap();
        assert_eq!(json["check"], Check::PublishAgain.as_str());
        assert_eq!(json["state"], State::Failed.as_str());
        assert_eq!(json["text"], "two lines");
        assert_eq!(json["figures"]["calls"], 7);
        assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), finding);
    }
}
