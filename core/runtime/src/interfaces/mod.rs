//! The host's network interfaces and addresses, and the moment they change.

mod convert;
mod netlink;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rais_proto::monitor::advertise::Interface;
use tracing::warn;

use self::netlink::{Events, Request};

/// Changes that come in a burst are told together: at most one look at all interfaces in so long.
const GAP: Duration = Duration::from_millis(50);
/// Until the next look where the kernel gave no answer.
const RETRY: Duration = Duration::from_secs(1);

/// Why the kernel's interfaces could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterfaceError {
    /// The kernel refused, or there is no netlink here.
    #[error("cannot {doing} the network interfaces: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The interfaces changed during every attempt to read them.
    #[error("the network interfaces change faster than they can be read")]
    Restless,
}

/// Follows the interfaces until dropped.
#[derive(Debug)]
pub struct Watch {
    /// Its end is the thread's.
    _stop: UnixStream,
}

/// Every interface with its addresses, in the kernel's order.
///
/// # Errors
/// The kernel refuses, or the interfaces do not hold still.
pub fn list() -> Result<Vec<Interface>, InterfaceError> {
    // A list that something changed meanwhile is marked, and read again.
    for _ in 0..16 {
        let links = netlink::dump(Request::Links)?;
        let addresses = netlink::dump(Request::Addresses)?;
        if let (Some(links), Some(addresses)) = (links, addresses) {
            return Ok(convert::interfaces(&links, &addresses));
        }
    }
    Err(InterfaceError::Restless)
}

/// Calls `changed` with the interfaces as they are now, and again whenever they are different, on
/// a thread of its own. It should only pass them on.
///
/// # Errors
/// No netlink, no thread, or no first list.
pub fn watch(
    mut changed: impl FnMut(Vec<Interface>) + Send + 'static,
) -> Result<Watch, InterfaceError> {
    // Subscribed before the first look, or a change in between would be missed.
    let events = Events::subscribe()?;
    let (stop, stopped) = UnixStream::pair().doing("watch")?;
    let first = list()?;
    let run = move || {
        let mut last = first;
        changed(last.clone());
        let mut next = Next::AtAnEvent;
        while next.wait(&events, &stopped) == Waited::Out {
            events.forget();
            next = match list() {
                Ok(now) if now == last => Next::AtAnEvent,
                Ok(now) => {
                    last = now;
                    changed(last.clone());
                    Next::AtAnEvent
                }
                Err(error) => {
                    warn!(%error, "interfaces are not followed for now");
                    Next::Anyway
                }
            };
            // What comes meanwhile waits in the socket.
            if sleep(GAP, &stopped) == Waited::Stopped {
                break;
            }
        }
    };
    thread::Builder::new().name("interfaces".to_owned()).spawn(run).doing("watch")?;
    Ok(Watch { _stop: stop })
}

/// When to look again.
#[derive(Clone, Copy)]
enum Next {
    AtAnEvent,
    Anyway,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    Out,
    Stopped,
}

impl Next {
    fn wait(self, events: &Events, stopped: &UnixStream) -> Waited {
        match self {
            Next::Anyway => sleep(RETRY, stopped),
            Next::AtAnEvent => {
                let event = PollFd::new(events.as_fd(), PollFlags::POLLIN);
                let stop = PollFd::new(stopped.as_fd(), PollFlags::POLLIN);
                wait(&mut [stop, event], PollTimeout::NONE)
            }
        }
    }
}

fn sleep(time: Duration, stopped: &UnixStream) -> Waited {
    let stop = PollFd::new(stopped.as_fd(), PollFlags::POLLIN);
    wait(&mut [stop], PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX))
}

/// Waits for any of the descriptors; the first of them says stop.
fn wait(fds: &mut [PollFd<'_>], limit: PollTimeout) -> Waited {
    loop {
        match poll(fds, limit) {
            Err(Errno::EINTR) => {}
            // Nothing else can be wrong with open descriptors; without them nothing can be followed.
            Err(_) => return Waited::Stopped,
            Ok(_) => break,
        }
    }
    match fds.first().and_then(PollFd::any) {
        Some(true) => Waited::Stopped,
        _ => Waited::Out,
    }
}

/// Says what was tried.
trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, InterfaceError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, InterfaceError> {
        self.map_err(|source| InterfaceError::Io { doing, source })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rais_proto::monitor::advertise::{InterfaceKind, Lifetime, Link, Scope};

    use super::*;

    fn has_loopback(interfaces: &[Interface]) -> bool {
        let up = |interface: &&Interface| {
            interface.kind == InterfaceKind::Loopback && interface.link == Link::Up
        };
        interfaces.iter().find(up).is_some_and(|interface| {
            interface.addresses.iter().any(|address| {
                address.ip.is_loopback()
                    && address.ip.is_ipv4()
                    && (address.prefix_len, address.scope) == (8, Scope::Host)
                    && address.lifetime == Lifetime::Lasting
            })
        })
    }

    #[test]
    fn this_machine_has_a_loopback() {
        let interfaces = list().unwrap();
        assert!(has_loopback(&interfaces), "{interfaces:?}");
    }

    #[test]
    fn the_first_list_is_told_and_the_end_stops_it() {
        let (tell, told) = mpsc::channel();
        let watch = watch(move |interfaces| {
            let _ = tell.send(interfaces);
        })
        .unwrap();
        assert!(has_loopback(&told.recv().unwrap()));
        drop(watch);
        // The thread's end drops its sender.
        while told.recv().is_ok() {}
    }
}
