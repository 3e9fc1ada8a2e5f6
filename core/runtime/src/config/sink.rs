//! `[sink.NAME]`: where zones go.

use std::time::Duration;

use super::plugin::PluginTable;

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
}
