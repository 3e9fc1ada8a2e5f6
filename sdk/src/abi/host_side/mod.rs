//! The host's end: plugins as it finds and calls them, and itself as they call it.

mod declared;
mod host;
mod inbox;
#[cfg(feature = "host")]
mod library;
mod objects;

pub use declared::{Declared, Kind, linked};
pub use inbox::Receive;
#[cfg(feature = "host")]
pub use library::{Library, LibraryError};
pub use objects::{
    BlockingProbeObject, LoadObject, ProbeCall, ProbeObject, SinkObject, TransportObject,
};
