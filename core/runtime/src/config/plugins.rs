//! `[plugins]`: where libraries are and how they are held.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::section::Section;
use super::value::Value;

/// `[plugins]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plugins {
    /// Folders whose libraries can be named by `type`.
    pub dirs: Vec<PathBuf>,
    /// Names for which a library wins over a built-in.
    pub prefer: Vec<String>,
    /// `[plugins.NAME]`.
    pub each: BTreeMap<String, PluginOptions>,
}

/// `[plugins.NAME]`: none where nothing was written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PluginOptions {
    /// Where it runs.
    pub isolation: Option<Isolation>,
    /// The longest any one call may take.
    pub timeout: Option<Duration>,
    /// Whether an isolated one that died is started again.
    pub restart: Option<Restart>,
    /// What its failure at the start means.
    pub on_startup_error: Option<OnStartupError>,
    /// Address space of an isolated one, in octets.
    pub memory: Option<u64>,
    /// Files an isolated one may have open.
    pub open_files: Option<u32>,
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// In a process of its own.
    Process,
    /// In ours.
    None,
}

/// Whether an isolated plugin that died is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// After a pause that doubles.
    Again,
    /// It stays down.
    Never,
}

/// What a plugin's failure at the start means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStartupError {
    /// Nothing is started.
    Fail,
    /// The rest starts, this one is tried again.
    Retry,
    /// The rest starts without it.
    Ignore,
}

/// Where packages put libraries.
const USUAL: &str = "/usr/lib/rais/plugins";

impl Default for Plugins {
    fn default() -> Plugins {
        Plugins { dirs: vec![PathBuf::from(USUAL)], prefer: Vec::new(), each: BTreeMap::new() }
    }
}

impl Plugins {
    pub(super) fn read(section: &Section<'_>) -> Plugins {
        let dirs = section.get("dirs", |value| value.list(Value::file));
        let prefer = section.get("prefer", |value| value.list(Value::filled));
        let each = section
            .others()
            .into_iter()
            .filter_map(|(name, _, value)| Some((name.to_owned(), PluginOptions::read(&value)?)));
        Plugins {
            dirs: dirs.unwrap_or_else(|| vec![PathBuf::from(USUAL)]),
            prefer: prefer.unwrap_or_default(),
            each: each.collect(),
        }
    }
}

impl PluginOptions {
    fn read(value: &Value<'_>) -> Option<PluginOptions> {
        let section = Section::open("plugins.*", value)?;
        let restart = |value: &Value<'_>| match value.truth()? {
            true => Some(Restart::Again),
            false => Some(Restart::Never),
        };
        Some(PluginOptions {
            isolation: section.get("isolation", |value| {
                value.word(&[("process", Isolation::Process), ("none", Isolation::None)])
            }),
            timeout: section.get("timeout", |value| value.duration()),
            restart: section.get("restart", restart),
            on_startup_error: section.get("on_startup_error", |value| {
                value.word(&[
                    ("fail", OnStartupError::Fail),
                    ("retry", OnStartupError::Retry),
                    ("ignore", OnStartupError::Ignore),
                ])
            }),
            memory: section.get("memory", |value| value.size()),
            open_files: section.get("open_files", |value| value.whole(1, 1 << 20)),
        })
    }
}
