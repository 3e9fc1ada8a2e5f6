//! Where transports put what they receive: a bounded queue.

use std::net::SocketAddr;
use std::sync::Arc;

use rais_proto::heartbeat::MAX_DATAGRAM;
use rais_sdk::Datagram;
use rais_sdk::host::Receive;
use tokio::sync::mpsc;

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
}

/// A queue of `capacity` datagrams; [`Queue::of`] gives each transport its end.
pub fn inbox(capacity: usize) -> (Queue, mpsc::Receiver<Arrived>) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    (Queue { transport: "".into(), sender }, receiver)
}

impl Queue {
    /// The end for the transport `name`.
    pub fn of(&self, name: &str) -> Arc<dyn Receive> {
        Arc::new(Queue { transport: name.into(), sender: self.sender.clone() })
    }
}

impl Queue {
    /// The queue itself, for what comes from this very process.
    pub fn sender(&self) -> mpsc::Sender<Arrived> {
        self.sender.clone()
    }
}

impl Receive for Queue {
    fn deliver(&self, batch: &[Datagram<'_>]) -> usize {
        let taken = batch.iter().take_while(|datagram| {
            // Enough to be refused as too long, without keeping 64 KiB of somebody's.
            let kept = datagram.data.len().min(MAX_DATAGRAM + 1);
            let arrived = Arrived {
                transport: Arc::clone(&self.transport),
                from: datagram.from,
                data: datagram.data[..kept].into(),
            };
            self.sender.try_send(arrived).is_ok()
        });
        taken.count()
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
}
