//! Whether a process listens, without sending anything.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rais_sdk::prelude::*;

use crate::bound::Sockets;
use crate::host::{self, Here};
use crate::shared::Shared;
use crate::{kernel, table};

/// What tells of every socket of the host that is not connected.
type Source = fn() -> io::Result<Sockets>;

/// The first that can be asked counts.
const SOURCES: [Source; 2] = [kernel::sockets, table::sockets];

/// What one of them told last, to all probes of this process.
static LIST: Shared<Result<Sockets, Fault>> = Shared::new();

/// So long a probe waits for others that need the list too: it takes the lane 1 ms for each
/// thousand sockets of the host, and more where it is read from /proc.
const GATHERING: Duration = Duration::from_millis(50);

const LISTING: &str = "listing sockets";

/// Returns where a process listens at `to`.
///
/// # Errors
/// [`FaultKind::Down`](rais_sdk::FaultKind::Down) where none does;
/// [`FaultKind::Unknown`](rais_sdk::FaultKind::Unknown) where `to` is another host's.
pub(crate) async fn find(cx: &Cx, to: SocketAddr) -> Result<Up, Fault> {
    // First, since a socket of ours at 0.0.0.0 seems to take what is sent to anybody.
    if !host::is_ours(&Here, to).map_err(Fault::io)? {
        let ip = to.ip();
        let text = format!("{ip} is no address of this host: only with `send` can it be asked");
        return Err(Fault::unknown(text));
    }
    // One look into a hash; the list of all sockets is for when it finds nothing.
    let is_taken = matches!(kernel::is_taken(to), Ok(true));
    let up = Up::new(cx.elapsed());
    if is_taken {
        return Ok(up);
    }
    cx.phase(LISTING);
    let ticket = LIST.ticket();
    cx.sleep(GATHERING.min(cx.left() / 2)).await;
    LIST.with(ticket, || list(&SOURCES), |sockets| judge(sockets.as_ref(), to)).map(|()| up)
}

fn list(sources: &[Source]) -> Result<Sockets, Fault> {
    let mut fault = Fault::io("nothing tells who listens");
    for source in sources {
        match source() {
            Ok(sockets) => return Ok(sockets),
            Err(error) => fault = Fault::io(format_args!("nothing tells who listens: {error}")),
        }
    }
    Err(fault)
}

fn judge(sockets: Result<&Sockets, &Fault>, to: SocketAddr) -> Result<(), Fault> {
    match sockets.map_err(Clone::clone)?.get(&to.port()).map(Vec::as_slice) {
        None | Some([]) => Err(Fault::down("no process listens")),
        Some(bound) if bound.iter().any(|bound| bound.takes(to.ip())) => Ok(()),
        Some([first, ..]) => {
            Err(Fault::down(format!("no process listens there, but at {}", first.at)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use rais_sdk::FaultKind;
    use socket2::{Domain, Socket, Type};

    use super::*;
    use crate::bound::{Bound, Families};

    fn find_in(sources: &[Source], to: SocketAddr) -> Result<(), Fault> {
        judge(list(sources).as_ref(), to)
    }

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
                assert_eq!(find_in(&[kernel::sockets], to).is_ok(), taken, "{at} {only_v6:?} {to}");
                // What it does not tell.
                if only_v6 != Some(true) {
                    assert_eq!(find_in(&[table::sockets], to).is_ok(), taken, "{at} {to}");
                }
            }
        }
    }

    #[test]
    fn the_next_is_asked_where_one_cannot_be() {
        let missing: Source = || Err(io::ErrorKind::NotFound.into());
        let somebody: Source = || {
            let bound = Bound { at: [127, 0, 0, 1].into(), families: Families::Own };
            Ok(Sockets::from([(53, vec![bound])]))
        };
        let nobody: Source = || Ok(Sockets::new());
        let to = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 53);
        assert_eq!(find_in(&[missing, somebody], to), Ok(()));
        assert_eq!(find_in(&[nobody, somebody], to), Err(Fault::down("no process listens")));
        assert_eq!(find_in(&[missing, missing], to).unwrap_err().kind, FaultKind::Io);
    }
}
