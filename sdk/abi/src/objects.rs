//! Objects with methods, called from the other side.
#![allow(
    unsafe_code,
    missing_docs,
    non_local_definitions,
    clippy::mem_forget,
    clippy::needless_pass_by_value
)] // the derives and trait objects of abi_stable expand to these

use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RResult, RSlice, RStr, RString};
use async_ffi::{FfiContext, FfiFuture};

use crate::types::{AbiCall, AbiDatagram, AbiFault, AbiReading, AbiSubject, AbiUp, AbiZone};

pub type ProbeBox = ProbeObj_TO<'static, RBox<()>>;
pub type BlockingProbeBox = BlockingProbeObj_TO<'static, RBox<()>>;
pub type LoadBox = LoadObj_TO<'static, RBox<()>>;
pub type SinkBox = SinkObj_TO<'static, RBox<()>>;
pub type TransportBox = TransportObj_TO<'static, RBox<()>>;
pub type InboxBox = InboxObj_TO<'static, RBox<()>>;
pub type HostBox = HostObj_TO<'static, RBox<()>>;
pub type SourceBox = SourceObj_TO<'static, RBox<()>>;
#[cfg(feature = "next")]
pub type NextBox = NextObj_TO<'static, RBox<()>>;

/// A trait of which the tests of two versions that meet know a longer one. A macro, since `sabi_trait`
/// cannot see a `cfg` at a method.
macro_rules! grows {
    (
        $(#[$doc:meta])* trait $name:ident: $first:ident $(+ $bound:ident)* { $($now:tt)* }
        next { $($next:tt)* }
    ) => {
        #[cfg(not(feature = "next"))]
        $(#[$doc])*
        #[sabi_trait]
        pub trait $name: $first $(+ $bound)* { $($now)* }

        #[cfg(feature = "next")]
        $(#[$doc])*
        #[sabi_trait]
        pub trait $name: $first $(+ $bound)* { $($now)* $($next)* }
    };
}

grows! {
    trait ProbeObj: Send + Sync {
        #[sabi(last_prefix_field)]
        fn start(&self, call: AbiCall) -> FfiFuture<RResult<AbiUp, AbiFault>>;
    }
    next {
        /// A host asks an older plugin: then this body answers.
        fn next(&self) -> u32 {
            8
        }
    }
}

#[sabi_trait]
pub trait BlockingProbeObj: Send + Sync {
    #[sabi(last_prefix_field)]
    fn run(&self, call: AbiCall) -> RResult<AbiUp, AbiFault>;
}

#[sabi_trait]
pub trait LoadObj: Send + Sync {
    /// 0 host, 1 target.
    fn scope(&self) -> u32;
    #[sabi(last_prefix_field)]
    fn sample(&self, of: AbiSubject) -> RResult<AbiReading, AbiFault>;
}

grows! {
    trait SinkObj: Send + Sync {
        /// JSON: an `Assignment`.
        fn assign(&self, zones: RStr<'_>) -> RResult<(), AbiFault>;
        fn publish(&self, zone: AbiZone<'_>) -> RResult<u32, AbiFault>;
        /// JSON: `null` or a `Served`.
        fn served(&self, zone: RStr<'_>) -> RResult<RString, AbiFault>;
        #[sabi(last_prefix_field)]
        fn stop(&self);
    }
    next {
        fn next(&self) -> u32 {
            9
        }
    }
}

#[sabi_trait]
pub trait TransportObj: Send + Sync {
    fn start(&self, inbox: InboxBox) -> RResult<(), AbiFault>;
    fn send(&self, data: RSlice<'_, u8>) -> RResult<(), AbiFault>;
    #[sabi(last_prefix_field)]
    fn stop(&self);
}

grows! {
    /// The host's end of a transport. Returns how many of the batch were taken, from its start.
    trait InboxObj: Send + Sync + Clone {
        #[sabi(last_prefix_field)]
        fn deliver(&self, batch: RSlice<'_, AbiDatagram<'_>>) -> usize;
    }
    next {
        fn next(&self) -> u32 {
            10
        }
    }
}

grows! {
    /// The host as its plugins see it.
    trait HostObj: Send + Sync + Clone {
        /// Watches `fd`, once per socket; the error is an errno. The source goes before `fd` is
        /// closed.
        fn register(&self, fd: i32) -> RResult<SourceBox, i32>;
        fn timer(&self, after_ns: u64) -> FfiFuture<()>;
        /// The host's monotonic clock, from any start; timers and timeouts go by it.
        fn now_ns(&self) -> u64;
        /// 1 error, 2 warn, 3 info, 4 debug.
        #[sabi(last_prefix_field)]
        fn log(&self, level: u32, text: RStr<'_>);
    }
    next {
        /// A plugin asks an older host: then this body answers.
        fn next(&self) -> u32 {
            7
        }
    }
}

/// One watched socket.
#[sabi_trait]
pub trait SourceObj: Send + Sync {
    /// "I have just seen EAGAIN." `interest`: 1 read, 2 write. Returns 0 pending (the waker is
    /// kept), 1 try again, 2 the reactor is gone.
    #[sabi(last_prefix_field)]
    fn poll_ready(&self, cx: &mut FfiContext<'_>, interest: u32) -> u32;
}

/// What a kind of plugin to come is.
#[cfg(feature = "next")]
#[sabi_trait]
pub trait NextObj: Send + Sync {
    #[sabi(last_prefix_field)]
    fn next(&self) -> u32;
}
