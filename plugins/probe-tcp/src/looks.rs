//! When an answer that comes in pieces is looked at.

/// Octets of one answer that are looked at, all looks together, with each piece that comes. An
/// answer of ordinary pieces needs a sixteenth; one that comes octet by octet, and is looked at from
/// its beginning each time, would need its length squared.
const AMPLE: usize = 16 * 1024 * 1024;

/// The looks at one answer.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// Octets looked at.
    total: usize,
    /// How much of the answer was there at the last one.
    last: usize,
}

impl Looks {
    /// Whether to look now that `len` octets are there: with each piece, and once that has become
    /// much, when there is an eighth more than last time.
    pub(crate) fn is_due(&mut self, len: usize) -> bool {
        let is_due = self.total < AMPLE || len - self.last >= self.last / 8;
        if is_due {
            self.total += len;
            self.last = len;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64 * 1024;

    /// The lengths at which an answer of `MOST` in pieces of `size` octets is looked at.
    fn looks(size: usize) -> Vec<usize> {
        let mut looks = Looks::default();
        (1..=MOST / size).map(|piece| piece * size).filter(|len| looks.is_due(*len)).collect()
    }

    #[test]
    fn ordinary_pieces_are_all_looked_at() {
        for size in [128, 512, 1460, 2048] {
            assert_eq!(looks(size).len(), MOST / size, "{size}");
        }
    }

    #[test]
    fn octet_by_octet_there_is_an_end_to_it() {
        let looks = looks(1);
        assert!(looks.iter().sum::<usize>() < AMPLE + 16 * MOST);
        let prompt = looks.iter().zip(1..).take_while(|(len, nth)| *len == nth).count();
        assert!(prompt > 5000, "{prompt}");
        assert!(looks.windows(2).all(|two| two[1] - two[0] <= two[0].div_ceil(8)));
    }
}
