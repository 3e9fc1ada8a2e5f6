//! One end of the socket between the host and the process of an isolated plugin.

use std::convert::Infallible;
use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::frame::{Garbled, Incoming, Outgoing, PIECE, Unsent};

/// Where the other end does not read, no more than this waits for it.
const WAITING: usize = 64 << 20;

/// Says and hears messages. Said are they from any thread.
#[derive(Debug)]
pub(super) struct Line {
    socket: UnixStream,
    out: Mutex<Out>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Out {
    octets: Outgoing,
    end: End,
}

/// Whether there is anybody to tell.
#[derive(Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    There,
    Gone,
}

/// When a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// At once, where nothing waits: from one to the other it is one thread less.
    Now,
    /// With all that is said until the writer's turn comes, by one write.
    Together,
}

impl Line {
    /// The end `socket`, in the runtime that [`write`](Line::write) and [`hear`](Line::hear) are to
    /// run in.
    ///
    /// # Errors
    /// The reactor does not take it.
    pub(super) fn new(socket: StdStream) -> io::Result<Line> {
        socket.set_nonblocking(true)?;
        let socket = UnixStream::from_std(socket)?;
        Ok(Line { socket, out: Mutex::default(), more: Notify::new() })
    }

    /// Has `message` go. Where nobody is left to hear it, that is known by other ways.
    ///
    /// # Errors
    /// It is too long, or too much waits.
    pub(super) fn say(&self, message: &impl Serialize, haste: Haste) -> Result<(), Unsent> {
        let mut out = self.out();
        if out.end == End::Gone {
            return Ok(());
        }
        let waiting = out.octets.rest().len();
        if waiting > WAITING {
            return Err(Unsent::Full(waiting));
        }
        out.octets.push(message)?;
        if haste == Haste::Now && waiting == 0 {
            out.write(&self.socket);
        }
        let done = out.octets.rest().is_empty();
        drop(out);
        if !done {
            self.more.notify_one();
        }
        Ok(())
    }

    /// Octets that have not gone yet.
    pub(super) fn backlog(&self) -> usize {
        self.out().octets.rest().len()
    }

    /// Writes what is said, until nobody is left to hear it.
    pub(super) async fn write(&self) {
        loop {
            let done = {
                let mut out = self.out();
                out.write(&self.socket);
                if out.end == End::Gone {
                    return;
                }
                out.octets.rest().is_empty()
            };
            if done {
                self.more.notified().await;
            } else if self.socket.writable().await.is_err() {
                return;
            }
        }
    }

    /// Gives each message that comes to `each`, until none can come.
    ///
    /// # Errors
    /// Why that is so.
    pub(super) async fn hear<T: DeserializeOwned>(
        &self,
        heard: &mut Incoming,
        mut each: impl FnMut(T),
    ) -> Result<Infallible, Hush> {
        loop {
            while let Some(message) = heard.next()? {
                each(message);
            }
            self.socket.readable().await?;
            match self.socket.try_read_buf(heard.room()) {
                Ok(0) => return Err(Hush::Closed),
                // There is more: whoever else is on this thread has a turn first.
                Ok(PIECE..) => tokio::task::yield_now().await,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Out {
    /// As much as the socket takes now.
    fn write(&mut self, socket: &UnixStream) {
        while !self.octets.rest().is_empty() {
            match socket.try_write(self.octets.rest()) {
                Ok(gone) => self.octets.advance(gone),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.octets.clear();
                    self.end = End::Gone;
                }
            }
        }
    }
}

/// Why nothing more comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Hush {
    #[error("closed its connection")]
    Closed,
    #[error("broke its connection: {0}")]
    Broken(#[from] io::Error),
    #[error("talks nonsense: {0}")]
    Garbled(#[from] Garbled),
}
