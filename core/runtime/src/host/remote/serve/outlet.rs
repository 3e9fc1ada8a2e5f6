//! Where a transport delivers in its own process: towards the host, as fast as that takes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rais_proto::heartbeat::MAX_DATAGRAM;
use rais_sdk::Datagram;
use rais_sdk::host::Receive;
use tracing::warn;

use crate::host::remote::line::{Haste, Line};
use crate::host::remote::wire::{self, InstanceId, Octets, Report, WINDOW};

/// How many datagrams may be sent to the host before it has said that it took some.
#[derive(Debug)]
pub(super) struct Credit(AtomicU32);

/// The host's end of a transport, as far as it is in this process.
pub(super) struct Outlet {
    instance: InstanceId,
    line: Arc<Line>,
    credit: Arc<Credit>,
    /// Not taken since it was last said.
    lost: AtomicU64,
}

impl Default for Credit {
    fn default() -> Credit {
        Credit(AtomicU32::new(WINDOW))
    }
}

impl Credit {
    pub(super) fn add(&self, datagrams: u32) {
        self.0.fetch_add(datagrams, Ordering::Relaxed);
    }

    /// Takes up to `datagrams`, and says how many.
    fn take(&self, datagrams: usize) -> usize {
        let wanted = u32::try_from(datagrams).unwrap_or(u32::MAX);
        let before = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(wanted))
            })
            .unwrap_or(0);
        before.min(wanted) as usize
    }
}

impl Outlet {
    pub(super) fn new(instance: InstanceId, line: &Arc<Line>, credit: &Arc<Credit>) -> Outlet {
        let (line, credit) = (Arc::clone(line), Arc::clone(credit));
        Outlet { instance, line, credit, lost: AtomicU64::new(0) }
    }
}

impl Receive for Outlet {
    fn deliver(&self, batch: &[Datagram<'_>]) -> usize {
        let taken = self.credit.take(batch.len());
        let lost = u64::try_from(batch.len() - taken).unwrap_or(u64::MAX);
        if lost > 0 {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
        if taken == 0 {
            return 0;
        }
        let lost = if lost == 0 { self.lost.swap(0, Ordering::Relaxed) } else { 0 };
        if lost > 0 {
            warn!(target: "plugin", "{lost} datagrams were lost: the host did not take them fast enough");
        }
        let datagrams = batch[..taken].iter().map(|datagram| {
            // Enough to be refused as too long, as the host's own queue keeps it.
            let kept = datagram.data.len().min(MAX_DATAGRAM + 1);
            let data = Octets(datagram.data[..kept].to_vec());
            wire::Datagram { from: datagram.from, data }
        });
        let report = Report::Deliver { instance: self.instance, datagrams: datagrams.collect() };
        // It is at most what the window holds, so it can be told.
        let _ = self.line.say(&report, Haste::Now);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_used_up_and_given_back() {
        let credit = Credit::default();
        assert_eq!(credit.take(1000), 1000);
        assert_eq!(credit.take(64), 24);
        assert_eq!(credit.take(64), 0);
        credit.add(2);
        assert_eq!(credit.take(64), 2);
    }
}
