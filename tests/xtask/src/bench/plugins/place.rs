//! Where a plugin runs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::ValueEnum;
use rais_runtime::config::{Isolation, PluginOptions, Plugins};
use rais_runtime::host::{Foreign, PluginHost, ProbePort, Registry};
use serde_json::Map;
use tempfile::TempDir;

// The plugin that is measured built in.
use rais_plugin_probe_tcp as _;

const LIBRARY: &str = "librais_plugin_probe_tcp.so";

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Place {
    /// Linked into this process.
    BuiltIn,
    /// In a library, loaded into this process.
    Loaded,
    /// In a library, in a process of its own.
    Isolated,
}

impl Place {
    /// A host of the plugins that runs `tcp` there, and the folder of its library.
    pub(super) fn host(self) -> anyhow::Result<(PluginHost, TempDir)> {
        let host = PluginHost::new(Registry::built_in()?, Foreign::AsConfigured)?;
        let folder = tempfile::tempdir()?;
        let library = folder.path().join(LIBRARY);
        let built = built()?;
        fs::copy(&built, &library).with_context(|| built.display().to_string())?;
        fs::set_permissions(&library, fs::Permissions::from_mode(0o644))?;
        let isolation = match self {
            Place::BuiltIn => return Ok((host, folder)),
            Place::Loaded => Isolation::None,
            Place::Isolated => Isolation::Process,
        };
        let options = PluginOptions { isolation: Some(isolation), ..PluginOptions::default() };
        let plugins = Plugins {
            dirs: vec![folder.path().to_owned()],
            prefer: vec!["tcp".to_owned()],
            each: BTreeMap::from([("tcp".to_owned(), options)]),
        };
        Ok((host.configured(&plugins)?, folder))
    }
}

/// The probe `tcp`, wherever it runs.
pub(super) fn probe(host: &PluginHost) -> anyhow::Result<Arc<dyn ProbePort>> {
    host.probe("tcp", &Map::new(), Path::new("")).map_err(|fault| anyhow!("{fault}"))
}

/// The library that was built beside this task.
pub(super) fn built() -> anyhow::Result<PathBuf> {
    let task = std::env::current_exe()?;
    Ok(task.parent().context("a folder")?.join(LIBRARY))
}
