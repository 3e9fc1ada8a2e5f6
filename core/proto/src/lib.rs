//! The pure core of rais: what monitors and binders decide, without a clock, socket or file.
//!
//! Both are state machines in quinn's manner: hand in an event or the time, then drain the outputs,
//! then ask for the next timeout. Equal inputs give equal outputs.

pub mod binder;
pub mod heartbeat;
pub mod load;
pub mod monitor;
pub mod name;
pub mod policy;
pub mod serial;
pub mod table;
pub mod time;
