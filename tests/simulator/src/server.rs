//! A server: a queue before some workers, and a host that measures its load.

use rais_proto::load::Load;
use rais_proto::time::Time;

/// A worker does so much work in a second as a request takes, times ten: 100 ms in the mean.
pub const MEAN_WORK: f64 = 0.1;
/// Workers of a unit of capacity.
pub const WORKERS_PER_UNIT: usize = 4;
/// Who would wait longer than this, in seconds, goes away.
pub const PATIENCE: f64 = 5.0;
/// Within so many seconds from now the last request that was let in has begun and ended.
const AHEAD: usize = 40;

/// First come, first served, by the first worker that is free.
#[derive(Debug)]
pub struct Server {
    /// When each worker is free, in seconds.
    free: Vec<f64>,
    /// Seconds in which workers were busy, by the second that they fell in.
    busy: Vec<f64>,
    /// Seconds over which load is measured.
    sample: usize,
    /// The part of the host that others take.
    background: f64,
    /// Since when it runs; none while it is dead.
    up_since: Option<Time>,
    /// So many seconds after its start work takes up to twice as long.
    warms_up_in: f64,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Service {
    /// Answered after so many seconds.
    Answered(f64),
    /// It would have waited too long.
    Dropped,
}

impl Server {
    /// A warm server of `units`, whose host measures load over `sample` seconds.
    pub fn new(units: u32, sample: usize, background: f64) -> Server {
        Server {
            free: vec![0.0; units as usize * WORKERS_PER_UNIT],
            busy: vec![0.0; sample + AHEAD],
            sample,
            background,
            up_since: Some(Time::ZERO),
            warms_up_in: 0.0,
        }
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        self.up_since.is_some()
    }

    /// What it can do in a second, in seconds of work, if nobody else is there.
    pub fn workers(&self) -> f64 {
        self.free.len() as f64
    }

    /// It stops, and what it had is lost: so many requests that were being worked on.
    pub fn die(&mut self, now: Time) -> u64 {
        let at = seconds(now);
        let had = self.free.iter().filter(|&&free| free > at).count();
        self.up_since = None;
        self.free.fill(0.0);
        self.busy.fill(0.0);
        had as u64
    }

    /// It runs again, on a host that was idle; it takes `warms_up_in` seconds to be as quick as it
    /// was.
    pub fn start(&mut self, now: Time, warms_up_in: f64) {
        self.up_since = Some(now);
        self.warms_up_in = warms_up_in;
    }

    /// Takes a request of `work` seconds.
    pub fn serve(&mut self, now: Time, work: f64) -> Service {
        let at = seconds(now);
        let worker = first(&self.free, at);
        let begins = self.free[worker].max(at);
        if begins - at > PATIENCE {
            return Service::Dropped;
        }
        let takes = work * self.slowness(now);
        self.free[worker] = begins + takes;
        self.note_busy(begins, begins + takes);
        Service::Answered(begins + takes - at)
    }

    /// The mean over the last `sample` whole seconds.
    pub fn load(&self, now: Time) -> Load {
        let second = seconds(now) as usize;
        let sum: f64 = (second.saturating_sub(self.sample)..second)
            .map(|second| self.busy[second % self.busy.len()])
            .sum();
        let own = sum / self.sample as f64 / self.workers();
        let load = self.background + (1.0 - self.background) * own;
        Load::from_percent(load * 100.0).unwrap_or(Load::MAX)
    }

    /// A second is over: its place is free for one that is to come.
    pub fn end_second(&mut self, second: usize) {
        let slots = self.busy.len();
        self.busy[(second + AHEAD) % slots] = 0.0;
    }

    fn slowness(&self, now: Time) -> f64 {
        let up_for = self.up_since.map_or(0.0, |since| now.since(since).as_secs_f64());
        let cold = if up_for < self.warms_up_in { 1.0 - up_for / self.warms_up_in } else { 0.0 };
        (1.0 + cold) / (1.0 - self.background)
    }

    fn note_busy(&mut self, from: f64, to: f64) {
        let slots = self.busy.len();
        // Work beyond what is kept is no load of these seconds.
        let to = to.min(from.floor() + (AHEAD / 2) as f64);
        let mut from = from;
        while from < to {
            let second = from.floor();
            let end = (second + 1.0).min(to);
            self.busy[second as usize % slots] += end - from;
            from = end;
        }
    }
}

/// Seconds since the origin.
pub fn seconds(at: Time) -> f64 {
    at.as_nanos() as f64 * 1e-9
}

/// The worker that is free first; any that is free at `at`.
fn first(free: &[f64], at: f64) -> usize {
    let mut first = 0;
    for (worker, free_at) in free.iter().enumerate() {
        if *free_at <= at {
            return worker;
        }
        if *free_at < free[first] {
            first = worker;
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Erlang's formula for M/M/c: the part of requests that wait, and how long.
    #[test]
    fn waits_as_erlang_says() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut server = Server::new(1, 10, 0.0);
        let (mut at, mut waited, mut count) = (0.0, 0.0, 0.0);
        let mut exponential = |mean: f64| -mean * (1.0 - random.f64()).ln();
        while count < 400_000.0 {
            at += exponential(1.0 / 32.0);
            let work = exponential(MEAN_WORK);
            let now = Time::from_nanos((at * 1e9) as u64);
            if let Service::Answered(after) = server.serve(now, work) {
                waited += after - work;
            }
            count += 1.0;
        }
        // Four workers at 80 %: 59.6 % wait, in the mean 0.0746 s of all.
        assert!((waited / count - 0.0746).abs() < 0.004, "{}", waited / count);
    }

    #[test]
    fn load_is_what_its_workers_did() {
        let mut server = Server::new(1, 10, 0.2);
        for second in 0..20 {
            // Eight tenths of a second of work take a whole one beside what others take.
            for _ in 0..2 {
                server.serve(Time::from_secs(second), 0.8);
            }
            server.end_second(second as usize);
        }
        assert_eq!(server.load(Time::from_secs(20)).to_string(), "60%");
    }

    #[test]
    fn who_would_wait_too_long_goes_away_and_a_death_takes_all() {
        let mut server = Server::new(1, 10, 0.0);
        let now = Time::from_secs(1);
        for _ in 0..4 {
            assert_eq!(server.serve(now, 6.0), Service::Answered(6.0));
        }
        assert_eq!(server.serve(now, 6.0), Service::Dropped);
        assert_eq!(server.die(now), 4);
        assert!(!server.is_up());
        server.start(now, 60.0);
        assert_eq!(server.serve(now, 1.0), Service::Answered(2.0), "cold");
        assert_eq!(server.serve(Time::from_secs(61), 1.0), Service::Answered(1.0), "warm");
    }
}
