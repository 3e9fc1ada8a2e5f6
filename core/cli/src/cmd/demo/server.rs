//! `rais demo-server`: an HTTP/1.1 server (RFC 9112) that says its name to whoever asks.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use super::which::Which;
use crate::exit::Stop;

/// Arguments of `rais demo-server`.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// What it says
    #[arg(long, value_enum)]
    name: Which,
}

/// Who has not asked by then is let go: one thread serves everybody.
const PATIENCE: Duration = Duration::from_millis(300);
/// A longer request is refused, in octets.
const LONGEST_REQUEST: usize = 8 * 1024;

/// Serves until killed. Prints one line as soon as it listens.
///
/// # Errors
/// The address cannot be had.
pub(crate) fn serve(args: &ServerArgs) -> Result<(), Stop> {
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("{} cannot listen on {}", args.name, args.listen))?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening").and_then(|()| stdout.flush()).context("standard output")?;
    loop {
        // A client that breaks off is its own business.
        if let Ok((stream, _)) = listener.accept() {
            let _ = converse(stream, args.name);
        }
    }
}

fn converse(mut stream: TcpStream, name: Which) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    while !is_whole(&head) && head.len() <= LONGEST_REQUEST {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        let mut octets = [0; 1024];
        match stream.read(&mut octets)? {
            // A probe only connects.
            0 => return Ok(()),
            read => head.extend_from_slice(octets.get(..read).unwrap_or_default()),
        }
    }
    stream.write_all(answer(&head, name).as_bytes())
}

/// Whether the empty line after the header fields is there.
fn is_whole(head: &[u8]) -> bool {
    head.windows(4).any(|octets| octets == b"\r\n\r\n")
}

fn answer(head: &[u8], name: Which) -> String {
    let line = head.split(|&octet| octet == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split(' ').collect();
    let body = format!("{name}\n");
    let (status, body, more) = match words.as_slice() {
        _ if !is_whole(head) => ("431 Request Header Fields Too Large", "", ""),
        ["GET", _, "HTTP/1.0" | "HTTP/1.1"] => ("200 OK", body.as_str(), ""),
        ["HEAD", _, "HTTP/1.0" | "HTTP/1.1"] => {
            return response("200 OK", body.len(), "", "");
        }
        [_, _, version] if version.starts_with("HTTP/1.") => {
            ("405 Method Not Allowed", "", "Allow: GET, HEAD\r\n")
        }
        _ => ("400 Bad Request", "", ""),
    };
    response(status, body.len(), more, body)
}

fn response(status: &str, len: usize, more: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {len}\r\n{more}Connection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str) -> String {
        let text = answer(request.as_bytes(), Which::Web2);
        text.lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_get_is_answered_with_the_name() {
        let text = answer(b"GET / HTTP/1.1\r\nHost: www.isg.sun.com\r\n\r\n", Which::Web2);
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("\r\nContent-Length: 5\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\nweb2\n"), "{text}");
    }

    #[test]
    fn a_head_is_answered_like_a_get_without_its_content() {
        let text = answer(b"HEAD / HTTP/1.1\r\n\r\n", Which::Web2);
        assert!(text.contains("\r\nContent-Length: 5\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n"), "{text}");
    }

    #[test]
    fn what_is_no_get_is_refused() {
        let refused = "HTTP/1.1 405 Method Not Allowed";
        assert_eq!(status("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), refused);
        for broken in ["\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2\r\n\r\n", "\u{ff} x y\r\n\r\n"] {
            assert_eq!(status(broken), "HTTP/1.1 400 Bad Request", "{broken:?}");
        }
        let long = format!("GET / HTTP/1.1\r\n{}", "x".repeat(LONGEST_REQUEST));
        assert_eq!(status(&long), "HTTP/1.1 431 Request Header Fields Too Large");
    }

    #[test]
    fn one_that_says_nothing_keeps_nobody_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let silent = TcpStream::connect(address).unwrap();
        let mut asking = TcpStream::connect(address).unwrap();
        let server = std::thread::spawn(move || {
            for _ in 0..2 {
                let _ = converse(listener.accept().unwrap().0, Which::Web3);
            }
        });
        asking.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut text = String::new();
        asking.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("web3\n"), "{text}");
        server.join().unwrap();
        drop(silent);
    }
}
