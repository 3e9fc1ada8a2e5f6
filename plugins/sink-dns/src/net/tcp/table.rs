//! The connections of a thread.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::connection::Connection;

/// Connections by their slots, which are used again.
#[derive(Default)]
pub(super) struct Table {
    slots: Vec<Option<Connection>>,
    free: Vec<usize>,
    clients: HashMap<IpAddr, usize>,
    /// Of all connections, see [`Connection::unread`].
    unread: usize,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every slot is below it.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is a connection that is in the midst of something.
    pub(super) fn owes(&self) -> bool {
        self.slots.iter().flatten().any(Connection::owes)
    }

    /// Tells all clients that no more comes.
    pub(super) fn end_all(&mut self) {
        self.slots.iter_mut().flatten().for_each(Connection::end);
    }

    /// Connections of one client.
    pub(super) fn of_client(&self, client: IpAddr) -> usize {
        self.clients.get(&network(client)).copied().unwrap_or_default()
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut Connection> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// A slot to fill.
    pub(super) fn vacant(&mut self) -> usize {
        if self.free.is_empty() {
            self.free.push(self.slots.len());
            self.slots.push(None);
        }
        self.free.last().copied().unwrap_or_default()
    }

    /// Fills the slot that [`Table::vacant`] just told.
    pub(super) fn fill(&mut self, slot: usize, connection: Connection) {
        debug_assert_eq!(self.free.last(), Some(&slot));
        *self.clients.entry(network(connection.client())).or_default() += 1;
        self.slots[slot] = Some(connection);
        self.free.pop();
    }

    pub(super) fn close(&mut self, slot: usize) {
        let Some(connection) = self.slots.get_mut(slot).and_then(Option::take) else { return };
        self.free.push(slot);
        self.unread -= connection.unread();
        let client = network(connection.client());
        if let Some(count) = self.clients.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                self.clients.remove(&client);
            }
        }
    }

    /// Octets that clients have not taken.
    pub(super) fn unread(&self) -> usize {
        self.unread
    }

    /// One connection's part of them has changed.
    pub(super) fn count_unread(&mut self, before: usize, after: usize) {
        self.unread = self.unread - before + after;
    }

    /// Of the client who has taken least of its answers, who has not read for longest: many connections
    /// that read nothing cost their own client, and no other who reads slowly.
    pub(super) fn worst_reader(&self) -> Option<usize> {
        let mut unread: HashMap<IpAddr, usize> = HashMap::new();
        for connection in self.slots.iter().flatten().filter(|c| c.unread() > 0) {
            *unread.entry(network(connection.client())).or_default() += connection.unread();
        }
        let (worst, _) = unread.into_iter().max_by_key(|&(client, octets)| (octets, client))?;
        self.longest_idle_where(|c| c.unread() > 0 && network(c.client()) == worst)
    }

    pub(super) fn longest_idle(&self) -> Option<usize> {
        self.longest_idle_where(|_| true)
    }

    /// Of a client's, but for transfers.
    pub(super) fn longest_idle_of(&self, client: IpAddr) -> Option<usize> {
        let client = network(client);
        self.longest_idle_where(|c| network(c.client()) == client && !c.transfers())
    }

    /// Looks through all: a few microseconds for a thousand, less than it costs to accept one.
    fn longest_idle_where(&self, is_meant: impl Fn(&Connection) -> bool) -> Option<usize> {
        let all = self.slots.iter().enumerate().filter_map(|(i, c)| Some((i, c.as_ref()?)));
        all.filter(|(_, c)| is_meant(c)).min_by_key(|(_, c)| c.active()).map(|(i, _)| i)
    }

    /// Closes all that were not active since `oldest`.
    pub(super) fn close_idle_since(&mut self, oldest: Duration) {
        for slot in 0..self.slots.len() {
            if self.slots[slot].as_ref().is_some_and(|c| c.active().at <= oldest) {
                self.close(slot);
            }
        }
    }
}

/// Who counts as one client: whoever has one IPv6 address has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}
