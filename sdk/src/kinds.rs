//! The five things a plugin can be.

use std::future::Future;

use crate::{Cx, Describe, Fault, Host, Inbox, Reading, Scope, Served, Subject, Target, Up, Zone};

/// Says whether a target is up, without holding a thread while it waits.
///
/// Thousands run at once on one thread, so nothing here may block; for blocking code there is
/// [`BlockingProbe`]. Write `async fn probe`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rais probe",
    label = "needs `impl Probe for {Self}`",
    note = "a probe without `.await` is a `BlockingProbe`: `plugin!(blocking_probe {Self})`"
)]
pub trait Probe: Send + Sync + Sized + 'static {
    /// The `type` by which a configuration names this plugin.
    const NAME: &'static str;
    /// The body of a table that configures it, in TOML, `type` included.
    const SAMPLE: &'static str;
    /// What remains of the table once the host has taken its own keys (`type`, `port`, `address`,
    /// `timeout`, `every`). Put [`#[config]`](crate::config) on it.
    type Config: Describe;

    /// Called once for each table that names the plugin.
    ///
    /// # Errors
    /// [`Fault::config`] with the key path, where the values do not make sense together.
    fn new(config: Self::Config) -> Result<Self, Fault>;

    /// One probe. The host ends it at [`Cx::deadline`], naming the last [`Cx::phase`]. An answer
    /// at that moment is a timeout, too, and so is one that [took](Up::took) longer.
    fn probe(&self, cx: &Cx, target: &Target) -> impl Future<Output = Result<Up, Fault>> + Send;
}

/// Says whether a target is up, on a thread of the host's bounded pool.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rais blocking probe",
    label = "needs `impl BlockingProbe for {Self}`",
    note = "a probe that is an `async fn` is a `Probe`: `plugin!(probe {Self})`"
)]
pub trait BlockingProbe: Send + Sync + Sized + 'static {
    /// The `type` by which a configuration names this plugin.
    const NAME: &'static str;
    /// The body of a table that configures it, in TOML, `type` included.
    const SAMPLE: &'static str;
    /// As [`Probe::Config`].
    type Config: Describe;

    /// As [`Probe::new`].
    ///
    /// # Errors
    /// [`Fault::config`] with the key path.
    fn new(config: Self::Config) -> Result<Self, Fault>;

    /// One probe; [`Cx::left`] is the time it may take. An answer after that is a timeout.
    ///
    /// # Errors
    /// What kept the target from being found up.
    fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault>;
}

/// Measures load, on a thread of the host's bounded pool.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rais load",
    label = "needs `impl Load for {Self}`"
)]
pub trait Load: Send + Sync + Sized + 'static {
    /// The `type` by which a configuration names this plugin.
    const NAME: &'static str;
    /// The body of a table that configures it, in TOML, `type` included.
    const SAMPLE: &'static str;
    /// For whom one sample stands.
    const SCOPE: Scope;
    /// As [`Probe::Config`].
    type Config: Describe;

    /// As [`Probe::new`].
    ///
    /// # Errors
    /// [`Fault::config`] with the key path.
    fn new(config: Self::Config) -> Result<Self, Fault>;

    /// One sample, in percent (0 to 1000).
    ///
    /// # Errors
    /// The load is then unknown; a first sample that is not yet true is
    /// [`Reading::unknown`], not a fault.
    fn sample(&self, of: &Subject) -> Result<Reading, Fault>;
}

/// Publishes zones, on a thread of the host's bounded pool.
///
/// Called serially for each zone, concurrently for different ones; tried again after a fault.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rais sink",
    label = "needs `impl Sink for {Self}`"
)]
pub trait Sink: Send + Sync + Sized + 'static {
    /// The `type` by which a configuration names this plugin.
    const NAME: &'static str;
    /// The body of a table that configures it, in TOML, `type` included.
    const SAMPLE: &'static str;
    /// What remains of the table once the host has taken its own keys (`type`, `retry`,
    /// `verify_interval`). Put [`#[config]`](crate::config) on it.
    type Config: Describe;

    /// Takes its table and the host. Nothing is bound, written or sent here, and no thread started:
    /// `rais check` calls this too.
    ///
    /// # Errors
    /// [`Fault::config`] with the key path.
    fn new(config: Self::Config, host: Host) -> Result<Self, Fault>;

    /// Says which zones are its from now on: all of them, whether they were its before or not. Called
    /// once before anything is published, and again where a reload changes them; not by
    /// `rais check`. What a sink needs while it lives is taken here: sockets are bound, threads
    /// started by [`Host::spawn`]. While a reload puts one instance in the place of another, both
    /// live for a moment.
    ///
    /// # Errors
    /// What keeps it from working at all: rais does not start then, or goes on as before.
    fn assign(&self, zones: &[&str]) -> Result<(), Fault> {
        let _ = zones;
        Ok(())
    }

    /// Makes the world serve `zone` and returns the serial now served. May block; called again with
    /// the same zone it does no harm.
    ///
    /// # Errors
    /// What kept the zone from being served; the host backs off and tries again.
    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault>;

    /// What is served of `zone` now, for the host to compare; `None` where a sink cannot tell.
    ///
    /// # Errors
    /// What kept it from being read.
    fn served(&self, zone: &str) -> Result<Option<Served>, Fault> {
        let _ = zone;
        Ok(None)
    }

    /// Ends threads, commands and sockets. Calls under way are given a moment first; it is then
    /// called all the same, so that it can end them. Nothing is called after it.
    fn stop(&self) {}
}

/// Carries datagrams of heartbeats between monitors and binders.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rais transport",
    label = "needs `impl Transport for {Self}`"
)]
pub trait Transport: Send + Sync + Sized + 'static {
    /// The `type` by which a configuration names this plugin.
    const NAME: &'static str;
    /// The body of a table that configures it, in TOML, `type` included.
    const SAMPLE: &'static str;
    /// What remains of the table once the host has taken `type`. Put
    /// [`#[config]`](crate::config) on it.
    type Config: Describe;

    /// Takes its table and the host. Nothing is bound or sent here: `rais check` calls this too.
    ///
    /// # Errors
    /// [`Fault::config`] with the key path.
    fn new(config: Self::Config, host: Host) -> Result<Self, Fault>;

    /// Receives from now on, into `inbox`. Called at most once, and only where beats are to be
    /// received (a binder). A peer that is not there yet is no fault: keep trying on a thread of
    /// [`Host::spawn`].
    ///
    /// # Errors
    /// What makes receiving impossible, an address in use for one.
    fn start(&self, inbox: Inbox) -> Result<(), Fault>;

    /// Sends one datagram to every binder. Never blocks. May be called without
    /// [`start`](Self::start) (a monitor), and from several threads at once.
    ///
    /// # Errors
    /// [`FaultKind::Busy`](crate::FaultKind::Busy) when the transport's queue is full; others as
    /// they come. The datagram is then lost, as any datagram may be.
    fn send(&self, data: &[u8]) -> Result<(), Fault>;

    /// Ends threads and gives back sockets. Nothing is called after it.
    fn stop(&self) {}
}
