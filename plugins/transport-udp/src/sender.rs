//! Sends a beat every way there is.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rais_sdk::{Fault, Host};

use crate::config::Reach;
use crate::interfaces;
use crate::route::Route;

/// The ways out, each with its socket; follows interfaces as they come and go.
pub(crate) struct Sender {
    reach: Arc<Reach>,
    host: Host,
    ways: BTreeMap<Route, Way>,
    scanned: Option<Instant>,
    scan_state: State,
}

struct Way {
    socket: Option<UdpSocket>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Works,
    Fails,
}

/// So long a list of interfaces is taken to be true, where sending gives no reason to doubt it.
const TRUE_FOR: Duration = Duration::from_secs(1);

impl Sender {
    /// Nothing is opened before the first datagram.
    pub(crate) fn new(reach: Arc<Reach>, host: Host) -> Self {
        Self { reach, host, ways: BTreeMap::new(), scanned: None, scan_state: State::Works }
    }

    /// Sends `data` every way. Fails only if it went no way at all.
    pub(crate) fn send(&mut self, data: &[u8]) -> Result<(), Fault> {
        let mut round = Round::default();
        let is_fresh = self.scanned.is_none_or(|at| at.elapsed() >= TRUE_FOR);
        if is_fresh {
            self.scan();
        }
        round.send(&mut self.ways, data);
        if !round.failed.is_empty() && !is_fresh {
            // The interfaces may just have changed.
            self.scan();
            round.send(&mut self.ways, data);
        }
        self.report(&round);
        round.outcome(&self.reach)
    }

    /// Gives back the sockets.
    pub(crate) fn close(&mut self) {
        self.ways.clear();
        self.scanned = None;
    }

    /// Makes the ways those of now. A list that cannot be had leaves the old one.
    fn scan(&mut self) {
        let links = match &*self.reach {
            Reach::Unicast { .. } => Ok(Vec::new()),
            _ => interfaces::scan(),
        };
        self.scanned = Some(Instant::now());
        let links = match links {
            Ok(links) => links,
            Err(e) => {
                if self.scan_state == State::Works {
                    self.host.warn(&format!("cannot list the interfaces: {e}"));
                }
                self.scan_state = State::Fails;
                return;
            }
        };
        self.scan_state = State::Works;
        let routes = self.reach.routes(&links);
        self.ways.retain(|route, _| {
            let stays = routes.contains(route);
            if !stays {
                self.host.log(&format!("no longer sends to {route}"));
            }
            stays
        });
        for route in routes {
            let host = &self.host;
            self.ways.entry(route).or_insert_with_key(|route| {
                host.log(&format!("sends to {route}"));
                Way { socket: None, state: State::Works }
            });
        }
    }

    /// Once for each change of a way's state, not for each datagram.
    fn report(&mut self, round: &Round) {
        for (route, way) in &mut self.ways {
            let was = way.state;
            if let Some(error) = round.failed.get(route) {
                way.state = State::Fails;
                if was == State::Works {
                    self.host.warn(&format!("cannot send to {route}: {error}"));
                }
            } else if round.done.contains(route) {
                way.state = State::Works;
                if was == State::Fails {
                    self.host.log(&format!("sends to {route} again"));
                }
            }
        }
    }
}

/// One datagram on its way out.
#[derive(Default)]
struct Round {
    done: BTreeSet<Route>,
    failed: BTreeMap<Route, io::Error>,
}

impl Round {
    /// Sends where it has not yet gone.
    fn send(&mut self, ways: &mut BTreeMap<Route, Way>, data: &[u8]) {
        self.failed.clear();
        for (route, way) in ways {
            if self.done.contains(route) {
                continue;
            }
            match way.send(route, data) {
                Ok(()) => _ = self.done.insert(route.clone()),
                Err(e) => _ = self.failed.insert(route.clone(), e),
            }
        }
    }

    fn outcome(&self, reach: &Reach) -> Result<(), Fault> {
        if !self.done.is_empty() {
            return Ok(());
        }
        let Some((route, error)) = self.failed.first_key_value() else {
            return Err(match reach {
                Reach::Broadcast { .. } => Fault::io("no interface to broadcast on"),
                Reach::Multicast { .. } => Fault::io("no interface to send multicast on"),
                Reach::Unicast { .. } => Fault::config("peers", "missing: nobody to send to"),
            });
        };
        if self.failed.values().all(|e| e.kind() == io::ErrorKind::WouldBlock) {
            return Err(Fault::busy(format!("{route}: the socket's buffer is full")));
        }
        let others = match self.failed.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Err(Fault::io(format!("{route}: {error}{others}")))
    }
}

impl Way {
    fn send(&mut self, route: &Route, data: &[u8]) -> io::Result<()> {
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none => none.insert(route.open()?),
        };
        let sent = socket.send_to(data, route.to);
        if let Err(e) = &sent
            && e.kind() != io::ErrorKind::WouldBlock
        {
            // What it was bound to may be gone; the next try begins anew.
            self.socket = None;
        }
        sent.map(drop)
    }
}
