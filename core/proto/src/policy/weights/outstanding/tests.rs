use proptest::prelude::*;

use super::*;
use crate::policy::weights::Share;

fn web(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

fn shares(shares: &[(u8, u16)]) -> Shares {
    shares.iter().map(|&(n, share)| (web(n), Share::new(share).unwrap())).collect()
}

fn published(all: &[(u8, u16)]) -> Outstanding {
    let mut outstanding = Outstanding::default();
    outstanding.note_published(&shares(all));
    outstanding
}

/// Whether these, wanted at every ten seconds from `from` to `to`, are due at the end.
fn is_due(outstanding: &mut Outstanding, from: u64, to: u64, wanted: &[(u8, u16)]) -> bool {
    for secs in (from..=to).step_by(10) {
        outstanding.note_wanted(Time::from_secs(secs), &shares(wanted));
    }
    outstanding.is_due(&shares(wanted))
}

#[test]
fn what_is_much_is_due_at_once_and_noise_is_not() {
    let before = [(1, 65_535), (2, 60_000), (3, 100)];
    let now = |wanted: &[(u8, u16)]| is_due(&mut published(&before), 0, 0, wanted);
    assert!(!now(&before));
    assert!(!now(&[(1, 63_000), (2, 60_000), (3, 100)]));
    assert!(now(&[(1, 65_535), (2, 50_000), (3, 100)]));
    assert!(now(&[(1, 65_535), (2, 60_000), (3, 106)]), "a light one, too");
    assert!(now(&[(1, 65_535), (2, 60_000)]));
    assert!(now(&[(1, 65_535), (2, 60_000), (4, 100)]));
    // All are told as against the heaviest: where it has less, the others look as if they had more.
    let all_less = [(1, 32_768), (2, 30_000), (3, 50)];
    assert!(!is_due(&mut published(&before), 0, 9_000, &all_less));
    assert!(!Outstanding::default().is_due(&Shares::new()));
}

#[test]
fn what_is_little_is_due_once_it_has_stood_for_ten_minutes() {
    let mut outstanding = published(&[(1, 65_535), (2, 63_000)]);
    let alike = [(1, 65_535), (2, 65_535)];
    assert!(!is_due(&mut outstanding, 0, 590, &alike));
    assert!(is_due(&mut outstanding, 600, 600, &alike));
    outstanding.note_published(&shares(&alike));
    assert!(!is_due(&mut outstanding, 610, 9_000, &alike), "nothing is left");
    assert!(!is_due(&mut outstanding, 9_010, 18_000, &[(1, 65_535), (2, 64_500)]), "nor is this");
}

#[test]
fn what_goes_to_and_fro_is_never_due() {
    let mut outstanding = published(&[(1, 64_000), (2, 64_000)]);
    for minutes in (0..120).step_by(8) {
        let (more, less) = ([(1, 65_535), (2, 63_000)], [(1, 63_000), (2, 65_535)]);
        let from = minutes * 60;
        assert!(!is_due(&mut outstanding, from, from + 230, &more));
        assert!(!is_due(&mut outstanding, from + 240, from + 470, &less));
    }
}

#[test]
fn a_publication_for_whatever_reason_begins_the_ten_minutes_anew() {
    let mut outstanding = published(&[(1, 65_535), (2, 63_000), (3, 1_000)]);
    let wanted = [(1, 65_535), (2, 65_535), (3, 1_000)];
    assert!(!is_due(&mut outstanding, 0, 590, &wanted));
    outstanding.note_published(&shares(&[(1, 65_535), (2, 63_000), (3, 900)]));
    assert!(!is_due(&mut outstanding, 600, 1_190, &[(1, 65_535), (2, 65_535), (3, 910)]));
}

proptest! {
    /// Shares that jump and stand as they like, by too little to be worth a publication at once:
    /// between two publications lie ten minutes, and what stands still is published in the end.
    #[test]
    fn costs_six_an_hour_at_most_and_leaves_nothing(
        walk in prop::collection::vec((prop::array::uniform3(64_000..=65_535_u16), 1..120), 1..40),
    ) {
        let mut outstanding = published(&[(1, 65_000), (2, 65_000), (3, 65_000)]);
        let (mut secs, mut publications) = (0, 0);
        let ends = (walk[walk.len() - 1].0, 61);
        for ([one, two, three], steps) in walk.into_iter().chain([ends]) {
            let wanted = shares(&[(1, one), (2, two), (3, three)]);
            for _ in 0..steps {
                secs += 10;
                outstanding.note_wanted(Time::from_secs(secs), &wanted);
                if outstanding.is_due(&wanted) {
                    publications += 1;
                    outstanding.note_published(&wanted);
                }
                prop_assert!(publications <= secs / 600);
            }
        }
        let [one, two, three] = ends.0;
        let wanted = shares(&[(1, one), (2, two), (3, three)]);
        let is_off = |(_, part): (IpAddr, Part)| part.is_off_by(IN_THE_END_PERCENT).is_some();
        prop_assert!(!parts(outstanding.published(), &wanted).any(is_off));
    }
}
