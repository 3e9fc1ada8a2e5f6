//! Whether a process listens, without sending anything.

use std::io;
use std::net::SocketAddr;

use rais_sdk::Fault;

use crate::bound::Bound;
use crate::host::{self, Here};
use crate::{kernel, table};

/// What tells of every socket on a port that is not connected.
type Source = fn(port: u16) -> io::Result<Vec<Bound>>;

/// The first that can be asked counts.
const SOURCES: [Source; 2] = [kernel::bound, table::bound];

/// Returns where a process listens at `to`.
///
/// # Errors
/// [`FaultKind::Down`](rais_sdk::FaultKind::Down) where none does;
/// [`FaultKind::Unknown`](rais_sdk::FaultKind::Unknown) where `to` is another host's.
pub(crate) fn find(to: SocketAddr) -> Result<(), Fault> {
    // First, since a socket of ours at 0.0.0.0 seems to take what is sent to anybody.
    if !host::is_ours(&Here, to).map_err(Fault::io)? {
        let ip = to.ip();
        let text = format!("{ip} is no address of this host: only with `send` can it be asked");
        return Err(Fault::unknown(text));
    }
    // One look into a hash; the list of all sockets is for when it finds nothing.
    if matches!(kernel::is_taken(to), Ok(true)) {
        return Ok(());
    }
    find_in(&SOURCES, to)
}

fn find_in(sources: &[Source], to: SocketAddr) -> Result<(), Fault> {
    let mut fault = Fault::io("nothing tells who listens");
    for source in sources {
        match source(to.port()) {
            Ok(bound) if bound.is_empty() => return Err(Fault::down("no process listens")),
            Ok(bound) if bound.iter().any(|bound| bound.takes(to.ip())) => return Ok(()),
            Ok(bound) => {
                let at = bound[0].at;
                return Err(Fault::down(format!("no process listens there, but at {at}")));
            }
            Err(error) => fault = Fault::io(format_args!("nothing tells who listens: {error}")),
        }
    }
    Err(fault)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use rais_sdk::FaultKind;
    use socket2::{Domain, Socket, Type};

    use super::*;
    use crate::bound::Families;

    #[test]
    fn all_that_tell_who_listens_agree() {
        for (at, only_v6) in [
            ("127.0.0.1", None),
            ("0.0.0.0", None),
            ("::1", None),
            ("::", Some(false)),
            ("::", Some(true)),
            ("::ffff:127.0.0.1", None),
        ] {
            let at = SocketAddr::new(at.parse().unwrap(), 0);
            let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None).unwrap();
            only_v6.map_or(Ok(()), |only| socket.set_only_v6(only)).unwrap();
            socket.bind(&at.into()).unwrap();
            let port = socket.local_addr().unwrap().as_socket().unwrap().port();
            for to in ["127.0.0.1", "127.0.0.2", "::1"] {
                let to = SocketAddr::new(to.parse().unwrap(), port);
                let taken = kernel::is_taken(to).unwrap();
                assert_eq!(find_in(&[kernel::bound], to).is_ok(), taken, "{at} {only_v6:?} {to}");
                // What it does not tell.
                if only_v6 != Some(true) {
                    assert_eq!(find_in(&[table::bound], to).is_ok(), taken, "{at} {to}");
                }
            }
        }
    }

    #[test]
    fn the_next_is_asked_where_one_cannot_be() {
        let missing: Source = |_| Err(io::ErrorKind::NotFound.into());
        let somebody: Source =
            |_| Ok(vec![Bound { at: [127, 0, 0, 1].into(), families: Families::Own }]);
        let nobody: Source = |_| Ok(Vec::new());
        let to = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 53);
        assert_eq!(find_in(&[missing, somebody], to), Ok(()));
        assert_eq!(find_in(&[nobody, somebody], to), Err(Fault::down("no process listens")));
        assert_eq!(find_in(&[missing, missing], to).unwrap_err().kind, FaultKind::Io);
    }
}
