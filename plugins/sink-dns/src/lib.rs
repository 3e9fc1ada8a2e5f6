//! A sink that is a name server itself: it answers from what it is given, with authority.

mod answer;
mod bound;
mod catalog;
mod config;
mod counts;
mod engine;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod name;
mod net;
mod publish;
mod query;
mod rrl;
mod scheme;
mod serving;
mod transfer;
mod zone;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rais_sdk::prelude::*;

use answer::{Cookies, Identity, Rcode};
pub use config::Config;
use config::Settings;
use engine::{Engine, Source, lock};
use name::to_wire;
use net::{Claim, Transport};
use publish::State;
use serving::{Serving, Shared};

/// So long zone files are read while a configuration is judged: a host waits for some seconds.
const JUDGING: Duration = Duration::from_secs(1);
/// So many zones are in the log at the end, those most asked for.
const ZONES_TOLD: usize = 20;

/// Answers for its zones itself.
#[derive(Debug)]
pub struct Dns {
    settings: Settings,
    host: Host,
    shared: Arc<Shared>,
    zones: Mutex<HashMap<String, Arc<Mutex<State>>>>,
    run: Mutex<Run>,
}

/// How far the sink is in its life.
#[derive(Debug)]
enum Run {
    Made {
        /// Nobody else of the same configuration has its addresses.
        _claim: Claim,
    },
    Serving {
        _serving: Box<Serving>,
    },
    Stopped,
}

impl Sink for Dns {
    const NAME: &'static str = "dns";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Dns, Fault> {
        let mut settings = Settings::new(config, &host)?;
        let cookies = match settings.cookies {
            config::Cookies::On => Some(Cookies::new().map_err(Fault::io)?),
            config::Cookies::Off => None,
        };
        let tenths = settings.limits.tcp.idle.as_millis() / 100;
        let identity = Identity {
            nsid: settings.nsid.clone(),
            cookies,
            keepalive: u16::try_from(tenths).unwrap_or(u16::MAX),
        };
        let claim = Claim::new(&settings.listen).map_err(|claimed| {
            let at = settings.listen[claimed.which];
            let by: Vec<_> = claimed.by.iter().map(SocketAddr::to_string).collect();
            Fault::config(
                format!("listen[{}]", claimed.which),
                format!(
                    "{at} is another sink's, the one of type dns that listens at {}: an address is for \
                     one sink, which may have all the zones",
                    by.join(", ")
                ),
            )
        })?;
        let (access, limiter) = (std::mem::take(&mut settings.access), settings.limiter.take());
        let shared = Arc::new(Shared::new(Engine::new(identity, access, limiter)));
        let told = settings.zones.as_deref().map(judged).unwrap_or_default();
        told.iter().for_each(|fault| host.warn(fault));
        shared.are_told(told);
        let run = Mutex::new(Run::Made { _claim: claim });
        Ok(Dns { settings, host, shared, zones: Mutex::default(), run })
    }

    fn assign(&self, zones: &[&str]) -> Result<(), Fault> {
        let its: BTreeSet<_> = zones.iter().map(|zone| apex(zone)).collect();
        lock(&self.zones).retain(|zone, _| its.contains(&apex(zone)));
        self.shared.engine.expect(Source::Binder, its.clone());
        self.shared.assign(its);
        self.start()
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        let apex = apex(zone.name);
        self.shared.publishes(apex.clone());
        self.start()?;
        let records = lock(&self.state(zone.name)).publish(zone, &self.shared.engine)?;
        self.shared.published(&apex, records);
        Ok(zone.head.serial)
    }

    fn served(&self, zone: &str) -> Result<Option<Served>, Fault> {
        Ok(lock(&self.state(zone)).served(&self.shared.engine))
    }

    fn stop(&self) {
        // One that is about to start waits for files: it hears of it, and gives back the lock.
        self.shared.end();
        // Its threads have handed in what they counted when it is gone.
        *lock(&self.run) = Run::Stopped;
        self.tell_counts();
    }
}

/// What of a folder cannot be used, as a check says it. A start reads all of it, in its own time.
fn judged(folder: &Path) -> Vec<String> {
    let begun = Instant::now();
    files::judge(folder, &|| begun.elapsed() < JUDGING)
}

/// The name of a zone as it travels, in lower case.
fn apex(zone: &str) -> Vec<u8> {
    to_wire(&zone.to_ascii_lowercase())
}

impl Dns {
    /// Takes the sockets, reads the zone files and answers from now on; once.
    ///
    /// # Errors
    /// An address that cannot be had, a folder that cannot be read, no thread.
    pub fn start(&self) -> Result<(), Fault> {
        let mut run = lock(&self.run);
        match &*run {
            Run::Serving { .. } => Ok(()),
            Run::Stopped => Err(Fault::busy("the sink is stopped")),
            Run::Made { .. } => {
                let serving = Serving::start(&self.settings, &self.shared, &self.host)?;
                *run = Run::Serving { _serving: Box::new(serving) };
                Ok(())
            }
        }
    }

    /// How many answers there were.
    fn tell_counts(&self) {
        let counts = self.shared.engine.counted();
        let by = |transport| {
            let of = |(name, rcode)| {
                let count = counts.of(transport, rcode);
                (count > 0).then(|| format!("{name} {count}"))
            };
            Rcode::ALL.into_iter().filter_map(of).collect::<Vec<_>>().join(", ")
        };
        for (name, told) in [("UDP", by(Transport::Udp)), ("TCP", by(Transport::Tcp))] {
            if !told.is_empty() {
                self.host.log(&format!("answered by {name}: {told}"));
            }
        }
        let (dropped, cut_off) = (counts.dropped(), counts.cut_off());
        if dropped + cut_off > 0 {
            self.host.log(&format!(
                "above the limit of `rrl`: {dropped} not answered, {cut_off} asked to come by TCP"
            ));
        }
        let zones = self.shared.engine.asked_for(&counts);
        let told: Vec<_> =
            zones.iter().take(ZONES_TOLD).map(|(zone, count)| format!("{zone} {count}")).collect();
        if !told.is_empty() {
            let more = match zones.len() - told.len() {
                0 => String::new(),
                others => format!(" and {others} others"),
            };
            self.host.log(&format!("answered for zones: {}{more}", told.join(", ")));
        }
    }

    /// The zone's own lock; the common one is held for no more than the look-up.
    fn state(&self, zone: &str) -> Arc<Mutex<State>> {
        let mut zones = lock(&self.zones);
        Arc::clone(zones.entry(zone.to_ascii_lowercase()).or_default())
    }
}

plugin!(sink Dns);
