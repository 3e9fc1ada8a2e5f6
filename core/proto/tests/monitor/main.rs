//! The monitor in virtual time, from outside the crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod beating;
mod changing;
mod crowds;
mod detecting;
mod flapping;
mod loading;
mod model;
mod stage;
