//! What goes wrong with a socket, in the words that status shows; without the numbers of errors.

use std::io;

use rais_sdk::Fault;

pub(crate) const REFUSED: &str = "connection refused";

/// Of an error in `phase`.
pub(crate) fn of(phase: &'static str, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::down(REFUSED),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Fault::down("connection reset")
        }
        io::ErrorKind::HostUnreachable => Fault::down("host unreachable"),
        io::ErrorKind::NetworkUnreachable => Fault::down("network unreachable"),
        io::ErrorKind::TimedOut => Fault::timeout(phase, "the system gave up"),
        _ => Fault::io(format_args!("{phase}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use rais_sdk::FaultKind;

    use super::*;

    fn of(error: impl Into<io::Error>) -> (FaultKind, String, String) {
        let fault = super::of("connecting", &error.into());
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
