//! Where a transport puts what it received.

use std::net::SocketAddr;

use crate::abi::plugin_side::InboxRef;

/// The host's queue. Clones are cheap and may go to any thread.
#[derive(Clone)]
pub struct Inbox(InboxRef);

/// One datagram, borrowed for the time of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Datagram<'a> {
    /// Who sent it; `None` where the transport cannot tell (a message bus).
    pub from: Option<SocketAddr>,
    /// As it came.
    pub data: &'a [u8],
}

impl Inbox {
    pub(crate) fn new(inbox: InboxRef) -> Self {
        Self(inbox)
    }

    /// Hands datagrams to the host, which copies what it takes. Returns how many it took, from the
    /// start; fewer than given: its queue is full, and the rest is best dropped.
    pub fn deliver(&self, batch: &[Datagram<'_>]) -> usize {
        self.0.deliver(batch)
    }

    /// What ABI 1.1 would add.
    #[cfg(feature = "abi-next")]
    #[doc(hidden)]
    #[must_use]
    pub fn next(&self) -> u32 {
        self.0.next()
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
