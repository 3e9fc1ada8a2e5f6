//! The host of a test.
#![allow(unsafe_code)] // implements what takes sockets that the plugin owns

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::reactor::Reactor;
use super::scripts::{Place, Scripts};
use super::serving::Serving;
use crate::abi::{CrateVersion, Submitted};
use crate::host::{
    BlockingProbeObject, Declared, HostSide, Kind, Level, LoadObject, ProbeCall, ProbeObject,
    Readiness, SinkObject, TransportObject, linked, table_with_folder,
};
use crate::{BlockingProbe, Fault, Load, Probe, Sink, Target, Transport, Up};

/// A host that makes plugins from tables in TOML and runs them on the calling thread. Clones are
/// the same host.
///
/// # Time
///
/// With [`with_paused_time`](Self::with_paused_time) the clock of probes ([`Cx::now`](crate::Cx::now),
/// [`Cx::sleep`](crate::Cx::sleep), the deadline) and of this bench's [`Server`](super::Server)s
/// stands still while anything can happen, and moves to the next timer at once when nothing can:
/// what takes five seconds takes no time, and always takes five seconds sharp. What other threads
/// do is not waited for: a server on a thread needs real time.
#[derive(Clone, Default)]
pub struct Bench(Arc<Inner>);

#[derive(Default)]
struct Inner {
    reactor: Arc<Reactor>,
    scripts: Arc<Scripts>,
    lines: Mutex<Vec<(Level, String)>>,
    folder: PathBuf,
}

/// Keys of a probe's or load's table that the host takes out.
const MONITOR_KEYS: [&str; 5] = ["type", "port", "address", "timeout", "every"];
const SINK_KEYS: [&str; 3] = ["type", "retry", "verify_interval"];
const TRANSPORT_KEYS: [&str; 1] = ["type"];

struct Untold;

impl CrateVersion for Untold {
    const TEXT: &'static str = "0.0.0";
}

/// One probe of `address`, with the `table` (TOML; the host's own keys may stand in it).
///
/// # Errors
/// The plugin's; [`FaultKind::Config`](crate::FaultKind::Config) for a table that is not TOML.
pub fn probe<P: Probe>(table: &str, address: SocketAddr, timeout: Duration) -> Result<Up, Fault> {
    Bench::new().run_probe::<P>(table, address, timeout)
}

/// Makes every plugin of this image from its own `SAMPLE`, has it tell its keys and their defaults,
/// and returns how many there are.
///
/// # Errors
/// The first fault, its text led by the plugin's name; one with an empty `at` where `type` in the
/// sample is not the plugin's name.
pub fn samples_parse() -> Result<usize, Fault> {
    let plugins = linked();
    for plugin in &plugins {
        sample_parses(plugin).map_err(|mut fault| {
            fault.text = format!("{}: {}", plugin.name(), fault.text);
            fault
        })?;
    }
    Ok(plugins.len())
}

fn sample_parses(plugin: &Declared) -> Result<(), Fault> {
    let sample = plugin.sample();
    let table = table_of(sample)?;
    if table.get("type").and_then(toml::Value::as_str) != Some(plugin.name()) {
        return Err(Fault::config("", format!("the sample lacks `type = {:?}`", plugin.name())));
    }
    plugin.try_options()?;
    let bench = Bench::new();
    let json = |taken: &[&str]| bench.json(sample, taken);
    let side = || Bench::new().side();
    for kind in plugin.kinds() {
        match kind {
            Kind::Probe => drop(plugin.probe(&json(&MONITOR_KEYS)?, side())?),
            Kind::BlockingProbe => {
                drop(plugin.blocking_probe(&json(&MONITOR_KEYS)?, side())?);
            }
            Kind::Load => drop(plugin.load(&json(&MONITOR_KEYS)?, side())?),
            Kind::Sink => drop(plugin.sink(&json(&SINK_KEYS)?, side())?),
            Kind::Transport => drop(plugin.transport(&json(&TRANSPORT_KEYS)?, side())?),
        }
    }
    Ok(())
}

impl Bench {
    /// A host of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One whose tables stand in a file in `folder`: there a [`PathText`](crate::PathText) counts
    /// from it, elsewhere from where the test runs.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { folder: folder.into(), ..Inner::default() }))
    }

    /// One whose clock moves only when nothing else can happen, or when it is told to.
    #[must_use]
    pub fn with_paused_time() -> Self {
        let reactor = Arc::new(Reactor::new(Clock::paused()));
        Self(Arc::new(Inner { reactor, ..Inner::default() }))
    }

    /// One probe of `address`, with the `table` (TOML; the host's own keys may stand in it).
    ///
    /// # Errors
    /// The plugin's; [`FaultKind::Config`](crate::FaultKind::Config) for a table that is not TOML.
    pub fn run_probe<P: Probe>(
        &self,
        table: &str,
        address: SocketAddr,
        timeout: Duration,
    ) -> Result<Up, Fault> {
        let object = self.probe::<P>(table)?;
        let call = ProbeCall { target: Target::new(address, "localhost", "test"), timeout };
        self.block_on(object.start(call))?
    }

    /// A probe from its table.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub fn probe<P: Probe>(&self, table: &str) -> Result<ProbeObject, Fault> {
        let plugin = Declared::from_submitted(&Submitted::probe::<P, Untold>());
        plugin.probe(&self.json(table, &MONITOR_KEYS)?, self.side())
    }

    /// A blocking probe from its table.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub fn blocking_probe<P: BlockingProbe>(
        &self,
        table: &str,
    ) -> Result<BlockingProbeObject, Fault> {
        let plugin = Declared::from_submitted(&Submitted::blocking_probe::<P, Untold>());
        plugin.blocking_probe(&self.json(table, &MONITOR_KEYS)?, self.side())
    }

    /// A load from its table.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub fn load<P: Load>(&self, table: &str) -> Result<LoadObject, Fault> {
        let plugin = Declared::from_submitted(&Submitted::load::<P, Untold>());
        plugin.load(&self.json(table, &MONITOR_KEYS)?, self.side())
    }

    /// A sink from its table.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub fn sink<P: Sink>(&self, table: &str) -> Result<SinkObject, Fault> {
        let plugin = Declared::from_submitted(&Submitted::sink::<P, Untold>());
        plugin.sink(&self.json(table, &SINK_KEYS)?, self.side())
    }

    /// A transport from its table.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub fn transport<P: Transport>(&self, table: &str) -> Result<TransportObject, Fault> {
        let plugin = Declared::from_submitted(&Submitted::transport::<P, Untold>());
        plugin.transport(&self.json(table, &TRANSPORT_KEYS)?, self.side())
    }

    /// Waits on this thread for `future`, whose sockets and timers are this host's, and plays what
    /// this host's servers do meanwhile.
    ///
    /// # Errors
    /// [`FaultKind::Io`](crate::FaultKind::Io) when poll(2) fails.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, Fault> {
        let mut future = pin!(future);
        let turn = |task: &mut std::task::Context<'_>| {
            if let Poll::Ready(outcome) = future.as_mut().poll(task) {
                return Poll::Ready(outcome);
            }
            self.0.scripts.play(task);
            Poll::Pending
        };
        self.0.reactor.run(turn).map_err(Fault::io)
    }

    /// As [`block_on`](Self::block_on), for at most so much of this host's time; `None` where
    /// `future` has not ended by then.
    ///
    /// # Errors
    /// As [`block_on`](Self::block_on).
    pub fn block_for<F: Future>(
        &self,
        time: Duration,
        mut future: Pin<&mut F>,
    ) -> Result<Option<F::Output>, Fault> {
        let mut timer = self.0.reactor.timer(time);
        self.block_on(std::future::poll_fn(|task| match future.as_mut().poll(task) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => timer.as_mut().poll(task).map(|()| None),
        }))
    }

    /// Lets this host's servers hear what has been sent to them, and do what they do at once; time
    /// stands still. For what is asked of them after a probe.
    ///
    /// # Errors
    /// As [`block_on`](Self::block_on).
    pub fn settle(&self) -> Result<(), Fault> {
        self.0.reactor.settle(|task| self.0.scripts.play(task)).map_err(Fault::io)
    }

    /// Moves the paused clock, and wakes whose time has come.
    ///
    /// # Panics
    /// Where the clock is not paused.
    pub fn advance(&self, by: Duration) {
        assert!(self.0.reactor.clock.is_paused(), "this bench's clock runs by itself");
        self.0.reactor.clock.advance(by);
        self.0.reactor.wake_due(&[]);
    }

    /// This host's time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.reactor.clock.now()
    }

    /// What plugins have logged so far.
    #[must_use]
    pub fn lines(&self) -> Vec<(Level, String)> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// This host as its plugins hold it.
    #[must_use]
    pub fn side(&self) -> Arc<dyn HostSide> {
        Arc::clone(&self.0) as Arc<dyn HostSide>
    }

    pub(super) fn reactor(&self) -> &Arc<Reactor> {
        &self.0.reactor
    }

    pub(super) fn serve(&self, serving: Serving) -> Place {
        self.0.scripts.begin(serving)
    }

    /// The plugin's part of a table, as it crosses the boundary.
    fn json(&self, text: &str, taken: &[&str]) -> Result<String, Fault> {
        let mut table = table_of(text)?;
        table.retain(|key, _| !taken.contains(&key));
        table_with_folder(&table, &self.0.folder)
    }
}

impl HostSide for Inner {
    unsafe fn register(&self, fd: RawFd) -> io::Result<Box<dyn Readiness>> {
        Ok(self.reactor.watch(fd))
    }

    fn timer(&self, after: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.reactor.timer(after)
    }

    fn now(&self) -> Instant {
        self.reactor.clock.now()
    }

    fn log(&self, level: Level, text: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push((level, text.to_owned()));
    }
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bench")
    }
}

fn table_of(text: &str) -> Result<toml::Table, Fault> {
    text.parse::<toml::Table>().map_err(|e| Fault::config("", e))
}
