//! What goes wrong, and when.

use std::sync::atomic::{AtomicU64, Ordering};

use rais_sdk::prelude::*;

use crate::fault;

/// The table.
#[config]
#[derive(Debug, Clone, Copy)]
pub struct PlanConfig {
    /// What goes wrong.
    fault: Kind,
    /// The first call that goes wrong, counted from 1 for each instance.
    #[default = 1]
    when: u64,
}

/// What can go wrong.
#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Nothing.
    None,
    /// `new` panics.
    PanicInNew,
    /// A call panics before it waits for anything.
    PanicInCall,
    /// A probe panics after it has waited.
    PanicInPoll,
    /// The plugin's destructor panics.
    PanicInDrop,
    /// The destructor of a half-finished probe panics.
    PanicInFutureDrop,
    /// A call panics with a payload whose destructor panics too.
    PanicInPayload,
    /// A call panics, and so does a destructor while it unwinds: no process outlives it.
    PanicWhileUnwinding,
    /// A call sleeps for ever and holds its thread.
    HangSleeping,
    /// A call spins for ever.
    HangSpinning,
    /// A call reads where no memory is.
    Segfault,
    /// A call aborts.
    Abort,
    /// A call exits, with 7.
    Exit,
    /// A call uses up its stack.
    StackOverflow,
    /// A call takes memory without end.
    Allocate,
}

/// A table, and the calls so far.
#[derive(Debug)]
pub(crate) struct Plan {
    config: PlanConfig,
    calls: AtomicU64,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step(Kind);

impl Plan {
    pub(crate) fn new(config: PlanConfig) -> Result<Self, Fault> {
        if config.fault == Kind::PanicInNew {
            fault::panic("in new");
        }
        if config.when == 0 {
            return Err(Fault::config("when", "must be at least 1"));
        }
        Ok(Self { config, calls: AtomicU64::new(0) })
    }

    /// For what has no future that could be at fault.
    pub(crate) fn without_future(config: PlanConfig) -> Result<Self, Fault> {
        match config.fault {
            Kind::PanicInPoll | Kind::PanicInFutureDrop => {
                Err(Fault::config("fault", "only a probe of type `faulty` can do this"))
            }
            _ => Self::new(config),
        }
    }

    pub(crate) fn next(&self) -> Step {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        Step(if call < self.config.when { Kind::None } else { self.config.fault })
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        if self.config.fault == Kind::PanicInDrop {
            fault::panic("in a plugin's drop");
        }
    }
}

impl Step {
    /// Returns unless it is this call's turn to do something that needs no waiting.
    pub(crate) fn at_once(self) {
        match self.0 {
            Kind::None
            | Kind::PanicInNew
            | Kind::PanicInDrop
            | Kind::PanicInPoll
            | Kind::PanicInFutureDrop => {}
            Kind::PanicInCall => fault::panic("in a call"),
            Kind::PanicInPayload => fault::panic_with_bomb(),
            Kind::PanicWhileUnwinding => fault::panic_twice(),
            Kind::HangSleeping => fault::sleep(),
            Kind::HangSpinning => fault::spin(),
            Kind::Segfault => fault::segfault(),
            Kind::Abort => std::process::abort(),
            Kind::Exit => std::process::exit(7),
            Kind::StackOverflow => {
                fault::overflow(0);
            }
            Kind::Allocate => fault::allocate(),
        }
    }

    pub(crate) fn goes_off_when_dropped(self) -> bool {
        self.0 == Kind::PanicInFutureDrop
    }

    pub(crate) fn stays_pending(self) -> bool {
        self.0 == Kind::PanicInFutureDrop
    }

    pub(crate) fn fails_later(self) -> bool {
        self.0 == Kind::PanicInPoll
    }
}
