//! How long a fetch took, by phase.

use std::fmt;
use std::time::Duration;

/// Each since the probe began, as curl tells them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) connect: Duration,
    /// `None` without TLS.
    pub(crate) tls: Option<Duration>,
    pub(crate) first_byte: Duration,
    pub(crate) total: Duration,
}

/// `connect 0.2 ms, TLS 0.6, first byte 1.1, total 1.2`
impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connect {} ms", Millis(self.connect))?;
        if let Some(tls) = self.tls {
            write!(f, ", TLS {}", Millis(tls))?;
        }
        write!(f, ", first byte {}, total {}", Millis(self.first_byte), Millis(self.total))
    }
}

struct Millis(Duration);

/// Whole and tenths, without floating point: this stands in every probe.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0.as_micros() + 50) / 100;
        write!(f, "{}.{}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_tenths_of_milliseconds() {
        let times = Times {
            connect: Duration::from_micros(149),
            tls: None,
            first_byte: Duration::from_micros(950),
            total: Duration::from_micros(12_345_678),
        };
        assert_eq!(times.to_string(), "connect 0.1 ms, first byte 1.0, total 12345.7");
        let times = Times { tls: Some(Duration::from_micros(650)), ..times };
        let text = "connect 0.1 ms, TLS 0.7, first byte 1.0, total 12345.7";
        assert_eq!(times.to_string(), text);
    }
}
