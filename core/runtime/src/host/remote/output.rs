//! What the process of an isolated plugin prints: lines of the log, and its last words.

use std::io::PipeReader;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rais_sdk::host::Level;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::voice::Voice;
use crate::host::LastWords;
use crate::host::library::words::Ear;

/// How much is read at once, and how long the next piece waits: nobody's flood keeps the thread
/// from the other plugins. Who prints faster waits at its pipe.
const PIECE: usize = 16 << 10;
const PAUSE: Duration = Duration::from_millis(10);
/// A line is cut after so many octets.
const LONGEST: usize = 4096;

/// What was printed so far.
#[derive(Debug, Default)]
pub(super) struct Printed(Mutex<Ear>);

/// Puts pieces together to lines.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

impl Printed {
    /// The end of it.
    pub(super) fn words(&self) -> LastWords {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).words()
    }

    /// Reads `output` to its end.
    pub(super) async fn read(self: Arc<Self>, output: PipeReader, voice: Arc<Voice>) {
        // Without it the plugin prints into nothing.
        let Ok(mut output) = Receiver::from_owned_fd(OwnedFd::from(output)) else { return };
        let (mut piece, mut lines) = (vec![0; PIECE], Lines::default());
        let say = |line: &str| voice.say(Level::Info, line);
        while let Ok(octets @ 1..) = output.read(&mut piece).await {
            let piece = &piece[..octets];
            self.0.lock().unwrap_or_else(PoisonError::into_inner).hear(piece);
            lines.add(piece, say);
            if octets == PIECE {
                tokio::time::sleep(PAUSE).await;
            }
        }
        lines.end(say);
    }
}

impl Lines {
    fn add(&mut self, piece: &[u8], say: impl Fn(&str)) {
        for part in piece.split_inclusive(|octet| *octet == b'\n') {
            for part in part.chunks(LONGEST) {
                if self.0.len() + part.len() > LONGEST {
                    self.end(&say);
                }
                self.0.extend(part);
                if part.ends_with(b"\n") {
                    self.end(&say);
                }
            }
        }
    }

    fn end(&mut self, say: impl Fn(&str)) {
        let line = String::from_utf8_lossy(&self.0).replace(char::is_control, " ");
        self.0.clear();
        let line = line.trim();
        if !line.is_empty() {
            say(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, said) = (Lines::default(), RefCell::new(Vec::new()));
        let say = |line: &str| said.borrow_mut().push(line.to_owned());
        for piece in pieces {
            lines.add(piece, say);
        }
        lines.end(say);
        said.into_inner()
    }

    #[test]
    fn pieces_become_lines_without_control_characters() {
        let said = lines(&[b"one\ntw", b"o\r\n\n\x1b[31mthree\xff", b"\nfour"]);
        assert_eq!(said, ["one", "two", "[31mthree\u{fffd}", "four"]);
        assert_eq!(lines(&[]), [""; 0]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let long = vec![b'x'; 3 * LONGEST + 1];
        let lengths: Vec<usize> = lines(&[&long, b"\nshort"]).iter().map(String::len).collect();
        assert_eq!(lengths, [LONGEST, LONGEST, LONGEST, 1, 5]);
    }
}
