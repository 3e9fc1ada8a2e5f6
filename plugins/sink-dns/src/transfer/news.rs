//! Of which zones a secondary is to be told, and when. Knows no clock.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::base::iana::Rcode;

/// So often it is tried; then the secondary finds out by its own refresh (RFC 1996 §3.6).
const TRIES: u32 = 6;
/// Until the second try; each further one comes after twice the time.
const PAUSE: Duration = Duration::from_secs(2);

/// What a secondary has not taken yet.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Zones by their names.
    waiting: BTreeMap<Vec<u8>, Waiting>,
    /// Zones whose news it refuses, and how.
    refused: BTreeMap<Vec<u8>, Rcode>,
    secondary: Secondary,
    turn: Turn,
}

/// Which of several zones is told of next. After a start these are all zones, one a round trip: what changes
/// meanwhile does not wait for them, nor do they wait for ever where much changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    /// The one that has changed last.
    #[default]
    Latest,
    /// The one that waits for longest.
    Oldest,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// In vain.
    tries: u32,
    due: Instant,
}

/// Whether the last word that was sent had an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Secondary {
    #[default]
    Answers,
    Silent,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To tell of this zone, which was told of so often in vain.
    Tell(Vec<u8>, u32),
    /// To wait for so long, or for a change.
    Wait(Duration),
    Nothing,
}

/// What came of telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Yes,
    No(Rcode),
    Nothing,
}

/// Whether people know of it already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Novelty {
    New,
    Known,
}

impl News {
    /// A zone is another than before.
    pub(super) fn changed(&mut self, apex: &[u8], now: Instant) {
        self.waiting.insert(apex.to_vec(), Waiting { tries: 0, due: now });
    }

    /// Takes the zone out of which it is time to tell.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        let all = || self.waiting.iter();
        let Some(first) = all().map(|(_, waiting)| waiting.due).min() else {
            return Next::Nothing;
        };
        if first > now {
            return Next::Wait(first - now);
        }
        let due = all().filter(|(_, waiting)| waiting.due <= now);
        let chosen = match self.turn {
            Turn::Latest => due.max_by_key(|(_, waiting)| (Reverse(waiting.tries), waiting.due)),
            Turn::Oldest => due.min_by_key(|(_, waiting)| (waiting.due, waiting.tries)),
        };
        let Some((apex, waiting)) = chosen.map(|(apex, waiting)| (apex.clone(), *waiting)) else {
            return Next::Nothing;
        };
        self.turn = if self.turn == Turn::Latest { Turn::Oldest } else { Turn::Latest };
        self.waiting.remove(&apex);
        Next::Tell(apex, waiting.tries)
    }

    /// What came of telling of a zone, after so many tries in vain.
    pub(super) fn heard(
        &mut self,
        apex: Vec<u8>,
        tries: u32,
        heard: Heard,
        now: Instant,
    ) -> Novelty {
        let before = self.secondary;
        self.secondary =
            if heard == Heard::Nothing { Secondary::Silent } else { Secondary::Answers };
        if before == Secondary::Silent && self.secondary == Secondary::Answers {
            // The others need not wait any longer, but for those that it refuses.
            for (apex, waiting) in &mut self.waiting {
                if !self.refused.contains_key(apex) {
                    waiting.due = waiting.due.min(now);
                }
            }
        }
        let is_known = match heard {
            Heard::Yes => {
                self.refused.remove(&apex);
                return Novelty::Known;
            }
            Heard::No(rcode) => self.refused.insert(apex.clone(), rcode) == Some(rcode),
            // Once for all its zones.
            Heard::Nothing => before == Secondary::Silent,
        };
        // A server that does not know NOTIFY will not learn it (RFC 1996).
        if heard != Heard::No(Rcode::NOTIMP) && tries + 1 < TRIES {
            let due = now + PAUSE * (1 << tries);
            // What has changed again meanwhile is new.
            self.waiting.entry(apex).or_insert(Waiting { tries: tries + 1, due });
        }
        if is_known { Novelty::Known } else { Novelty::New }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"\x01a\0";
    const B: &[u8] = b"\x01b\0";

    /// Seconds after which a zone is told of, while each time this is heard; and how often it is news.
    fn told(heard: impl Fn(u32) -> Heard) -> (Vec<u64>, usize) {
        let begin = Instant::now();
        let (mut news, mut now) = (News::default(), begin);
        let (mut at, mut said) = (Vec::new(), 0);
        news.changed(A, now);
        loop {
            match news.next(now) {
                Next::Nothing => return (at, said),
                Next::Wait(pause) => now += pause,
                Next::Tell(apex, tries) => {
                    at.push((now - begin).as_secs());
                    let novelty = news.heard(apex, tries, heard(tries), now);
                    said += usize::from(novelty == Novelty::New);
                }
            }
        }
    }

    #[test]
    fn who_does_not_take_it_is_told_again_ever_later_and_not_for_ever() {
        let all = vec![0, 2, 6, 14, 30, 62];
        for heard in [Heard::Nothing, Heard::No(Rcode::REFUSED), Heard::No(Rcode::SERVFAIL)] {
            assert_eq!(told(|_| heard), (all.clone(), 1), "{heard:?}");
        }
        let taken_at_last = |tries| if tries < 2 { Heard::No(Rcode::NOTAUTH) } else { Heard::Yes };
        assert_eq!(told(taken_at_last), (vec![0, 2, 6], 1));
        assert_eq!(told(|_| Heard::Yes), (vec![0], 0));
        assert_eq!(told(|_| Heard::No(Rcode::NOTIMP)), (vec![0], 1));
    }

    #[test]
    fn a_refusal_is_said_again_when_it_is_another_or_the_news_was_taken_between() {
        let mut news = News::default();
        let now = Instant::now();
        let mut heard = |heard| news.heard(A.to_vec(), 0, heard, now);
        assert_eq!(heard(Heard::No(Rcode::REFUSED)), Novelty::New);
        assert_eq!(heard(Heard::No(Rcode::REFUSED)), Novelty::Known);
        assert_eq!(heard(Heard::No(Rcode::SERVFAIL)), Novelty::New);
        assert_eq!(heard(Heard::Yes), Novelty::Known);
        assert_eq!(heard(Heard::No(Rcode::SERVFAIL)), Novelty::New);
    }

    #[test]
    fn a_zone_that_is_refused_holds_up_no_other_and_one_that_changes_again_is_new() {
        let mut news = News::default();
        let now = Instant::now();
        news.changed(A, now);
        assert_eq!(news.next(now), Next::Tell(A.to_vec(), 0));
        news.heard(A.to_vec(), 0, Heard::No(Rcode::REFUSED), now);
        news.changed(B, now);
        assert_eq!(news.next(now), Next::Tell(B.to_vec(), 0));
        assert_eq!(news.next(now), Next::Wait(PAUSE));
        news.changed(A, now);
        assert_eq!(news.next(now), Next::Tell(A.to_vec(), 0));
        // Changed while it is told.
        news.changed(A, now);
        news.heard(A.to_vec(), 0, Heard::Nothing, now);
        assert_eq!(news.next(now), Next::Tell(A.to_vec(), 0));
    }

    #[test]
    fn once_a_secondary_is_back_all_is_told_at_once_but_what_it_refuses() {
        let mut news = News::default();
        let now = Instant::now();
        news.heard(A.to_vec(), 3, Heard::No(Rcode::REFUSED), now);
        news.heard(B.to_vec(), 3, Heard::Nothing, now);
        assert_eq!(news.next(now), Next::Wait(PAUSE * 8));
        news.heard(b"\x01c\0".to_vec(), 0, Heard::Yes, now);
        assert_eq!(news.next(now), Next::Tell(B.to_vec(), 4));
        assert_eq!(news.next(now), Next::Wait(PAUSE * 8));
    }

    #[test]
    fn what_has_changed_last_does_not_wait_for_all_that_a_start_has_brought() {
        let mut news = News::default();
        let begin = Instant::now();
        let zone = |i: u64| format!("{i:04}").into_bytes();
        (0..2000).for_each(|i| news.changed(&zone(i), begin + Duration::from_micros(i)));
        let mut now = begin + PAUSE;
        // Whose news was refused once comes after what is new.
        news.heard(B.to_vec(), 0, Heard::No(Rcode::REFUSED), begin);
        news.changed(A, now);
        let mut told = Vec::new();
        while let Next::Tell(apex, _) = news.next(now) {
            // As many as can be told of change all the time.
            now += Duration::from_millis(50);
            news.changed(A, now);
            told.push(apex);
            if told.len() == 4002 {
                break;
            }
        }
        let place = |wanted: &[u8]| told.iter().position(|apex| apex == wanted);
        assert_eq!(place(A), Some(0));
        assert_eq!((place(&zone(0)), place(&zone(1))), (Some(1), Some(3)));
        assert!((0..2000).all(|i| place(&zone(i)).is_some()) && place(B).is_some());
    }
}
