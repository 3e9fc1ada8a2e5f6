//! Secondaries told of changes (RFC 1996), each by a thread of its own: one that is gone delays none.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::base::Name;
use domain::base::iana::{Opcode, Rcode, Rtype};
use rais_dns::{Conversation, DnsError, Key, Life, Request, Server, Way};
use rais_sdk::Again;
use rais_sdk::prelude::*;

use crate::engine::lock;
use crate::name::to_text;

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// So often it is tried; then the secondary finds out by its own refresh (RFC 1996 §3.6).
const TRIES: u32 = 6;

/// A secondary, and how it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addressee {
    pub(crate) address: SocketAddr,
    /// The address of ours by which it knows us, where there is one.
    from: Option<IpAddr>,
}

/// Secondaries, and the threads that tell them; they end when it is dropped.
#[derive(Debug)]
pub(crate) struct Notifier {
    told: Arc<Told>,
    threads: Vec<JoinHandle<()>>,
}

/// What changes are told by.
#[derive(Debug, Default)]
pub(crate) struct Told {
    secondaries: Mutex<Vec<Arc<Secondary>>>,
}

#[derive(Debug)]
struct Secondary {
    addressee: Addressee,
    key: Option<Arc<Key>>,
    life: Life,
    /// Zones by their names, and how often each was tried.
    waiting: Mutex<BTreeMap<Vec<u8>, u32>>,
    woken: Condvar,
}

/// What came of telling.
enum Heard {
    Yes,
    No(Rcode),
    Nothing(DnsError),
}

impl Addressee {
    /// Of a server that listens at these addresses. Secondaries take NOTIFY from the address that they
    /// transfer from, so it leaves from the first one that can reach them; from whichever the route has
    /// where there is none but wildcards.
    pub(crate) fn of(address: SocketAddr, listen: &[SocketAddr]) -> Addressee {
        let target = address.ip();
        let reaches = |ours: &IpAddr| {
            let is_near = match (ours, target) {
                (IpAddr::V4(_), IpAddr::V4(_)) => false,
                (IpAddr::V6(ours), IpAddr::V6(_)) => ours.is_unicast_link_local(),
                _ => return false,
            };
            !ours.is_unspecified() && !is_near && (!ours.is_loopback() || target.is_loopback())
        };
        Addressee { address, from: listen.iter().map(SocketAddr::ip).find(reaches) }
    }
}

impl Told {
    /// A zone is another than before.
    pub(crate) fn changed(&self, apex: &[u8]) {
        for secondary in lock(&self.secondaries).iter() {
            lock(&secondary.waiting).insert(apex.to_vec(), 0);
            secondary.woken.notify_all();
        }
    }
}

impl Notifier {
    /// Tells these secondaries, with the key where there is one, what `told` hears.
    pub(crate) fn start(
        addressees: &[Addressee],
        key: Option<&Arc<Key>>,
        told: &Arc<Told>,
        host: &Host,
    ) -> io::Result<Notifier> {
        let mut notifier = Notifier { told: Arc::clone(told), threads: Vec::new() };
        for addressee in addressees {
            let secondary = Arc::new(Secondary {
                addressee: *addressee,
                key: key.cloned(),
                life: Life::default(),
                waiting: Mutex::default(),
                woken: Condvar::new(),
            });
            let (of_thread, log) = (Arc::clone(&secondary), host.clone());
            let work = move || of_thread.run(&log);
            notifier.threads.push(host.spawn("dns-notify", Again::Restart, work)?);
            lock(&told.secondaries).push(secondary);
        }
        Ok(notifier)
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        for secondary in lock(&self.told.secondaries).drain(..) {
            secondary.life.end();
            // Whoever is about to wait has the lock, and then hears it.
            drop(lock(&secondary.waiting));
            secondary.woken.notify_all();
        }
        for thread in self.threads.drain(..) {
            // A panic in it has been logged.
            let _ = thread.join();
        }
    }
}

impl Secondary {
    fn run(&self, host: &Host) {
        let mut silent = false;
        while let Some((apex, tries)) = self.next(silent) {
            let zone = to_text(&apex);
            match self.tell(&apex) {
                Ok(Heard::Yes) => silent = false,
                Ok(Heard::No(rcode)) => {
                    silent = false;
                    let at = self.addressee.address;
                    host.warn(&format!(
                        "secondary {at}: does not take the news of {zone}: {rcode}"
                    ));
                }
                Ok(Heard::Nothing(error)) | Err(error) => {
                    if !self.life.goes_on() {
                        return;
                    }
                    // Said once for all its zones.
                    if !silent {
                        host.warn(&format!("secondary {}: {error}", self.addressee.address));
                    }
                    silent = true;
                    if tries + 1 < TRIES {
                        // What has changed again meanwhile is new.
                        lock(&self.waiting).entry(apex).or_insert(tries + 1);
                    }
                }
            }
        }
    }

    /// The zone to be told of next; none at the end. Those that were told in vain wait the longer.
    fn next(&self, silent: bool) -> Option<(Vec<u8>, u32)> {
        let mut waiting = lock(&self.waiting);
        loop {
            if !self.life.goes_on() {
                return None;
            }
            let least = waiting.iter().min_by_key(|(_, tries)| **tries);
            let Some((apex, tries)) = least.map(|(apex, tries)| (apex.clone(), *tries)) else {
                waiting = self.woken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if silent && tries > 0 {
                let pause = PATIENCE * (1 << tries.min(TRIES));
                let woken = self.woken.wait_timeout(waiting, pause);
                let (held, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                waiting = held;
                if !timeout.timed_out() {
                    continue;
                }
            }
            if waiting.remove(&apex).is_some() {
                return Some((apex, tries));
            }
        }
    }

    /// RFC 1996 §3: the question is the zone's SOA, with authority.
    fn tell(&self, apex: &[u8]) -> Result<Heard, DnsError> {
        let Addressee { address, from } = self.addressee;
        let server = Server { address, way: Way::Udp, timeout: PATIENCE };
        let mut conversation =
            Conversation::new(&server, self.key.as_deref(), 2 * PATIENCE, &self.life)?
                .leaving_from(from);
        let bad = || DnsError::Name(to_text(apex));
        let name = Name::from_octets(apex.to_vec()).map_err(|_| bad())?;
        let mut builder = Request::builder(Opcode::NOTIFY);
        builder.header_mut().set_aa(true);
        let mut builder = builder.question();
        builder.push((name, Rtype::SOA)).map_err(|_| bad())?;
        let request = conversation.sign(builder.additional())?;
        match conversation.send(&request, Way::Udp, PATIENCE) {
            Ok(answer) => match answer.header().rcode() {
                Rcode::NOERROR => Ok(Heard::Yes),
                rcode => Ok(Heard::No(rcode)),
            },
            Err(error) => Ok(Heard::Nothing(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_leave_from_the_first_address_of_the_server_that_can_reach_who_is_told() {
        let listen = ["0.0.0.0:53", "[::]:53", "127.0.0.1:53", "192.0.2.53:53", "198.51.100.53:53"];
        let more = ["[fe80::1]:53", "[::1]:53", "[2001:db8::53]:53"];
        let all: Vec<SocketAddr> =
            listen.iter().chain(&more).map(|address| address.parse().unwrap()).collect();
        for (secondary, count, from) in [
            ("192.0.2.10:53", all.len(), Some("192.0.2.53")),
            ("127.0.0.9:53", all.len(), Some("127.0.0.1")),
            ("[2001:db8::10]:53", all.len(), Some("2001:db8::53")),
            ("[::1]:5300", all.len(), Some("::1")),
            // Wildcards alone, or nothing of that family.
            ("192.0.2.10:53", 2, None),
            ("[2001:db8::10]:53", 5, None),
        ] {
            let found = Addressee::of(secondary.parse().unwrap(), &all[..count]).from;
            assert_eq!(found, from.map(|from| from.parse().unwrap()), "{secondary}");
        }
    }
}
