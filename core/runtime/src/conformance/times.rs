//! Times of many calls, and numbers as people read them.

use std::time::Duration;

use super::finding::Verdict;

/// How long calls took.
#[derive(Debug, Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn longest(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }

    /// So many of a thousand took at most this.
    fn at(&self, permille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * permille).div_ceil(1000).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// `p50 0.08ms, p99 0.21ms, max 1.2ms`
    pub(super) fn text(&self) -> String {
        let [p50, p99, most] = [self.at(500), self.at(990), self.longest()].map(took);
        format!("p50 {p50}, p99 {p99}, max {most}")
    }

    /// `verdict` with them.
    pub(super) fn told(&self, verdict: Verdict) -> Verdict {
        verdict
            .with("calls", self.count())
            .with("p50_ms", millis(self.at(500)))
            .with("p99_ms", millis(self.at(990)))
            .with("max_ms", millis(self.longest()))
    }
}

/// In milliseconds, to the microsecond.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// `0.08ms`, `12ms`, `1.05s`.
pub(super) fn took(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1e3;
    match millis {
        ..9.995 => format!("{millis:.2}ms"),
        ..999.5 => format!("{millis:.0}ms"),
        _ => format!("{:.2}s", millis / 1e3),
    }
}

/// `1,000`
pub(super) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 call`, `1,000 calls`
pub(super) fn counted(number: usize, one: &str) -> String {
    let ending = match number {
        1 => "",
        _ if one.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {one}{ending}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_of_what_was_measured() {
        let mut times = Times::default();
        assert_eq!(times.text(), "p50 0.00ms, p99 0.00ms, max 0.00ms");
        for millis in (1..=1000).rev() {
            times.add(Duration::from_millis(millis));
        }
        assert_eq!(times.text(), "p50 500ms, p99 990ms, max 1.00s");
        let told = times.told(Verdict::passed(""));
        assert_eq!(told.figures["p99_ms"], 990.0);
        assert_eq!(told.figures["calls"], 1000);
    }

    #[test]
    fn numbers_are_said_as_people_read_them() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "call"), "1 call");
        assert_eq!(counted(1000, "call"), "1,000 calls");
        assert_eq!(counted(2, "address"), "2 addresses");
        for (micros, text) in
            [(80, "0.08ms"), (9_994, "9.99ms"), (12_400, "12ms"), (1_050_000, "1.05s")]
        {
            assert_eq!(took(Duration::from_micros(micros)), text);
        }
    }
}
