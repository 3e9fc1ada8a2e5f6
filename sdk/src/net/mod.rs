//! Sockets for probes, over the host's reactor.
//!
//! Every operation is tried first and waits only when the socket says it would block. A wake-up is
//! not an event: what was waited for is asked again, each time. A peer that never lets a probe wait
//! does not keep it from waiting: after so many operations others get their turn.

mod tcp;
pub(crate) mod turn;
mod udp;

pub use tcp::TcpStream;
pub use udp::UdpSocket;

use std::io;
use std::task::{Context, Poll};

use crate::abi::plugin_side::{HostRef, Source};
use crate::host::{Interest, Ready};

/// The host's reactor, from [`Cx::net`](crate::Cx::net).
#[derive(Clone)]
pub struct Net(HostRef);

/// So many times in a row an operation is tried before others get their turn.
const TRIES: u32 = 16;

impl Net {
    pub(crate) fn new(host: HostRef) -> Self {
        Self(host)
    }

    pub(crate) fn host(&self) -> &HostRef {
        &self.0
    }
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Net")
    }
}

/// Tries `attempt` until it gives anything but `WouldBlock`, where this turn is not over.
fn poll_io<T>(
    source: &Source,
    task: &mut Context<'_>,
    interest: Interest,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    let tries = if turn::is_over() { 0 } else { TRIES };
    for _ in 0..tries {
        match attempt() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                match source.poll_ready(task, interest) {
                    Ready::Pending => return Poll::Pending,
                    Ready::TryAgain => {}
                    Ready::Gone => {
                        let gone = io::Error::other("the host's reactor is gone");
                        return Poll::Ready(Err(gone));
                    }
                }
            }
            done => {
                turn::count();
                return Poll::Ready(done);
            }
        }
    }
    task.waker().wake_by_ref();
    Poll::Pending
}
