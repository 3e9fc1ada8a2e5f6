//! What the demo sees of its binder: what it answers to DNS queries, and its status.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use domain::base::Rtype;
use rais_dns::{Answered, Conversation, DnsError, Life, Question, Server, Way};
use rais_runtime::control::client::ask;
use rais_runtime::control::{Request, Response};
use rais_runtime::status::{BinderStatus, Status};
use tokio::sync::mpsc::UnboundedSender;

use super::recipe::ZONE;
use super::show::Input;
use super::which::Which;

/// A removal is measured to about this.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The binder is asked at every so many looks.
const ASK_EVERY: u32 = 10;

/// An answer on loopback that takes longer is not coming.
const PATIENCE: Duration = Duration::from_millis(500);

/// The zone as it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    /// Of its SOA record.
    pub(super) serial: u32,
    /// Its addresses, which take turns in the answers, in order.
    answered: Answered,
}

/// Where to look.
#[derive(Debug)]
pub(super) struct Watch {
    /// Where DNS queries are answered.
    pub(super) dns: SocketAddr,
    /// Where the binder answers.
    pub(super) socket: PathBuf,
}

impl Zone {
    /// Its A records as a zone file has them.
    pub(super) fn records(&self) -> impl Iterator<Item = String> {
        self.answered.iter().map(|(ip, ttl)| format!("{ZONE}. {ttl} IN A {ip}"))
    }

    /// Whether a server is in it.
    pub(super) fn holds(&self, which: Which) -> bool {
        self.answered.iter().any(|(ip, _)| *ip == IpAddr::V4(which.address()))
    }
}

impl Watch {
    /// Looks from a thread of its own for as long as somebody listens.
    ///
    /// # Errors
    /// No thread can be had.
    pub(super) fn start(self, inputs: UnboundedSender<Input>) -> anyhow::Result<()> {
        thread::Builder::new().name("watch".to_owned()).spawn(move || self.look(&inputs))?;
        Ok(())
    }

    fn look(&self, inputs: &UnboundedSender<Input>) {
        let mut last = None;
        for turn in (0..ASK_EVERY).cycle() {
            if let Some(zone) = self.changed(&mut last)
                && inputs.send(Input::Zone(Instant::now(), zone)).is_err()
            {
                return;
            }
            if turn == 0
                && let Some(status) = self.status()
                && inputs.send(Input::Status(Box::new(status))).is_err()
            {
                return;
            }
            if inputs.is_closed() {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The zone, where it is no longer `last`.
    fn changed(&self, last: &mut Option<Zone>) -> Option<Zone> {
        // Nobody answers before the binder has begun.
        let zone = self.zone().ok().flatten()?;
        if last.as_ref() == Some(&zone) {
            return None;
        }
        *last = Some(zone.clone());
        Some(zone)
    }

    /// What is answered now; nothing, where it changes at this very moment.
    fn zone(&self) -> Result<Option<Zone>, DnsError> {
        let server = Server { address: self.dns, way: Way::Udp, timeout: PATIENCE };
        let life = Life::default();
        let mut talk = Conversation::new(&server, None, PATIENCE, &life)?;
        let (soa, a) = (Question::new(ZONE, Rtype::SOA)?, Question::new(ZONE, Rtype::A)?);
        let mut answer_to = |question: &Question| {
            let answers = talk.ask(std::slice::from_ref(question))?;
            answers.into_iter().next().ok_or_else(|| DnsError::NoRecord(ZONE.to_owned()))
        };
        let before = soa.serial(&answer_to(&soa)?)?;
        let mut answered = Answered::new();
        a.addresses(&answer_to(&a)?, &mut answered)?;
        let serial = soa.serial(&answer_to(&soa)?)?;
        Ok((before == serial).then_some(Zone { serial, answered }))
    }

    /// What the binder says; nothing before it has started.
    fn status(&self) -> Option<BinderStatus> {
        match ask(&self.socket, &Request::Status).ok()? {
            Response::Status(status) => match *status {
                Status::Binder(status) => Some(status),
                Status::Monitor(_) => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
impl Zone {
    /// With these servers in it.
    pub(super) fn of(serial: u32, members: &[Which]) -> Zone {
        let address = |which: &Which| (IpAddr::V4(which.address()), 10);
        Zone { serial, answered: members.iter().map(address).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_what_is_answered() {
        let zone = Zone::of(7, &[Which::Web1, Which::Web3]);
        assert_eq!(zone.serial, 7);
        let records =
            ["www.isg.sun.com. 10 IN A 127.0.0.11", "www.isg.sun.com. 10 IN A 127.0.0.13"];
        assert_eq!(zone.records().collect::<Vec<_>>(), records);
        assert!(zone.holds(Which::Web1) && !zone.holds(Which::Web2) && zone.holds(Which::Web3));
    }
}
