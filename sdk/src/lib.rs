//! Write a rais plugin: a probe, a load, a sink or a transport.
//!
//! A plugin is a type that implements one of five traits, and one line that makes it known. The
//! same crate is linked into rais (rlib) or loaded by it (cdylib); nothing in it depends on how
//! rais was built. `rais plugins new probe NAME` makes such a crate, with a test; by hand it is
//!
//! ```toml
//! [lib]
//! crate-type = ["rlib", "cdylib"]
//!
//! [dependencies]
//! rais-sdk = { path = "sdk" }
//!
//! [dev-dependencies]
//! rais-sdk = { path = "sdk", features = ["testing"] }
//! ```
//!
//! | a | says | trait |
//! |---|---|---|
//! | [probe](#a-probe) | whether a target is up, without holding a thread | [`Probe`] |
//! | [blocking probe](#a-blocking-probe) | the same, on a thread | [`BlockingProbe`] |
//! | [load](#a-load) | how busy a host or a target is, in percent | [`Load`] |
//! | [sink](#a-sink) | to the world what a zone is now | [`Sink`] |
//! | [transport](#a-transport) | nothing; it carries heartbeats | [`Transport`] |
//!
//! Each has below one complete example and a test of it. What is common to all:
//!
//! - Its table is a struct with [`#[config]`](config): fields are keys, doc comments what
//!   `rais plugins info` says of them, `#[default = …]` what counts where a key is left out. A key
//!   that is not there is refused. Durations are [`DurationText`], paths [`PathText`]: then they are
//!   written and mean the same as in the rest of the configuration.
//! - `SAMPLE` is the body of a table that works; the same text belongs into the plugin's README and
//!   its `sample.toml` (`include_str!`). `testing::samples_parse` keeps it true.
//! - `new` checks what the types cannot, and names the key that is at fault ([`Fault::config`]).
//! - `testing` is a host for tests, with servers that follow a script and a clock that waits for
//!   nobody (behind the feature `testing`).
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
//!     #[default = "220"]
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
//!
//! // Its test:
//! use std::time::Duration;
//!
//! use rais_sdk::testing::{Bench, Script, Server};
//!
//! # fn main() -> Result<(), Fault> {
//! let bench = Bench::with_paused_time();
//! let limit = Duration::from_secs(2);
//! let polite = Server::tcp(&bench, Script::new().say("220 ready\r\n"))?;
//! assert!(bench.run_probe::<Banner>("", polite.address(), limit).is_ok());
//! let hung = Server::tcp(&bench, Script::new().hang())?;
//! let fault = bench.run_probe::<Banner>("", hung.address(), limit).unwrap_err();
//! assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, "banner"));
//! # Ok(())
//! # }
//! ```
//!
//! # A blocking probe
//!
//! Runs on a thread of the host's bounded pool: for what has no async form.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use rais_sdk::prelude::*;
//!
//! pub struct Flag {
//!     config: FlagConfig,
//! }
//!
//! #[config]
//! pub struct FlagConfig {
//!     /// The file that says that the server is ready.
//!     path: PathText,
//!     /// An older file says nothing.
//!     #[default = "10s"]
//!     age: DurationText,
//! }
//!
//! impl BlockingProbe for Flag {
//!     const NAME: &'static str = "flag";
//!     const SAMPLE: &'static str = "type = \"flag\"\npath = \"/run/www/ready\"";
//!     type Config = FlagConfig;
//!
//!     fn new(config: FlagConfig) -> Result<Self, Fault> {
//!         Ok(Flag { config })
//!     }
//!
//!     fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
//!         let path = self.config.path.get();
//!         let written = std::fs::metadata(path).and_then(|about| about.modified());
//!         let written = written.map_err(|e| Fault::down(format!("{}: {e}", path.display())))?;
//!         match SystemTime::now().duration_since(written) {
//!             Ok(age) if age > self.config.age.get() => Err(Fault::down("stale")),
//!             _ => Ok(Up::new(cx.elapsed())),
//!         }
//!     }
//! }
//!
//! plugin!(blocking_probe Flag);
//!
//! // Its test:
//! use std::time::Duration;
//!
//! use rais_sdk::host::ProbeCall;
//! use rais_sdk::testing::Bench;
//!
//! # fn main() -> Result<(), Fault> {
//! let flag = Bench::new().blocking_probe::<Flag>("path = \"/nowhere/ready\"")?;
//! let target = Target::new(([127, 0, 0, 1], 80).into(), "web1", "www");
//! let fault = flag.run(ProbeCall { target, timeout: Duration::from_secs(2) }).unwrap_err();
//! assert_eq!(fault.kind, FaultKind::Down);
//! # Ok(())
//! # }
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
//!     config: AverageConfig,
//! }
//!
//! #[config]
//! pub struct AverageConfig {
//!     /// The run queue that counts as 100 %.
//!     #[default = 8.0]
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
//!         Ok(Average { config })
//!     }
//!
//!     fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
//!         let text = std::fs::read_to_string("/proc/loadavg")?;
//!         match text.split(' ').next().map(str::parse::<f64>) {
//!             Some(Ok(running)) => Ok(Reading::load(running / self.config.full * 100.0)),
//!             _ => Err(Fault::io(format!("/proc/loadavg reads {text:?}"))),
//!         }
//!     }
//! }
//!
//! plugin!(load Average);
//!
//! // Its test:
//! use rais_sdk::testing::Bench;
//!
//! # fn main() -> Result<(), Fault> {
//! let reading = Bench::new().load::<Average>("full = 2.0")?.sample(&Subject::new("www"))?;
//! assert!(reading.load.is_some_and(|percent| (0.0..=1000.0).contains(&percent)));
//! let fault = Bench::new().load::<Average>("full = 0.0").unwrap_err();
//! assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "full"));
//! # Ok(())
//! # }
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
//!     /// The file, in the form of /etc/hosts.
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
//!
//! // Its test:
//! use rais_sdk::testing::Bench;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let path = std::env::temp_dir().join(format!("hosts-{}", std::process::id()));
//! let sink = Bench::new().sink::<Hosts>(&format!("path = {path:?}"))?;
//! let head = ZoneHead::new(vec![Owner::new("www", 10)], 7);
//! let records = [Record::new(0, "192.0.2.1".parse()?)];
//! assert_eq!(sink.publish(&Zone::new("example.org", head, &records, &records, &[])), Ok(7));
//! assert_eq!(std::fs::read_to_string(&path)?, "192.0.2.1 www.example.org\n");
//! # std::fs::remove_file(&path)?;
//! # Ok(())
//! # }
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
//!     /// Where a binder listens.
//!     #[default = "0.0.0.0:5369"]
//!     listen: SocketAddr,
//!     /// Where a monitor sends.
//!     peer: SocketAddr,
//! }
//!
//! impl Transport for OnePeer {
//!     const NAME: &'static str = "one-peer";
//!     const SAMPLE: &'static str = "type = \"one-peer\"\npeer = \"192.0.2.53:5369\"";
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
//!
//! // Its test: what is sent arrives.
//! use rais_sdk::testing::{Bench, Script, Server};
//!
//! # fn main() -> Result<(), Fault> {
//! let server = Server::udp_on_thread(Script::new())?;
//! let table = format!("peer = \"{}\"", server.address());
//! let monitor = Bench::new().transport::<OnePeer>(&table)?;
//! monitor.send(b"beat")?;
//! while server.heard() != [b"beat"] {
//!     std::thread::yield_now();
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What else there is to know
//!
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
pub use zone::{Change, MaxAddresses, Owner, Record, Records, Served, Zone, ZoneHead};

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
