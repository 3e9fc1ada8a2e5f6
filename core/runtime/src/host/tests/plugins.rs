//! The plugins of these tests.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;

use rais_sdk::prelude::*;

/// Where plugins wait for their test.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    inside: usize,
    open: bool,
}

impl Gate {
    /// The gate of that name; each test has its own.
    pub(super) fn of(name: &str) -> Arc<Gate> {
        static GATES: Mutex<BTreeMap<String, Arc<Gate>>> = Mutex::new(BTreeMap::new());
        Arc::clone(GATES.lock().unwrap().entry(name.to_owned()).or_default())
    }

    pub(super) fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.inside += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| !state.open).unwrap());
    }

    pub(super) fn wait_inside(&self, calls: usize) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| state.inside < calls).unwrap());
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.lock().unwrap().open
    }

    pub(super) fn open(&self) {
        self.state.lock().unwrap().open = true;
        self.changed.notify_all();
    }
}

/// Opens a TCP connection, and may wait for its end.
struct Connect {
    to_end: bool,
}

#[config]
struct ConnectConfig {
    #[serde(default)]
    to_end: bool,
}

impl Probe for Connect {
    const NAME: &'static str = "connect";
    const SAMPLE: &'static str = "type = \"connect\"";
    type Config = ConnectConfig;

    fn new(config: ConnectConfig) -> Result<Connect, Fault> {
        Ok(Connect { to_end: config.to_end })
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        cx.phase("connecting");
        let stream = TcpStream::connect(cx.net(), target.address).await?;
        if self.to_end {
            cx.phase("reading");
            while stream.read(&mut [0; 64]).await? > 0 {}
        }
        Ok(Up::new(cx.elapsed()))
    }
}

#[config]
struct GateConfig {
    gate: String,
    #[serde(default)]
    file: Option<PathText>,
}

/// Blocks in a poll, as no probe may.
struct Blocks(Arc<Gate>);

impl Probe for Blocks {
    const NAME: &'static str = "blocks";
    const SAMPLE: &'static str = "type = \"blocks\"";
    type Config = GateConfig;

    fn new(config: GateConfig) -> Result<Blocks, Fault> {
        Ok(Blocks(Gate::of(&config.gate)))
    }

    async fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        self.0.pass();
        Ok(Up::new(cx.elapsed()))
    }
}

/// Also blocks, for another test: a lane is shared by the instances of a plugin.
struct BlocksToo(Blocks);

impl Probe for BlocksToo {
    const NAME: &'static str = "blocks-too";
    const SAMPLE: &'static str = "type = \"blocks-too\"";
    type Config = GateConfig;

    fn new(config: GateConfig) -> Result<BlocksToo, Fault> {
        Blocks::new(config).map(BlocksToo)
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        self.0.probe(cx, target).await
    }
}

/// Never ends, and tells on which thread it was dropped.
struct Endless;

pub(super) static DROPPED: Mutex<Option<mpsc::Sender<String>>> = Mutex::new(None);
pub(super) static BEGUN: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);

struct TellsDrop;

impl Drop for TellsDrop {
    fn drop(&mut self) {
        let thread = thread::current().name().unwrap_or_default().to_owned();
        if let Some(dropped) = &*DROPPED.lock().unwrap() {
            let _ = dropped.send(thread);
        }
    }
}

impl Probe for Endless {
    const NAME: &'static str = "endless";
    const SAMPLE: &'static str = "type = \"endless\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Endless, Fault> {
        Ok(Endless)
    }

    async fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        let _tells = TellsDrop;
        cx.phase("waiting for nothing");
        if let Some(begun) = &*BEGUN.lock().unwrap() {
            let _ = begun.send(());
        }
        pending().await
    }
}

/// A load and a blocking probe under one name. As a load it names the file of its table.
struct Twofold {
    gate: Arc<Gate>,
    file: Option<PathText>,
}

impl BlockingProbe for Twofold {
    const NAME: &'static str = "twofold";
    const SAMPLE: &'static str = "type = \"twofold\"";
    type Config = GateConfig;

    fn new(config: GateConfig) -> Result<Twofold, Fault> {
        Ok(Twofold { gate: Gate::of(&config.gate), file: config.file })
    }

    fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        self.gate.pass();
        Ok(Up::new(cx.elapsed()))
    }
}

impl Load for Twofold {
    const NAME: &'static str = "twofold";
    const SAMPLE: &'static str = "type = \"twofold\"";
    const SCOPE: Scope = Scope::Host;
    type Config = GateConfig;

    fn new(config: GateConfig) -> Result<Twofold, Fault> {
        Ok(Twofold { gate: Gate::of(&config.gate), file: config.file })
    }

    fn sample(&self, of: &Subject) -> Result<Reading, Fault> {
        if of.service == "slow" {
            self.gate.pass();
        }
        let file = self.file.iter().map(|file| file.get().display().to_string());
        Ok(Reading::load(12.5).with_reason(file.collect::<String>()))
    }
}

/// Publishes nowhere; waits at its gate for the zones whose reason says so, and opens another gate
/// when it is stopped.
struct Shelf {
    gate: Arc<Gate>,
    stopped: Arc<Gate>,
}

impl Sink for Shelf {
    const NAME: &'static str = "shelf";
    const SAMPLE: &'static str = "type = \"shelf\"";
    type Config = GateConfig;

    fn new(config: GateConfig, _: Host) -> Result<Shelf, Fault> {
        let stopped = Gate::of(&format!("{} is stopped", config.gate));
        Ok(Shelf { gate: Gate::of(&config.gate), stopped })
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        if zone.head.reason == "slow" {
            self.gate.pass();
        }
        Ok(zone.head.serial)
    }

    fn served(&self, zone: &str) -> Result<Option<Served>, Fault> {
        Err(Fault::refused(format!("not {zone}")))
    }

    fn stop(&self) {
        self.stopped.open();
    }
}

/// Delivers what it is given, to itself. Started twice, or called after its end, it says so.
struct Echo {
    inbox: Mutex<Ear>,
}

enum Ear {
    Shut,
    Open(Inbox),
    Gone,
}

impl Transport for Echo {
    const NAME: &'static str = "echo";
    const SAMPLE: &'static str = "type = \"echo\"";
    type Config = NoConfig;

    fn new(_: NoConfig, _: Host) -> Result<Echo, Fault> {
        Ok(Echo { inbox: Mutex::new(Ear::Shut) })
    }

    fn start(&self, inbox: Inbox) -> Result<(), Fault> {
        let mut ear = self.inbox.lock().unwrap();
        if !matches!(*ear, Ear::Shut) {
            return Err(Fault::refused("started twice or after its end"));
        }
        *ear = Ear::Open(inbox);
        Ok(())
    }

    fn send(&self, data: &[u8]) -> Result<(), Fault> {
        match &*self.inbox.lock().unwrap() {
            Ear::Open(inbox) if inbox.deliver(&[Datagram::new(None, data)]) == 1 => Ok(()),
            Ear::Open(_) => Err(Fault::busy("the queue is full")),
            Ear::Shut => Err(Fault::io("not started")),
            Ear::Gone => Err(Fault::refused("called after its end")),
        }
    }

    fn stop(&self) {
        *self.inbox.lock().unwrap() = Ear::Gone;
    }
}

rais_sdk::plugin!(probe Connect);
rais_sdk::plugin!(probe Blocks);
rais_sdk::plugin!(probe BlocksToo);
rais_sdk::plugin!(probe Endless);
rais_sdk::plugin!(blocking_probe Twofold);
rais_sdk::plugin!(load Twofold);
rais_sdk::plugin!(sink Shelf);
rais_sdk::plugin!(transport Echo);
