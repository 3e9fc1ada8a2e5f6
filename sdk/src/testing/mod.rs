//! A small host for a plugin's own tests: real sockets, the real boundary, and a clock that waits
//! for nobody.
//!
//! Behind the feature `testing`, for `[dev-dependencies]`.
//!
//! - [`Bench`] is the host: it makes a plugin from its table, calls it, and keeps what it logs.
//! - [`Server`] is whom the plugin meets: it follows a [`Script`], refuses, or is a dead host.
//! - [`Bench::with_paused_time`] makes every wait free and every duration exact.
//! - [`Deliveries`] keeps what a transport has delivered.
//! - [`samples_parse`] makes every plugin of the crate from its own sample.
//!
//! # A probe, and all that can happen to it
//!
//! ```
//! use std::time::Duration;
//!
//! use rais_sdk::prelude::*;
//! use rais_sdk::testing::{self, Bench, Script, Server};
//!
//! /// Asks a Redis server `PING`.
//! struct Redis;
//!
//! impl Probe for Redis {
//!     const NAME: &'static str = "redis";
//!     const SAMPLE: &'static str = "type = \"redis\"\nport = 6379";
//!     type Config = NoConfig;
//!
//!     fn new(_: NoConfig) -> Result<Self, Fault> {
//!         Ok(Redis)
//!     }
//!
//!     async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
//!         cx.phase("connecting");
//!         let stream = TcpStream::connect(cx.net(), target.address).await?;
//!         cx.phase("answer");
//!         stream.write_all(b"PING\r\n").await?;
//!         let (mut answer, mut have) = ([0; 64], 0);
//!         while !answer[..have].ends_with(b"\r\n") && have < answer.len() {
//!             match stream.read(&mut answer[have..]).await? {
//!                 0 => return Err(Fault::down("half an answer")),
//!                 read => have += read,
//!             }
//!         }
//!         match &answer[..have] {
//!             b"+PONG\r\n" => Ok(Up::new(cx.elapsed())),
//!             other => Err(Fault::down(format!("answered {}", other.escape_ascii()))),
//!         }
//!     }
//! }
//!
//! plugin!(probe Redis);
//!
//! /// What a probe says of a server that follows `script`.
//! fn redis(script: Script) -> Result<Up, Fault> {
//!     let bench = Bench::with_paused_time();
//!     let server = Server::tcp(&bench, script)?;
//!     bench.run_probe::<Redis>("", server.address(), Duration::from_secs(2))
//! }
//!
//! # fn main() -> Result<(), Fault> {
//! // It works as its sample says.
//! testing::samples_parse()?;
//!
//! // Up, and slowly up: exact, and no test waits.
//! let up = redis(Script::new().hear("PING\r\n").say("+PONG\r\n"))?;
//! assert_eq!(up.took, Duration::ZERO);
//! let up = redis(Script::new().drip("+PONG\r\n", Duration::from_millis(100)))?;
//! assert_eq!(up.took, Duration::from_millis(700));
//!
//! // Hung: two seconds, in no time. The phase says where.
//! let hung = redis(Script::new().hang()).unwrap_err();
//! assert_eq!((hung.kind, hung.at.as_str()), (FaultKind::Timeout, "answer"));
//!
//! // Rubbish, half an answer, a reset.
//! for (script, says) in [
//!     (Script::new().say("-LOADING\r\n"), "answered -LOADING"),
//!     (Script::new().hear_until("\r\n").say("+PO"), "half an answer"),
//!     (Script::new().hear_anything().reset(), "reset"),
//! ] {
//!     let fault = redis(script).unwrap_err();
//!     assert_eq!(fault.kind, FaultKind::Down);
//!     assert!(fault.text.contains(says), "{fault}");
//! }
//!
//! // Nobody listens; and nobody answers at all.
//! let bench = Bench::with_paused_time();
//! let closed = Server::refusing()?;
//! let fault = bench.run_probe::<Redis>("", closed.address(), Duration::from_secs(2)).unwrap_err();
//! assert_eq!(fault.kind, FaultKind::Down);
//! let dead = Server::black_hole()?;
//! let fault = bench.run_probe::<Redis>("", dead.address(), Duration::from_secs(2)).unwrap_err();
//! assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, "connecting"));
//! # Ok(())
//! # }
//! ```
//!
//! # Plugins that block
//!
//! Loads, sinks, transports and blocking probes run on the calling thread, so whom they meet runs on
//! another: [`Server::tcp_on_thread`], in real time.

mod bench;
mod clock;
mod deliveries;
mod fence;
mod poll;
mod reactor;
mod script;
mod scripts;
mod server;
mod serving;

pub use bench::{Bench, probe, samples_parse};
pub use deliveries::{Deliveries, Delivery};
pub use script::Script;
pub use server::Server;
