//! A sink for zones that their server keeps itself: the addresses are put there by DNS updates.

mod claims;
mod config;
mod fault;
mod look;
mod records;
mod update;
mod zone;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rais_sdk::prelude::*;

pub use config::Config;
use config::Settings;
use zone::State;

/// Puts addresses into the zone of a name server by dynamic updates (RFC 2136).
#[derive(Debug)]
pub struct NsUpdate {
    settings: Settings,
    host: Host,
    zones: Mutex<HashMap<String, Arc<Mutex<State>>>>,
}

impl Sink for NsUpdate {
    const NAME: &'static str = "nsupdate";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<NsUpdate, Fault> {
        let settings = Settings::new(config, &host)?;
        Ok(NsUpdate { settings, host, zones: Mutex::default() })
    }

    /// What is known of a zone that left is no knowledge when it comes back.
    fn assign(&self, zones: &[&str]) -> Result<(), Fault> {
        lock(&self.zones).retain(|zone, _| zones.iter().any(|its| its.eq_ignore_ascii_case(zone)));
        Ok(())
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        lock(&self.state(zone.name)).publish(zone, &self.settings, &self.host)
    }

    fn served(&self, zone: &str) -> Result<Option<Served>, Fault> {
        lock(&self.state(zone)).served(&self.settings)
    }

    fn stop(&self) {
        self.settings.life.end();
    }
}

impl NsUpdate {
    /// The zone's own lock; the common one is held for no more than the look-up.
    fn state(&self, zone: &str) -> Arc<Mutex<State>> {
        let mut zones = lock(&self.zones);
        Arc::clone(zones.entry(zone.to_ascii_lowercase()).or_default())
    }
}

/// A panic while the lock was held leaves at worst what the server must be asked for again.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

plugin!(sink NsUpdate);
