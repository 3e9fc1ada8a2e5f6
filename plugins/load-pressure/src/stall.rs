//! How much of the time work waited, by the kernel's count of it.

use std::time::{Duration, Instant};

/// What was counted last.
#[derive(Debug, Default)]
pub(crate) struct Stall {
    last: Option<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Instant,
    /// Microseconds since the kernel, or the cgroup, began.
    total: u64,
    /// Told to who asks again too soon.
    percent: Option<f64>,
}

/// Over a shorter time chance decides.
const LEAST: Duration = Duration::from_millis(100);

impl Stall {
    /// Mean since the sample before, in percent; `None` where there is none to compare with.
    pub(crate) fn percent(&mut self, total: u64, now: Instant) -> Option<f64> {
        let percent = match self.last {
            Some(last) if total >= last.total => {
                let elapsed = now.saturating_duration_since(last.at);
                if elapsed < LEAST {
                    return last.percent;
                }
                let stalled = Duration::from_micros(total - last.total);
                // The two are read one after the other.
                Some(stalled.div_duration_f64(elapsed).min(1.0) * 100.0)
            }
            // The cgroup was made anew.
            _ => None,
        };
        self.last = Some(Seen { at: now, total, percent });
        percent
    }
}

/// The microseconds behind `total=` in the line that begins with `word` ("some", "full"): the
/// kernel's accounting/psi.
pub(crate) fn total(text: &str, word: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    let mut line = lines.find_map(|mut line| (line.next() == Some(word)).then_some(line))?;
    line.find_map(|pair| pair.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_since_the_sample_before() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut stall = Stall::default();
        assert_eq!(stall.percent(7_000_000, at(0)), None);
        assert_eq!(stall.percent(7_250_000, at(1000)), Some(25.0));
        assert_eq!(stall.percent(7_250_000, at(2000)), Some(0.0));
        assert_eq!(stall.percent(8_250_000, at(4000)), Some(50.0));
        // More than all of it, by the clocks' difference.
        assert_eq!(stall.percent(8_450_100, at(4200)), Some(100.0));
    }

    #[test]
    fn asked_again_too_soon_it_tells_the_last_mean_and_counts_on() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut stall = Stall::default();
        assert_eq!(stall.percent(0, at(0)), None);
        assert_eq!(stall.percent(50_000, at(99)), None);
        assert_eq!(stall.percent(50_000, at(100)), Some(50.0));
        assert_eq!(stall.percent(60_000, at(199)), Some(50.0));
        assert_eq!(stall.percent(60_000, at(200)), Some(10.0));
    }

    #[test]
    fn a_count_that_fell_begins_anew() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut stall = Stall::default();
        stall.percent(900_000, at(0));
        assert_eq!(stall.percent(100_000, at(1000)), None);
        assert_eq!(stall.percent(300_000, at(2000)), Some(20.0));
    }

    #[test]
    fn the_total_of_each_line() {
        let text = "some avg10=9.02 avg60=10.30 avg300=5.84 total=26250683\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=17\n";
        assert_eq!(total(text, "some"), Some(26_250_683));
        assert_eq!(total(text, "full"), Some(17));
        for text in ["", "some\n", "some avg10=0.00\n", "some total=x\n", "somewhat total=1\n"] {
            assert_eq!(total(text, "some"), None, "{text}");
        }
    }
}
