//! A worker's thread for TCP.

mod connection;
mod desk;
mod table;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use super::listen::{BACKLOG, TcpEndpoint};
use super::server::{Stop, TcpLimits};
use super::{Moment, Peer, Respond, Transport};
use connection::{Active, Connection, Turn};
use desk::Desk;
pub(crate) use desk::LONGEST_OUTPUT;
use table::Table;

/// Answers on the connections that its listeners accept, until it is to stop.
pub(super) struct TcpWorker<R> {
    poll: Poll,
    waker: Arc<Waker>,
    stop: Arc<Stop>,
    listeners: Vec<Listener>,
    table: Table,
    desk: Desk<R>,
    limits: TcpLimits,
    /// Whoever has more to do than one turn allowed. No event tells of them again.
    unfinished: Vec<Due>,
    /// Turns that connections have had.
    turns: u64,
    /// When connections were last looked through for idle ones.
    swept: Duration,
}

#[derive(Debug)]
struct Listener {
    socket: mio::net::TcpListener,
    /// Nothing where it is bound to a wildcard.
    bound: Option<IpAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Listener(usize),
    Connection(usize),
}

const WAKER: Token = Token(0);
/// Then come the listeners, then the connections.
const FIRST_LISTENER: usize = 1;
/// Events of one wait.
const EVENTS: usize = 256;
/// Connections accepted in one turn, so that those that are there get theirs.
const ACCEPTS: usize = 64;
/// So long connections have at the end that are in the midst of something. Whoever puts another server in
/// the place of this one waits for it.
const LAST: Duration = Duration::from_millis(20);
/// After an error that a next try could meet at once.
const PAUSE: Duration = Duration::from_millis(10);
/// Connections are looked through so often: a part of the time that they may be idle, within bounds.
const SWEEPS_PER_IDLE: u32 = 8;
const SHORTEST_SWEEP: Duration = Duration::from_millis(20);
const LONGEST_SWEEP: Duration = Duration::from_secs(1);

impl<R: Respond> TcpWorker<R> {
    /// # Errors
    /// The system has no descriptor or no memory for it.
    pub(super) fn new(
        endpoints: Vec<TcpEndpoint>,
        stop: Arc<Stop>,
        limits: TcpLimits,
        responder: R,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut listeners = Vec::with_capacity(endpoints.len());
        for (i, TcpEndpoint { socket, ip }) in endpoints.into_iter().enumerate() {
            let mut socket = mio::net::TcpListener::from_std(socket);
            poll.registry().register(&mut socket, Token(FIRST_LISTENER + i), Interest::READABLE)?;
            listeners.push(Listener { socket, bound: (!ip.is_unspecified()).then_some(ip) });
        }
        Ok(Self {
            poll,
            waker,
            stop,
            listeners,
            table: Table::default(),
            desk: Desk::new(responder),
            limits,
            unfinished: Vec::new(),
            turns: 0,
            swept: Duration::ZERO,
        })
    }

    /// What makes it look whether it is to stop.
    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Until it is to stop. After a panic it may be called again, and begins without connections.
    pub(super) fn run(&mut self) {
        self.table = Table::default();
        // What came before is not told again.
        self.unfinished = (0..self.listeners.len()).map(Due::Listener).collect();
        let mut events = Events::with_capacity(EVENTS);
        while !self.stop.is_asked_for() {
            if let Err(error) = self.poll.poll(&mut events, self.patience()) {
                if error.kind() != io::ErrorKind::Interrupted {
                    thread::sleep(PAUSE);
                }
                continue;
            }
            let now = Moment::now();
            let unfinished = std::mem::take(&mut self.unfinished);
            let round = self.turns;
            // Those that are there come first: who was just answered is not the one idle for longest.
            for event in &events {
                if let Some(Due::Connection(slot)) = self.due(event.token()) {
                    self.serve(slot, Some(event), now);
                }
            }
            for due in &unfinished {
                // One turn a round, whatever there is to do: who sends without end has no more than others.
                if let Due::Connection(slot) = *due
                    && self.table.get_mut(slot).is_some_and(|c| c.last_turn() <= round)
                {
                    self.serve(slot, None, now);
                }
            }
            let told = events.iter().filter_map(|event| self.due(event.token()));
            let listeners: Vec<_> = told.chain(unfinished).collect();
            for due in listeners {
                if let Due::Listener(i) = due {
                    self.accept(i, now);
                }
            }
            self.sweep(now);
        }
        self.finish(&mut events);
        self.table = Table::default();
    }

    /// Answers what has come: on connections that the kernel has accepted and nobody has taken, which
    /// would be reset as the listener is closed, and on all others. Who has yet to ask has [`LAST`] for it.
    fn finish(&mut self, events: &mut Events) {
        let mut now = Moment::now();
        self.serve_all(now);
        // As many as a backlog has, and no more: some never end to come. Each has a turn, in whatever time
        // that takes.
        for _ in 0..=BACKLOG as usize / ACCEPTS {
            self.unfinished.clear();
            (0..self.listeners.len()).for_each(|i| self.accept(i, now));
            let is_last = self.unfinished.is_empty();
            self.serve_all(now);
            if is_last {
                break;
            }
        }
        let begun = Instant::now();
        loop {
            (0..self.listeners.len()).for_each(|i| self.accept(i, now));
            let left = LAST.saturating_sub(begun.elapsed());
            if left.is_zero() || !self.table.owes() {
                break;
            }
            let more = std::mem::take(&mut self.unfinished);
            let patience = if more.is_empty() { left } else { Duration::ZERO };
            if self.poll.poll(events, Some(patience)).is_err() {
                events.clear();
            }
            now = Moment::now();
            for event in &*events {
                if let Some(Due::Connection(slot)) = self.due(event.token()) {
                    self.serve(slot, Some(event), now);
                }
            }
            for due in more {
                if let Due::Connection(slot) = due {
                    self.serve(slot, None, now);
                }
            }
        }
        self.table.end_all();
    }

    fn serve_all(&mut self, now: Moment) {
        self.unfinished.clear();
        for slot in 0..self.table.slots() {
            self.serve(slot, None, now);
        }
    }

    fn due(&self, token: Token) -> Option<Due> {
        let i = token.0.checked_sub(FIRST_LISTENER)?;
        Some(match i.checked_sub(self.listeners.len()) {
            None => Due::Listener(i),
            Some(slot) => Due::Connection(slot),
        })
    }

    /// How long to wait for events.
    fn patience(&self) -> Option<Duration> {
        if !self.unfinished.is_empty() {
            return Some(Duration::ZERO);
        }
        (!self.table.is_empty()).then(|| self.between_sweeps())
    }

    fn between_sweeps(&self) -> Duration {
        (self.limits.idle / SWEEPS_PER_IDLE).clamp(SHORTEST_SWEEP, LONGEST_SWEEP)
    }

    fn sweep(&mut self, now: Moment) {
        if now.since_boot.saturating_sub(self.swept) >= self.between_sweeps() {
            self.swept = now.since_boot;
            if let Some(oldest) = now.since_boot.checked_sub(self.limits.idle) {
                self.table.close_idle_since(oldest);
            }
        }
    }

    fn turn(&mut self, now: Moment) -> Active {
        self.turns += 1;
        Active { turn: self.turns, at: now.since_boot }
    }

    fn serve(&mut self, slot: usize, event: Option<&Event>, now: Moment) {
        let turn = self.turn(now);
        let Some(connection) = self.table.get_mut(slot) else { return };
        if event.is_some_and(|e| e.is_read_closed() || e.is_error()) {
            connection.close_after_the_rest();
        }
        let before = connection.unread();
        let turn = connection.take_turn(&mut self.desk, now, turn);
        let after = connection.unread();
        self.table.count_unread(before, after);
        match turn {
            Turn::Waits => {}
            Turn::HasMore => self.unfinished.push(Due::Connection(slot)),
            Turn::Ends => self.table.close(slot),
        }
        while self.table.unread() > self.limits.unread {
            let Some(slot) = self.table.worst_reader() else { break };
            self.table.close(slot);
        }
    }

    fn accept(&mut self, i: usize, now: Moment) {
        let again = Due::Listener(i);
        for _ in 0..ACCEPTS {
            let Some(listener) = self.listeners.get(i) else { return };
            match listener.socket.accept() {
                Ok((stream, client)) => {
                    let bound = listener.bound;
                    self.admit(stream, client, bound, now);
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return,
                    // It does not listen: its address could not be had, and an event tells once it can.
                    Some(libc::EINVAL | libc::EBADF | libc::ENOTSOCK | libc::EOPNOTSUPP) => return,
                    // No descriptor or no memory: somebody has to go.
                    Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                        match self.table.longest_idle() {
                            Some(slot) => self.table.close(slot),
                            None => {
                                thread::sleep(PAUSE);
                                break;
                            }
                        }
                    }
                    // That connection is gone already, or has an error of its own.
                    _ => {}
                },
            }
        }
        if !self.unfinished.contains(&again) {
            self.unfinished.push(again);
        }
    }

    /// Takes a connection in, for which another one may have to go.
    fn admit(
        &mut self,
        mut stream: TcpStream,
        client: SocketAddr,
        bound: Option<IpAddr>,
        now: Moment,
    ) {
        let local = match bound {
            Some(local) => local,
            // It is gone already.
            None => match stream.local_addr() {
                Ok(local) => local.ip(),
                Err(_) => return,
            },
        };
        if self.table.of_client(client.ip()) >= self.limits.per_client.get() {
            match self.table.longest_idle_of(client.ip()) {
                Some(slot) => self.table.close(slot),
                // All that it has are transfers: none is cut for another one of its own.
                None => return,
            }
        } else if self.table.len() >= self.limits.connections.get()
            && let Some(slot) = self.table.longest_idle()
        {
            self.table.close(slot);
        }
        let slot = self.table.vacant();
        let token = Token(FIRST_LISTENER + self.listeners.len() + slot);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut stream, token, interest).is_ok() {
            let peer = Peer { client, local, transport: Transport::Tcp, at: now };
            let turn = self.turn(now);
            self.table.fill(slot, Connection::new(stream, peer, turn));
        }
    }
}
