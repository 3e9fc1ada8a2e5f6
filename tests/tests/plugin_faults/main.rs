//! Plugins at fault, each loaded into the daemon and in a process of its own: what is told, what
//! goes on, and what no process outlives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod at_load;
mod at_making;
mod at_place;
mod at_reload;
mod at_run;
mod bad;
mod daemon;
mod each;
mod period;
