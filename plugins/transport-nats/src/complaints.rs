//! What a server complains of while a connection lasts.

use std::collections::BTreeSet;

/// Each is said once.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    said: BTreeSet<String>,
    last: Option<String>,
}

/// So many are said of one connection: whatever its text, no server fills the log.
pub(crate) const MOST: usize = 16;

/// What a server that keeps no subscription of ours says, and goes on as if there were one.
const DENIALS: [&str; 2] =
    ["Permissions Violation for Subscription", "maximum subscriptions exceeded"];

impl Complaints {
    /// Takes it; whether it is to be said.
    pub(crate) fn is_news(&mut self, text: &str) -> bool {
        self.last = Some(text.to_owned());
        self.said.len() < MOST && self.said.insert(text.to_owned())
    }

    /// We hear again: the next denial is news.
    pub(crate) fn heard(&mut self) {
        self.said.retain(|text| !is_denial(text));
    }

    /// Where a connection ends, this may be the reason.
    pub(crate) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }
}

/// Whether it means that nothing will be heard.
pub(crate) fn is_denial(text: &str) -> bool {
    DENIALS.iter().any(|denial| text.contains(denial))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_news_once_and_none_beyond_the_most() {
        let mut complaints = Complaints::default();
        for number in 0..MOST {
            assert!(complaints.is_news(&format!("complaint {number}")));
        }
        for number in 0..2 * MOST {
            assert!(!complaints.is_news(&format!("complaint {number}")), "{number}");
        }
        assert_eq!(complaints.last(), Some("complaint 31"), "it may be why the connection ends");
    }

    #[test]
    fn a_denial_is_news_again_once_we_have_heard() {
        let denial = "nats: Permissions Violation for Subscription to \"rais.beats\"";
        let other = "nats: Permissions Violation for Publish to \"rais.beats\"";
        assert!(is_denial(denial) && is_denial("nats: maximum subscriptions exceeded"));
        assert!(!is_denial(other));
        let mut complaints = Complaints::default();
        assert!(complaints.is_news(denial) && complaints.is_news(other));
        assert!(!complaints.is_news(denial) && !complaints.is_news(other));
        complaints.heard();
        assert!(complaints.is_news(denial) && !complaints.is_news(other));
    }
}
