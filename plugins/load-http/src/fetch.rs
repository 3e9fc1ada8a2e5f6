//! One page over one connection, on a thread that may wait.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rais_http::{Progress, Reader, Secure};
use rais_sdk::Fault;
use rais_tls::HANDSHAKE;
use rais_tls::rustls::{ClientConnection, StreamOwned};

use crate::Http;

/// A socket whose every wait ends at one moment: a server that drips is as late as one that hangs.
#[derive(Debug)]
struct Timed {
    stream: TcpStream,
    until: Instant,
}

/// Beyond any configuration, and far from the end of the clock.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

const CONNECTING: &str = "connecting";
const ANSWER: &str = "answer";

impl Http {
    /// What the server at `address` answers, all of it within `timeout`.
    pub(crate) fn fetch(&self, address: SocketAddr, timeout: Duration) -> Result<Reader, Fault> {
        let until = Instant::now() + timeout.min(LONGEST);
        let fault = |error: &io::Error, phase| match error.kind() {
            io::ErrorKind::TimedOut => Fault::late(phase, timeout),
            _ if phase == CONNECTING || self.secure.is_none() => Fault::of_peer(phase, error),
            _ => rais_tls::fault(error),
        };
        let stream = Timed::connect(address, until).map_err(|error| fault(&error, CONNECTING))?;
        match &self.secure {
            None => self.exchange(stream, address, fault),
            Some(secure) => {
                let stream = handshake(secure, address, stream);
                let stream = stream.map_err(|error| fault(&error, HANDSHAKE))?;
                self.exchange(stream, address, fault)
            }
        }
    }

    fn exchange(
        &self,
        mut stream: impl Read + Write,
        address: SocketAddr,
        fault: impl Fn(&io::Error, &'static str) -> Fault,
    ) -> Result<Reader, Fault> {
        let fault = |error| fault(&error, ANSWER);
        stream.write_all(&self.page.request(address)).map_err(fault)?;
        stream.flush().map_err(fault)?;
        let mut reader = Reader::new(&self.page, self.gauge.limits());
        let mut room = vec![0; 16 << 10];
        while reader.progress() != Progress::Done {
            match stream.read(&mut room) {
                Ok(0) => reader.end().map_err(Fault::down)?,
                Ok(size) => drop(reader.feed(&room[..size]).map_err(Fault::down)?),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Servers that end TLS without a word are many; whether the answer is whole, it
                // says itself.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    reader.end().map_err(Fault::down)?;
                }
                Err(error) => return Err(fault(error)),
            }
        }
        Ok(reader)
    }
}

fn handshake(
    secure: &Secure,
    address: SocketAddr,
    mut stream: Timed,
) -> io::Result<StreamOwned<ClientConnection, Timed>> {
    let tls = secure.tls();
    let name = tls.name().cloned().unwrap_or_else(|| secure.name(address.ip()));
    let connection = ClientConnection::new(tls.client_config_for(address), name);
    let mut connection = connection.map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    tls.connected(address, &connection);
    Ok(StreamOwned::new(connection, stream))
}

impl Timed {
    fn connect(address: SocketAddr, until: Instant) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, left(until)?)?;
        // Behind a handshake a small request waits for a delayed ACK, 40 ms.
        stream.set_nodelay(true)?;
        Ok(Self { stream, until })
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    match until.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// A socket's own word for the end of its time limit is that it would block.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.until)?))?;
        self.stream.read(into).map_err(timed_out)
    }
}

impl Write for Timed {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.until)?))?;
        self.stream.write(data).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
