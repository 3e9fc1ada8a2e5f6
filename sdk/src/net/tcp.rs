//! TCP.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, Socket, Type};

use super::{Net, poll_io};
use crate::abi::plugin_side::Source;
use crate::host::Interest;

/// A connected stream, without Nagle's delay.
///
/// One task at a time may read, and one write. Dropping it closes the connection.
pub struct TcpStream {
    // Leaves the reactor before the socket below is closed.
    source: Source,
    socket: std::net::TcpStream,
}

impl TcpStream {
    /// Connects to `to`. It has no time limit of its own: the probe's deadline ends it.
    ///
    /// # Errors
    /// Those of `socket(2)` and `connect(2)`, and of the host where it cannot watch the socket.
    pub async fn connect(net: &Net, to: SocketAddr) -> io::Result<Self> {
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::for_address(to), kind, Some(Protocol::TCP))?;
        // With Nagle a small request behind a TLS handshake waits for a delayed ACK, 40 ms.
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&to.into()) {
            Err(e) if !is_underway(&e) => return Err(e),
            _ => {}
        }
        // After connect: a socket that is not even connecting reads as hung up.
        let source = net.host().register(socket.as_raw_fd())?;
        let stream = Self { source, socket: socket.into() };
        poll_fn(|task| {
            poll_io(&stream.source, task, Interest::Write, || is_connected(&stream.socket))
        })
        .await?;
        Ok(stream)
    }

    /// Reads at most `into.len()` octets; 0 is the end of the stream.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    pub async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        poll_fn(|task| self.poll_read(task, into)).await
    }

    /// Writes all of `data`.
    ///
    /// # Errors
    /// Those of `send(2)`.
    pub async fn write_all(&self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            match poll_fn(|task| self.poll_write(task, data)).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => data = &data[written..],
            }
        }
        Ok(())
    }

    /// Says that nothing more will be written, or read.
    ///
    /// # Errors
    /// Those of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    /// Our end.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// [`read`](Self::read) for those who poll themselves: the body of a futures-io `AsyncRead`.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    pub fn poll_read(&self, task: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        poll_io(&self.source, task, Interest::Read, || (&self.socket).read(into))
    }

    /// One write for those who poll themselves: the body of a futures-io `AsyncWrite`.
    ///
    /// # Errors
    /// Those of `send(2)`.
    pub fn poll_write(&self, task: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        poll_io(&self.source, task, Interest::Write, || (&self.socket).write(data))
    }
}

/// For socket options.
impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl std::fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TcpStream").field(&self.socket).finish()
    }
}

fn is_underway(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
        || matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// The socket's own word, since a wake-up may come from anything, the deadline's timer for one.
fn is_connected(socket: &std::net::TcpStream) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        Err(e) => Err(e),
    }
}
