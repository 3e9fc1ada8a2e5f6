//! The shell of rais: the only part with clocks, sockets, files and threads.

pub mod config;
