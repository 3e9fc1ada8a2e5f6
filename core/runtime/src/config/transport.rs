//! `[transport.NAME]`: what carries beats.

use super::keys::TAKEN_OF_TRANSPORT;
use super::plugin::{Kind, PluginTable};
use super::value::Value;

/// `[transport.NAME]`: the core takes `type`, the rest is the plugin's.
#[derive(Debug, Clone, PartialEq)]
pub struct Transport {
    /// What the plugin is given.
    pub table: PluginTable,
}

impl Transport {
    pub(super) fn read(value: &Value<'_>) -> Option<Transport> {
        let table = PluginTable::read(Kind::Transport, TAKEN_OF_TRANSPORT, value)?;
        Some(Transport { table })
    }
}
