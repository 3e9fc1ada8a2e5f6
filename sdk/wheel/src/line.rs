//! The line that a wheel is cut from: every member as often in a row as its share says.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::{COLUMNS, Seed};

/// [`COLUMNS`] × `width` places, which is the wheel row after row. Nobody has more than [`COLUMNS`]
/// of them, all in a row: so nobody stands twice in a column.
pub(crate) fn line(mut weights: Vec<u64>, width: usize, seed: Seed) -> Vec<u32> {
    let order = seed.shuffled(weights.len());
    bend(&mut weights, width);
    let places = places(&weights, COLUMNS * width, &order);
    let member = |&member: &usize| {
        let places = places.get(member).copied().unwrap_or_default();
        std::iter::repeat_n(u32::try_from(member).unwrap_or(u32::MAX), places)
    };
    order.iter().flat_map(member).collect()
}

/// Where the heaviest would need more than every column, it has every column.
fn bend(weights: &mut [u64], width: usize) {
    let sum: u64 = weights.iter().sum();
    let width = width as u64;
    if let Some(heaviest) = weights.iter_mut().max()
        && *heaviest * width > sum
        && width > 1
    {
        *heaviest = (sum - *heaviest) / (width - 1);
    }
}

/// How many of `all` places each member has: by largest remainders, of equal ones those first in
/// `order`, and at least one where there are enough.
fn places(weights: &[u64], all: usize, order: &[usize]) -> Vec<usize> {
    let all = all as u64;
    let sum: u64 = weights.iter().sum();
    let weighty = weights.iter().filter(|&&weight| weight > 0).count() as u64;
    let least = u64::from(weighty <= all);

    let exact = |weight: u64| (weight * all / sum, weight * all % sum);
    let place = |&weight: &u64| exact(weight).0.max(least.min(weight));
    let mut places: Vec<u64> = weights.iter().map(place).collect();
    let given: u64 = places.iter().sum();
    if let Some(too_many) = given.checked_sub(all) {
        take(&mut places, too_many);
    } else {
        let mut owed: Vec<usize> = order.to_vec();
        // Stable. Who was raised to one place is owed nothing.
        owed.sort_by_key(|&member| match exact(weights[member]) {
            (whole, rest) if whole == places[member] => Reverse(rest),
            _ => Reverse(0),
        });
        for &member in owed.iter().take(usize::try_from(all - given).unwrap_or(usize::MAX)) {
            places[member] += 1;
        }
    }
    places.into_iter().map(|count| usize::try_from(count).unwrap_or(COLUMNS)).collect()
}

/// Takes back `count` places, each from whoever has most.
fn take(places: &mut [u64], count: u64) {
    let entries = places.iter().enumerate().map(|(member, &places)| (places, Reverse(member)));
    let mut most: BinaryHeap<(u64, Reverse<usize>)> = entries.collect();
    for _ in 0..count {
        if let Some((before, Reverse(member))) = most.pop() {
            places[member] = before - 1;
            most.push((before - 1, Reverse(member)));
        }
    }
}
