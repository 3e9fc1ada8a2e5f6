//! Which plugins there are.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use rais_sdk::host::{self, Declared};

use super::state::PluginState;
use crate::config::{Isolation, Kind, KnownTypes};

/// Where a plugin's code came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Linked into this binary.
    BuiltIn,
    /// Loaded from this file.
    Library(PathBuf),
}

/// A plugin as one kind: a type of several kinds is as many plugins.
#[derive(Debug, Clone)]
pub struct Plugin {
    kind: Kind,
    declared: Declared,
    origin: Origin,
    calls: Calls,
}

/// How a plugin is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    Async,
    Blocking,
}

/// A row of `rais plugins list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRow {
    /// What it is for.
    pub kind: Kind,
    /// The `type` in a table.
    pub name: String,
    /// Of its crate.
    pub version: String,
    /// Of the boundary that it was built for.
    pub abi: String,
    /// Where it came from.
    pub origin: Origin,
    /// Where it runs.
    pub isolation: Isolation,
    /// What it does now.
    pub state: PluginState,
}

/// Why plugins make no registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two plugins of a kind have one name.
    #[error(
        "two {kind} plugins are called `{name}`: {first_version} ({first}) and {second_version} ({second})"
    )]
    Twice {
        /// Their kind.
        kind: Kind,
        /// Their name.
        name: String,
        /// Version of the one.
        first_version: String,
        /// Where the one is.
        first: Origin,
        /// Version of the other.
        second_version: String,
        /// Where the other is.
        second: Origin,
    },
}

/// The plugins that a configuration can name, by kind and name.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    plugins: BTreeMap<(Kind, &'static str), Plugin>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::BuiltIn => f.pad("built-in"),
            Origin::Library(path) => f.pad(&path.display().to_string()),
        }
    }
}

impl Registry {
    /// The plugins that are linked into this binary.
    ///
    /// # Errors
    /// Two of a kind under one name.
    pub fn built_in() -> Result<Registry, RegistryError> {
        Registry::of(host::linked())
    }

    fn of(built_in: impl IntoIterator<Item = Declared>) -> Result<Registry, RegistryError> {
        let mut registry = Registry::default();
        for declared in built_in {
            for kind in declared.kinds() {
                let (kind, calls) = match kind {
                    host::Kind::Probe => (Kind::Probe, Calls::Async),
                    host::Kind::BlockingProbe => (Kind::Probe, Calls::Blocking),
                    host::Kind::Load => (Kind::Load, Calls::Blocking),
                    host::Kind::Sink => (Kind::Sink, Calls::Blocking),
                    host::Kind::Transport => (Kind::Transport, Calls::Blocking),
                    // A kind that this host has no use for yet.
                    _ => continue,
                };
                registry.add(Plugin { kind, declared, origin: Origin::BuiltIn, calls })?;
            }
        }
        Ok(registry)
    }

    fn add(&mut self, plugin: Plugin) -> Result<(), RegistryError> {
        let key = (plugin.kind, plugin.name());
        if let Some(first) = self.plugins.get(&key) {
            return Err(RegistryError::Twice {
                kind: plugin.kind,
                name: plugin.name().to_owned(),
                first_version: first.declared.version().to_owned(),
                first: first.origin.clone(),
                second_version: plugin.declared.version().to_owned(),
                second: plugin.origin,
            });
        }
        self.plugins.insert(key, plugin);
        Ok(())
    }

    /// The plugin that a table of `kind` names by `type = "name"`.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Plugin> {
        // A map whose keys are static cannot be asked with a name that is not.
        self.plugins.iter().find(|(key, _)| **key == (kind, name)).map(|(_, plugin)| plugin)
    }

    /// The names that a table of `kind` can have as its `type`, in order.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = &'static str> {
        self.plugins.keys().filter(move |key| key.0 == kind).map(|key| key.1)
    }

    /// All names, for judging a configuration.
    pub fn known_types(&self) -> KnownTypes {
        let mut known = KnownTypes::new();
        for plugin in self.iter() {
            known.insert(plugin.kind, plugin.name());
        }
        known
    }

    /// All, by kind and name.
    pub fn iter(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.values()
    }

    /// One row a plugin, by kind and name; nothing is in use.
    pub fn list(&self) -> Vec<PluginRow> {
        self.iter().map(Plugin::row).collect()
    }
}

impl Plugin {
    /// What it is for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The `type` by which a table names it.
    pub fn name(&self) -> &'static str {
        self.declared.name()
    }

    /// The body of a table that configures it, in TOML.
    pub fn sample(&self) -> &'static str {
        self.declared.sample()
    }

    /// Its row of `rais plugins list`, not in use.
    pub fn row(&self) -> PluginRow {
        PluginRow {
            kind: self.kind,
            name: self.name().to_owned(),
            version: self.declared.version().to_owned(),
            abi: self.declared.abi().to_owned(),
            origin: self.origin.clone(),
            isolation: Isolation::None,
            state: PluginState::Unused,
        }
    }

    pub(super) fn declared(&self) -> Declared {
        self.declared
    }

    pub(super) fn blocks(&self) -> bool {
        self.calls == Calls::Blocking
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_twice_in_a_kind_is_an_error_that_says_where() {
        let twice = host::linked().into_iter().chain(host::linked());
        let error = Registry::of(twice).unwrap_err().to_string();
        assert!(error.starts_with("two "), "{error}");
        assert!(error.contains("(built-in) and"), "{error}");
    }

    #[test]
    fn the_same_name_in_two_kinds_is_two_plugins() {
        let registry = Registry::built_in().unwrap();
        let kinds: Vec<Kind> =
            registry.iter().filter(|plugin| plugin.name() == "twofold").map(Plugin::kind).collect();
        assert_eq!(kinds, [Kind::Probe, Kind::Load]);
    }

    #[test]
    fn rows_say_what_stands_behind_a_type() {
        let registry = Registry::built_in().unwrap();
        let row = registry.get(Kind::Probe, "connect").unwrap().row();
        assert_eq!(row.origin.to_string(), "built-in");
        assert_eq!(row.state.to_string(), "unused");
        assert_eq!(row.version, env!("CARGO_PKG_VERSION"));
        assert!(registry.get(Kind::Sink, "connect").is_none());
        assert!(registry.names(Kind::Probe).any(|name| name == "connect"));
    }
}
