//! What the demo sees of its binder: the zone file on disk, and the binder's status.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

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

/// The zone as it is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    /// Of its SOA record.
    pub(super) serial: u32,
    /// Its A records as they are written, in their order.
    pub(super) records: Vec<String>,
    addresses: BTreeSet<IpAddr>,
}

/// Where to look.
#[derive(Debug)]
pub(super) struct Watch {
    /// The binder's work.
    pub(super) zone_file: PathBuf,
    /// Where the binder answers.
    pub(super) socket: PathBuf,
}

impl Zone {
    /// Reads a zone file; none if it is none.
    fn read(text: &str) -> Option<Zone> {
        let zone = rais_zone::read(text, ZONE).ok()?;
        let is_address = |line: &&str| line.split_whitespace().any(|word| word == "A");
        Some(Zone {
            serial: zone.serial,
            records: text.lines().filter(is_address).map(str::to_owned).collect(),
            addresses: zone.records.iter().map(|record| record.ip).collect(),
        })
    }

    /// Whether a server is in it.
    pub(super) fn holds(&self, which: Which) -> bool {
        self.addresses.contains(&IpAddr::V4(which.address()))
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
        let mut last = String::new();
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

    /// The zone, where its file is no longer `last`.
    fn changed(&self, last: &mut String) -> Option<Zone> {
        let text = std::fs::read_to_string(&self.zone_file).ok()?;
        if text == *last {
            return None;
        }
        *last = text;
        Zone::read(last)
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
        let soa =
            format!("@ 10 IN SOA ns1.isg.sun.com. hostmaster.isg.sun.com. {serial} 1 1 1 1\n");
        let record = |which: &Which| format!("{ZONE}. 10 IN A {}\n", which.address());
        let records: String = members.iter().map(record).collect();
        let text = format!("{soa}@ 10 IN NS ns1.isg.sun.com.\n{records}");
        Zone::read(&text).expect("a zone")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_what_its_file_says() {
        let zone = Zone::of(7, &[Which::Web1, Which::Web3]);
        assert_eq!(zone.serial, 7);
        let records =
            ["www.isg.sun.com. 10 IN A 127.0.0.11", "www.isg.sun.com. 10 IN A 127.0.0.13"];
        assert_eq!(zone.records, records);
        assert!(zone.holds(Which::Web1) && !zone.holds(Which::Web2) && zone.holds(Which::Web3));
        assert_eq!(Zone::read("half a line"), None);
    }
}
