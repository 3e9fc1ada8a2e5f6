//! A connection to a server, with TLS or without.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncRead;
use rais_http::{Progress, Reader};
use rais_sdk::Fault;
use rais_sdk::net::TcpStream;
use rais_tls::TlsStream;

use crate::FIRST_BYTE;

#[derive(Debug)]
pub(crate) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// At most so many octets are read at once: as many as TLS has in a record.
const ROOM: usize = 16 << 10;

thread_local! {
    /// One for all connections of a thread, in use while one of them is polled: thousands wait at
    /// once, and those who wait need none.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Connection {
    pub(crate) async fn write_all(&mut self, data: &[u8]) -> Result<(), Fault> {
        let written = match self {
            Self::Plain(stream) => stream.write_all(data).await,
            Self::Tls(stream) => stream.write_all(data).await,
        };
        written.map_err(|error| self.fault(&error))
    }

    /// Has `reader` take what comes next, or the end.
    pub(crate) async fn read(&mut self, reader: &mut Reader) -> Result<Progress, Fault> {
        poll_fn(|task| {
            let mut room = SCRATCH.take();
            room.resize(ROOM, 0);
            let fed = self.poll_read(task, &mut room).map(|read| match read {
                Ok(0) => end(reader),
                Ok(size) => reader.feed(&room[..size]).map_err(Fault::down),
                // Servers that end TLS without a word are many; whether the answer is whole, it
                // says itself.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => end(reader),
                Err(error) => Err(self.fault(&error)),
            });
            SCRATCH.set(room);
            fed
        })
        .await
    }

    /// What is to be said of the server's certificate.
    pub(crate) fn notice(&self) -> Option<String> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.notice(),
        }
    }

    fn poll_read(&mut self, task: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_read(task, into),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(task, into),
        }
    }

    fn fault(&self, error: &io::Error) -> Fault {
        match self {
            Self::Plain(_) => Fault::of_peer(FIRST_BYTE, error),
            Self::Tls(_) => rais_tls::fault(error),
        }
    }
}

fn end(reader: &mut Reader) -> Result<Progress, Fault> {
    reader.end().map_err(Fault::down)?;
    Ok(Progress::Done)
}
