//! The threads of a server, from start to stop.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::Waker;

use super::Respond;
use super::door::Place;
use super::listen::{Sockets, UdpEndpoint};
use super::tcp::TcpWorker;
use super::udp::{self, UdpWorker};

/// A server at work; stopped when dropped.
pub(crate) struct Server {
    stop: Arc<Stop>,
    udp: Vec<Arc<[UdpEndpoint]>>,
    tcp: Vec<Arc<Waker>>,
    threads: Vec<JoinHandle<()>>,
    place: Place,
}

/// What clients may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Octets of the longest answer over UDP.
    pub(crate) udp_answer: usize,
    pub(crate) tcp: TcpLimits,
}

/// Of all workers together. Each takes its part of them, rounded up; and since the kernel spreads
/// connections by chance, one worker's part may be full before the whole is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TcpLimits {
    /// Connections at a time. For another one, that which was idle longest is closed.
    pub(crate) connections: NonZeroUsize,
    /// The same for one client: an IPv4 address, or an IPv6 network of 64 bits.
    pub(crate) per_client: NonZeroUsize,
    /// A connection on which so long no query was answered and nothing of a transfer was taken is closed.
    pub(crate) idle: Duration,
    /// Octets of answers that clients have not taken, beyond the kernel's buffers. Above it, the connection
    /// that has taken none for longest is closed.
    pub(crate) unread: usize,
}

/// Whether threads are to stop.
#[derive(Debug, Default)]
pub(super) struct Stop(AtomicBool);

/// What a thread does until it is told to stop. It may be called again after a panic.
pub(crate) type Work = Box<dyn FnMut() + Send>;

/// Starts a thread by its name. Names have at most 15 octets, as the kernel keeps them.
pub(crate) type Spawn<'a> = &'a dyn Fn(&str, Work) -> io::Result<JoinHandle<()>>;

impl Server {
    /// Answers what comes to `sockets` from now on, on threads that `spawn` starts, each with a responder of
    /// its own.
    ///
    /// # Errors
    /// The system gives no thread or no descriptor; what was started has then been stopped.
    pub(crate) fn start<R: Respond + 'static>(
        sockets: Sockets,
        limits: &Limits,
        mut responder: impl FnMut() -> R,
        spawn: Spawn<'_>,
    ) -> io::Result<Self> {
        let workers = NonZeroUsize::new(sockets.workers.len()).unwrap_or(NonZeroUsize::MIN);
        let part = limits.tcp.of_one(workers);
        let Sockets { workers, place } = sockets;
        let (udp, tcp, threads) = (Vec::new(), Vec::new(), Vec::new());
        let mut server = Self { stop: Arc::default(), udp, tcp, threads, place };
        for (i, sockets) in workers.into_iter().enumerate() {
            let endpoints: Arc<[UdpEndpoint]> = sockets.udp.into();
            server.udp.push(Arc::clone(&endpoints));
            let stop = Arc::clone(&server.stop);
            let mut udp = UdpWorker::new(endpoints, stop, limits.udp_answer, responder());
            server.threads.push(spawn(&format!("dns-udp-{i}"), Box::new(move || udp.run()))?);

            let stop = Arc::clone(&server.stop);
            let mut tcp = TcpWorker::new(sockets.tcp, stop, part, responder())?;
            server.tcp.push(tcp.waker());
            server.threads.push(spawn(&format!("dns-tcp-{i}"), Box::new(move || tcp.run()))?);
        }
        Ok(server)
    }

    /// Ends all threads and closes their sockets; datagrams that have come are still answered. Whoever
    /// waits for its addresses has them first.
    pub(crate) fn stop(&mut self) {
        self.place.leave();
        self.udp.iter().for_each(|endpoints| udp::retire(endpoints));
        self.stop.0.store(true, Ordering::Release);
        for endpoints in self.udp.drain(..) {
            udp::wake(&endpoints);
        }
        for waker in self.tcp.drain(..) {
            // Only a closed descriptor cannot be written to.
            let _ = waker.wake();
        }
        for thread in self.threads.drain(..) {
            // A panic in it has been logged.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl TcpLimits {
    /// One client may have a quarter of a worker's connections, where that is within its limit: of many
    /// workers a part each would be none.
    fn of_one(&self, workers: NonZeroUsize) -> Self {
        let connections = divided(self.connections, workers);
        let quarter = NonZeroUsize::new(connections.get() / 4).unwrap_or(NonZeroUsize::MIN);
        Self {
            connections,
            per_client: divided(self.per_client, workers).max(quarter.min(self.per_client)),
            idle: self.idle,
            unread: self.unread.div_ceil(workers.get()),
        }
    }
}

fn divided(all: NonZeroUsize, workers: NonZeroUsize) -> NonZeroUsize {
    NonZeroUsize::new(all.get().div_ceil(workers.get())).unwrap_or(NonZeroUsize::MIN)
}

impl Stop {
    pub(super) fn is_asked_for(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
