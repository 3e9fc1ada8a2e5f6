//! The log of a plugin's process: it is the host's.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use rais_sdk::host::Level as SdkLevel;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::host::remote::line::{Haste, Line};
use crate::host::remote::wire::{InstanceId, Report};

/// Of a line, so many octets are told.
const LONGEST: usize = 4096;
/// With so much waiting for the host, lines are left out: answers matter more.
const BACKLOG: usize = 1 << 20;

/// Tells the host what is logged here.
struct ToHost {
    line: Arc<Line>,
    level: LevelFilter,
}

/// What an event says, in a line. The plugin's name is known.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
    /// Of a transport's: which one says it.
    instance: Option<InstanceId>,
}

/// From now on the host has what is logged here at `level` and above.
pub(super) fn start(line: &Arc<Line>, level: SdkLevel) {
    let level = match level {
        SdkLevel::Error => LevelFilter::ERROR,
        SdkLevel::Warn => LevelFilter::WARN,
        SdkLevel::Info => LevelFilter::INFO,
        SdkLevel::Debug => LevelFilter::DEBUG,
    };
    // There is one log only where this is not the whole process: in a test's.
    let _ = tracing::subscriber::set_global_default(ToHost { line: Arc::clone(line), level });
}

impl Subscriber for ToHost {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        if self.line.backlog() > BACKLOG {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let Text { message: mut text, fields, instance } = text;
        text.push_str(&fields);
        text.truncate(text.floor_char_boundary(LONGEST));
        let level = match *event.metadata().level() {
            Level::ERROR => SdkLevel::Error,
            Level::WARN => SdkLevel::Warn,
            Level::INFO => SdkLevel::Info,
            _ => SdkLevel::Debug,
        };
        // Where it cannot be told, nobody is there to be told that.
        let _ = self.line.say(&Report::Log { instance, level: level.into(), text }, Haste::Now);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // None is enabled.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "plugin" => {}
            "message" => self.message.push_str(value),
            "transport" => self.instance = value.parse().ok(),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "plugin" => Ok(()),
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
