//! The host's end: plugins as it finds and calls them, and itself as they call it.

mod declared;
mod host;
mod inbox;
mod objects;

pub use declared::{Declared, Kind, linked};
pub use inbox::Receive;
pub use objects::{
    BlockingProbeObject, LoadObject, ProbeCall, ProbeObject, SinkObject, TransportObject,
};
