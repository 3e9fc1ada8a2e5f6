//! Which readings of a meter are true.

use std::time::{Duration, Instant};

use rais_sdk::Fault;

/// Something that tells utilisation since it was last read.
pub(crate) trait Meter {
    /// Read twice within this time, it tells the old value again.
    const LEAST: Duration;
    /// Percent; it tells more only by mistake.
    const MOST: f64;

    fn now(&self) -> Instant;

    /// Percent since it was last read. At first that since boot, or `None`; `None` also where what
    /// is measured has begun anew.
    fn read(&mut self) -> Result<Option<f64>, Fault>;
}

/// Reads a meter no more often than it bears, and believes it once it has told two good values.
#[derive(Debug)]
pub(crate) struct Sampler<M> {
    meter: M,
    read_at: Option<Instant>,
    history: History,
}

/// What a sample gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sample {
    /// Percent.
    Known(f64),
    /// So many more readings are needed first.
    Missing(u8),
}

#[derive(Debug, Clone, Copy)]
enum History {
    Unread,
    /// What was told is of a time that nobody asked about, and thrown away.
    Begun,
    OneGood,
    Good(f64),
}

impl<M: Meter> Sampler<M> {
    pub(crate) const fn new(meter: M) -> Self {
        Self { meter, read_at: None, history: History::Unread }
    }

    /// The value told last where the meter may not be read again yet.
    pub(crate) fn sample(&mut self) -> Result<Sample, Fault> {
        let now = self.meter.now();
        let rests = |at| now.saturating_duration_since(at) < M::LEAST;
        if !self.read_at.is_some_and(rests) {
            let outcome = self.meter.read();
            // After reading: the meter's own clock for `LEAST` must never be behind this one.
            self.read_at = Some(self.meter.now());
            self.history = match &outcome {
                Ok(None) => History::Begun,
                Ok(Some(percent)) if percent.is_finite() => {
                    self.history.after(percent.clamp(0.0, M::MOST))
                }
                _ => History::Unread,
            };
            outcome?;
        }
        Ok(self.history.sample())
    }
}

impl History {
    fn after(self, percent: f64) -> Self {
        match self {
            Self::Unread => Self::Begun,
            Self::Begun => Self::OneGood,
            Self::OneGood | Self::Good(_) => Self::Good(percent),
        }
    }

    fn sample(self) -> Sample {
        match self {
            Self::Unread => Sample::Missing(3),
            Self::Begun => Sample::Missing(2),
            Self::OneGood => Sample::Missing(1),
            Self::Good(percent) => Sample::Known(percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells what the test has put down, at the time that the test says.
    struct Script {
        now: Instant,
        values: std::vec::IntoIter<Result<Option<f64>, Fault>>,
        reads: usize,
        /// How long one reading takes.
        takes: Duration,
    }

    impl Meter for Script {
        const LEAST: Duration = Duration::from_millis(200);
        const MOST: f64 = 100.0;

        fn now(&self) -> Instant {
            self.now
        }

        fn read(&mut self) -> Result<Option<f64>, Fault> {
            self.reads += 1;
            self.now += self.takes;
            self.values.next().unwrap()
        }
    }

    fn sampler(values: Vec<Result<f64, Fault>>) -> Sampler<Script> {
        scripted(values.into_iter().map(|value| value.map(Some)).collect())
    }

    fn scripted(values: Vec<Result<Option<f64>, Fault>>) -> Sampler<Script> {
        let takes = Duration::ZERO;
        Sampler::new(Script { now: Instant::now(), values: values.into_iter(), reads: 0, takes })
    }

    fn after(sampler: &mut Sampler<Script>, millis: u64) -> Result<Sample, Fault> {
        sampler.meter.now += Duration::from_millis(millis);
        sampler.sample()
    }

    #[test]
    fn unknown_until_two_good_ones_followed_the_value_since_boot() {
        let mut sampler = sampler(vec![Ok(3.0), Ok(50.0), Ok(60.0), Ok(70.0)]);
        assert_eq!(after(&mut sampler, 0), Ok(Sample::Missing(2)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Missing(1)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Known(60.0)));
        assert_eq!(after(&mut sampler, 60_000), Ok(Sample::Known(70.0)));
    }

    #[test]
    fn asked_again_too_soon_it_tells_the_last_value_and_counts_none() {
        let mut sampler = sampler(vec![Ok(3.0), Ok(50.0), Ok(60.0), Ok(70.0)]);
        assert_eq!(after(&mut sampler, 0), Ok(Sample::Missing(2)));
        for _ in 0..3 {
            assert_eq!(after(&mut sampler, 66), Ok(Sample::Missing(2)));
        }
        assert_eq!(after(&mut sampler, 2), Ok(Sample::Missing(1)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Known(60.0)));
        assert_eq!(after(&mut sampler, 199), Ok(Sample::Known(60.0)));
        assert_eq!(sampler.meter.reads, 3);
        assert_eq!(after(&mut sampler, 1), Ok(Sample::Known(70.0)));
        assert_eq!(sampler.meter.reads, 4);
    }

    #[test]
    fn the_rest_begins_when_a_reading_ends() {
        let mut sampler = sampler(vec![Ok(3.0), Ok(50.0)]);
        sampler.meter.takes = Duration::from_millis(10);
        assert_eq!(after(&mut sampler, 0), Ok(Sample::Missing(2)));
        assert_eq!(after(&mut sampler, 199), Ok(Sample::Missing(2)));
        assert_eq!(after(&mut sampler, 1), Ok(Sample::Missing(1)));
    }

    #[test]
    fn a_failed_reading_is_a_fault_and_begins_anew() {
        let broken = Fault::io("no /proc");
        let values = vec![Err(broken.clone()), Ok(3.0), Ok(50.0), Ok(60.0), Err(broken.clone())];
        let mut sampler = sampler(values);
        assert_eq!(after(&mut sampler, 0), Err(broken.clone()));
        assert_eq!(after(&mut sampler, 100), Ok(Sample::Missing(3)));
        assert_eq!(after(&mut sampler, 100), Ok(Sample::Missing(2)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Missing(1)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Known(60.0)));
        assert_eq!(after(&mut sampler, 200), Err(broken));
        assert_eq!(after(&mut sampler, 0), Ok(Sample::Missing(3)));
    }

    #[test]
    fn values_are_percent_or_nothing() {
        let mut sampler =
            sampler(vec![Ok(3.0), Ok(5.0), Ok(100.000_01), Ok(-0.1), Ok(f64::NAN), Ok(3.0)]);
        assert_eq!(after(&mut sampler, 0), Ok(Sample::Missing(2)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Missing(1)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Known(100.0)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Known(0.0)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Missing(3)));
        assert_eq!(after(&mut sampler, 200), Ok(Sample::Missing(2)));
    }

    #[test]
    fn what_begins_anew_is_unknown_until_two_good_ones() {
        let values = [None, Some(40.0), Some(50.0), None, Some(60.0), Some(70.0)];
        let mut sampler = scripted(values.map(Ok).to_vec());
        let told: Vec<_> = (0..6).map(|_| after(&mut sampler, 200).unwrap()).collect();
        let (begun, one) = (Sample::Missing(2), Sample::Missing(1));
        assert_eq!(told, [begun, one, Sample::Known(50.0), begun, one, Sample::Known(70.0)]);
    }
}
