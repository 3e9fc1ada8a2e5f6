//! Sockets that are waited for within limits: no call here outlasts its deadline, nor for long the
//! sink's end.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, SockRef, Socket, Type};

use crate::conversation::Life;
use crate::deadline::Deadline;
use crate::error::DnsError;

/// Between two looks at whether the sink goes on.
const SLICE: Duration = Duration::from_millis(50);

/// How long something may take, and whether it may go on at all.
#[derive(Clone, Copy, Debug)]
pub struct Limit<'a> {
    /// It is given up then.
    pub until: Deadline,
    /// It is given up a moment after this has ended.
    pub life: &'a Life,
}

/// What has become of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Ready,
    Late,
}

impl Limit<'_> {
    /// Waits until `socket` is ready for `what`, or failed.
    pub(crate) fn wait(self, socket: &impl AsFd, what: PollFlags) -> Result<Waited, DnsError> {
        loop {
            if !self.life.goes_on() {
                return Err(DnsError::Ended);
            }
            let Some(left) = self.until.left() else { return Ok(Waited::Late) };
            // Rounded up: zero would not wait at all.
            let slice = left.min(SLICE) + Duration::from_millis(1);
            let slice = PollTimeout::try_from(slice).unwrap_or(PollTimeout::ZERO);
            match poll(&mut [PollFd::new(socket.as_fd(), what)], slice) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(Waited::Ready),
                Err(error) => return Err(DnsError::at("waiting")(error.into())),
            }
        }
    }

    fn wait_at(
        self,
        phase: &'static str,
        socket: &impl AsFd,
        what: PollFlags,
    ) -> Result<(), DnsError> {
        match self.wait(socket, what)? {
            Waited::Ready => Ok(()),
            Waited::Late => Err(DnsError::Timeout { phase }),
        }
    }
}

/// A socket that hears one server alone, and of its closed port; at the address `local`, where there is
/// one to be used.
pub(crate) fn udp(server: SocketAddr, local: Option<IpAddr>) -> Result<UdpSocket, DnsError> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let open = || {
        let socket = UdpSocket::bind((local.unwrap_or(any), 0))?;
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    open().map_err(DnsError::at("connecting"))
}

/// A connection that is written to and read from within limits.
#[derive(Debug)]
pub struct Stream<S = TcpStream>(S);

impl Stream {
    /// By TCP.
    ///
    /// # Errors
    /// Nobody listens there, or nobody answers in time.
    pub fn connect(server: SocketAddr, limit: Limit<'_>) -> Result<Stream, DnsError> {
        const PHASE: &str = "connecting";
        let failed = DnsError::at(PHASE);
        let socket =
            Socket::new(Domain::for_address(server), Type::STREAM, None).map_err(&failed)?;
        socket.set_nonblocking(true).map_err(&failed)?;
        socket.set_tcp_nodelay(true).map_err(&failed)?;
        match socket.connect(&server.into()) {
            Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {
                limit.wait_at(PHASE, &socket, PollFlags::POLLOUT)?;
                if let Some(error) = socket.take_error().map_err(&failed)? {
                    return Err(failed(error));
                }
            }
            outcome => outcome.map_err(&failed)?,
        }
        Ok(Stream(socket.into()))
    }

    /// Writes messages one behind the other, each behind its length (RFC 1035 §4.2.2), in as few
    /// pieces as the system takes.
    pub(crate) fn write_messages<'m>(
        &mut self,
        messages: impl Iterator<Item = &'m [u8]>,
        limit: Limit<'_>,
    ) -> Result<(), DnsError> {
        let mut framed = Vec::new();
        for message in messages {
            let length = u16::try_from(message.len())
                .map_err(|_| DnsError::TooLong("a request".to_owned()))?;
            framed.extend_from_slice(&length.to_be_bytes());
            framed.extend_from_slice(message);
        }
        self.write(&framed, limit)
    }

    /// The next message, which stands behind its length.
    pub(crate) fn read_message(&mut self, limit: Limit<'_>) -> Result<Vec<u8>, DnsError> {
        let mut length = [0; 2];
        self.fill(&mut length, limit)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        self.fill(&mut message, limit)?;
        Ok(message)
    }
}

impl<S: AsFd + Read + Write> Stream<S> {
    /// Over a connection that is there and does not block.
    pub fn over(socket: S) -> Stream<S> {
        Stream(socket)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// The other side has gone, or takes nothing for too long.
    pub fn write(&mut self, octets: &[u8], limit: Limit<'_>) -> Result<(), DnsError> {
        const PHASE: &str = "sending";
        let mut rest = octets;
        while !rest.is_empty() {
            match self.0.write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    limit.wait_at(PHASE, &self.0, PollFlags::POLLOUT)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DnsError::at(PHASE)(error)),
            }
        }
        Ok(())
    }

    /// Reads as much as there is room for.
    ///
    /// # Errors
    /// The other side has gone before ([`io::ErrorKind::UnexpectedEof`]), or says nothing for too long.
    pub fn fill(&mut self, mut room: &mut [u8], limit: Limit<'_>) -> Result<(), DnsError> {
        while !room.is_empty() {
            let read = self.read(room, limit)?;
            room = room.get_mut(read..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads what there is, at least one octet; how many it were.
    ///
    /// # Errors
    /// The other side has gone ([`io::ErrorKind::UnexpectedEof`]), or says nothing for too long.
    pub fn read(&mut self, room: &mut [u8], limit: Limit<'_>) -> Result<usize, DnsError> {
        const PHASE: &str = "waiting for the answer";
        loop {
            match self.0.read(room) {
                Ok(0) => return Err(DnsError::at(PHASE)(io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // The server may hold its next answer back until this one is acknowledged,
                    // which takes 40 ms otherwise. The kernel forgets that it was told.
                    let _ = SockRef::from(&self.0).set_tcp_quickack(true);
                    limit.wait_at(PHASE, &self.0, PollFlags::POLLIN)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DnsError::at(PHASE)(error)),
            }
        }
    }
}
