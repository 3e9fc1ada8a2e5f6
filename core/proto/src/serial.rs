//! Serial numbers of zones: RFC 1982 arithmetic over 32 bits.

use std::fmt;

/// An SOA serial.
///
/// Not ordered: on a circle "greater" is not transitive. Ask [`Serial::is_after`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial(pub u32);

impl Serial {
    /// RFC 1982 §3.2. False both ways where the two are exactly half the circle apart.
    pub const fn is_after(self, other: Serial) -> bool {
        let ahead = self.0.wrapping_sub(other.0);
        ahead != 0 && ahead < 1 << 31
    }

    /// The serial to publish: max(previous + 1, Unix time, the header's), so that it rises over
    /// restarts and lost state, and people can read a date from it.
    pub fn next(previous: Option<Serial>, unix_secs: u64, header: Option<Serial>) -> Serial {
        #[allow(clippy::cast_possible_truncation)] // the circle wraps, in 2106 for the first time
        let unix = Serial(unix_secs as u32);
        let Some(previous) = previous else {
            return header.filter(|h| h.is_after(unix)).unwrap_or(unix);
        };
        let step = Serial(previous.0.wrapping_add(1));
        // Compared with `previous` too: after the best so far need not be after the previous one.
        [Some(unix), header].into_iter().flatten().fold(step, |best, other| {
            if other.is_after(best) && other.is_after(previous) { other } else { best }
        })
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wraps_as_rfc_1982_says() {
        assert!(Serial(0).is_after(Serial(u32::MAX)));
        assert!(Serial(1).is_after(Serial(0)));
        assert!(!Serial(0).is_after(Serial(1 << 31)) && !Serial(1 << 31).is_after(Serial(0)));
    }

    #[test]
    fn the_first_is_the_unix_time_or_the_headers_if_later() {
        assert_eq!(Serial::next(None, 1_700_000_000, None), Serial(1_700_000_000));
        let dated = Serial(2_026_112_301);
        assert_eq!(Serial::next(None, 1_700_000_000, Some(dated)), dated);
        assert_eq!(Serial::next(None, 1_700_000_000, Some(Serial(7))), Serial(1_700_000_000));
    }

    #[test]
    fn a_clock_that_went_back_does_not_take_the_serial_along() {
        assert_eq!(Serial::next(Some(Serial(500)), 400, Some(Serial(7))), Serial(501));
    }

    proptest! {
        #[test]
        fn always_after_the_previous(previous: u32, unix: u64, header: Option<u32>) {
            let next = Serial::next(Some(Serial(previous)), unix, header.map(Serial));
            prop_assert!(next.is_after(Serial(previous)));
        }
    }
}
