//! Speaks to named as `rndc` does, without a process for each command.

mod key;
mod key_file;
mod wire;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};

use crate::deadline::{Deadline, is_timeout};
use key::Key;
pub(crate) use key_file::KeyFile;
use wire::{Message, Table, WireError};

/// For how many seconds a command is good, as `rndc` has it.
const GOOD_FOR: u64 = 60;
/// An answer longer than this is not read.
const LONGEST_ANSWER: usize = 1 << 20;

/// A command channel of a named.
#[derive(Debug)]
pub(crate) struct Rndc {
    pub(crate) address: SocketAddr,
    pub(crate) file: KeyFile,
    /// For a whole command, connecting included.
    pub(crate) timeout: Duration,
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RndcError {
    #[error("{0}")]
    Io(io::Error),
    #[error("no answer in time")]
    Timeout(&'static str),
    /// named says nothing to a command whose signature, time or sender it does not like.
    #[error(
        "named closed the connection: its `controls` do not know the key {key:?} with this secret, or do not allow this address, or the clocks differ by over five minutes"
    )]
    Closed { key: String },
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("the answer belongs to another command")]
    Mismatch,
    /// named's own words.
    #[error("{0}")]
    Failed(String),
}

impl Rndc {
    /// Runs one command and gives back named's words. Where named does not know the key, and its file
    /// has another by now, that is tried.
    pub(crate) fn call(&self, command: &str) -> Result<String, RndcError> {
        let key = self.file.key();
        match self.call_with(&key, command) {
            Err(error @ (RndcError::Closed { .. } | RndcError::Wire(WireError::Signature))) => {
                match self.file.other_than(&key) {
                    Some(other) => self.call_with(&other, command),
                    None => Err(error),
                }
            }
            other => other,
        }
    }

    fn call_with(&self, key: &Key, command: &str) -> Result<String, RndcError> {
        let deadline = Deadline::after(self.timeout);
        let left = deadline.left().map_err(RndcError::Io)?;
        let stream = TcpStream::connect_timeout(&self.address, left)
            .map_err(|error| at("connecting", error))?;
        stream.set_nodelay(true).map_err(RndcError::Io)?;
        let mut channel = Channel { key, stream, deadline };

        // named gives the nonce that binds the command to this connection.
        let greeting = channel.exchange("null", None)?;
        let nonce = greeting.control.get("_nonce").map(<[u8]>::to_vec);
        let answer = channel.exchange(command, nonce.as_deref())?;
        let text = answer.data.text("text").unwrap_or_default();
        match answer.data.text("result").as_deref() {
            Some("0") | None => Ok(text),
            Some(code) => {
                let said = [answer.data.text("err").unwrap_or_default(), text];
                let said: Vec<_> = said.into_iter().filter(|part| !part.is_empty()).collect();
                let none = format!("result {code}");
                Err(RndcError::Failed(if said.is_empty() { none } else { said.join(": ") }))
            }
        }
    }
}

/// One connection.
struct Channel<'a> {
    key: &'a Key,
    stream: TcpStream,
    deadline: Deadline,
}

impl Channel<'_> {
    fn exchange(&mut self, command: &str, nonce: Option<&[u8]>) -> Result<Message, RndcError> {
        let serial = next_serial();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut control = Table::default()
            .with("_ser", serial.to_string())
            .with("_tim", now.to_string())
            .with("_exp", (now + GOOD_FOR).to_string());
        if let Some(nonce) = nonce {
            control = control.with("_nonce", nonce);
        }
        let message = Message { control, data: Table::default().with("type", command) };
        let octets = message.sign(self.key)?;
        let length = u32::try_from(octets.len()).map_err(|_| WireError::TooLong)?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(&octets);
        self.send(&framed)?;

        let mut length = [0; 4];
        self.receive(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST_ANSWER {
            return Err(WireError::Malformed.into());
        }
        let mut octets = vec![0; length];
        self.receive(&mut octets)?;
        let answer = Message::verify(&octets, self.key)?;
        if answer.control.text("_ser") != Some(serial.to_string()) {
            return Err(RndcError::Mismatch);
        }
        Ok(answer)
    }

    fn send(&mut self, octets: &[u8]) -> Result<(), RndcError> {
        let left = self.deadline.left().map_err(|error| at("sending", error))?;
        self.stream.set_write_timeout(Some(left)).map_err(RndcError::Io)?;
        self.stream.write_all(octets).map_err(|error| self.closed_or("sending", error))
    }

    fn receive(&mut self, mut room: &mut [u8]) -> Result<(), RndcError> {
        while !room.is_empty() {
            let left = self.deadline.left().map_err(|error| at("waiting for named", error))?;
            self.stream.set_read_timeout(Some(left)).map_err(RndcError::Io)?;
            match self.stream.read(room) {
                Ok(0) => return Err(self.closed()),
                Ok(read) => room = &mut room[read..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.closed_or("waiting for named", error)),
            }
        }
        Ok(())
    }

    fn closed(&self) -> RndcError {
        RndcError::Closed { key: self.key.name.clone() }
    }

    fn closed_or(&self, phase: &'static str, error: io::Error) -> RndcError {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => self.closed(),
            _ => at(phase, error),
        }
    }
}

fn at(phase: &'static str, error: io::Error) -> RndcError {
    if is_timeout(&error) { RndcError::Timeout(phase) } else { RndcError::Io(error) }
}

/// A serial used twice within one second makes named close the connection, so all commands of this
/// process draw from one sequence; its random start keeps processes apart.
fn next_serial() -> u32 {
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| {
        let mut octets = [0; 4];
        // Without random octets the process id still tells processes apart.
        match SystemRandom::new().fill(&mut octets) {
            Ok(()) => AtomicU32::new(u32::from_ne_bytes(octets)),
            Err(_) => AtomicU32::new(std::process::id().rotate_left(16)),
        }
    });
    NEXT.fetch_add(1, Ordering::Relaxed)
}
