//! What came out of a run.

/// Seconds of a bin.
pub const BIN: u64 = 30;
/// So long after its return a server's peak is looked for, in bins.
const PEAK_BINS: usize = 10;
/// The longest time that is told apart, and the shortest, in seconds; and the steps between.
const LATENCIES: (f64, f64) = (1e-4, 60.0);
const LATENCY_STEP: f64 = 0.005;

/// What is counted while a run goes on.
#[derive(Debug)]
pub struct Tally {
    workers: Vec<f64>,
    /// Work that each server was asked to do, by bin.
    offered: Vec<Vec<f64>>,
    /// Answered requests by the logarithm of their time.
    latencies: Vec<u64>,
    pub(crate) answered: u64,
    /// Requests that waited too long, or were refused.
    pub dropped: u64,
    /// What a dying server had.
    pub(crate) lost: u64,
    /// Requests for which no address of an answer lived.
    pub nobody: u64,
    /// Servers that returned, and the first whole bin of each after it.
    pub(crate) returned: Vec<(usize, usize)>,
    /// Servers that were dead, and from and until which second.
    dead: Vec<(usize, f64, f64)>,
    pub(crate) set_changes: u64,
    pub(crate) publications: u64,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The mean over bins of 30 s of the highest offered load over the fleet's mean.
    pub imbalance: f64,
    /// The highest of the servers' offered loads over the whole run, over the fleet's mean.
    pub lasting_imbalance: f64,
    /// The standard deviation of a server's offered load from bin to bin over its mean; the mean of
    /// all servers.
    pub swing: f64,
    /// Of all answered, the time within which 99 % were, in milliseconds.
    pub p99_ms: f64,
    /// The part of all requests that waited too long.
    pub dropped: f64,
    /// The part of all requests that was at a server when it died.
    pub lost: f64,
    /// Requests for which no address of the answer lived.
    pub nobody: f64,
    /// Publications with another set, an hour.
    pub set_changes: f64,
    /// All publications, an hour.
    pub publications: f64,
    /// The highest offered load of a returned server in the five minutes after it, over the fleet's
    /// mean: the mean of all that returned; 0 where none did.
    pub peak_of_returned: f64,
    /// All requests that were measured.
    pub requests: f64,
}

impl Outcome {
    /// Of several outcomes each figure by itself, put together.
    pub fn together(
        outcomes: &[Outcome],
        put: impl Fn(&mut dyn Iterator<Item = f64>) -> f64,
    ) -> Outcome {
        let of = |figure: fn(&Outcome) -> f64| put(&mut outcomes.iter().map(figure));
        Outcome {
            imbalance: of(|one| one.imbalance),
            lasting_imbalance: of(|one| one.lasting_imbalance),
            swing: of(|one| one.swing),
            p99_ms: of(|one| one.p99_ms),
            dropped: of(|one| one.dropped),
            lost: of(|one| one.lost),
            nobody: of(|one| one.nobody),
            set_changes: of(|one| one.set_changes),
            publications: of(|one| one.publications),
            peak_of_returned: of(|one| one.peak_of_returned),
            requests: of(|one| one.requests),
        }
    }
}

impl Tally {
    /// Of servers with so many workers.
    pub fn new(workers: Vec<f64>) -> Tally {
        let steps = (LATENCIES.1 / LATENCIES.0).ln() / LATENCY_STEP;
        Tally {
            workers,
            offered: Vec::new(),
            latencies: vec![0; steps.ceil() as usize + 1],
            answered: 0,
            dropped: 0,
            lost: 0,
            nobody: 0,
            returned: Vec::new(),
            dead: Vec::new(),
            set_changes: 0,
            publications: 0,
        }
    }

    /// Asks `server` for so much work, in seconds of one worker, so long after the start.
    pub fn offer(&mut self, second: f64, server: usize, work: f64) {
        let bin = second as usize / BIN as usize;
        while self.offered.len() <= bin {
            self.offered.push(vec![0.0; self.workers.len()]);
        }
        self.offered[bin][server] += work;
    }

    pub(crate) fn die(&mut self, second: f64, server: usize) {
        self.dead.push((server, second, f64::INFINITY));
    }

    pub(crate) fn rise(&mut self, second: f64, server: usize) {
        let first_whole = (second.max(0.0) / BIN as f64).ceil() as usize;
        self.returned.push((server, first_whole));
        let dead = self.dead.iter_mut().rev().find(|(which, ..)| *which == server);
        if let Some((.., until)) = dead {
            *until = second;
        }
    }

    /// A request is answered after so many seconds.
    pub fn answer(&mut self, after: f64) {
        self.answered += 1;
        let step = (after.max(LATENCIES.0) / LATENCIES.0).ln() / LATENCY_STEP;
        let last = self.latencies.len() - 1;
        self.latencies[(step as usize).min(last)] += 1;
    }

    /// Each server's offered load in each bin, in units of what it can do.
    pub fn loads(&self) -> Vec<Vec<f64>> {
        let load = |bin: &Vec<f64>| {
            bin.iter()
                .zip(&self.workers)
                .map(|(work, workers)| work / workers / BIN as f64)
                .collect()
        };
        self.offered.iter().map(load).collect()
    }

    /// What came out of `seconds`.
    pub fn outcome(&self, seconds: u64) -> Outcome {
        let whole = (seconds / BIN) as usize;
        let bins = &self.offered[..whole.min(self.offered.len())];
        let hours = seconds as f64 / 3600.0;
        let requests = self.answered + self.dropped + self.nobody;
        let part = |count: u64| count as f64 / requests.max(1) as f64;
        let mut totals = vec![0.0; self.workers.len()];
        for bin in bins {
            totals.iter_mut().zip(bin).for_each(|(total, work)| *total += work);
        }
        let highest = |(bin, works): (usize, &Vec<f64>)| {
            self.relative(works, span(bin)).into_iter().fold(0.0, f64::max)
        };
        let whole_run = (0.0, (whole as u64 * BIN) as f64);
        Outcome {
            imbalance: mean(bins.iter().enumerate().map(highest)),
            lasting_imbalance: self.relative(&totals, whole_run).into_iter().fold(0.0, f64::max),
            swing: mean(
                (0..self.workers.len()).map(|server| {
                    deviation(&bins.iter().map(|bin| bin[server]).collect::<Vec<_>>())
                }),
            ),
            p99_ms: self.quantile(0.99) * 1e3,
            dropped: part(self.dropped),
            lost: part(self.lost),
            nobody: self.nobody as f64,
            set_changes: self.set_changes as f64 / hours,
            publications: self.publications as f64 / hours,
            peak_of_returned: self.peak(),
            requests: requests as f64,
        }
    }

    /// Each server's load from one second to another, over the mean of those that lived for any of
    /// it. Who is in no answer lives: it could do something, and does not.
    fn relative(&self, works: &[f64], (from, to): (f64, f64)) -> Vec<f64> {
        let is_dead = |server: usize| {
            self.dead
                .iter()
                .any(|&(which, dies, rises)| which == server && dies <= from && rises >= to)
        };
        let living = works
            .iter()
            .zip(&self.workers)
            .enumerate()
            .filter(|&(server, (&work, _))| work > 0.0 || !is_dead(server));
        let (work, workers) =
            living.fold((0.0, 0.0), |(work, workers), (_, (of, by))| (work + of, workers + by));
        let all: f64 = work / workers;
        let loads = works.iter().zip(&self.workers).map(|(work, workers)| work / workers / all);
        loads.collect()
    }

    fn peak(&self) -> f64 {
        let after = |&(server, first): &(usize, usize)| {
            let bins = self.offered.iter().enumerate().skip(first).take(PEAK_BINS);
            bins.map(|(bin, works)| self.relative(works, span(bin))[server]).fold(0.0, f64::max)
        };
        mean(self.returned.iter().map(after))
    }

    fn quantile(&self, part: f64) -> f64 {
        let wanted = (self.answered as f64 * part).ceil() as u64;
        let mut seen = 0;
        let step = self.latencies.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        LATENCIES.0 * ((step.unwrap_or_default() as f64 + 0.5) * LATENCY_STEP).exp()
    }
}

/// From which second to which a bin is.
fn span(bin: usize) -> (f64, f64) {
    let from = (bin as u64 * BIN) as f64;
    (from, from + BIN as f64)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// Over the mean.
fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values.iter().copied());
    let square = mean(values.iter().map(|value| (value - middle).powi(2)));
    if middle > 0.0 { square.sqrt() / middle } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_servers_and_two_bins() {
        let mut tally = Tally::new(vec![4.0, 8.0]);
        // Loads of 1 and 1/4, then of 1/2 and 1/2.
        for (second, server, work) in
            [(1.0, 0, 120.0), (29.0, 1, 60.0), (30.0, 0, 60.0), (31.0, 1, 120.0)]
        {
            tally.offer(second, server, work);
        }
        for millis in 1..=100 {
            tally.answer(f64::from(millis) / 1e3);
        }
        tally.dropped = 25;
        tally.returned.push((1, 0));
        let outcome = tally.outcome(60);
        let near = |value: f64, other: f64| assert!((value / other - 1.0).abs() < 0.01, "{value}");
        near(outcome.imbalance, (2.0 + 1.0) / 2.0);
        near(outcome.lasting_imbalance, 0.75 / 0.5);
        near(outcome.swing, 1.0 / 3.0);
        near(outcome.p99_ms, 99.0);
        near(outcome.dropped, 0.2);
        near(outcome.peak_of_returned, 1.0);
    }

    #[test]
    fn who_is_out_counts_and_who_is_dead_does_not() {
        let tally = || {
            let mut tally = Tally::new(vec![4.0, 4.0]);
            tally.offer(1.0, 0, 60.0);
            tally
        };
        assert!((tally().outcome(30).imbalance - 2.0).abs() < 1e-9, "idle, and could do half");
        let mut dead = tally();
        dead.die(-5.0, 1);
        assert!((dead.outcome(30).imbalance - 1.0).abs() < 1e-9);
        dead.rise(29.0, 1);
        assert!((dead.outcome(30).imbalance - 2.0).abs() < 1e-9, "for a second");
        assert_eq!(dead.returned, [(1, 1)]);
    }
}
