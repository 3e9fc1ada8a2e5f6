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
#[derive(Clone, Copy)]
pub(crate) struct Limit<'a> {
    pub(crate) until: Deadline,
    pub(crate) life: &'a Life,
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

/// A socket that hears one server alone, and of its closed port.
pub(crate) fn udp(server: SocketAddr) -> Result<UdpSocket, DnsError> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let open = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    open().map_err(DnsError::at("connecting"))
}

/// Messages behind their lengths, over TCP (RFC 1035 §4.2.2).
#[derive(Debug)]
pub(crate) struct Stream(TcpStream);

impl Stream {
    pub(crate) fn connect(server: SocketAddr, limit: Limit<'_>) -> Result<Stream, DnsError> {
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

    /// Writes messages one behind the other, in as few pieces as the system takes.
    pub(crate) fn write<'m>(
        &mut self,
        messages: impl Iterator<Item = &'m [u8]>,
        limit: Limit<'_>,
    ) -> Result<(), DnsError> {
        const PHASE: &str = "sending";
        let mut framed = Vec::new();
        for message in messages {
            let length = u16::try_from(message.len())
                .map_err(|_| DnsError::TooLong("a request".to_owned()))?;
            framed.extend_from_slice(&length.to_be_bytes());
            framed.extend_from_slice(message);
        }
        let mut rest = framed.as_slice();
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

    /// The next message.
    pub(crate) fn read(&mut self, limit: Limit<'_>) -> Result<Vec<u8>, DnsError> {
        let mut length = [0; 2];
        self.fill(&mut length, limit)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        self.fill(&mut message, limit)?;
        Ok(message)
    }

    fn fill(&mut self, mut room: &mut [u8], limit: Limit<'_>) -> Result<(), DnsError> {
        const PHASE: &str = "waiting for the answer";
        while !room.is_empty() {
            match self.0.read(room) {
                Ok(0) => return Err(DnsError::at(PHASE)(io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => room = room.get_mut(read..).unwrap_or_default(),
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
        Ok(())
    }
}
