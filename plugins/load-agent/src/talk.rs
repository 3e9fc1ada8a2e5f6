//! One line of an agent's, within its time.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rais_sdk::{Fault, FaultKind};

/// Octets that may be sent, and that a line may have. A socket that has not yet sent anything takes
/// so many at once.
pub(crate) const LONGEST: usize = 4096;

/// Connects, sends `send`, and reads until the first `\r` or `\n`, or the close; until `end` in
/// all. What people cannot read is left out of the line.
pub(crate) fn ask(agent: SocketAddr, send: &[u8], end: Instant) -> Result<String, Fault> {
    let connecting = Phase { name: "connecting", end };
    let mut stream = TcpStream::connect_timeout(&agent, connecting.left()?)
        .map_err(|error| connecting.fault(&error))?;
    // Where nobody listens on a port that the system gives to clients, a connect within the host
    // may meet itself (RFC 9293 §3.5), and would take what it sends for the answer.
    if stream.local_addr()? == agent {
        return Err(connecting.fault(&io::ErrorKind::ConnectionRefused.into()));
    }
    if !send.is_empty() {
        let sending = Phase { name: "sending", end };
        stream.set_write_timeout(Some(sending.left()?))?;
        stream.write_all(send).map_err(|error| sending.fault(&error))?;
    }
    let line = read_line(&mut stream, &Phase { name: "answer", end })?;
    Ok(String::from_utf8_lossy(&line).replace(|it: char| it.is_control() && it != '\t', ""))
}

fn read_line(stream: &mut TcpStream, phase: &Phase) -> Result<Vec<u8>, Fault> {
    let (mut line, mut room) = (Vec::new(), [0; 512]);
    while line.len() <= LONGEST {
        // Anew before each read: octets that come one by one gain the agent no time.
        stream.set_read_timeout(Some(phase.left()?))?;
        let more = match stream.read(&mut room) {
            Ok(0) if line.is_empty() => {
                return Err(Fault::down("the agent closed without an answer"));
            }
            Ok(0) => return Ok(line),
            Ok(more) => &room[..more],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(phase.fault(&error)),
        };
        let is_end = |octet: &u8| matches!(octet, b'\r' | b'\n');
        line.extend(more.iter().take_while(|octet| !is_end(octet)));
        if more.iter().any(is_end) {
            return Ok(line);
        }
    }
    Err(Fault::unknown(format!("the agent's line is longer than {LONGEST} octets")))
}

/// What is being done, and until when all must be done.
struct Phase {
    name: &'static str,
    end: Instant,
}

impl Phase {
    /// Never zero: the system takes that for endless.
    fn left(&self) -> Result<Duration, Fault> {
        match self.end.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(self.late()),
            left => Ok(left),
        }
    }

    fn late(&self) -> Fault {
        Fault::timeout(self.name, "no answer from the agent in time")
    }

    fn fault(&self, error: &io::Error) -> Fault {
        match error.kind() {
            // The second is what a socket's own limit gives.
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => self.late(),
            _ => {
                let fault = Fault::of_peer(self.name, error);
                match fault.kind {
                    FaultKind::Down => Fault::down(format!("the agent: {}", fault.text)),
                    _ => fault,
                }
            }
        }
    }
}
