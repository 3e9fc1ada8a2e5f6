//! Who changes bound names, one after the other.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use domain::base::Rtype;
use rais_proto::heartbeat::Report;
use rais_proto::name::ServiceName;
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::wait;

use super::{BINDER, BOUND, Known, PATIENCE, SERVER, ZONE, addresses};
use crate::bench::beats::{Talker, whole};

/// Beyond the binder's `gap` of 1 ms, by a tick of its timers: none waits for the one before it.
const PAUSE: Duration = Duration::from_millis(3);

pub(super) struct Changer<'a> {
    pub(super) known: &'a Known,
    talker: Talker,
    client: Client,
    services: Vec<ServiceName>,
    /// Changes so far.
    count: u32,
}

/// What came of changes.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) times: Vec<Duration>,
    /// Beats, or answers, that had not come in time.
    pub(super) said_again: u32,
}

impl<'a> Changer<'a> {
    pub(super) fn new(host: &Host, known: &'a Known) -> anyhow::Result<Changer<'a>> {
        let client = Client::new(host.net(), SERVER.parse()?).impatient(PATIENCE);
        let talker = Talker::new(host.net(), BINDER.parse()?)?;
        let services =
            (0..BOUND).map(|n| format!("s{n}").parse()).collect::<Result<Vec<_>, _>>()?;
        Ok(Changer { known, talker, client, services, count: 0 })
    }

    /// Says the first round until all of it is answered: one beat alone may be an old one.
    pub(super) fn until_served(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut left: Vec<u8> = (0..BOUND).collect();
        while !left.is_empty() {
            ensure!(begun.elapsed() < wait::LIMIT, "names that are not served: {left:?}");
            let reports = (0..BOUND).map(|bound| self.report(bound, 0));
            let reports = reports.collect::<anyhow::Result<Vec<_>>>()?;
            self.talker.say(reports)?;
            std::thread::sleep(Duration::from_millis(200));
            left.retain(|bound| !self.answers(*bound, 0));
        }
        Ok(())
    }

    /// Makes so many changes, the next one when the one before was answered.
    pub(super) fn change(&mut self, count: u32) -> anyhow::Result<Changed> {
        let mut changed = Changed::default();
        for _ in 0..count {
            let bound = u8::try_from(self.count % u32::from(BOUND))?;
            let round = u16::try_from(self.count / u32::from(BOUND) + 1)?;
            let at = usize::from(bound);
            let (said, seen) = (&self.known.said[at], &self.known.seen[at]);
            let reports = vec![self.report(bound, round)?];
            said.store(round, Ordering::SeqCst);
            let begun = Instant::now();
            self.talker.say(reports)?;
            let mut last = begun;
            while !self.answers(bound, round) {
                ensure!(begun.elapsed() < wait::LIMIT, "round {round} of s{bound} is not answered");
                if last.elapsed() > PATIENCE {
                    self.talker.say(vec![self.report(bound, round)?])?;
                    changed.said_again += 1;
                    last = Instant::now();
                }
            }
            changed.times.push(begun.elapsed());
            seen.store(round, Ordering::SeqCst);
            self.count += 1;
            std::thread::sleep(PAUSE);
        }
        Ok(changed)
    }

    fn report(&self, bound: u8, round: u16) -> anyhow::Result<Report> {
        let service = self.services.get(usize::from(bound)).context("a service")?;
        Ok(whole(service, addresses(bound, round)))
    }

    fn answers(&self, bound: u8, round: u16) -> bool {
        let found = self.client.addresses(&format!("s{bound}.{ZONE}"), Rtype::A);
        found.is_ok_and(|mut found| {
            found.sort_unstable();
            found == addresses(bound, round)
        })
    }
}
