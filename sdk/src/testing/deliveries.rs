//! What a transport delivered.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Datagram;
use crate::host::Receive;

/// One datagram, and who sent it.
pub type Delivery = (Option<SocketAddr>, Vec<u8>);

/// Takes every datagram and keeps it. Clones share what they keep.
#[derive(Debug, Clone, Default)]
pub struct Deliveries(Arc<(Mutex<Vec<Delivery>>, Condvar)>);

impl Deliveries {
    /// Nothing delivered yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until there are `count`, and takes them all; after `limit`, takes what there is.
    #[must_use]
    pub fn take(&self, count: usize, limit: Duration) -> Vec<Delivery> {
        let (kept, more) = &*self.0;
        let end = Instant::now() + limit;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            kept = more.wait_timeout(kept, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut kept)
    }
}

impl Receive for Deliveries {
    fn deliver(&self, batch: &[Datagram<'_>]) -> usize {
        let (kept, more) = &*self.0;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(batch.iter().map(|datagram| (datagram.from, datagram.data.to_vec())));
        more.notify_all();
        batch.len()
    }
}
