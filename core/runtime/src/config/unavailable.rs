//! What is part of the language and not yet of the program: named and refused.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{Fault, sort};
use super::path;
use super::plugin::{Kind, PluginTable};
use super::suggest;
use super::{Config, LoadRule};

/// The plugin types there are, by kind.
#[derive(Debug, Clone, Default)]
pub struct KnownTypes {
    names: BTreeMap<Kind, BTreeSet<String>>,
    /// Names that may be missing.
    excused: BTreeSet<String>,
    /// Libraries that may have what is missing, and why they are not used.
    refused: Vec<String>,
}

/// Which values of a key cannot be had.
pub(super) enum Values {
    /// These.
    Only(&'static [&'static str]),
    /// All others.
    But(&'static [&'static str]),
}

/// Keys whose part behind them is not there yet. A key leaves this list with the part that it sets.
pub(super) const KEYS: &[(&str, Values)] = &[
    ("monitor.http", Values::But(&["off"])),
    ("binder.http", Values::But(&["off"])),
    ("control.http", Values::But(&["off"])),
    ("control.log_format", Values::Only(&["journald"])),
];

/// Plugin types that are part of the language, so that a missing one is told from a slip.
const TYPES: &[(Kind, &[&str])] = &[
    (Kind::Probe, &["tcp", "udp", "http", "exec"]),
    (
        Kind::Load,
        &["cpu", "pressure", "average", "memory", "response-time", "http", "agent", "exec"],
    ),
    (Kind::Sink, &["bind", "nsupdate", "dns", "hook"]),
    (Kind::Transport, &["udp", "nats"]),
];

/// Those of them that no binary has built in, and the packages that their libraries are built from.
const OUTSIDE: &[(Kind, &str, &str)] = &[(Kind::Transport, "nats", "rais-plugin-transport-nats")];

/// Whether a plugin of that kind and name is rais's own, in this version or a later one.
pub fn is_our_type(kind: Kind, name: &str) -> bool {
    TYPES.iter().any(|(of, names)| *of == kind && names.contains(&name))
}

impl KnownTypes {
    /// None.
    pub fn new() -> KnownTypes {
        KnownTypes::default()
    }

    /// Adds one.
    pub fn insert(&mut self, kind: Kind, name: impl Into<String>) {
        self.names.entry(kind).or_default().insert(name.into());
    }

    /// Has a table name `name` though no plugin is called so.
    pub fn excuse(&mut self, name: impl Into<String>) {
        self.excused.insert(name.into());
    }

    /// Adds a library that is not used, and why.
    pub fn refuse(&mut self, library: impl Into<String>) {
        self.refused.push(library.into());
    }

    /// Whether there is one.
    pub fn contains(&self, kind: Kind, name: &str) -> bool {
        self.names.get(&kind).is_some_and(|names| names.contains(name))
    }

    fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.names.get(&kind).into_iter().flatten().map(String::as_str)
    }
}

/// Everything that `config` asks for and this version cannot do, each at its place: keys, plugin
/// types, and types that no plugin has.
pub fn unsupported(config: &Config, known: &KnownTypes) -> Vec<Fault> {
    let mut faults = keys(config);
    for service in config.monitor.services.values() {
        let loads = service.load.iter().flat_map(LoadRule::calls);
        let calls = service.probe.calls().into_iter().chain(loads);
        faults.extend(calls.filter_map(|call| missing(config, &call.table, known)));
    }
    let tables = config.sinks.values().map(|sink| &sink.table);
    let tables = tables.chain(config.transports.values().map(|transport| &transport.table));
    faults.extend(tables.filter_map(|table| missing(config, table, known)));
    sort(&mut faults);
    faults
}

fn keys(config: &Config) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, written) in &config.places.written {
        let Some((_, values)) = KEYS.iter().find(|(pattern, _)| path::matches(pattern, path))
        else {
            continue;
        };
        let word = written.word.as_deref().unwrap_or("");
        let refused = match values {
            Values::Only(words) => words.contains(&word),
            Values::But(words) => !words.contains(&word),
        };
        if !refused {
            continue;
        }
        let key = path::keys(path).last().copied().unwrap_or_default().to_owned();
        let message = format!("`{key} = {}` is not available in this version", shown(written));
        faults.push(Fault::error(written.key.clone(), path, message));
    }
    faults
}

fn shown(written: &super::place::Written) -> String {
    match &written.word {
        Some(word) => format!("{word:?}"),
        None => "…".to_owned(),
    }
}

/// A type that no plugin here has: not there yet, another kind's, or a slip.
fn missing(config: &Config, table: &PluginTable, known: &KnownTypes) -> Option<Fault> {
    let (kind, name) = (table.kind, table.type_name.as_str());
    if known.contains(kind, name) || known.excused.contains(name) {
        return None;
    }
    let key = path::join(&table.path, "type");
    let later = |kind: Kind| {
        TYPES.iter().filter(move |(of, _)| *of == kind).flat_map(|(_, names)| names.iter().copied())
    };
    if let Some((.., package)) = OUTSIDE.iter().find(|it| (it.0, it.1) == (kind, name)) {
        let library = format!("lib{}.so", package.replace('-', "_"));
        let message = format!(
            "{kind} type `{name}` is not built in, and its library is not in a folder of \
             `plugins.dirs`: `cargo build --release -p {package}` makes target/release/{library}"
        );
        return Some(with_refused(config.fault(&key, message), known));
    }
    if later(kind).any(|later| later == name) {
        let message = format!("{kind} type `{name}` is not available in this version");
        return Some(config.fault(&key, message));
    }
    let mut message = format!("unknown {kind} type {name:?}");
    let other = Kind::ALL
        .into_iter()
        .find(|other| known.contains(*other, name) || later(*other).any(|later| later == name));
    if let Some(other) = other {
        message.push_str(&format!(": it is a {other}"));
    }
    let all: BTreeSet<&str> = later(kind).chain(known.names(kind)).collect();
    let meant = suggest::nearest(name, all.iter().copied()).map(|word| format!("`{word}`"));
    let allowed = suggest::one_of(known.names(kind));
    Some(with_refused(config.fault(&key, message).allowed(allowed).meant(meant), known))
}

/// What is missing may be in a library that is not used.
fn with_refused(mut fault: Fault, known: &KnownTypes) -> Fault {
    for library in &known.refused {
        fault = fault.note(format!("not used: {library}"));
    }
    fault
}
