//! A socket's errors in the words that status shows.

use std::io;

use rais_sdk::Fault;

/// What went wrong on the way, while in `phase`: the target's fault where the peer or the way is at
/// fault, this host's otherwise. Without the numbers of errors.
#[must_use]
pub fn fault(error: &io::Error, phase: &'static str) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::down("connection refused"),
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

    #[test]
    fn errors_of_the_way_are_the_targets_and_errors_of_this_host_are_not() {
        let of = |kind: io::ErrorKind| {
            let fault = fault(&kind.into(), "connecting");
            (fault.kind, fault.to_string())
        };
        let down = |text: &str| (FaultKind::Down, text.to_owned());
        assert_eq!(of(io::ErrorKind::ConnectionRefused), down("connection refused"));
        assert_eq!(of(io::ErrorKind::ConnectionReset), down("connection reset"));
        assert_eq!(of(io::ErrorKind::BrokenPipe), down("connection reset"));
        assert_eq!(of(io::ErrorKind::HostUnreachable), down("host unreachable"));
        assert_eq!(of(io::ErrorKind::NetworkUnreachable), down("network unreachable"));
        let gave_up = (FaultKind::Timeout, "the system gave up at \"connecting\"".to_owned());
        assert_eq!(of(io::ErrorKind::TimedOut), gave_up);
        for ours in [io::ErrorKind::AddrNotAvailable, io::ErrorKind::PermissionDenied] {
            let (kind, text) = of(ours);
            assert_eq!(kind, FaultKind::Io);
            assert!(text.starts_with("connecting: "), "{text}");
        }
    }
}
