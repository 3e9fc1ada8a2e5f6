//! Speaks to named as `rndc` does, without a process for each command.

mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rais_dns::{DnsError, Key, KeyFile, Limit, Stream};
use ring::rand::{SecureRandom, SystemRandom};

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
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RndcError {
    #[error(transparent)]
    Stream(DnsError),
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
    pub(crate) fn call(&self, command: &str, limit: Limit<'_>) -> Result<String, RndcError> {
        let key = self.file.key();
        match self.call_with(&key, command, limit) {
            Err(error @ (RndcError::Closed { .. } | RndcError::Wire(WireError::Signature))) => {
                match self.file.other_than(&key) {
                    Some(other) => self.call_with(&other, command, limit),
                    None => Err(error),
                }
            }
            other => other,
        }
    }

    fn call_with(&self, key: &Key, command: &str, limit: Limit<'_>) -> Result<String, RndcError> {
        let stream = Stream::connect(self.address, limit).map_err(RndcError::Stream)?;
        let mut channel = Channel { key, stream, limit };

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
    stream: Stream,
    limit: Limit<'a>,
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
        self.stream.write(&framed, self.limit).map_err(|error| self.failed(error))?;

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

    fn receive(&mut self, room: &mut [u8]) -> Result<(), RndcError> {
        self.stream.fill(room, self.limit).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: DnsError) -> RndcError {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        match &error {
            DnsError::Io { error: io, .. }
                if matches!(io.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) =>
            {
                RndcError::Closed { key: self.key.name().to_owned() }
            }
            _ => RndcError::Stream(error),
        }
    }
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
