//! For hosts of plugins: what an image offers, and instances of it, in plain Rust.
//!
//! A host finds plugins with [`linked`], makes instances through [`Declared`] and gives them a
//! [`HostSide`]. Built-in plugins pass the same boundary as loaded ones. No panic of a plugin comes
//! out of here: it is a [`FaultKind::Panicked`](crate::FaultKind::Panicked), or a line through
//! [`HostSide::log`] where nobody waits for an outcome.

mod declared;
mod objects;
mod side;

pub use declared::{Declared, Kind, linked};
pub use objects::{
    BlockingProbeObject, LoadObject, ProbeCall, ProbeObject, Receive, SinkObject, TransportObject,
};
pub use side::{HostSide, Interest, Level, Readiness, Ready};
