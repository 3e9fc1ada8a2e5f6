//! The shell of rais: the only part with clocks, sockets, files and threads.

pub mod check;
pub mod clock;
pub mod config;
pub mod conformance;
pub mod control;
mod convert;
pub mod daemon;
pub mod durable;
mod headers;
pub mod host;
pub mod interfaces;
pub mod keys;
pub mod plan;
pub mod privileges;
mod roles;
pub mod shell;
pub mod state;
pub mod status;
