//! Where a transport puts what it received.

use std::net::SocketAddr;
use std::sync::Arc;

use abi_stable::std_types::RSlice;

use crate::abi::convert::addr_to_abi;
use crate::abi::{AbiDatagram, InboxBox};

/// The host's queue. Clones are cheap and may go to any thread.
#[derive(Clone)]
pub struct Inbox(Arc<InboxBox>);

/// One datagram, borrowed for the time of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Datagram<'a> {
    /// Who sent it; `None` where the transport cannot tell (a message bus).
    pub from: Option<SocketAddr>,
    /// As it came.
    pub data: &'a [u8],
}

/// Batches are handed over in pieces of this size, from the stack.
pub(crate) const BATCH: usize = 64;

impl Inbox {
    pub(crate) fn new(inbox: InboxBox) -> Self {
        Self(Arc::new(inbox))
    }

    /// Hands datagrams to the host, which copies what it takes. Returns how many it took, from the
    /// start; fewer than given: its queue is full, and the rest is best dropped.
    pub fn deliver(&self, batch: &[Datagram<'_>]) -> usize {
        let mut taken = 0;
        for piece in batch.chunks(BATCH) {
            let mut wire = [AbiDatagram::EMPTY; BATCH];
            for (slot, datagram) in wire.iter_mut().zip(piece) {
                slot.from = addr_to_abi(datagram.from);
                slot.data = RSlice::from_slice(datagram.data);
            }
            let took = self.0.deliver(RSlice::from_slice(&wire[..piece.len()])).min(piece.len());
            taken += took;
            if took < piece.len() {
                break;
            }
        }
        taken
    }
}

impl<'a> Datagram<'a> {
    /// `data` from `from`, an address or `None`.
    #[must_use]
    pub fn new(from: impl Into<Option<SocketAddr>>, data: &'a [u8]) -> Self {
        Self { from: from.into(), data }
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inbox")
    }
}
