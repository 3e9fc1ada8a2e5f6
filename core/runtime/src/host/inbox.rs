//! Where transports put what they receive: a bounded queue.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rais_proto::heartbeat::MAX_DATAGRAM;
use rais_sdk::Datagram;
use rais_sdk::host::Receive;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// A datagram that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Name of the transport, as in `[transport.NAME]`.
    pub transport: Arc<str>,
    /// Who sent it, where the transport can tell.
    pub from: Option<SocketAddr>,
    /// Its octets; of one too long to be a beat, one more than fit.
    pub data: Box<[u8]>,
}

/// The transports' end of the queue.
#[derive(Debug, Clone)]
pub struct Queue {
    transport: Arc<str>,
    sender: mpsc::Sender<Arrived>,
    /// Of all ends together.
    dropped: Arc<AtomicU64>,
}

/// A queue of `capacity` datagrams; [`Queue::of`] gives each transport its end.
pub fn inbox(capacity: usize) -> (Queue, mpsc::Receiver<Arrived>) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    (Queue { transport: "".into(), sender, dropped: Arc::default() }, receiver)
}

impl Queue {
    /// The end for the transport `name`.
    pub fn of(&self, name: &str) -> Arc<dyn Receive> {
        Arc::new(Queue { transport: name.into(), ..self.clone() })
    }

    /// Datagrams that transports offered while the queue was full, since it was made.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The queue itself, for what comes from this very process.
    pub fn sender(&self) -> mpsc::Sender<Arrived> {
        self.sender.clone()
    }
}

impl Receive for Queue {
    fn deliver(&self, batch: &[Datagram<'_>]) -> usize {
        let mut full = false;
        let taken = batch.iter().take_while(|datagram| {
            // Enough to be refused as too long, without keeping 64 KiB of somebody's.
            let kept = datagram.data.len().min(MAX_DATAGRAM + 1);
            let arrived = Arrived {
                transport: Arc::clone(&self.transport),
                from: datagram.from,
                data: datagram.data[..kept].into(),
            };
            let sent = self.sender.try_send(arrived);
            // A binder that has ended is not one that is too slow.
            full = matches!(sent, Err(TrySendError::Full(_)));
            sent.is_ok()
        });
        let taken = taken.count();
        if full {
            let lost = u64::try_from(batch.len() - taken).unwrap_or(u64::MAX);
            self.dropped.fetch_add(lost, Ordering::Relaxed);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_and_says_how_much() {
        let (queue, mut arrived) = inbox(2);
        let lan = queue.of("lan");
        let long = vec![7; 5000];
        let batch = [&b"one"[..], &long, b"three"].map(|data| Datagram::new(None, data));
        assert_eq!(lan.deliver(&batch), 2);
        let first = arrived.try_recv().unwrap();
        assert_eq!((&*first.transport, &*first.data), ("lan", &b"one"[..]));
        assert_eq!(arrived.try_recv().unwrap().data.len(), MAX_DATAGRAM + 1);
        assert_eq!(lan.deliver(&batch[2..]), 1);
        drop(arrived);
        assert_eq!(lan.deliver(&batch), 0);
    }

    #[test]
    fn counts_what_did_not_fit_by_whichever_transport() {
        let (queue, mut arrived) = inbox(2);
        let batch = [&b"one"[..], b"two", b"three"].map(|data| Datagram::new(None, data));
        assert_eq!((queue.of("lan").deliver(&batch), queue.dropped()), (2, 1));
        assert_eq!((queue.of("wan").deliver(&batch), queue.dropped()), (0, 4));
        arrived.try_recv().unwrap();
        assert_eq!((queue.of("wan").deliver(&batch[..1]), queue.dropped()), (1, 4));
        // The end of the binder is no want of room.
        drop(arrived);
        assert_eq!((queue.of("wan").deliver(&batch), queue.dropped()), (0, 4));
    }
}
