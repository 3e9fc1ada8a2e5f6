//! The monitor (the paper's Fig. 3): probes services, tells their health, says so in beats.
//!
//! A state machine: hand in events and the time, drain the outputs, ask for the next timeout.

pub mod advertise;
mod config;
mod event;
mod view;

pub use config::{
    AddressSet, Combine, CombineLoads, LoadKey, LoadSource, Members, MonitorConfig,
    MonitorConfigError, ProbeKey, Probes, ServiceConfig, ServiceLoad, WatchedTarget,
};
pub use event::{Change, LoadSubject, Output, ProbeId, ProbeOutcome, ProbeTarget};
pub use view::MemberView;
