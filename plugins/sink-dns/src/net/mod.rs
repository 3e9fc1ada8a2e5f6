//! Sockets and threads: messages come in, a [`Respond`] answers them, answers leave.
//!
//! Nothing here knows DNS, but that a message over TCP has its length before it (RFC 1035 §4.2.2).
//!
//! Each worker has a thread for UDP and one for TCP, sockets of its own for every listen address
//! (SO_REUSEPORT: the kernel spreads clients over them) and a [`Respond`] of its own for each thread, so
//! that the path of a query takes no lock and shares no cache line that is written.

mod batch;
mod claim;
mod door;
mod listen;
mod server;
mod tcp;
mod udp;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

pub(crate) use claim::Claim;
pub(crate) use door::{Latecomers, Passage, overlap};
pub(crate) use listen::{Sockets, is_answered};
pub(crate) use server::{Limits, Server, TcpLimits, Work};
pub(crate) use tcp::LONGEST_OUTPUT;

/// Answers messages. Each thread has one, so it needs no lock and may count for itself.
///
/// # Contract
/// No method blocks; for [`Reply::Message`] and [`Reply::Silence`] none allocates, locks, reads a
/// clock nor calls the system. A panic costs the messages of its batch (UDP) or the connections of its
/// thread (TCP); the thread goes on with the same `Respond`.
pub(crate) trait Respond: Send {
    /// Takes up what was published since. Called before each batch (UDP) or each read (TCP), so that one
    /// batch sees one state; writes nothing that another thread reads, but to publish.
    fn refresh(&mut self);

    /// Lets go of that state. Called behind each batch: a thread that waits for the next one, for however
    /// long, keeps nothing in memory that is no longer published.
    fn release(&mut self);

    /// Answers `query` into `out`.
    ///
    /// `query` is a whole message of any octets: over UDP at most 1,472, longer ones are not handed in; over
    /// TCP at most [`LONGEST_QUERY`], a client that announces a longer one is cut.
    /// `out` is all the room there is: over UDP [`Limits::udp_answer`] octets, over TCP 65,535. What it
    /// holds before is undefined, though initialised. An answer of the length *n* stands in its first *n*
    /// octets.
    fn respond(&mut self, query: &[u8], peer: &Peer, out: &mut [u8]) -> Reply;
}

/// What becomes of a query.
pub(crate) enum Reply {
    /// No answer at all.
    Silence,
    /// So many octets of `out`; more than there are, or none, is [`Reply::Silence`].
    Message(usize),
    /// A transfer, over TCP alone; over UDP it is [`Reply::Silence`]. Further queries of the connection
    /// wait for its end.
    Stream(Box<dyn MessageStream>),
}

/// Messages of a transfer, one after the other, made as the client takes them.
pub(crate) trait MessageStream: Send {
    /// Writes the next message into `out`, 65,535 octets, and says how long it is; nothing after the last.
    /// After one that is too long or empty the connection is cut, since the transfer is not whole.
    fn next(&mut self, out: &mut [u8]) -> Option<usize>;
}

/// From whom a query came, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) client: SocketAddr,
    /// The address that was asked, never a wildcard.
    pub(crate) local: IpAddr,
    pub(crate) transport: Transport,
    /// When its batch was taken up.
    pub(crate) at: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// The coarse clocks, read once a batch. They advance by the kernel's tick, 1 to 10 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moment {
    /// Unix time in seconds, modulo 2³² (as in DNS cookies, RFC 9018 §4.3); may be stepped.
    pub(crate) unix: u32,
    /// Monotonic, since some moment of this machine's life.
    pub(crate) since_boot: Duration,
}

/// The longest query that is answered over TCP, in octets. Questions with every option and a TSIG take less than
/// 2,000; who sends more wants memory of us.
pub(crate) const LONGEST_QUERY: usize = 4096;

impl Moment {
    pub(crate) fn now() -> Self {
        let wall = clock_gettime(ClockId::RealtimeCoarse);
        let monotonic = clock_gettime(ClockId::MonotonicCoarse);
        Self {
            unix: wall.tv_sec as u32,
            since_boot: Duration::new(
                u64::try_from(monotonic.tv_sec).unwrap_or_default(),
                u32::try_from(monotonic.tv_nsec).unwrap_or_default(),
            ),
        }
    }
}
