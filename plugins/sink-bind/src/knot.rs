//! Speaks to knotd as `knotc` does (libknot's `knot_ctl`), without a process for each command.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt::SendTimeout,
};
use nix::sys::time::{TimeVal, TimeValLike};
use rais_dns::{DnsError, Limit, Stream};

/// An answer longer than this is not read.
const LONGEST_ANSWER: usize = 1 << 16;
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
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum KnotError {
    #[error(transparent)]
    Stream(#[from] DnsError),
    #[error("the answer is cut short or malformed")]
    Malformed,
    /// knotd's own words.
    #[error("{0}")]
    Failed(String),
}

/// What knotd has said so far.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// It is not at its end.
    Half,
    Done,
    /// Its words.
    Error(String),
}

impl Knot {
    /// Has knotd load a zone's file, and waits until it has.
    pub(crate) fn reload(&self, zone: &str, limit: Limit<'_>) -> Result<(), KnotError> {
        let mut stream = Stream::over(self.connect(limit)?);
        stream.write(&command("zone-reload", zone)?, limit)?;
        let (mut heard, mut room) = (Vec::new(), [0; 4096]);
        let outcome = loop {
            match said(&heard)? {
                Said::Half if heard.len() > LONGEST_ANSWER => return Err(KnotError::Malformed),
                Said::Half => {}
                Said::Done => break Ok(()),
                Said::Error(words) => break Err(KnotError::Failed(words)),
            }
            let read = stream.read(&mut room, limit).map_err(|error| match error {
                DnsError::Io { error, .. } if error.kind() == io::ErrorKind::UnexpectedEof => {
                    KnotError::Malformed
                }
                error => error.into(),
            })?;
            heard.extend_from_slice(room.get(..read).unwrap_or_default());
        };
        // A courtesy: knotd takes the end of the connection as well.
        let _ = stream.write(&[END], limit);
        outcome
    }

    /// std's connect would wait for ever where knotd hangs and its queue is full.
    fn connect(&self, limit: Limit<'_>) -> Result<UnixStream, DnsError> {
        const PHASE: &str = "connecting";
        let left = limit.until.left().ok_or(DnsError::Timeout { phase: PHASE })?;
        let connect = || {
            let address = UnixAddr::new(&self.socket)?;
            let kind = SockType::Stream;
            let socket = socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None)?;
            let left = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
            // Zero would be no limit.
            setsockopt(&socket, SendTimeout, &TimeVal::milliseconds(left.max(1)))?;
            connect(std::os::fd::AsRawFd::as_raw_fd(&socket), &address)?;
            let stream = UnixStream::from(socket);
            stream.set_nonblocking(true)?;
            Ok(stream)
        };
        connect().map_err(DnsError::at(PHASE))
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

/// What these octets, which are all that was heard, say.
fn said(octets: &[u8]) -> Result<Said, KnotError> {
    let (mut rest, mut said) = (octets, Said::Done);
    loop {
        let Some((&code, after)) = rest.split_first() else { return Ok(Said::Half) };
        rest = match code {
            BLOCK => return Ok(said),
            DATA | EXTRA => after,
            ITEM.. => {
                let Some((length, after)) = after.split_first_chunk() else {
                    return Ok(Said::Half);
                };
                let length = usize::from(u16::from_be_bytes(*length));
                let Some((text, after)) = after.split_at_checked(length) else {
                    return Ok(Said::Half);
                };
                if code == ERROR && said == Said::Done {
                    said = Said::Error(String::from_utf8_lossy(text).into_owned());
                }
                after
            }
            _ => return Err(KnotError::Malformed),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_command_has_these_octets() {
        // As knotc 3.2 sends it.
        let wanted = b"\x01\x10\x00\x0bzone-reload\x11\x00\x01B\x16\x00\x0bwww.example\x03";
        assert_eq!(command("zone-reload", "www.example").unwrap(), wanted);
    }

    #[test]
    fn an_answer_is_done_or_an_error() {
        assert_eq!(said(b"\x03").unwrap(), Said::Done);
        // As knotd 3.2 sends it.
        let no = b"\x01\x10\x00\x0bzone-reload\x11\x00\x01B\x12\x00\x12no such zone found\
                   \x16\x00\x0ano.example\x03";
        assert_eq!(said(no).unwrap(), Said::Error("no such zone found".to_owned()));
        for end in 0..no.len() {
            assert_eq!(said(&no[..end]).unwrap(), Said::Half, "{end}");
        }
        assert!(matches!(said(b"\x07\x03"), Err(KnotError::Malformed)));
    }

    /// What becomes of a reload that is answered so, after which the connection is closed.
    fn answered(octets: &[u8]) -> KnotError {
        let folder = tempfile::tempdir().unwrap();
        let knot = Knot { socket: folder.path().join("knot.sock") };
        let listener = std::os::unix::net::UnixListener::bind(&knot.socket).unwrap();
        let life = rais_dns::Life::default();
        let until = rais_dns::Deadline::after(std::time::Duration::from_secs(60));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut command = [0; 34];
                stream.read_exact(&mut command).unwrap();
                // Who reads no further may be gone.
                let _ = stream.write_all(octets);
            });
            knot.reload("www.example", Limit { until, life: &life }).unwrap_err()
        })
    }

    #[test]
    fn an_answer_that_is_cut_short_or_without_end_is_no_answer() {
        assert!(matches!(answered(b"\x01\x10\x00"), KnotError::Malformed));
        assert!(matches!(answered(&[DATA].repeat(1 << 18)), KnotError::Malformed));
    }
}
