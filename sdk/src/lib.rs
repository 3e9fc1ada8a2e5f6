//! Write a rais plugin: a probe, a load, a sink or a transport.
//!
//! A plugin is a type that implements one of five traits, and one line that makes it known. The
//! same crate is linked into rais (rlib) or loaded by it (cdylib); nothing in it depends on how
//! rais was built.
//!
//! ```toml
//! [lib]
//! crate-type = ["rlib", "cdylib"]
//!
//! [dependencies]
//! rais-sdk = "0.1"
//!
//! [dev-dependencies]
//! rais-sdk = { version = "0.1", features = ["testing"] }
//! ```
//!
//! # A probe
//!
//! Thousands of probes wait at once on one thread, so a [`Probe`] is an `async fn` over the host's
//! reactor ([`Cx::net`], [`Cx::sleep`]) and must not block. The deadline is the host's; the timeout
//! names the last [`Cx::phase`].
//!
//! ```
//! use rais_sdk::prelude::*;
//!
//! pub struct Banner {
//!     config: BannerConfig,
//! }
//!
//! #[config]
//! pub struct BannerConfig {
//!     /// What the server's first line begins with.
//!     begins: String,
//! }
//!
//! impl Probe for Banner {
//!     const NAME: &'static str = "banner";
//!     const SAMPLE: &'static str = "type = \"banner\"\nport = 25\nbegins = \"220\"";
//!     type Config = BannerConfig;
//!
//!     fn new(config: BannerConfig) -> Result<Self, Fault> {
//!         if config.begins.is_empty() {
//!             return Err(Fault::config("begins", "must not be empty"));
//!         }
//!         Ok(Banner { config })
//!     }
//!
//!     async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
//!         cx.phase("connecting");
//!         let stream = TcpStream::connect(cx.net(), target.address).await?;
//!         cx.phase("banner");
//!         let mut line = [0; 256];
//!         let mut have = 0;
//!         while have < self.config.begins.len().min(line.len()) {
//!             match stream.read(&mut line[have..]).await? {
//!                 0 => return Err(Fault::down("closed before its banner")),
//!                 read => have += read,
//!             }
//!         }
//!         if !line[..have].starts_with(self.config.begins.as_bytes()) {
//!             return Err(Fault::down("another banner"));
//!         }
//!         Ok(Up::new(cx.elapsed()))
//!     }
//! }
//!
//! plugin!(probe Banner);
//! # fn main() {}
//! ```
//!
//! # A blocking probe
//!
//! Runs on a thread of the host's bounded pool: for what has no async form.
//!
//! ```
//! use rais_sdk::prelude::*;
//!
//! pub struct Flag {
//!     path: PathText,
//! }
//!
//! #[config]
//! pub struct FlagConfig {
//!     path: PathText,
//! }
//!
//! impl BlockingProbe for Flag {
//!     const NAME: &'static str = "flag";
//!     const SAMPLE: &'static str = "type = \"flag\"\npath = \"/run/www/ready\"";
//!     type Config = FlagConfig;
//!
//!     fn new(config: FlagConfig) -> Result<Self, Fault> {
//!         Ok(Flag { path: config.path })
//!     }
//!
//!     fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
//!         match std::fs::metadata(self.path.get()) {
//!             Ok(_) => Ok(Up::new(cx.elapsed())),
//!             Err(e) => Err(Fault::down(format!("{}: {e}", self.path.get().display()))),
//!         }
//!     }
//! }
//!
//! plugin!(blocking_probe Flag);
//! # fn main() {}
//! ```
//!
//! # A load
//!
//! Loads are percent, 0 to 1000. A load that is not yet known is [`Reading::unknown`].
//!
//! ```
//! use rais_sdk::prelude::*;
//!
//! pub struct Average {
//!     full: f64,
//! }
//!
//! #[config]
//! pub struct AverageConfig {
//!     /// The run queue that counts as 100 %.
//!     full: f64,
//! }
//!
//! impl Load for Average {
//!     const NAME: &'static str = "average";
//!     const SAMPLE: &'static str = "type = \"average\"\nfull = 8.0";
//!     const SCOPE: Scope = Scope::Host;
//!     type Config = AverageConfig;
//!
//!     fn new(config: AverageConfig) -> Result<Self, Fault> {
//!         if config.full <= 0.0 {
//!             return Err(Fault::config("full", "must be more than zero"));
//!         }
//!         Ok(Average { full: config.full })
//!     }
//!
//!     fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
//!         let text = std::fs::read_to_string("/proc/loadavg")?;
//!         match text.split(' ').next().map(str::parse::<f64>) {
//!             Some(Ok(running)) => Ok(Reading::load(running / self.full * 100.0)),
//!             _ => Err(Fault::io(format!("/proc/loadavg reads {text:?}"))),
//!         }
//!     }
//! }
//!
//! plugin!(load Average);
//! # fn main() {}
//! ```
//!
//! # A sink
//!
//! Is given the whole zone and what changed, must be idempotent, and may block.
//!
//! ```
//! use std::fmt::Write as _;
//! use std::path::PathBuf;
//!
//! use rais_sdk::prelude::*;
//!
//! pub struct Hosts {
//!     path: PathBuf,
//!     host: Host,
//! }
//!
//! #[config]
//! pub struct HostsConfig {
//!     path: PathText,
//! }
//!
//! impl Sink for Hosts {
//!     const NAME: &'static str = "hosts";
//!     const SAMPLE: &'static str = "type = \"hosts\"\npath = \"/var/lib/dnsmasq/rais.hosts\"";
//!     type Config = HostsConfig;
//!
//!     fn new(config: HostsConfig, host: Host) -> Result<Self, Fault> {
//!         Ok(Hosts { path: config.path.into(), host })
//!     }
//!
//!     fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
//!         let mut text = String::new();
//!         for record in zone.records() {
//!             let owner = zone.owner_of(&record).map_or("@", |owner| owner.name.as_str());
//!             let _ = match owner {
//!                 "@" => writeln!(text, "{} {}", record.ip, zone.name),
//!                 owner => writeln!(text, "{} {owner}.{}", record.ip, zone.name),
//!             };
//!         }
//!         let new = self.path.with_extension("new");
//!         std::fs::write(&new, text)?;
//!         std::fs::rename(&new, &self.path)?;
//!         self.host.log(&format!("{}: {} records", zone.name, zone.records().len()));
//!         Ok(zone.head.serial)
//!     }
//! }
//!
//! plugin!(sink Hosts);
//! # fn main() {}
//! ```
//!
//! # A transport
//!
//! Carries datagrams of up to 1,200 octets from monitors to binders. Its threads are
//! [`Host::spawn`]'s, so that a panic in one is heard of.
//!
//! ```
//! use std::io::ErrorKind;
//! use std::net::{SocketAddr, UdpSocket};
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::sync::{Arc, OnceLock};
//! use std::time::Duration;
//!
//! use rais_sdk::prelude::*;
//!
//! pub struct OnePeer {
//!     config: OnePeerConfig,
//!     host: Host,
//!     out: OnceLock<UdpSocket>,
//!     ended: Arc<AtomicBool>,
//! }
//!
//! #[config]
//! pub struct OnePeerConfig {
//!     listen: SocketAddr,
//!     peer: SocketAddr,
//! }
//!
//! impl Transport for OnePeer {
//!     const NAME: &'static str = "one-peer";
//!     const SAMPLE: &'static str =
//!         "type = \"one-peer\"\nlisten = \"192.0.2.53:5369\"\npeer = \"192.0.2.53:5369\"";
//!     type Config = OnePeerConfig;
//!
//!     fn new(config: OnePeerConfig, host: Host) -> Result<Self, Fault> {
//!         let ended = Arc::new(AtomicBool::new(false));
//!         Ok(OnePeer { config, host, out: OnceLock::new(), ended })
//!     }
//!
//!     fn start(&self, inbox: Inbox) -> Result<(), Fault> {
//!         let socket = UdpSocket::bind(self.config.listen)?;
//!         socket.set_read_timeout(Some(Duration::from_millis(100)))?;
//!         let ended = Arc::clone(&self.ended);
//!         self.host.spawn("one-peer", Again::Restart, move || {
//!             let mut data = [0; 1500];
//!             while !ended.load(Ordering::Relaxed) {
//!                 if let Ok((size, from)) = socket.recv_from(&mut data) {
//!                     inbox.deliver(&[Datagram::new(from, &data[..size])]);
//!                 }
//!             }
//!         })?;
//!         Ok(())
//!     }
//!
//!     fn send(&self, data: &[u8]) -> Result<(), Fault> {
//!         if self.out.get().is_none() {
//!             let socket = UdpSocket::bind("0.0.0.0:0")?;
//!             socket.set_nonblocking(true)?;
//!             let _ = self.out.set(socket);
//!         }
//!         let Some(out) = self.out.get() else {
//!             return Err(Fault::io("no socket"));
//!         };
//!         match out.send_to(data, self.config.peer) {
//!             Ok(_) => Ok(()),
//!             Err(e) if e.kind() == ErrorKind::WouldBlock => Err(Fault::busy("the socket is full")),
//!             Err(e) => Err(e.into()),
//!         }
//!     }
//!
//!     fn stop(&self) {
//!         self.ended.store(true, Ordering::Relaxed);
//!     }
//! }
//!
//! plugin!(transport OnePeer);
//! # fn main() {}
//! ```
//!
//! # Beside the traits
//!
//! - Durations in a table are [`DurationText`], paths [`PathText`]: then they are written and mean
//!   the same as in the rest of the configuration.
//! - `SAMPLE` is the body of a table that works; the same text belongs into the plugin's README and
//!   its `sample.toml` (`include_str!`). `testing::samples_parse` keeps it true.
//! - A panic never harms the host: it becomes a [`FaultKind::Panicked`], in destructors a line in
//!   the log. `panic = "abort"` takes that away, and a panic while unwinding ends any process.
//! - Hosts of plugins find their side of the boundary in [`host`].

// `#[config]` names this crate by its name, also where the crate uses it itself.
#[allow(unused_extern_crates)]
extern crate self as rais_sdk;

#[doc(hidden)]
pub mod abi;
mod config;
mod cx;
mod describe;
mod duration;
mod fault;
mod handle;
pub mod host;
mod inbox;
mod kinds;
pub mod net;
mod path;
mod reading;
mod target;
#[cfg(feature = "testing")]
pub mod testing;
mod zone;

pub use config::NoConfig;
pub use cx::Cx;
#[doc(hidden)]
pub use describe::told as __config;
pub use describe::{Describe, Need, OptionInfo};
pub use duration::{DurationError, DurationText};
pub use fault::{Fault, FaultKind};
pub use handle::{Again, Host};
pub use inbox::{Datagram, Inbox};
pub use kinds::{BlockingProbe, Load, Probe, Sink, Transport};
pub use path::PathText;
pub use rais_sdk_macros::config;
pub use reading::{Reading, Scope, Subject, Wish};
pub use serde;
pub use target::{Target, Up};
pub use zone::{Change, Owner, Record, Records, Served, Zone, ZoneHead};

/// Everything a plugin's author writes with.
pub mod prelude {
    pub use crate::net::{TcpStream, UdpSocket};
    pub use crate::{
        Again, BlockingProbe, Change, Cx, Datagram, DurationText, Fault, FaultKind, Host, Inbox,
        Load, NoConfig, Owner, PathText, Probe, Reading, Record, Scope, Served, Sink, Subject,
        Target, Transport, Up, Wish, Zone, ZoneHead, config, plugin,
    };
}

/// Makes a type known as a plugin: `plugin!(probe T)`, `plugin!(blocking_probe T)`,
/// `plugin!(load T)`, `plugin!(sink T)` or `plugin!(transport T)`. One line for each kind that a
/// type is.
#[macro_export]
macro_rules! plugin {
    (probe $type:ty) => {
        $crate::plugin!(@submit probe $type);
    };
    (blocking_probe $type:ty) => {
        $crate::plugin!(@submit blocking_probe $type);
    };
    (load $type:ty) => {
        $crate::plugin!(@submit load $type);
    };
    (sink $type:ty) => {
        $crate::plugin!(@submit sink $type);
    };
    (transport $type:ty) => {
        $crate::plugin!(@submit transport $type);
    };
    (@submit $kind:ident $type:ty) => {
        const _: () = {
            struct Version;
            impl $crate::abi::CrateVersion for Version {
                const TEXT: &'static str = ::core::env!("CARGO_PKG_VERSION");
                const ABOUT: &'static str = ::core::env!("CARGO_PKG_DESCRIPTION");
            }
            $crate::abi::inventory::submit! {
                $crate::abi::Submitted::$kind::<$type, Version>()
            }
        };
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "write `plugin!(KIND Type)` with KIND one of probe, blocking_probe, load, sink, transport"
        );
    };
}
