//! Plugins that each make one mistake, as authors do: each is found by one check of
//! `rais plugins test`.
//!
//! What brings a process down is in the other library, `faulty`.

mod loads;
mod probes;
mod sinks;
mod tables;
mod transports;
