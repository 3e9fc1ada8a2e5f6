//! Plugins as they are told to people and programs.

use serde::{Deserialize, Serialize};

use super::PluginHost;
use super::registry::{PluginRow, Refused};
use crate::config::Isolation;

/// A row of `rais plugins list`: a plugin, or a library that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginTold {
    /// Of a rais that runs: the roles of the process that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `probe`, `load`, `sink` or `transport`; empty for a library that is not used.
    pub kind: String,
    /// The `type` in a table; of a library that is not used, its file's name.
    pub name: String,
    /// Of its crate.
    pub version: String,
    /// Of the boundary that it was built for.
    pub abi: String,
    /// `built-in`, or the path of its library.
    pub origin: String,
    /// `none` or `process`.
    pub isolation: String,
    /// `unused`, `ready`, `stuck`, `restarting`, `down`; `refused` for a library that is not used.
    pub state: String,
    /// What is wrong, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl PluginHost {
    /// Its plugins by kind and name, with what they do now, then the libraries that are not used.
    pub fn told(&self) -> Vec<PluginTold> {
        let plugins = self.list().into_iter().map(PluginTold::from);
        plugins.chain(self.registry().refused().iter().map(PluginTold::from)).collect()
    }
}

impl From<PluginRow> for PluginTold {
    fn from(row: PluginRow) -> PluginTold {
        let isolation = match row.isolation {
            Isolation::None => "none",
            Isolation::Process => "process",
        };
        PluginTold {
            role: None,
            kind: row.kind.to_string(),
            name: row.name,
            version: row.version,
            abi: row.abi,
            origin: row.origin.to_string(),
            isolation: isolation.to_owned(),
            state: row.state.to_string(),
            why: row.state.why().map(str::to_owned),
        }
    }
}

impl From<&Refused> for PluginTold {
    fn from(Refused { path, fault }: &Refused) -> PluginTold {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let none = String::new;
        PluginTold {
            role: None,
            kind: none(),
            name,
            version: none(),
            abi: none(),
            origin: path.display().to_string(),
            isolation: none(),
            state: "refused".to_owned(),
            why: Some(fault.to_string()),
        }
    }
}
