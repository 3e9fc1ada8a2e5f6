//! From a configuration to what runs: plugin instances, and the state machines' own configurations.
//!
//! Everything that can fail fails here, before anything that runs is touched: a reload that does
//! not get through leaves no trace.

pub mod binder;
pub mod instances;
pub mod monitor;
mod named_files;
mod signer;
pub mod trust;

pub use instances::Instances;
