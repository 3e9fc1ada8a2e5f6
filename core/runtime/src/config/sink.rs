//! `[sink.NAME]`: where zones go.

use std::time::Duration;

use super::keys::TAKEN_OF_SINK;
use super::plugin::{Kind, PluginTable, taken};
use super::value::Value;

/// `[sink.NAME]`: the core takes `type`, `retry` and `verify_interval`, the rest is the plugin's.
#[derive(Debug, Clone, PartialEq)]
pub struct Sink {
    /// What the plugin is given.
    pub table: PluginTable,
    /// The first pause after a failure; it doubles up to [`Sink::MAX_RETRY`].
    pub retry: Duration,
    /// How often what is served is read back.
    pub verify_interval: Duration,
}

impl Sink {
    /// Where the doubling of `retry` ends.
    pub const MAX_RETRY: Duration = Duration::from_secs(60);

    /// Whether it has something to do though no zone names it: the key `zones` of `dns` is a folder of
    /// zones that it serves as they are.
    pub fn serves_alone(&self) -> bool {
        self.table.type_name == "dns" && self.table.rest.contains_key("zones")
    }

    pub(super) fn read(value: &Value<'_>) -> Option<Sink> {
        let retry = taken(value, "retry", |value| value.duration());
        let verify_interval = taken(value, "verify_interval", |value| value.duration());
        let table = PluginTable::read(Kind::Sink, TAKEN_OF_SINK, value)?;
        Some(Sink {
            table,
            retry: retry.unwrap_or(Duration::from_secs(1)),
            verify_interval: verify_interval.unwrap_or(Duration::from_secs(60)),
        })
    }
}
