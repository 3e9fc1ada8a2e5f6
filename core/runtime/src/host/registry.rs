//! Which plugins there are.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rais_sdk::OptionInfo;
use rais_sdk::host::{self, Declared};

use super::complaint::Complaint;
use super::library::{Digest, Library, LibraryFault, Scan, VettedPlugin};
use super::policy::Policy;
use super::state::PluginState;
use crate::config::{Isolation, Kind, KnownTypes, OnStartupError, Plugins};

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
    name: String,
    calls: Calls,
    code: Code,
    policy: Policy,
}

/// What stands behind a plugin.
#[derive(Debug, Clone)]
pub(super) enum Code {
    /// Linked into this binary.
    Linked(Declared),
    /// In a library that was vetted.
    Library(Arc<Library>),
}

/// How a plugin is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    Async,
    Blocking,
}

/// A library that was found and is not used.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub fault: LibraryFault,
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
    /// What its instances warn of now, as far as that is known.
    pub complaints: Vec<Complaint>,
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
    plugins: BTreeMap<(Kind, String), Plugin>,
    refused: Vec<Refused>,
    libraries: Vec<PathBuf>,
    /// Names that may be missing, and what is done then.
    excused: BTreeMap<String, OnStartupError>,
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
        Registry::of_linked(host::linked())
    }

    pub(super) fn of_linked(
        linked: impl IntoIterator<Item = Declared>,
    ) -> Result<Registry, RegistryError> {
        let mut registry = Registry::default();
        for declared in linked {
            registry.add_each(declared.name(), declared.kinds(), &Code::Linked(declared))?;
        }
        Ok(registry)
    }

    /// Those of one library.
    pub(super) fn of_library(library: &Arc<Library>) -> Registry {
        let mut registry = Registry::default();
        registry.libraries.push(library.image.path().to_owned());
        for plugin in &library.vetted.plugins {
            let code = Code::Library(Arc::clone(library));
            // Its vetting has found no name twice.
            let _ = registry.add_each(&plugin.name, plugin.kinds.iter().copied(), &code);
        }
        registry
    }

    /// These and those of the libraries that were found, held as `plugins` says.
    ///
    /// # Errors
    /// Two of a kind under one name, and `prefer` does not decide between them.
    pub(super) fn with(&self, scan: Scan, plugins: &Plugins) -> Result<Registry, RegistryError> {
        let refused = scan.refused.into_iter().map(|(path, fault)| Refused { path, fault });
        let libraries = scan.libraries.iter().map(|library| library.image.path().to_owned());
        let excuses = plugins.each.iter().filter_map(|(name, options)| {
            let excuse = options.on_startup_error.filter(|it| *it != OnStartupError::Fail)?;
            Some((name.clone(), excuse))
        });
        let mut registry = Registry {
            plugins: self.plugins.clone(),
            refused: refused.collect(),
            libraries: libraries.collect(),
            excused: excuses.collect(),
        };
        for (kind, name) in preferred(&scan.libraries, plugins) {
            let linked = |plugin: &Plugin| matches!(plugin.code, Code::Linked(_));
            let key = (kind, name);
            if registry.plugins.get(&key).is_some_and(linked) {
                registry.plugins.remove(&key);
            }
        }
        for library in &scan.libraries {
            for plugin in &library.vetted.plugins {
                let code = Code::Library(Arc::clone(library));
                registry.add_each(&plugin.name, plugin.kinds.iter().copied(), &code)?;
            }
        }
        for plugin in registry.plugins.values_mut() {
            plugin.policy = Policy::of(plugins.each.get(&plugin.name), plugin.code.isolation());
        }
        Ok(registry)
    }

    fn add_each(
        &mut self,
        name: &str,
        kinds: impl IntoIterator<Item = host::Kind>,
        code: &Code,
    ) -> Result<(), RegistryError> {
        for kind in kinds {
            let Some((kind, calls)) = called(kind) else { continue };
            let (name, code) = (name.to_owned(), code.clone());
            let policy = Policy::of(None, code.isolation());
            self.add(Plugin { kind, name, calls, code, policy })?;
        }
        Ok(())
    }

    fn add(&mut self, plugin: Plugin) -> Result<(), RegistryError> {
        let key = (plugin.kind, plugin.name.clone());
        if let Some(first) = self.plugins.get(&key) {
            return Err(RegistryError::Twice {
                kind: plugin.kind,
                first_version: first.version().to_owned(),
                first: first.origin(),
                second_version: plugin.version().to_owned(),
                second: plugin.origin(),
                name: plugin.name,
            });
        }
        self.plugins.insert(key, plugin);
        Ok(())
    }

    /// The plugin that a table of `kind` names by `type = "name"`.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Plugin> {
        self.plugins.get(&(kind, name.to_owned()))
    }

    /// The names that a table of `kind` can have as its `type`, in order.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.plugins.keys().filter(move |key| key.0 == kind).map(|key| key.1.as_str())
    }

    /// All names, for judging a configuration.
    pub fn known_types(&self) -> KnownTypes {
        let mut known = KnownTypes::new();
        for plugin in self.iter() {
            known.insert(plugin.kind, plugin.name());
        }
        for name in self.excused.keys() {
            known.excuse(name);
        }
        for Refused { path, fault } in &self.refused {
            known.refuse(format!("{}: {fault}", path.display()));
        }
        known
    }

    /// What it means that the plugin `name` does not start.
    pub(super) fn startup(&self, name: &str) -> OnStartupError {
        self.excused.get(name).copied().unwrap_or(OnStartupError::Fail)
    }

    /// The same, the policy of each changed.
    pub(super) fn held(&self, change: impl Fn(&mut Policy)) -> Registry {
        let mut registry = self.clone();
        registry.plugins.values_mut().for_each(|plugin| change(&mut plugin.policy));
        registry
    }

    /// All, by kind and name.
    pub fn iter(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.values()
    }

    /// The libraries in the folders that are not used, in the order in which they were found.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// The libraries that are used, in the order in which they were found.
    pub fn libraries(&self) -> impl Iterator<Item = &Path> {
        self.libraries.iter().map(PathBuf::as_path)
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
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of its crate.
    pub fn version(&self) -> &str {
        match &self.code {
            Code::Linked(declared) => declared.version(),
            Code::Library(library) => self.vetted(library).map_or("", |it| &it.version),
        }
    }

    /// Of the boundary that it was built for.
    pub fn abi(&self) -> &str {
        match &self.code {
            Code::Linked(declared) => declared.abi(),
            Code::Library(library) => &library.vetted.abi,
        }
    }

    /// The body of a table that configures it, in TOML.
    pub fn sample(&self) -> &str {
        match &self.code {
            Code::Linked(declared) => declared.sample(),
            Code::Library(library) => self.vetted(library).map_or("", |it| &it.sample),
        }
    }

    /// The keys of its table.
    pub fn options(&self) -> Vec<OptionInfo> {
        match &self.code {
            Code::Linked(declared) => declared.options(),
            Code::Library(library) => {
                self.vetted(library).map_or_else(Vec::new, |it| it.options.clone())
            }
        }
    }

    /// Why these cannot be told, where that is so: a default that its type cannot read, for one.
    pub fn options_fault(&self) -> Option<String> {
        match &self.code {
            Code::Linked(declared) => declared.try_options().err().map(|fault| fault.to_string()),
            Code::Library(library) => self.vetted(library)?.options_fault.clone(),
        }
    }

    /// Where its code came from.
    pub fn origin(&self) -> Origin {
        match &self.code {
            Code::Linked(_) => Origin::BuiltIn,
            Code::Library(library) => Origin::Library(library.image.path().to_owned()),
        }
    }

    /// How it is held.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Its row of `rais plugins list`, not in use.
    pub fn row(&self) -> PluginRow {
        PluginRow {
            kind: self.kind,
            name: self.name.clone(),
            version: self.version().to_owned(),
            abi: self.abi().to_owned(),
            origin: self.origin(),
            isolation: self.policy.isolation,
            state: PluginState::Unused,
            complaints: Vec::new(),
        }
    }

    /// What its vetting has found of it; a type of two kinds is declared twice.
    fn vetted<'a>(&self, library: &'a Library) -> Option<&'a VettedPlugin> {
        let mut plugins = library.vetted.plugins.iter();
        plugins.find(|it| it.name == self.name && it.kinds.iter().any(|kind| self.is(*kind)))
    }

    /// Whether this is what a library declares as `kind`.
    pub(super) fn is(&self, kind: host::Kind) -> bool {
        called(kind) == Some((self.kind, self.calls))
    }

    pub(super) fn code(&self) -> &Code {
        &self.code
    }

    /// Whether it is a probe that holds a thread while it waits.
    pub fn blocks(&self) -> bool {
        self.calls == Calls::Blocking
    }
}

impl Code {
    /// Where it runs unless the configuration says otherwise.
    fn isolation(&self) -> Isolation {
        match self {
            Code::Linked(_) => Isolation::None,
            Code::Library(_) => Isolation::Process,
        }
    }

    /// What tells it from an older or newer one; none for what is linked.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self {
            Code::Linked(_) => None,
            Code::Library(library) => Some(library.image.digest()),
        }
    }
}

/// A kind as a table has it; none for one that this host has no use for yet.
fn called(kind: host::Kind) -> Option<(Kind, Calls)> {
    Some(match kind {
        host::Kind::Probe => (Kind::Probe, Calls::Async),
        host::Kind::BlockingProbe => (Kind::Probe, Calls::Blocking),
        host::Kind::Load => (Kind::Load, Calls::Blocking),
        host::Kind::Sink => (Kind::Sink, Calls::Blocking),
        host::Kind::Transport => (Kind::Transport, Calls::Blocking),
        _ => return None,
    })
}

/// What the libraries have of the names in `prefer`.
fn preferred(libraries: &[Arc<Library>], plugins: &Plugins) -> Vec<(Kind, String)> {
    let all = libraries.iter().flat_map(|library| &library.vetted.plugins);
    let wanted = all.filter(|plugin| plugins.prefer.contains(&plugin.name));
    let each = wanted.flat_map(|plugin| {
        let kinds = plugin.kinds.iter().filter_map(|kind| called(*kind));
        kinds.map(|(kind, _)| (kind, plugin.name.clone()))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_twice_in_a_kind_is_an_error_that_says_where() {
        let twice = host::linked().into_iter().chain(host::linked());
        let error = Registry::of_linked(twice).unwrap_err().to_string();
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
