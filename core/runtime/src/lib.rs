//! The shell of rais: the only part with clocks, sockets, files and threads.

pub mod clock;
pub mod config;
pub mod durable;
pub mod host;
pub mod interfaces;
pub mod keys;
pub mod state;
