//! The words of an agent: HAProxy 2.6's configuration manual, `agent-check`.

use rais_sdk::Wish;

/// What one line says. What is not said is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Words {
    /// `75%`. More than fits is as much as fits.
    pub(crate) percent: Option<u16>,
    admin: Option<Admin>,
    health: Option<Health>,
}

/// HAProxy's administrative state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admin {
    Ready,
    Drain,
    Maintenance,
}

/// HAProxy's operating state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Up,
    Down,
}

/// The first word that is none of an agent's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the agent says `{0}`; its words are 75%, maxconn:30, ready, drain, maint, up, down, fail, \
     stopped, and a description behind #"
)]
pub(crate) struct UnknownWord(String);

impl Words {
    /// Words of one kind overrule those before them, as in HAProxy.
    pub(crate) fn parse(line: &str) -> Result<Words, UnknownWord> {
        let said = line.split('#').next().unwrap_or_default();
        let mut words = Words::default();
        for word in said.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
            words.take(word).ok_or_else(|| UnknownWord(word.to_owned()))?;
        }
        Ok(words)
    }

    fn take(&mut self, word: &str) -> Option<()> {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "ready" => self.admin = Some(Admin::Ready),
            "drain" => self.admin = Some(Admin::Drain),
            "maint" => self.admin = Some(Admin::Maintenance),
            "up" => self.health = Some(Health::Up),
            // HAProxy's manual called the second one `failed` up to 1.6.
            "down" | "fail" | "failed" | "stopped" => self.health = Some(Health::Down),
            other => match (other.strip_suffix('%'), other.strip_prefix("maxconn:")) {
                (Some(percent), _) => self.percent = Some(number(percent)?),
                // Resolvers open no connections.
                (None, Some(most)) => drop(number(most)?),
                (None, None) => return None,
            },
        }
        Some(())
    }

    /// The one wish that a server can have, of HAProxy's two states: what takes it out further
    /// counts.
    pub(crate) fn wish(self) -> Wish {
        match (self.admin, self.health) {
            (Some(Admin::Maintenance), _) => Wish::Maintenance,
            (_, Some(Health::Down)) => Wish::Down,
            (Some(Admin::Drain), _) => Wish::Drain,
            (Some(Admin::Ready), _) => Wish::Ready,
            (None, Some(Health::Up)) => Wish::Up,
            (None, None) => Wish::None,
        }
    }
}

fn number(digits: &str) -> Option<u16> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_and_what_it_asks_for() {
        let table = [
            ("", Wish::None, None),
            (" \t,, ", Wish::None, None),
            ("75%", Wish::None, Some(75)),
            ("0%", Wish::None, Some(0)),
            ("256%", Wish::None, Some(256)),
            ("99999999999999999999%", Wish::None, Some(u16::MAX)),
            ("maxconn:30", Wish::None, None),
            ("MaxConn:99999999", Wish::None, None),
            ("ready", Wish::Ready, None),
            ("up", Wish::Up, None),
            ("drain", Wish::Drain, None),
            ("maint", Wish::Maintenance, None),
            ("down", Wish::Down, None),
            ("fail", Wish::Down, None),
            ("failed", Wish::Down, None),
            ("stopped", Wish::Down, None),
            ("UP", Wish::Up, None),
            ("Drain", Wish::Drain, None),
            // A description is no word, with or without a space before it.
            ("down#disk full", Wish::Down, None),
            ("down # up ready 10%", Wish::Down, None),
            ("#drain", Wish::None, None),
            // Several, in any order, between any delimiters.
            ("up 75%", Wish::Up, Some(75)),
            ("75%,up", Wish::Up, Some(75)),
            ("50%\tmaxconn:5, \tready up", Wish::Ready, Some(50)),
            ("drain up 100%", Wish::Drain, Some(100)),
            ("up drain", Wish::Drain, None),
            ("ready down", Wish::Down, None),
            ("down ready", Wish::Down, None),
            ("drain down", Wish::Down, None),
            ("maint down", Wish::Maintenance, None),
            ("maint up", Wish::Maintenance, None),
            // The last of a kind counts.
            ("drain ready", Wish::Ready, None),
            ("ready maint", Wish::Maintenance, None),
            ("down up", Wish::Up, None),
            ("10% 20%", Wish::None, Some(20)),
        ];
        for (line, wish, percent) in table {
            let words = Words::parse(line).unwrap();
            assert_eq!((words.wish(), words.percent), (wish, percent), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_word_is_named() {
        let table = [
            ("up 75", "75"),
            ("%", "%"),
            ("-5%", "-5%"),
            ("+5%", "+5%"),
            ("12.5%", "12.5%"),
            ("7 5% up", "7"),
            ("maxconn:", "maxconn:"),
            ("maxconn:many", "maxconn:many"),
            ("maxconn: 30", "maxconn:"),
            ("maxconn:5%", "maxconn:5%"),
            ("down: disk full", "down:"),
            ("Up; Drain", "Up;"),
            ("drained", "drained"),
            ("HTTP/1.1 400", "HTTP/1.1"),
        ];
        for (line, word) in table {
            assert_eq!(Words::parse(line), Err(UnknownWord(word.to_owned())), "{line:?}");
        }
        let text = UnknownWord("75".to_owned()).to_string();
        assert!(text.starts_with("the agent says `75`; its words are 75%, maxconn:30,"), "{text}");
    }
}
