//! A plugin's own table: what is left for the plugin once the core has taken its keys out.

use super::place::Places;

/// What a plugin is configured with, and where each key of it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginTable {
    /// `type`: the plugin's name within its kind.
    pub type_name: String,
    /// The keys the core does not take.
    pub rest: serde_json::Map<String, serde_json::Value>,
    /// Where they stand, by the paths that `serde_path_to_error` gives.
    pub(super) places: Places,
}
