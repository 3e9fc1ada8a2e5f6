//! A small host for a plugin's own tests: real sockets, real time, the real boundary.
//!
//! Behind the feature `testing`, for `[dev-dependencies]`.
//!
//! ```
//! use std::net::TcpListener;
//! use std::time::Duration;
//! use rais_sdk::prelude::*;
//! use rais_sdk::testing;
//!
//! struct Connect;
//!
//! impl Probe for Connect {
//!     const NAME: &'static str = "connect";
//!     const SAMPLE: &'static str = "type = \"connect\"\nport = 80";
//!     type Config = NoConfig;
//!     fn new(_: NoConfig) -> Result<Self, Fault> {
//!         Ok(Connect)
//!     }
//!     async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
//!         cx.phase("connecting");
//!         TcpStream::connect(cx.net(), target.address).await?;
//!         Ok(Up::new(cx.elapsed()))
//!     }
//! }
//! plugin!(probe Connect);
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! testing::samples_parse()?;
//! let server = TcpListener::bind("127.0.0.1:0")?;
//! let up = testing::probe::<Connect>("", server.local_addr()?, Duration::from_secs(5))?;
//! assert!(up.took < Duration::from_secs(5));
//! # Ok(())
//! # }
//! ```

mod bench;
mod deliveries;
mod poll;
mod reactor;

pub use bench::{Bench, probe, samples_parse};
pub use deliveries::{Deliveries, Delivery};
