//! Waiting for a condition. Nothing here says how fast something must be: the limit is there so
//! that a test that waits for what never comes ends with a reason.

use std::time::{Duration, Instant};

/// Generous: two cores shared by every test of a binary, a machine that stalls.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until `look` gives a value; panics with its last reason after [`LIMIT`].
#[track_caller]
pub fn until<T>(what: &str, look: impl FnMut() -> Result<T, String>) -> T {
    match try_until(look) {
        Ok(found) => found,
        Err(reason) => panic!("waited {LIMIT:?} in vain for {what}: {reason}"),
    }
}

/// [`until`], for whoever has more to say than the reason.
///
/// # Errors
/// The last reason, after [`LIMIT`].
pub fn try_until<T>(mut look: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(reason) if start.elapsed() >= LIMIT => return Err(reason),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// [`until`] a value equals the wanted one.
#[track_caller]
pub fn until_equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    wanted: &T,
    mut look: impl FnMut() -> T,
) {
    until(what, || {
        let seen = look();
        if seen == *wanted { Ok(()) } else { Err(format!("wanted {wanted:?}, saw {seen:?}")) }
    });
}
