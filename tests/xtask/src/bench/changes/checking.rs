//! Clients that know what may be answered.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::base::Rtype;
use rais_tests::dns::{Answer, Client, Connection};

use super::{BOUND, Known, PATIENCE, SERVER, Still, ZONE, address, addresses};

#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Udp,
    Tcp,
}

/// Between two questions for bound names: who checks is not to be what takes time.
const PAUSE: Duration = Duration::from_millis(1);

/// What a client found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) answers: u64,
    pub(super) lost: u64,
    pub(super) wrong: Vec<String>,
}

impl Way {
    pub(super) const ALL: [Way; 2] = [Way::Udp, Way::Tcp];
}

/// Asks by turns for a bound name and for one that stands still, until it is over.
pub(super) fn check(way: Way, known: &Known, still: Still) -> anyhow::Result<Checked> {
    let server = SERVER.parse()?;
    let client = Client::here(server).impatient(PATIENCE);
    let mut connection = Connection::open(server, PATIENCE).map_err(anyhow::Error::msg)?;
    let mut ask = |name: &str| match way {
        Way::Udp => client.ask(name, Rtype::A),
        Way::Tcp => connection.ask(name, Rtype::A),
    };
    let mut checked = Checked::default();
    while !known.is_over.load(Ordering::Relaxed) {
        let bound = fastrand::u8(..BOUND);
        let at = usize::from(bound);
        let oldest = known.seen[at].load(Ordering::SeqCst);
        let answer = ask(&format!("s{bound}.{ZONE}"));
        let newest = known.said[at].load(Ordering::SeqCst);
        let may_be =
            |found: &[IpAddr]| (oldest..=newest).any(|round| addresses(bound, round) == found);
        checked.take(answer, may_be);

        let name = fastrand::u32(..still.names);
        let answer = ask(&format!("n{name}.{}", still.zone));
        checked.take(answer, |found| found == [IpAddr::V4(address(name))]);
        std::thread::sleep(PAUSE);
    }
    Ok(checked)
}

impl Checked {
    fn take(&mut self, answer: Result<Answer, String>, may_be: impl Fn(&[IpAddr]) -> bool) {
        match answer {
            Ok(mut answer) => {
                self.answers += 1;
                answer.addresses.sort_unstable();
                if !(answer.rcode == "NOERROR" && may_be(&answer.addresses)) {
                    self.wrong.push(format!("{answer:?}"));
                }
            }
            Err(_) => self.lost += 1,
        }
    }
}
