//! What a load gave: a load index, and what a server asks for itself.

use crate::heartbeat::{Reason, State, Weight};
use crate::load::Load;

/// One sample.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// None where it is not known.
    pub load: Option<Load>,
    /// What is asked for; none: nothing was said, and what was said before stands.
    pub wish: Option<Wish>,
    /// Percent of the configured weight; none: what was said before stands.
    pub weight: Option<u16>,
    /// Why, for people.
    pub reason: Reason,
}

/// What a server asks for itself, in the words of HAProxy's agent-check; the later outweighs the
/// earlier where several loads ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Wish {
    /// That an earlier [`Wish::Down`] has ended, and no other.
    Up,
    /// Nothing, and an earlier wish has ended.
    #[default]
    Ready,
    /// To be left alone by new clients.
    Drain,
    /// To be out: it does not work.
    Down,
    /// To be out: it is being worked on.
    Maintenance,
}

/// What stands of all that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    pub(super) wish: Wish,
    pub(super) weight: Option<u16>,
    /// That of the wish.
    pub(super) reason: Reason,
}

impl Reading {
    /// A load, and nothing asked for.
    pub fn of(load: Load) -> Reading {
        Reading { load: Some(load), ..Reading::default() }
    }
}

impl Wanted {
    /// Takes in what was said last.
    pub(super) fn hear(&mut self, reading: &Reading) {
        match reading.wish {
            Some(Wish::Up) if self.wish == Wish::Down => {
                (self.wish, self.reason) = (Wish::Ready, Reason::default());
            }
            None | Some(Wish::Up) => {}
            Some(wish) => (self.wish, self.reason) = (wish, reading.reason.clone()),
        }
        if let Some(weight) = reading.weight {
            self.weight = Some(weight);
        }
    }

    /// With what another load was told: the heavier wish, the lighter weight.
    pub(super) fn and(self, other: &Wanted) -> Wanted {
        let (wish, reason) = match self.wish >= other.wish {
            true => (self.wish, self.reason),
            false => (other.wish, other.reason.clone()),
        };
        let weight = match (self.weight, other.weight) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Wanted { wish, weight, reason }
    }

    /// What is announced of an address whose health is `state`: no wish makes one up.
    pub(super) fn applied(&self, state: State) -> State {
        match (self.wish, state) {
            (Wish::Maintenance, _) => State::Maintenance,
            (Wish::Down, State::Up | State::Unknown) => State::Down,
            (Wish::Drain, State::Up) => State::Draining,
            // A weight of nothing is how HAProxy's agents drain.
            (_, State::Up) if self.weight == Some(0) => State::Draining,
            _ => state,
        }
    }

    /// The configured weight, as far as it is wanted.
    pub(super) fn weigh(&self, weight: Weight) -> Weight {
        let Some(percent) = self.weight else { return weight };
        let wanted = u32::from(weight.as_percent()) * u32::from(percent) / 100;
        let wanted = u16::try_from(wanted).unwrap_or(u16::MAX);
        Weight::from_percent(wanted.clamp(1, Weight::MOST.as_percent())).unwrap_or(weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(wish: Option<Wish>, weight: Option<u16>, reason: &str) -> Reading {
        Reading { load: None, wish, weight, reason: Reason::new(reason) }
    }

    #[test]
    fn what_is_not_said_stands() {
        let mut wanted = Wanted::default();
        wanted.hear(&said(Some(Wish::Drain), None, "upgrade"));
        wanted.hear(&said(None, Some(50), "half"));
        let reason = Reason::new("upgrade");
        assert_eq!(wanted, Wanted { wish: Wish::Drain, weight: Some(50), reason });
        wanted.hear(&said(Some(Wish::Ready), None, ""));
        assert_eq!((wanted.wish, wanted.weight), (Wish::Ready, Some(50)));
        for (before, after) in [(Wish::Down, Wish::Ready), (Wish::Drain, Wish::Drain)] {
            wanted.hear(&said(Some(before), None, ""));
            wanted.hear(&said(Some(Wish::Up), None, ""));
            assert_eq!(wanted.wish, after);
        }
    }

    #[test]
    fn the_heavier_wish_and_the_lighter_weight_count() {
        let of = |wish, weight| Wanted { wish, weight, reason: Reason::new(&format!("{wish:?}")) };
        let both = of(Wish::Drain, Some(70)).and(&of(Wish::Down, Some(80)));
        assert_eq!(
            both,
            Wanted { wish: Wish::Down, weight: Some(70), reason: Reason::new("Down") }
        );
        assert_eq!(of(Wish::Ready, None).and(&of(Wish::Ready, Some(10))).weight, Some(10));
    }

    #[test]
    fn no_wish_makes_an_address_up() {
        let of = |wish, weight| Wanted { wish, weight, reason: Reason::default() };
        for (wanted, up, down, unknown) in [
            (of(Wish::Ready, None), State::Up, State::Down, State::Unknown),
            (of(Wish::Drain, None), State::Draining, State::Down, State::Unknown),
            (of(Wish::Ready, Some(0)), State::Draining, State::Down, State::Unknown),
            (of(Wish::Down, None), State::Down, State::Down, State::Down),
            (
                of(Wish::Maintenance, None),
                State::Maintenance,
                State::Maintenance,
                State::Maintenance,
            ),
        ] {
            let applied =
                [State::Up, State::Down, State::Unknown].map(|state| wanted.applied(state));
            assert_eq!(applied, [up, down, unknown], "{wanted:?}");
        }
    }

    #[test]
    fn a_weight_is_a_share_of_the_configured_one() {
        let weigh = |percent, of: u16| {
            let wanted = Wanted { weight: percent, ..Wanted::default() };
            wanted.weigh(Weight::from_percent(of).unwrap()).as_percent()
        };
        assert_eq!(weigh(None, 70), 70);
        assert_eq!(weigh(Some(50), 70), 35);
        assert_eq!(weigh(Some(200), 100), 200);
        assert_eq!(weigh(Some(0), 100), 1, "it drains; no weight is nothing");
        assert_eq!(weigh(Some(u16::MAX), 1000), 1000);
    }
}
