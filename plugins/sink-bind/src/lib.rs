//! A sink of zone files: header and addresses, put in place whole, the name server told and asked.

mod config;
mod file;
mod knot;
mod reload;
mod rndc;
mod serving;
mod temporary;
mod zone;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rais_sdk::prelude::*;

pub use config::Config;
use config::Settings;
use reload::Reload;
use zone::State;

/// Writes zone files for BIND, Knot, NSD and PowerDNS.
#[derive(Debug)]
pub struct Bind {
    settings: Settings,
    host: Host,
    leftovers: Mutex<Leftovers>,
    zones: Mutex<HashMap<String, Arc<Mutex<State>>>>,
}

/// Whether the directory was looked through for what a crash left.
#[derive(Debug)]
enum Leftovers {
    Unknown,
    Swept,
}

impl Sink for Bind {
    const NAME: &'static str = "bind";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Bind, Fault> {
        let settings = Settings::new(config, &host)?;
        if matches!(settings.reload, Reload::None) {
            let directory = settings.directory.display();
            host.log(&format!("no `reload`: no name server is told of new files in {directory}"));
        }
        Ok(Bind {
            settings,
            host,
            leftovers: Mutex::new(Leftovers::Unknown),
            zones: Mutex::default(),
        })
    }

    /// A zone that comes back later is begun anew: others may have had its file until then.
    fn assign(&self, zones: &[&str]) -> Result<(), Fault> {
        lock(&self.zones).retain(|zone, _| zones.iter().any(|its| its.eq_ignore_ascii_case(zone)));
        Ok(())
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        self.settings.go_on()?;
        self.sweep_once()?;
        lock(&self.state(zone.name)).publish(zone, &self.settings)
    }

    fn served(&self, zone: &str) -> Result<Option<Served>, Fault> {
        lock(&self.state(zone)).served(zone, &self.settings)
    }

    fn stop(&self) {
        self.settings.runs.end();
        self.settings.life.end();
    }
}

impl Bind {
    /// Before the first publication: until then this instance has nothing of its own there.
    fn sweep_once(&self) -> Result<(), Fault> {
        let mut leftovers = lock(&self.leftovers);
        if matches!(*leftovers, Leftovers::Unknown) {
            for error in temporary::sweep(&self.settings.directory)? {
                self.host.warn(&format!("a temporary file is left and cannot be removed: {error}"));
            }
            *leftovers = Leftovers::Swept;
        }
        Ok(())
    }

    /// The zone's own lock; the common one is held for no more than the look-up.
    fn state(&self, zone: &str) -> Arc<Mutex<State>> {
        let mut zones = lock(&self.zones);
        Arc::clone(zones.entry(zone.to_ascii_lowercase()).or_default())
    }
}

/// A panic while the lock was held leaves at worst a publication unconfirmed, which is repeated.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

plugin!(sink Bind);
