//! The load index: percent of what a server can carry.

use std::fmt;
use std::num::NonZeroU32;

/// A load index in hundredths of a percent, 0–1000 %.
///
/// Only a finite number can be one, so none that is NaN, infinite or negative can be sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Load(
    /// And one: so that where none is known it takes no more room.
    NonZeroU32,
);

impl Load {
    /// Nothing to do.
    pub const ZERO: Load = Load::of(0);
    /// 1000 %: what is above is clamped to it.
    pub const MAX: Load = Load::of(100_000);

    /// `percent`, clamped to 0–1000; none where it is NaN or infinite.
    pub fn from_percent(percent: f64) -> Option<Load> {
        percent.is_finite().then(|| {
            let hundredths =
                (percent * 100.0).round().clamp(0.0, f64::from(Load::MAX.as_hundredths()));
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped above
            Load::of(hundredths as u32)
        })
    }

    /// Hundredths of a percent, clamped to [`Load::MAX`].
    pub fn from_hundredths(hundredths: u32) -> Load {
        Load::of(hundredths.min(Load::MAX.as_hundredths()))
    }

    /// Hundredths of a percent.
    pub const fn as_hundredths(self) -> u32 {
        self.0.get() - 1
    }

    const fn of(hundredths: u32) -> Load {
        Load(NonZeroU32::MIN.saturating_add(hundredths))
    }

    /// Percent.
    pub fn as_percent(self) -> f64 {
        f64::from(self.as_hundredths()) / 100.0
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Load").field(&self.as_hundredths()).finish()
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = self.as_hundredths();
        if hundredths.is_multiple_of(100) {
            write!(f, "{}%", hundredths / 100)
        } else {
            write!(f, "{}.{:02}%", hundredths / 100, hundredths % 100)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_no_load() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Load::from_percent(bad), None);
        }
    }

    #[test]
    fn clamps_and_rounds_to_hundredths() {
        assert_eq!(Load::from_percent(-3.0), Some(Load::ZERO));
        assert_eq!(Load::from_percent(1e9), Some(Load::MAX));
        assert_eq!(Load::from_percent(12.344).map(Load::as_hundredths), Some(1234));
    }

    #[test]
    fn reads_as_percent() {
        assert_eq!(Load::from_hundredths(6000).to_string(), "60%");
        assert_eq!(Load::from_hundredths(6005).to_string(), "60.05%");
    }
}
