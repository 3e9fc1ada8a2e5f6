//! The plugins of these tests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use rais_sdk::prelude::*;

/// Where a sink that is being made waits for its test.
#[derive(Default)]
pub(super) struct Door {
    state: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    #[default]
    Nobody,
    SomebodyWaits,
    Open,
}

impl Door {
    /// The door of that name; each test has its own.
    pub(super) fn of(name: &str) -> Arc<Door> {
        static DOORS: Mutex<BTreeMap<String, Arc<Door>>> = Mutex::new(BTreeMap::new());
        Arc::clone(DOORS.lock().unwrap().entry(name.to_owned()).or_default())
    }

    fn see(&self, seen: Seen) {
        let mut state = self.state.lock().unwrap();
        *state = seen.max(*state);
        self.changed.notify_all();
    }

    fn wait(&self, seen: Seen) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| *state < seen).unwrap());
    }

    pub(super) fn open(&self) {
        self.see(Seen::Open);
    }

    /// Until a sink that is being made waits here.
    pub(super) async fn reached(name: &str) {
        let door = Door::of(name);
        tokio::task::spawn_blocking(move || door.wait(Seen::SomebodyWaits)).await.unwrap();
    }
}

/// A sink that keeps nothing, and is only made once its door, if it has one, is open.
struct Slow;

#[config]
struct SlowConfig {
    #[serde(default)]
    door: Option<String>,
}

impl Sink for Slow {
    const NAME: &'static str = "slow";
    const SAMPLE: &'static str = "type = \"slow\"";
    type Config = SlowConfig;

    fn new(config: SlowConfig, _: Host) -> Result<Slow, Fault> {
        if let Some(door) = config.door.map(|name| Door::of(&name)) {
            door.see(Seen::SomebodyWaits);
            door.wait(Seen::Open);
        }
        Ok(Slow)
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        Ok(zone.head.serial)
    }
}

/// A transport that refuses to start, and counts what it is given to send.
struct Refuses;

pub(super) static SENT: AtomicUsize = AtomicUsize::new(0);

impl Transport for Refuses {
    const NAME: &'static str = "refuses";
    const SAMPLE: &'static str = "type = \"refuses\"";
    type Config = NoConfig;

    fn new(_: NoConfig, _: Host) -> Result<Refuses, Fault> {
        Ok(Refuses)
    }

    fn start(&self, _: Inbox) -> Result<(), Fault> {
        Err(Fault::io("no such network"))
    }

    fn send(&self, _: &[u8]) -> Result<(), Fault> {
        SENT.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A sink that reads a key when it is made.
struct Keyed;

#[config]
struct KeyedConfig {
    key: PathText,
}

/// What the instances of the test have read, in their order.
pub(super) static READ: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Sink for Keyed {
    const NAME: &'static str = "keyed";
    const SAMPLE: &'static str = "type = \"keyed\"\nkey = \"sink.key\"";
    type Config = KeyedConfig;

    fn new(config: KeyedConfig, _: Host) -> Result<Keyed, Fault> {
        let key = std::fs::read_to_string(config.key.get());
        let key = key.map_err(|error| Fault::config("key", error.to_string()))?;
        READ.lock().unwrap().push(key);
        Ok(Keyed)
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        Ok(zone.head.serial)
    }
}

impl Drop for Keyed {
    fn drop(&mut self) {
        READ.lock().unwrap().push("dropped".to_owned());
    }
}

rais_sdk::plugin!(sink Slow);
rais_sdk::plugin!(sink Keyed);
rais_sdk::plugin!(transport Refuses);
