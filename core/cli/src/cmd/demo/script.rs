//! What the demo does by itself. Pure: it is told the time.

use std::collections::VecDeque;
use std::time::Duration;

use super::command::Order;
use super::which::Which;

/// What happens by itself once all are in the answers. Times count from the demo's start.
#[derive(Debug)]
pub(super) struct Script {
    length: Option<Duration>,
    acts: Acts,
    due: VecDeque<(Duration, Order)>,
    end: Option<Duration>,
}

/// Whether the demo kills and revives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acts {
    /// It does.
    ByItself,
    /// Somebody is there who can.
    OnCommand,
}

/// Where nobody says how long it lasts, it acts as though it were this.
const USUAL_LENGTH: Duration = Duration::from_secs(20);
/// Whom it kills and revives.
const VICTIM: Which = Which::Web2;

impl Script {
    /// For `length` from [`Script::begin`] on; for ever where it is none.
    pub(super) fn new(length: Option<Duration>, acts: Acts) -> Script {
        Script { length, acts, due: VecDeque::new(), end: None }
    }

    /// The clock starts. Says what will happen by itself, if anything will.
    pub(super) fn begin(&mut self, now: Duration) -> Option<String> {
        self.end = self.length.map(|length| now + length);
        if self.acts == Acts::OnCommand {
            return None;
        }
        let third = self.length.unwrap_or(USUAL_LENGTH) / 3;
        let (kill, revive) = (now + third, now + third * 2);
        self.due = [(kill, Order::Kill(VICTIM)), (revive, Order::Revive(VICTIM))].into();
        let [kill, revive] = [kill, revive].map(|at| format!("{:.1} s", at.as_secs_f64()));
        Some(format!("{VICTIM} will be killed at {kill} and revived at {revive}"))
    }

    /// When everything ends; never where it is none.
    pub(super) fn end(&self) -> Option<Duration> {
        self.end
    }

    /// What is to be done by now.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<Order> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).count();
        self.due.drain(..due).map(|(_, order)| order).collect()
    }

    /// Nothing more by itself. Says whether anything was still to come.
    pub(super) fn abandon(&mut self) -> bool {
        !std::mem::take(&mut self.due).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(2);

    fn after(millis: u64) -> Duration {
        NOW + Duration::from_millis(millis)
    }

    #[test]
    fn kills_at_a_third_and_revives_at_two() {
        let mut script = Script::new(Some(Duration::from_secs(6)), Acts::ByItself);
        assert_eq!(script.end(), None);
        let said = script.begin(NOW).unwrap();
        assert_eq!(said, "web2 will be killed at 4.0 s and revived at 6.0 s");
        assert_eq!(script.end(), Some(after(6000)));
        assert_eq!(script.take_due(after(1999)), []);
        assert_eq!(script.take_due(after(2000)), [Order::Kill(VICTIM)]);
        assert_eq!(script.take_due(after(3000)), []);
        assert_eq!(script.take_due(after(9000)), [Order::Revive(VICTIM)]);
        assert!(!script.abandon());
    }

    #[test]
    fn leaves_it_to_whoever_takes_over() {
        let mut script = Script::new(None, Acts::ByItself);
        script.begin(NOW).unwrap();
        assert_eq!(script.end(), None);
        assert!(script.abandon());
        assert_eq!(script.take_due(after(60_000)), []);
        assert_eq!(Script::new(None, Acts::OnCommand).begin(NOW), None);
    }
}
