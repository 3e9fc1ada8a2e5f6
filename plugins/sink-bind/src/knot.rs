//! Speaks to knotd as `knotc` does (libknot's `knot_ctl`), without a process for each command.

use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt::SendTimeout,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::deadline::{Deadline, is_timeout};

/// An answer longer than this is not read.
const LONGEST_ANSWER: u64 = 1 << 16;
/// Ends a conversation.
const END: u8 = 0;
/// Begins a unit of data; what follows are its items.
const DATA: u8 = 1;
/// Begins a unit that belongs to the one before.
const EXTRA: u8 = 2;
/// Ends what one side has to say.
const BLOCK: u8 = 3;
/// Codes from here on are items: a code, a length of two octets, and as many octets.
const ITEM: u8 = 16;
const COMMAND: u8 = ITEM;
const FLAGS: u8 = ITEM + 1;
const ERROR: u8 = ITEM + 2;
const ZONE: u8 = ITEM + 6;
/// Answered when it is done, so that a zone that does not load is heard of.
const BLOCKING: &str = "B";

/// A control socket of a knotd.
#[derive(Debug)]
pub(crate) struct Knot {
    pub(crate) socket: PathBuf,
    /// For a whole command, connecting included.
    pub(crate) timeout: Duration,
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum KnotError {
    #[error("{0}")]
    Io(io::Error),
    #[error("no answer in time")]
    Timeout(&'static str),
    #[error("the answer is cut short or malformed")]
    Malformed,
    /// knotd's own words.
    #[error("{0}")]
    Failed(String),
}

impl Knot {
    /// Has knotd load a zone's file, and waits until it has.
    pub(crate) fn reload(&self, zone: &str) -> Result<(), KnotError> {
        let deadline = Deadline::after(self.timeout);
        let mut stream = self.connect(deadline).map_err(|error| at("connecting", error))?;
        let said = command("zone-reload", zone)?;
        let write = |stream: &mut UnixStream| {
            stream.set_write_timeout(Some(deadline.left()?))?;
            stream.write_all(&said)
        };
        write(&mut stream).map_err(|error| at("sending", error))?;
        let failed = answer(&mut BufReader::new(Timed { stream: &stream, deadline }))?;
        // A courtesy: knotd takes the end of the connection as well.
        let _ = stream.write_all(&[END]);
        match failed {
            None => Ok(()),
            Some(words) => Err(KnotError::Failed(words)),
        }
    }

    /// std's connect would wait for ever where knotd hangs and its queue is full.
    fn connect(&self, deadline: Deadline) -> io::Result<UnixStream> {
        let address = UnixAddr::new(&self.socket)?;
        let kind = SockType::Stream;
        let socket = socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None)?;
        let left = i64::try_from(deadline.left()?.as_millis()).unwrap_or(i64::MAX);
        // Zero would be no limit.
        setsockopt(&socket, SendTimeout, &TimeVal::milliseconds(left.max(1)))?;
        connect(std::os::fd::AsRawFd::as_raw_fd(&socket), &address)?;
        Ok(UnixStream::from(socket))
    }
}

/// A stream that is read until a deadline.
struct Timed<'a> {
    stream: &'a UnixStream,
    deadline: Deadline,
}

impl Read for Timed<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.deadline.left()?))?;
        self.stream.read(room)
    }
}

fn command(name: &str, zone: &str) -> Result<Vec<u8>, KnotError> {
    let mut octets = vec![DATA];
    for (code, text) in [(COMMAND, name), (FLAGS, BLOCKING), (ZONE, zone)] {
        let length = u16::try_from(text.len()).map_err(|_| KnotError::Malformed)?;
        octets.push(code);
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(text.as_bytes());
    }
    octets.push(BLOCK);
    Ok(octets)
}

/// What knotd says: its error, where there is one.
fn answer(stream: &mut impl Read) -> Result<Option<String>, KnotError> {
    let mut stream = stream.take(LONGEST_ANSWER);
    let mut failed = None;
    loop {
        let [code] = octets(&mut stream)?;
        match code {
            BLOCK => return Ok(failed),
            DATA | EXTRA => {}
            ITEM.. => {
                let length = u16::from_be_bytes(octets(&mut stream)?);
                let mut text = vec![0; usize::from(length)];
                exactly(&mut stream, &mut text)?;
                if code == ERROR {
                    failed.get_or_insert(String::from_utf8_lossy(&text).into_owned());
                }
            }
            _ => return Err(KnotError::Malformed),
        }
    }
}

fn octets<const N: usize>(stream: &mut impl Read) -> Result<[u8; N], KnotError> {
    let mut octets = [0; N];
    exactly(stream, &mut octets)?;
    Ok(octets)
}

fn exactly(stream: &mut impl Read, room: &mut [u8]) -> Result<(), KnotError> {
    stream.read_exact(room).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => KnotError::Malformed,
        _ => at("waiting for knotd", error),
    })
}

fn at(phase: &'static str, error: io::Error) -> KnotError {
    if is_timeout(&error) { KnotError::Timeout(phase) } else { KnotError::Io(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_these_octets() {
        // As knotc 3.2 sends it.
        let wanted = b"\x01\x10\x00\x0bzone-reload\x11\x00\x01B\x16\x00\x0bwww.example\x03";
        assert_eq!(command("zone-reload", "www.example").unwrap(), wanted);
    }

    #[test]
    fn an_answer_is_done_or_an_error() {
        let read = |mut octets: &[u8]| answer(&mut octets);
        assert_eq!(read(b"\x03").unwrap(), None);
        // As knotd 3.2 sends it.
        let no = b"\x01\x10\x00\x0bzone-reload\x11\x00\x01B\x12\x00\x12no such zone found\
                   \x16\x00\x0ano.example\x03";
        assert_eq!(read(no).unwrap().as_deref(), Some("no such zone found"));
        for end in 0..no.len() {
            assert!(matches!(read(&no[..end]), Err(KnotError::Malformed)), "{end}");
        }
        assert!(matches!(read(b"\x07\x03"), Err(KnotError::Malformed)));
        // Without end.
        let flood = [DATA].repeat(1 << 17);
        assert!(matches!(read(&flood), Err(KnotError::Malformed)));
    }
}
