//! The one time that a shell waits for.

use std::future::pending;
use std::pin::Pin;
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// Goes off at a time that is told anew in every turn of a loop. The runtime's timer is touched only
/// where the time is another one: mostly an event leaves it as it was.
#[derive(Debug)]
pub(super) struct Alarm {
    set: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    pub(super) fn new() -> Alarm {
        let now = Instant::now();
        Alarm { set: now, sleep: Box::pin(sleep_until(now.into())) }
    }

    /// Resolves at `time`, at once where that is over; never where there is none.
    pub(super) async fn at(&mut self, time: Option<Instant>) {
        let Some(time) = time else { return pending().await };
        if self.set != time {
            self.set = time;
            self.sleep.as_mut().reset(time.into());
        }
        self.sleep.as_mut().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn goes_off_at_the_time_told_last() {
        let start = time::Instant::now();
        let after = |millis| Some((start + Duration::from_millis(millis)).into_std());
        let mut alarm = Alarm::new();
        let soon = Duration::from_millis(10);
        assert!(time::timeout(soon, alarm.at(None)).await.is_err());
        assert!(time::timeout(soon, alarm.at(after(500))).await.is_err());
        alarm.at(after(100)).await;
        assert_eq!(start.elapsed(), Duration::from_millis(100));
        // Over already: at once, however often it is asked.
        alarm.at(after(100)).await;
        alarm.at(after(50)).await;
        assert_eq!(start.elapsed(), Duration::from_millis(100));
        alarm.at(after(500)).await;
        assert_eq!(start.elapsed(), Duration::from_millis(500));
    }
}
