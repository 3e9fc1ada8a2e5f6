//! What a wheel promises: no member twice in an answer, each in as many as its weight says, and
//! first in its share of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use rais_wheel::{COLUMNS, Seed, Wheel};

fn seed(serial: u32) -> Seed {
    Seed::of(b"www.example", serial)
}

/// In how many columns each of `members` stands.
fn inclusions(wheel: &Wheel, members: usize) -> Vec<usize> {
    let mut counts = vec![0; members];
    for &member in wheel.columns().flatten() {
        counts[member as usize] += 1;
    }
    counts
}

/// How often each of `members` is first in the answers with these numbers.
fn firsts(wheel: &Wheel, members: usize, counters: std::ops::Range<u64>) -> Vec<usize> {
    let mut counts = vec![0; members];
    for counter in counters {
        counts[wheel.answer(counter).next().unwrap()] += 1;
    }
    counts
}

fn weights() -> impl Strategy<Value = Vec<u16>> {
    let any = prop_oneof![4 => 1..=u16::MAX, 1 => 1..20_u16, 1 => Just(u16::MAX)];
    prop::collection::vec(any, 1..80)
}

proptest! {
    #[test]
    fn no_answer_has_a_member_twice(weights in weights(), max in 1..30_usize, serial: u32, from: u64) {
        let wheel = Wheel::new(&weights, max, seed(serial)).unwrap();
        prop_assert!(wheel.width() <= max.min(weights.len()));
        for counter in 0..COLUMNS as u64 {
            let answer: Vec<usize> = wheel.answer(from.wrapping_add(counter)).collect();
            let distinct: BTreeSet<usize> = answer.iter().copied().collect();
            prop_assert_eq!(answer.len(), wheel.width());
            prop_assert_eq!(distinct.len(), answer.len());
        }
    }

    /// n_i: largest remainders, so within one of the exact share.
    #[test]
    fn each_is_in_its_share_of_the_columns(weights in weights(), max in 1..30_usize, serial: u32) {
        let wheel = Wheel::new(&weights, max, seed(serial)).unwrap();
        let sum: f64 = weights.iter().copied().map(f64::from).sum();
        let all = (COLUMNS * wheel.width()) as f64;
        let counts = inclusions(&wheel, weights.len());
        prop_assert_eq!(counts.iter().sum::<usize>(), COLUMNS * wheel.width());
        // Who was raised to one place took it from those who have most; for the second address in
        // an answer the heaviest gives up to a tenth.
        let exact = |weight: u16| f64::from(weight) * all / sum;
        let raised = weights.iter().any(|&weight| exact(weight) < 1.0);
        let bent = weights.iter().any(|&weight| exact(weight) > COLUMNS as f64);
        prop_assert!(!bent || wheel.width() == 2);
        for (&count, &weight) in counts.iter().zip(&weights) {
            let exact = exact(weight);
            prop_assert!((1..=COLUMNS).contains(&count));
            if bent {
                prop_assert!(count as f64 + 2.0 > exact / 1.1, "{} for {}", count, exact);
            } else {
                prop_assert!(raised || (count as f64 - exact).abs() < 1.0, "{count} for {exact}");
            }
        }
    }

    #[test]
    fn each_is_first_in_its_share_of_any_width_turns(
        weights in weights(), max in 1..30_usize, serial: u32, from in 0..u64::MAX / 2,
    ) {
        let wheel = Wheel::new(&weights, max, seed(serial)).unwrap();
        let turns = from..from + (COLUMNS * wheel.width()) as u64;
        prop_assert_eq!(
            firsts(&wheel, weights.len(), turns),
            inclusions(&wheel, weights.len())
        );
    }

    #[test]
    fn equal_weights_with_room_for_all_are_a_plain_rotation(
        members in 1..=28_usize, weight in 0..=u16::MAX, serial: u32,
    ) {
        let wheel = Wheel::new(&vec![weight; members], 28, seed(serial)).unwrap();
        let line: Vec<usize> = wheel.answer(0).collect();
        prop_assert_eq!(line.len(), members);
        for counter in 0..(COLUMNS * members) as u64 {
            let answer: Vec<usize> = wheel.answer(counter).collect();
            let from = line.iter().position(|member| Some(member) == answer.first()).unwrap();
            let rotated = line[from..].iter().chain(&line[..from]).copied();
            prop_assert_eq!(rotated.collect::<Vec<_>>(), answer);
        }
    }

    #[test]
    fn equal_inputs_make_equal_wheels_in_whatever_case_the_zone_is_written(weights in weights(), serial: u32) {
        let wheel = || Wheel::new(&weights, 28, Seed::of(b"WWW.example", serial)).unwrap();
        prop_assert_eq!(wheel(), Wheel::new(&weights, 28, seed(serial)).unwrap());
    }
}

#[test]
fn as_many_addresses_as_keep_the_weights_exact() {
    let width = |weights: &[u16], max| Wheel::new(weights, max, seed(1)).unwrap().width();
    assert_eq!(width(&[1, 1, 1, 1], 28), 4);
    assert_eq!(width(&[4, 3, 2, 1], 28), 2);
    assert_eq!(width(&[4, 3, 1], 28), 2);
    assert_eq!(width(&[4, 1, 1, 1], 28), 1);
    assert_eq!(width(&[4, 3], 28), 1);
    assert_eq!(width(&[9], 28), 1);
    assert_eq!(width(&[7; 40], 28), 28);
    assert_eq!(width(&[7; 40], 16), 16);
}

#[test]
fn an_answer_has_two_addresses_where_that_bends_the_weights_but_little() {
    let columns = |weights: &[u16]| {
        let wheel = Wheel::new(weights, 28, seed(1)).unwrap();
        (wheel.width(), inclusions(&wheel, weights.len()))
    };
    assert_eq!(columns(&[55, 45]), (2, vec![256, 256]));
    assert_eq!(columns(&[550, 300, 150]), (2, vec![256, 171, 85]));
    assert_eq!(columns(&[56, 44]).0, 1);
}

#[test]
fn a_feather_is_in_one_column_and_nothing_in_none() {
    let wheel = Wheel::new(&[u16::MAX, u16::MAX, 1, 0], 28, seed(1)).unwrap();
    let counts = inclusions(&wheel, 4);
    assert_eq!(counts[2..], [1, 0]);
    assert_eq!(counts[0] + counts[1], 511);
    // More than there are places: the order, which each serial makes anew, says who is in.
    let crowd = vec![7; 1000];
    let wheel = |serial| Wheel::new(&crowd, 1, seed(serial)).unwrap();
    assert_eq!(inclusions(&wheel(1), 1000).iter().filter(|&&count| count == 1).count(), COLUMNS);
    assert_ne!(inclusions(&wheel(1), 1000), inclusions(&wheel(2), 1000));
}

#[test]
fn nobody_makes_no_wheel() {
    assert_eq!(Wheel::new(&[], 28, seed(1)), None);
    assert_eq!(Wheel::new(&[1], 0, seed(1)), None);
}

/// What a sink publishes must not depend on the machine or the version: a golden order.
#[test]
fn the_order_of_a_publication_is_this() {
    let wheel = Wheel::new(&[3, 3, 3, 3, 3, 3], 28, seed(2026)).unwrap();
    assert_eq!(wheel.answer(0).collect::<Vec<_>>(), [3, 2, 5, 4, 0, 1]);
    assert_eq!(wheel.place(1000), rais_wheel::Place { column: 24, rotation: 3 });
}
