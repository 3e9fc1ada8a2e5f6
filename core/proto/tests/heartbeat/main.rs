//! The heartbeat from outside the crate: its octets, what is refused, and what always holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod golden;
mod packing;
mod properties;
mod refused;
mod sample;
