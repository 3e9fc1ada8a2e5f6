//! What plugins and their host log while they are tried: panics that nobody waits for.

use std::fmt::{self, Write as _};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Panics that were logged. Clones hear the same.
#[derive(Debug, Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<String>>>);

/// Where plugins' lines go in the log.
const TARGET: &str = "plugin";
/// How the SDK begins what it says of a panic that ends the process.
const LAST: &str = "panicked where nothing can catch it";

impl Heard {
    /// Hears this whole process from now on, unless somebody does already.
    pub fn listen() -> Heard {
        let heard = Heard::default();
        // Where somebody else logs, that is where panics are to be seen.
        let _ = tracing::subscriber::set_global_default(heard.clone());
        heard
    }

    /// What was heard since this was asked last.
    pub(super) fn take(&self) -> Vec<String> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, line: String) {
        // One that ends its process is seen by that end.
        if line.contains("panic") && !line.starts_with(LAST) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET && *metadata.level() == Level::ERROR
    }

    /// Also what isolated plugins are asked to tell.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::ERROR)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.hear(line.0);
    }

    /// There are no spans.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message alone.
#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hears_panics_of_plugins_and_nothing_else() {
        let heard = Heard::default();
        tracing::subscriber::with_default(heard.clone(), || {
            tracing::error!(target: "plugin", plugin = "x", "panic in a destructor: {}", "boom");
            tracing::error!(target: "plugin", plugin = "x", "does not start");
            tracing::info!(target: "plugin", plugin = "x", "I panic at nothing");
            tracing::error!("panic elsewhere");
        });
        assert_eq!(heard.take(), ["panic in a destructor: boom"]);
        assert!(heard.take().is_empty());
    }
}
