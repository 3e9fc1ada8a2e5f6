//! The wheel: answers of several addresses that carry weights, each at the price of a copy.
//!
//! A wheel is a table of [`COLUMNS`] columns and as many rows as an answer has addresses. A column
//! is an answer. Each member stands in as many columns as its share says, and in none twice; each
//! query takes another column, rotated by one more from turn to turn, so that the first places,
//! which most clients use, are shared out alike. Equal weights in an answer that has room for all
//! make a plain rotation.
//!
//! ```
//! use rais_wheel::{Seed, Wheel};
//!
//! // By weight the second is to stand in half of what is handed out, the others in a quarter.
//! let wheel = Wheel::new(&[100, 200, 100], 28, Seed::of(b"www.example", 7)).unwrap();
//! assert_eq!(wheel.width(), 2);
//! let first = |counter| wheel.answer(counter).next().unwrap();
//! let counts = (0..512).fold([0; 3], |mut counts, counter| {
//!     counts[first(counter)] += 1;
//!     counts
//! });
//! assert_eq!(counts, [128, 256, 128]);
//! ```

mod line;
mod seed;

pub use seed::Seed;

/// Columns of every wheel. A share is rounded to one in `COLUMNS` × the addresses in an answer.
pub const COLUMNS: usize = 256;

/// From one answer's column to the next: odd, so that a turn meets every column, and near 0.62 of
/// a turn, so that answers that follow each other lie far apart.
const STEP: u64 = 159;

/// Answers that carry weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheel {
    /// Column after column, each of `width` members.
    columns: Box<[u32]>,
    width: usize,
}

/// Where an answer stands: a column, which is begun at a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Below [`COLUMNS`].
    pub column: usize,
    /// Below [`Wheel::width`]. From here to the end, then from the beginning.
    pub rotation: usize,
}

impl Wheel {
    /// A wheel of members with these weights, in answers of at most `max_addresses`; none where
    /// there is no member, or no address may be answered.
    ///
    /// An answer has as many addresses as weights can still be kept exactly with: the sum of the
    /// weights over the heaviest. One member far above the others makes it short. It has two where
    /// that takes the heaviest no more than a tenth of its share: clients with one address have
    /// none when its server dies.
    ///
    /// Who has a weight is in at least one column, as long as there is room; a weight of 0 is in
    /// none, unless all have 0: then all are equal.
    #[must_use]
    pub fn new(weights: &[u16], max_addresses: usize, seed: Seed) -> Option<Self> {
        if weights.is_empty() || max_addresses == 0 {
            return None;
        }
        let mut weights: Vec<u64> = weights.iter().copied().map(u64::from).collect();
        if weights.iter().all(|&weight| weight == 0) {
            weights.fill(1);
        }
        let width = width(&weights, max_addresses);
        let line = line::line(weights, width, seed);
        let column = |column: usize| line.iter().skip(column).step_by(COLUMNS).copied();
        let columns: Box<[u32]> = (0..COLUMNS).flat_map(column).collect();
        Some(Self { columns, width })
    }

    /// Addresses in an answer.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The columns in order, each with [`width`](Self::width) members by their place in the weights:
    /// what a sink makes records of, each column twice over, so that a rotation is one copy.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.columns.chunks_exact(self.width)
    }

    /// Which answer the query with this number gets. Any row of numbers without gaps will do, and
    /// it may start anywhere: each of several threads may count for itself.
    #[must_use]
    pub const fn place(&self, counter: u64) -> Place {
        let (columns, width) = (COLUMNS as u64, self.width as u64);
        let column = counter.wrapping_mul(STEP) % columns;
        let rotation = (column + counter / columns) % width;
        Place { column: column as usize, rotation: rotation as usize }
    }

    /// The members, by their place in the weights, of the answer at [`place`](Self::place).
    pub fn answer(&self, counter: u64) -> impl Iterator<Item = usize> {
        let Place { column, rotation } = self.place(counter);
        let column = self.columns.get(column * self.width..).unwrap_or_default();
        let column = column.get(..self.width).unwrap_or_default();
        let (before, from) = column.split_at(rotation);
        from.iter().chain(before).map(|&member| member as usize)
    }
}

/// The most addresses with which nobody needs more than every column, or two for a tenth more.
fn width(weights: &[u64], max_addresses: usize) -> usize {
    let sum: u64 = weights.iter().sum();
    let heaviest = weights.iter().copied().max().unwrap_or_default();
    let exact = sum.checked_div(heaviest).unwrap_or_default();
    let bent = u64::from(heaviest < sum && heaviest * 20 <= sum * 11) * 2;
    usize::try_from(exact.max(bent)).unwrap_or(usize::MAX).clamp(1, max_addresses)
}
