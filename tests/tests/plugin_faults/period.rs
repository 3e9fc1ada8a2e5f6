//! How well other plugins keep their period beside one that is at fault; measured in long runs.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::daemon::{Net, sound};

/// How long is counted.
const WINDOW: Duration = Duration::from_secs(4);
/// Part of a period.
const ALLOWED: f64 = 0.1;

/// Of a daemon without a suspect, and with the machine to itself.
static CONTROL: OnceLock<f64> = OnceLock::new();

/// In long runs, tests wait for each other: what one measures is not to be another's work.
pub(crate) fn turn() -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    if rais_tests::count(0, 1) == 0 {
        return None;
    }
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    CONTROL.get_or_init(control);
    Some(turn)
}

/// In long runs, prints and judges the period of the sound services of `net`, which has a suspect.
pub(crate) fn judge(name: &str, net: &Net) {
    let Some(control) = CONTROL.get() else { return };
    let suspect = period(net);
    let error = suspect / control - 1.0;
    println!(
        "{name}: others are asked every {:.1} ms, without it every {:.1} ms: {:+.1} %",
        suspect * 1e3,
        control * 1e3,
        error * 1e2
    );
    assert!(error.abs() < ALLOWED, "{name}: the others' period is off by {:+.1} %", error * 1e2);
}

fn control() -> f64 {
    let net = Net::new();
    net.write(&sound(""));
    let daemon = net.start();
    daemon.until_sound();
    period(&daemon.net)
}

/// Mean seconds between two probes of a sound service.
fn period(net: &Net) -> f64 {
    let (before, start) = (net.asked(), Instant::now());
    std::thread::sleep(WINDOW);
    let (after, took) = (net.asked(), start.elapsed());
    let asked = after.iter().sum::<u64>() - before.iter().sum::<u64>();
    let services = u32::try_from(after.len()).unwrap();
    took.as_secs_f64() * f64::from(services) / f64::from(u32::try_from(asked).unwrap())
}
