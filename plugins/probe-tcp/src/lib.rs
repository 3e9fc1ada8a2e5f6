//! Probe `tcp`: a server that takes a connection is up.

use std::io;

use rais_sdk::prelude::*;

/// Connects, and closes at once.
#[derive(Debug)]
pub struct Tcp;

const CONNECTING: &str = "connecting";

impl Probe for Tcp {
    const NAME: &'static str = "tcp";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        if target.address.port() == 0 {
            return Err(Fault::config("port", "missing; a tcp probe needs one, from 1 to 65535"));
        }
        cx.phase(CONNECTING);
        let stream = TcpStream::connect(cx.net(), target.address).await.map_err(|e| fault(&e))?;
        let took = cx.elapsed();
        // Where nobody listens on a port that the system gives to clients, a connect within the
        // host may meet itself: simultaneous open, RFC 9293 §3.5.
        if stream.local_addr()? == target.address {
            return Err(Fault::down(REFUSED));
        }
        Ok(Up::new(took))
    }
}

const REFUSED: &str = "connection refused";

/// In the words that status shows; without the numbers of errors.
fn fault(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::down(REFUSED),
        io::ErrorKind::ConnectionReset => Fault::down("connection reset"),
        io::ErrorKind::HostUnreachable => Fault::down("host unreachable"),
        io::ErrorKind::NetworkUnreachable => Fault::down("network unreachable"),
        io::ErrorKind::TimedOut => Fault::timeout(CONNECTING, "the system gave up"),
        _ => Fault::io(format_args!("{CONNECTING}: {error}")),
    }
}

rais_sdk::plugin!(probe Tcp);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: impl Into<io::Error>) -> (FaultKind, String, String) {
        let fault = fault(&error.into());
        (fault.kind, fault.text, fault.at)
    }

    #[test]
    fn errors_of_the_way_are_the_targets_and_errors_of_this_host_are_not() {
        let down = |text: &str| (FaultKind::Down, text.to_owned(), String::new());
        assert_eq!(of(io::ErrorKind::ConnectionRefused), down("connection refused"));
        assert_eq!(of(io::ErrorKind::ConnectionReset), down("connection reset"));
        assert_eq!(of(io::ErrorKind::HostUnreachable), down("host unreachable"));
        assert_eq!(of(io::ErrorKind::NetworkUnreachable), down("network unreachable"));
        let (kind, _, at) = of(io::ErrorKind::TimedOut);
        assert_eq!((kind, at.as_str()), (FaultKind::Timeout, "connecting"));
        for ours in [io::ErrorKind::AddrNotAvailable, io::ErrorKind::PermissionDenied] {
            let (kind, text, _) = of(ours);
            assert_eq!(kind, FaultKind::Io);
            assert!(text.starts_with("connecting: "), "{text}");
        }
    }
}
