//! Secondaries told of changes (RFC 1996), each by a thread of its own: one that is gone delays none.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::base::Name;
use domain::base::iana::{Opcode, Rcode, Rtype};
use rais_dns::{Conversation, DnsError, Key, Life, Request, Server, Way};
use rais_sdk::Again;
use rais_sdk::prelude::*;

use super::news::{Heard, News, Next, Novelty};
use crate::engine::lock;
use crate::name::to_text;

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(1);

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
    news: Mutex<News>,
    woken: Condvar,
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
            lock(&secondary.news).changed(apex, Instant::now());
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
                news: Mutex::default(),
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
            drop(lock(&secondary.news));
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
        while let Some((apex, tries)) = self.next() {
            let zone = to_text(&apex);
            let (heard, text) = match self.tell(&apex) {
                Ok(Rcode::NOERROR) => (Heard::Yes, String::new()),
                Ok(rcode) => {
                    (Heard::No(rcode), format!("does not take the news of {zone}: {rcode}"))
                }
                Err(error) => (Heard::Nothing, error.to_string()),
            };
            if !self.life.goes_on() {
                return;
            }
            if lock(&self.news).heard(apex, tries, heard, Instant::now()) == Novelty::New {
                host.warn(&format!("secondary {}: {text}", self.addressee.address));
            }
        }
    }

    /// The zone to be told of next, and how often it was in vain; none at the end.
    fn next(&self) -> Option<(Vec<u8>, u32)> {
        let mut news = lock(&self.news);
        while self.life.goes_on() {
            news = match news.next(Instant::now()) {
                Next::Tell(apex, tries) => return Some((apex, tries)),
                Next::Nothing => self.woken.wait(news).unwrap_or_else(PoisonError::into_inner),
                Next::Wait(pause) => {
                    let woken = self.woken.wait_timeout(news, pause);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        None
    }

    /// RFC 1996 §3: the question is the zone's SOA, with authority.
    fn tell(&self, apex: &[u8]) -> Result<Rcode, DnsError> {
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
        let answer = conversation.send(&request, Way::Udp, PATIENCE)?;
        Ok(answer.header().rcode())
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
