//! Whole sites in virtual time: monitors, a network with faults, binders.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clocks;
mod crossing;
mod detecting;
mod model;
mod paper;
mod partition;
mod restarting;
mod scene;
mod standing;
mod twins;
