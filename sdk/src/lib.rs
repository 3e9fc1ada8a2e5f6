//! Write a rais plugin: a probe, a load, a sink or a transport.

// `#[config]` names this crate by its name, also where the crate uses it itself.
#[allow(unused_extern_crates)]
extern crate self as rais_sdk;

#[doc(hidden)]
pub mod abi;
mod config;
mod cx;
mod fault;
mod handle;
pub mod host;
mod inbox;
mod kinds;
pub mod net;
mod reading;
mod target;
mod zone;

pub use config::{DurationError, DurationText, NoConfig};
pub use cx::Cx;
pub use fault::{Fault, FaultKind};
pub use handle::{Again, Host};
pub use inbox::{Datagram, Inbox};
pub use kinds::{BlockingProbe, Load, Probe, Sink, Transport};
pub use rais_sdk_macros::config;
pub use reading::{Reading, Scope, Subject, Wish};
pub use serde;
pub use target::{Target, Up};
pub use zone::{Change, Owner, Record, Records, Served, Zone, ZoneHead};

/// Everything a plugin's author writes with.
pub mod prelude {
    pub use crate::net::{TcpStream, UdpSocket};
    pub use crate::{
        Again, BlockingProbe, Change, Cx, Datagram, DurationText, Fault, FaultKind, Host, Inbox,
        Load, NoConfig, Owner, Probe, Reading, Record, Scope, Served, Sink, Subject, Target,
        Transport, Up, Wish, Zone, ZoneHead, config, plugin,
    };
}

/// Makes a type known as a plugin: `plugin!(probe T)`, `plugin!(blocking_probe T)`,
/// `plugin!(load T)`, `plugin!(sink T)` or `plugin!(transport T)`. One line for each kind that a
/// type is.
#[macro_export]
macro_rules! plugin {
    (probe $type:ty) => {
        $crate::plugin!(@submit probe $type);
    };
    (blocking_probe $type:ty) => {
        $crate::plugin!(@submit blocking_probe $type);
    };
    (load $type:ty) => {
        $crate::plugin!(@submit load $type);
    };
    (sink $type:ty) => {
        $crate::plugin!(@submit sink $type);
    };
    (transport $type:ty) => {
        $crate::plugin!(@submit transport $type);
    };
    (@submit $kind:ident $type:ty) => {
        const _: () = {
            struct Version;
            impl $crate::abi::CrateVersion for Version {
                const TEXT: &'static str = ::core::env!("CARGO_PKG_VERSION");
            }
            $crate::abi::inventory::submit! {
                $crate::abi::Submitted::$kind::<$type, Version>()
            }
        };
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "write `plugin!(KIND Type)` with KIND one of probe, blocking_probe, load, sink, transport"
        );
    };
}
