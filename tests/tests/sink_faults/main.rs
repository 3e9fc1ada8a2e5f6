//! Sinks whose servers, folders, headers and hooks fail, with real daemons: nothing is claimed that is
//! not so, nobody else is held up, it is said once, and all is right again by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod behind;
mod commands;
mod descriptors;
mod folders;
mod headers;
mod servers;
mod stage;
mod updates;
