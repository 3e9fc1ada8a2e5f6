//! One connection.

use std::future::{Future, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::client;
use rais_sdk::net::TcpStream;
use rais_sdk::{Cx, Fault};
use rustls::HandshakeKind;

use crate::words::fault;

/// An encrypted stream: futures-io's `AsyncRead` and `AsyncWrite`, and the usual ones below.
///
/// A server that closes without saying so (close_notify) ends it with `UnexpectedEof`: whether all
/// has been heard then, only the protocol inside can tell.
#[derive(Debug)]
pub struct TlsStream {
    inner: client::TlsStream<Socket>,
    ends: Ends,
}

/// The end of the server's certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// `None`: not known.
    pub(crate) at: Option<SystemTime>,
    /// It is told so long before.
    pub(crate) ahead: Duration,
}

impl Ends {
    /// By this host's clock.
    fn left(&self) -> Option<Duration> {
        Some(self.at?.duration_since(SystemTime::now()).unwrap_or_default())
    }

    fn left_if_near(&self) -> Option<Duration> {
        self.left().filter(|left| *left <= self.ahead)
    }

    pub(crate) fn are_near(&self) -> bool {
        self.left_if_near().is_some()
    }
}

/// The SDK's stream, as futures-io would have it.
#[derive(Debug)]
pub(crate) struct Socket(pub(crate) TcpStream);

/// So many octets that a server says behind our end are dropped, and no more.
const DROPPED: usize = 64 << 10;

/// The part of a probe's time left in which a server may answer to the end of a connection.
const CLOSING_PART: u32 = 4;

const SECONDS_OF_DAY: u64 = 24 * 3600;

impl TlsStream {
    pub(crate) fn new(inner: client::TlsStream<Socket>, ends: Ends) -> Self {
        Self { inner, ends }
    }

    /// Reads at most `into.len()` octets; 0 is the end that the server has told.
    ///
    /// # Errors
    /// Those of the socket and of rustls, for [`fault`]; `UnexpectedEof` for an untold end.
    pub async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        poll_fn(|task| Pin::new(&mut *self).poll_read(task, into)).await
    }

    /// Writes all of `data`, and leaves nothing in buffers.
    ///
    /// # Errors
    /// Those of the socket and of rustls, for [`fault`].
    pub async fn write_all(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            match poll_fn(|task| Pin::new(&mut *self).poll_write(task, data)).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => data = &data[written..],
            }
        }
        poll_fn(|task| Pin::new(&mut *self).poll_flush(task)).await
    }

    /// Ends the connection in order, for which the server is given a quarter of the probe's time
    /// left. What it says meanwhile is dropped, up to 64 KiB, but not its tickets: a stream that is
    /// merely dropped after the handshake leaves nothing to resume, and its server may see a reset.
    ///
    /// # Errors
    /// That the server refuses, which under TLS 1.3 is told after the handshake: it wants
    /// a certificate of ours, or another one.
    pub async fn close(mut self, cx: &Cx) -> Result<(), Fault> {
        let mut ending = pin!(self.end());
        let mut limit = pin!(cx.sleep(cx.left() / CLOSING_PART));
        // First the limit: a server that streams always has something.
        let ended = poll_fn(|task| match limit.as_mut().poll(task) {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => ending.as_mut().poll(task),
        });
        match ended.await {
            Err(error) if error.get_ref().is_some_and(|it| it.is::<rustls::Error>()) => {
                Err(fault(&error))
            }
            _ => Ok(()),
        }
    }

    async fn end(&mut self) -> io::Result<()> {
        poll_fn(|task| Pin::new(&mut *self).poll_close(task)).await?;
        let (mut room, mut left) = ([0; 1024], DROPPED);
        while left > 0 {
            match self.read(&mut room).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Ok(())
    }

    /// Until the server's certificate ends, by this host's clock; zero when it has. `None` where
    /// that cannot be read.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        self.ends.left()
    }

    /// A word for people where the certificate ends within the table's `expires`, or has ended:
    /// `"certificate ends in 3 days"`.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        let left = self.ends.left_if_near()?;
        Some(match left.as_secs() / SECONDS_OF_DAY {
            0 if left.is_zero() => "certificate has ended".to_owned(),
            0 => "certificate ends within a day".to_owned(),
            1 => "certificate ends in 1 day".to_owned(),
            days => format!("certificate ends in {days} days"),
        })
    }

    /// Whether the session is that of an earlier connection.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.inner.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(task, into)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(task, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(task)
    }

    fn poll_close(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(task)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_read(task, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(task, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shutdown(Shutdown::Write))
    }
}
