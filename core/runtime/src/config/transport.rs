//! `[transport.NAME]`: what carries beats.

use super::plugin::PluginTable;

/// `[transport.NAME]`: the core takes `type`, the rest is the plugin's.
#[derive(Debug, Clone, PartialEq)]
pub struct Transport {
    /// What the plugin is given.
    pub table: PluginTable,
}
