//! Who of this process listens where, and from when on.
//!
//! While a reload puts one server in the place of another, both have sockets. The kernel would give
//! those of the new one half of all clients at once, before it has a zone to answer from, so they are
//! bound when the old server leaves, by it and before its own are closed.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::Socket;

use super::Transport;
use super::listen::{BACKLOG, ListenError, alone, refused};

/// Whether what is sent to a server's addresses comes to it yet.
#[derive(Debug, Default)]
pub(crate) struct Door {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
enum State {
    /// A server before it answers at some of its addresses.
    Closed,
    #[default]
    Open,
    /// Its server has ended before it was opened.
    Shut,
}

/// What whoever waited at a door is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    Answer,
    End,
}

/// The sockets at one address, to be bound when their door is opened.
#[derive(Debug)]
pub(super) struct Unbound {
    pub(super) address: SocketAddr,
    pub(super) sockets: Vec<(Socket, Transport)>,
    /// So many of them are bound already.
    bound: usize,
}

/// Binds what could not be bound when a server's door was opened: an address may have been away just then.
#[derive(Debug)]
pub(crate) struct Latecomers {
    number: u64,
    door: Arc<Door>,
}

/// The addresses of one server, until dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) door: Arc<Door>,
    first: First,
}

/// How many of a server's sockets were bound when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    AllBound,
    SomeUnbound,
}

/// Every place of this process. While somebody has them, none comes and none goes.
pub(super) struct Places(MutexGuard<'static, All>);

struct All {
    next: u64,
    /// In the order in which they came.
    servers: Vec<Listening>,
}

struct Listening {
    number: u64,
    addresses: Vec<SocketAddr>,
    standing: Standing,
    /// What could not be bound when its door was opened.
    lacking: Vec<Unbound>,
}

enum Standing {
    /// Its door is closed.
    Waits(Arc<Door>, Vec<Unbound>),
    Answers,
    /// Its sockets are about to be closed: whoever comes is not kept waiting.
    Leaves,
}

/// A server that another one takes the place of ends within a few seconds. Where it does not, these are two
/// in one configuration.
const LATE: Duration = Duration::from_secs(15);

static PLACES: Mutex<All> = Mutex::new(All { next: 0, servers: Vec::new() });

impl Door {
    /// Waits until it is opened, or its server has ended. Where that is long, `late` is told each time.
    pub(crate) fn pass(&self, mut late: impl FnMut()) -> Passage {
        let waits = |state: &mut State| matches!(state, State::Closed);
        loop {
            let state = self.changed.wait_timeout_while(self.state(), LATE, waits);
            match *state.unwrap_or_else(PoisonError::into_inner).0 {
                State::Shut => return Passage::End,
                State::Open => return Passage::Answer,
                State::Closed => {}
            }
            late();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn become_(&self, state: State) {
        *self.state() = state;
        self.changed.notify_all();
    }
}

impl Places {
    pub(super) fn all() -> Places {
        Places(PLACES.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a server of this process has the address or one that overlaps with it.
    pub(super) fn have(&self, address: SocketAddr) -> bool {
        self.0.servers.iter().any(|server| server.has(address))
    }

    /// Whether one of them answers there and is not about to end.
    pub(super) fn answer_at(&self, address: SocketAddr) -> bool {
        let mut servers = self.0.servers.iter();
        servers.any(|server| matches!(server.standing, Standing::Answers) && server.has(address))
    }

    /// Takes in a server; its door is closed while others answer where it has sockets to be bound.
    pub(super) fn add(&mut self, addresses: Vec<SocketAddr>, unbound: Vec<Unbound>) -> Place {
        let number = self.0.next;
        self.0.next += 1;
        let door = Arc::new(Door::default());
        let (standing, first) = if unbound.is_empty() {
            (Standing::Answers, First::AllBound)
        } else {
            door.become_(State::Closed);
            (Standing::Waits(Arc::clone(&door), unbound), First::SomeUnbound)
        };
        let its = addresses.clone();
        let lacking = Vec::new();
        self.0.servers.push(Listening { number, addresses: its, standing, lacking });
        Place { number, addresses, door, first }
    }

    /// Opens every door before which nobody stands any more. What cannot be bound is left to the server's
    /// [`Latecomers`].
    fn open(&mut self) {
        for i in 0..self.0.servers.len() {
            let Standing::Waits(_, unbound) = &self.0.servers[i].standing else { continue };
            if unbound.iter().any(|sockets| self.answer_at(sockets.address)) {
                continue;
            }
            let server = &mut self.0.servers[i];
            let opened = std::mem::replace(&mut server.standing, Standing::Answers);
            if let Standing::Waits(door, mut unbound) = opened {
                unbound.retain_mut(|sockets| sockets.bind().is_err());
                server.lacking = unbound;
                door.become_(State::Open);
            }
        }
    }

    /// Binds what a server lacks, and says what it lacks still. An address that is another process's is
    /// not shared with it.
    fn bind_late(&mut self, number: u64) -> Vec<ListenError> {
        let mut servers = self.0.servers.iter();
        let Some(place) = servers.position(|server| server.number == number) else {
            return Vec::new();
        };
        let mut lacking = std::mem::take(&mut self.0.servers[place].lacking);
        let mut faults = Vec::new();
        lacking.retain_mut(|sockets| {
            let is_first = self.are_alone_with(sockets);
            let tried = if is_first { alone(sockets.address) } else { Ok(()) };
            match tried.and_then(|()| sockets.bind()) {
                Ok(()) => false,
                Err(fault) => {
                    faults.push(fault);
                    true
                }
            }
        });
        self.0.servers[place].lacking = lacking;
        faults
    }

    /// Whether no socket of this process is bound where these are to be, as far as its servers know.
    fn are_alone_with(&self, sockets: &Unbound) -> bool {
        let all = self.0.servers.iter().flat_map(|server| &server.addresses);
        sockets.bound == 0 && all.filter(|other| overlap(**other, sockets.address)).count() == 1
    }
}

impl Place {
    /// Who binds what cannot be bound when the door is opened; nobody, where all is bound already.
    pub(super) fn latecomers(&self) -> Option<Latecomers> {
        let door = Arc::clone(&self.door);
        // Not by how the door stands: it may have been opened since.
        (self.first == First::SomeUnbound).then_some(Latecomers { number: self.number, door })
    }

    /// Has those that wait behind this server bind their sockets, so that there is no moment at which
    /// nobody listens.
    pub(super) fn leave(&self) {
        let mut places = Places::all();
        let mut servers = places.0.servers.iter_mut();
        if let Some(own) = servers.find(|server| server.number == self.number)
            && let Standing::Waits(door, _) = std::mem::replace(&mut own.standing, Standing::Leaves)
        {
            door.become_(State::Shut);
        }
        places.open();
    }
}

impl Latecomers {
    /// Waits until the door is opened.
    pub(crate) fn pass(&self) -> Passage {
        self.door.pass(|| ())
    }

    /// Tries what could not be bound yet. Says what still cannot be.
    pub(crate) fn bind(&self) -> Vec<ListenError> {
        Places::all().bind_late(self.number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Where sockets were never given to a server.
        self.leave();
        Places::all().0.servers.retain(|server| server.number != self.number);
    }
}

impl Listening {
    fn has(&self, address: SocketAddr) -> bool {
        self.addresses.iter().any(|own| overlap(*own, address))
    }
}

/// Whether there are datagrams that are for both.
pub(crate) fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port()
        && one.port() != 0
        && one.is_ipv4() == other.is_ipv4()
        && (any || one.ip() == other.ip())
}

impl Unbound {
    pub(super) fn new(address: SocketAddr) -> Unbound {
        Unbound { address, sockets: Vec::new(), bound: 0 }
    }

    /// Binds those that are not bound yet, up to one that cannot be.
    fn bind(&mut self) -> Result<(), ListenError> {
        for (socket, transport) in self.sockets.iter().skip(self.bound) {
            let bound = if has_port(socket) { Ok(()) } else { socket.bind(&self.address.into()) };
            let bound = bound.and_then(|()| match transport {
                Transport::Udp => Ok(()),
                Transport::Tcp => socket.listen(BACKLOG),
            });
            bound.map_err(|error| refused(self.address, *transport, error))?;
            self.bound += 1;
        }
        Ok(())
    }
}

/// Whether it was bound by a try that failed then.
fn has_port(socket: &Socket) -> bool {
    let own = socket.local_addr().ok().and_then(|own| own.as_socket());
    own.is_some_and(|own| own.port() != 0)
}
