//! A stretch of bad network: what is sent to it goes on to somewhere, late, twice, in another order, or not
//! at all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::host::Host;

/// What becomes of datagrams. As it comes, each goes on at once, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Weather {
    /// Of a hundred so many are lost.
    pub loss: u8,
    /// Of a hundred so many go on twice.
    pub twice: u8,
    /// By how much each copy is late.
    pub late: Range<Duration>,
}

/// What went through it since it was last asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Came in.
    pub came: usize,
    /// Did not go on.
    pub lost: usize,
    /// Went on, copies counted.
    pub went: usize,
    /// Went on after one that had come later.
    pub overtaken: usize,
}

/// A thread that passes datagrams on.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    weather: Weather,
    passed: Passed,
    stop: bool,
}

/// A copy on its way: when it is to go on, and as which of all that came.
type Copy = Reverse<(Instant, usize, Vec<u8>)>;

impl Default for Weather {
    fn default() -> Self {
        Self { loss: 0, twice: 0, late: Duration::ZERO..Duration::ZERO }
    }
}

impl Relay {
    /// Listens on `host` at `from`, and passes on to `to`.
    #[track_caller]
    #[must_use]
    pub fn start(host: &Host, from: &str, to: &str, seed: u64) -> Self {
        let socket = host.net().enter(|| UdpSocket::bind(from).expect("a socket for the relay"));
        let to: SocketAddr = to.parse().expect("an address");
        let (weather, passed) = (Weather::default(), Passed::default());
        let shared = Arc::new(Mutex::new(Shared { weather, passed, stop: false }));
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || pass_on(&socket, to, fastrand::Rng::with_seed(seed), &shared)
        });
        Self { shared, thread: Some(thread) }
    }

    /// From now on it is like this.
    pub fn turn(&self, weather: Weather) {
        lock(&self.shared).weather = weather;
    }

    /// What went through since this was last asked.
    #[must_use]
    pub fn passed(&self) -> Passed {
        std::mem::take(&mut lock(&self.shared).passed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        lock(&self.shared).stop = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn pass_on(socket: &UdpSocket, to: SocketAddr, mut random: fastrand::Rng, shared: &Mutex<Shared>) {
    let mut under_way: BinaryHeap<Copy> = BinaryHeap::new();
    let (mut octets, mut number, mut newest) = ([0; 2048], 0, 0);
    loop {
        let now = Instant::now();
        while under_way.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((_, which, data))) = under_way.pop() else { break };
            // Nobody there is a loss like any.
            let _ = socket.send_to(&data, to);
            let passed = &mut lock(shared).passed;
            passed.went += 1;
            passed.overtaken += usize::from(which < newest);
            newest = newest.max(which);
        }
        let next = under_way.peek().map_or(IDLE, |Reverse((at, ..))| at.duration_since(now));
        // No time at all would be for ever.
        let wait = next.clamp(Duration::from_micros(50), IDLE);
        socket.set_read_timeout(Some(wait)).expect("a timeout");
        let received = socket.recv(&mut octets);
        let mut shared = lock(shared);
        if shared.stop {
            return;
        }
        let Ok(length) = received else { continue };
        number += 1;
        shared.passed.came += 1;
        let weather = shared.weather.clone();
        if random.u8(..100) < weather.loss {
            shared.passed.lost += 1;
            continue;
        }
        drop(shared);
        let copies = if random.u8(..100) < weather.twice { 2 } else { 1 };
        for _ in 0..copies {
            let span = weather.late.end.saturating_sub(weather.late.start);
            let late = weather.late.start + span.mul_f64(random.f64());
            under_way.push(Reverse((Instant::now() + late, number, octets[..length].to_vec())));
        }
    }
}

/// How long its end may take.
const IDLE: Duration = Duration::from_millis(100);

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
