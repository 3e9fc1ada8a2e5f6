//! Servers for a plugin to meet.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};

use socket2::{Domain, Socket, Type};

use super::Bench;
use super::clock::Clock;
use super::poll::poll;
use super::reactor::Reactor;
use super::script::Script;
use super::scripts::Place;
use super::serving::{self, Heard, Serving};
use crate::host::Interest;

/// A server on 127.0.0.1, at a port of its own, for as long as it is kept.
///
/// Its sockets are real; what it does with them is a [`Script`]. One of a [`Bench`] is played by
/// [`Bench::block_on`], on the same thread and by the same clock as the plugin; one on a thread
/// runs by itself, for plugins that block.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    heard: Arc<Heard>,
    _stage: Stage,
}

/// What ends with a server.
#[derive(Debug)]
enum Stage {
    Bench { _place: Place },
    Thread { _thread: OnThread },
    Sockets { _all: Vec<Socket> },
}

#[derive(Debug)]
struct OnThread {
    end: Arc<End>,
    thread: Option<JoinHandle<()>>,
}

/// That a thread is to end, and how to wake it.
#[derive(Debug, Default)]
struct End {
    is_near: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Server {
    /// Follows `script` with each connection.
    ///
    /// # Errors
    /// Those of the system's calls for sockets, here as below.
    pub fn tcp(bench: &Bench, script: Script) -> io::Result<Self> {
        Self::tcp_each(bench, [script])
    }

    /// Follows the first script with the first connection, the second with the second; the last
    /// one with all that come then.
    ///
    /// # Errors
    /// As [`tcp`](Self::tcp).
    pub fn tcp_each(bench: &Bench, scripts: impl IntoIterator<Item = Script>) -> io::Result<Self> {
        let scripts = scripts.into_iter().collect();
        let (address, listener) = listener()?;
        Self::in_bench(bench, address, |reactor, heard| {
            serving::tcp(reactor, listener, scripts, heard)
        })
    }

    /// Follows `script` with each exchange: from a datagram on that no step waited for.
    ///
    /// # Errors
    /// As [`tcp`](Self::tcp).
    pub fn udp(bench: &Bench, script: Script) -> io::Result<Self> {
        let (address, socket) = datagrams()?;
        Self::in_bench(bench, address, |reactor, heard| {
            serving::udp(reactor, socket, script, &heard)
        })
    }

    /// As [`tcp`](Self::tcp), on a thread of its own and in real time.
    ///
    /// # Errors
    /// As [`tcp`](Self::tcp), and where there is no thread to be had.
    pub fn tcp_on_thread(script: Script) -> io::Result<Self> {
        let (address, listener) = listener()?;
        Self::on_thread(address, |reactor, heard| {
            serving::tcp(reactor, listener, vec![script], heard)
        })
    }

    /// As [`udp`](Self::udp), on a thread of its own and in real time.
    ///
    /// # Errors
    /// As [`tcp_on_thread`](Self::tcp_on_thread).
    pub fn udp_on_thread(script: Script) -> io::Result<Self> {
        let (address, socket) = datagrams()?;
        Self::on_thread(address, |reactor, heard| serving::udp(reactor, socket, script, &heard))
    }

    /// Nobody listens: "connection refused", over TCP and UDP.
    ///
    /// # Errors
    /// As [`tcp`](Self::tcp).
    pub fn refusing() -> io::Result<Self> {
        // Bound, so that nobody else takes the port; but not listening.
        let (address, socket) = bound()?;
        Ok(Self::of_sockets(address, vec![socket]))
    }

    /// A dead host, as a client sees it: what it sends over TCP gets no answer at all.
    ///
    /// It is a listener whose queue is full, so that the kernel drops every further SYN.
    ///
    /// # Errors
    /// As [`tcp`](Self::tcp).
    pub fn black_hole() -> io::Result<Self> {
        let (address, listener) = bound()?;
        // Room for one.
        listener.listen(0)?;
        let filler = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        filler.connect(&address.into())?;
        let fd = std::os::fd::AsRawFd::as_raw_fd(&listener);
        while poll(&[(fd, Interest::Read)], None)?.is_empty() {}
        Ok(Self::of_sockets(address, vec![listener, filler]))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The octets that have been heard so far, of each connection; over UDP of all together.
    #[must_use]
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.notes().octets.clone()
    }

    /// What did not go by the script: other octets than those that a step waited for, or an end.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.heard.notes().complaints.clone()
    }

    fn in_bench(
        bench: &Bench,
        address: SocketAddr,
        serving: impl FnOnce(&Arc<Reactor>, Arc<Heard>) -> Serving,
    ) -> io::Result<Self> {
        let heard = Arc::new(Heard::default());
        let place = bench.serve(serving(bench.reactor(), Arc::clone(&heard)));
        Ok(Self { address, heard, _stage: Stage::Bench { _place: place } })
    }

    fn on_thread(
        address: SocketAddr,
        serving: impl FnOnce(&Arc<Reactor>, Arc<Heard>) -> Serving,
    ) -> io::Result<Self> {
        let heard = Arc::new(Heard::default());
        let reactor = Arc::new(Reactor::new(Clock::default()));
        let mut serving = serving(&reactor, Arc::clone(&heard));
        let end = Arc::new(End::default());
        let until = Arc::clone(&end);
        let thread = thread::Builder::new().name(format!("server {address}")).spawn(move || {
            let turn = |task: &mut std::task::Context<'_>| {
                *until.waker.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(task.waker().clone());
                if until.is_near.load(Ordering::SeqCst) {
                    return Poll::Ready(());
                }
                serving.as_mut().poll(task)
            };
            let _ = reactor.run(turn);
        })?;
        let thread = OnThread { end, thread: Some(thread) };
        Ok(Self { address, heard, _stage: Stage::Thread { _thread: thread } })
    }

    fn of_sockets(address: SocketAddr, all: Vec<Socket>) -> Self {
        let heard = Arc::new(Heard::default());
        Self { address, heard, _stage: Stage::Sockets { _all: all } }
    }
}

impl Drop for OnThread {
    fn drop(&mut self) {
        self.end.is_near.store(true, Ordering::SeqCst);
        if let Some(waker) = &*self.end.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listener() -> io::Result<(SocketAddr, TcpListener)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok((listener.local_addr()?, listener))
}

fn datagrams() -> io::Result<(SocketAddr, UdpSocket)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    Ok((socket.local_addr()?, socket))
}

fn bound() -> io::Result<(SocketAddr, Socket)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.cloexec(), None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let address = socket.local_addr()?.as_socket();
    Ok((address.ok_or(io::ErrorKind::AddrNotAvailable)?, socket))
}
