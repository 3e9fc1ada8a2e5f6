//! A worker's thread for UDP.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use super::batch::{Batch, Segments, Wait};
use super::listen::UdpEndpoint;
use super::server::Stop;
use super::{Moment, Respond};

/// Answers what comes to its sockets, until it is to stop.
pub(super) struct UdpWorker<R> {
    endpoints: Arc<[UdpEndpoint]>,
    stop: Arc<Stop>,
    answering: Answering<R>,
}

struct Answering<R> {
    responder: R,
    batch: Batch,
    /// What interfaces said.
    segments: Segments,
}

/// Batches that are still answered once the worker is to stop: what has waited, and no more.
const LAST: usize = 64;
/// After an error that a next try could meet at once.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a full send buffer is waited for: a link that takes nothing must not hold up the others.
const FULL: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
/// So often one batch waits for it, or meets an error that was not its own.
const MOST_TRIES: usize = 8;

impl<R: Respond> UdpWorker<R> {
    pub(super) fn new(
        endpoints: Arc<[UdpEndpoint]>,
        stop: Arc<Stop>,
        longest_answer: usize,
        responder: R,
    ) -> Self {
        let batch = Batch::new(longest_answer);
        let answering = Answering { responder, batch, segments: Segments::Allowed };
        Self { endpoints, stop, answering }
    }

    /// Until it is to stop.
    pub(super) fn run(&mut self) {
        match &*self.endpoints {
            // One call a batch: the kernel waits in it.
            [only] => {
                while !self.stop.is_asked_for() {
                    self.answering.serve(only, Wait::ForOne);
                }
            }
            several => self.answering.serve_all(several, &self.stop),
        }
        for endpoint in &*self.endpoints {
            for _ in 0..LAST {
                if self.answering.serve(endpoint, Wait::Not) == 0 {
                    break;
                }
            }
        }
    }
}

/// Leaves what comes from now on to the next server at the address. Before any thread is to stop: what
/// comes after its last look is lost.
pub(super) fn retire(endpoints: &[UdpEndpoint]) {
    for endpoint in endpoints {
        // Where it cannot be, a datagram may be lost, as any may.
        let _ = endpoint.retire();
    }
}

/// Has the threads that wait for datagrams look whether they are to stop.
///
/// The kernel wakes who waits in a receiving call and has all later ones return at once, although it
/// reports an error for sockets that are not connected. So it takes no second descriptor, and no second
/// call a batch, to wait for both.
pub(super) fn wake(endpoints: &[UdpEndpoint]) {
    for endpoint in endpoints {
        let _ = SockRef::from(&endpoint.socket).shutdown(std::net::Shutdown::Read);
    }
}

impl<R: Respond> Answering<R> {
    /// By turns whatever socket has datagrams, a batch of each: a flood at one address keeps no other
    /// waiting.
    fn serve_all(&mut self, endpoints: &[UdpEndpoint], stop: &Stop) {
        let mut waiting: Vec<_> =
            endpoints.iter().map(|e| PollFd::new(&e.socket, PollFlags::IN)).collect();
        while !stop.is_asked_for() {
            if poll(&mut waiting, None).is_err() {
                // A signal: nothing is known.
                continue;
            }
            for (endpoint, ready) in endpoints.iter().zip(&mut waiting) {
                if !ready.revents().is_empty() {
                    self.serve(endpoint, Wait::Not);
                }
            }
        }
    }

    /// Answers one batch, and says how many datagrams it was.
    fn serve(&mut self, endpoint: &UdpEndpoint, wait: Wait) -> usize {
        let socket = endpoint.socket.as_fd();
        let count = match self.batch.receive(socket, wait) {
            Ok(count) => count,
            Err(error) => {
                if !is_passing(&error) {
                    thread::sleep(PAUSE);
                }
                return 0;
            }
        };
        self.responder.refresh();
        let segments = match self.segments {
            Segments::Allowed => endpoint.segments,
            Segments::Refused => Segments::Refused,
        };
        self.batch.answer(&mut self.responder, endpoint.local, Moment::now(), segments);
        self.send(socket);
        self.responder.release();
        count
    }

    fn send(&mut self, socket: BorrowedFd<'_>) {
        let mut tries = 0;
        while let Err(error) = self.batch.send(socket) {
            match error.raw_os_error() {
                _ if is_passing(&error) => {
                    tries += 1;
                    let is_full = error.kind() == io::ErrorKind::WouldBlock;
                    if tries > MOST_TRIES || (is_full && !has_room(socket)) {
                        return;
                    }
                }
                // No checksums by the interface, which segments need; or a route that is too narrow.
                Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP)
                    if self.batch.is_at_segments() =>
                {
                    if error.raw_os_error() == Some(libc::EIO) {
                        self.segments = Segments::Refused;
                    }
                    self.batch.send_apart(socket);
                }
                // No route, forbidden by a filter, no such client: lost, as any datagram may be.
                _ => self.batch.skip(),
            }
        }
    }
}

/// Whether the next try is another matter: nothing there, a signal, or the news that an earlier answer
/// reached nobody.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | ConnectionRefused)
}

/// Waits for room in the send buffer, for [`FULL`].
fn has_room(socket: BorrowedFd<'_>) -> bool {
    let mut waiting = [PollFd::from_borrowed_fd(socket, PollFlags::OUT)];
    poll(&mut waiting, Some(&FULL)).is_ok_and(|ready| ready > 0)
}
