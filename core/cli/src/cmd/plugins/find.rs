//! Which plugin is meant: by its name, or by its file.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use rais_runtime::config::{self, Asked, Kind, Loaded, Plugins};
use rais_runtime::host::{Foreign, Plugin, PluginHost, Registry};

use super::host;
use crate::exit::Stop;

/// Names a plugin.
#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// The plugin's name, the `type` of a table; or the file of a library
    name: String,
    /// Which one, where several kinds have the name
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// Look into the plugin folders of this configuration [default: /usr/lib/rais/plugins]
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl NameArgs {
    /// The host among whose plugins it is.
    ///
    /// # Errors
    /// A library that is refused, a configuration that is at fault.
    pub(super) fn host(&self) -> Result<PluginHost, Stop> {
        let host = host(Foreign::Apart)?;
        if let Some(file) = self.file() {
            return host
                .with_library(file)
                .map_err(|fault| Stop::Failed(anyhow!("{}: {fault}", file.display())));
        }
        configured(&host, self.config.as_deref())
    }

    /// The plugins that are meant, of which there is at least one.
    ///
    /// # Errors
    /// None.
    pub(super) fn find<'a>(&self, registry: &'a Registry) -> Result<Vec<&'a Plugin>, Stop> {
        let named = |plugin: &&Plugin| self.file().is_some() || plugin.name() == self.name;
        let of_kind = |plugin: &&Plugin| self.kind.is_none_or(|kind| kind == plugin.kind());
        let found: Vec<&Plugin> = registry.iter().filter(named).filter(of_kind).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let all = registry.iter().map(|plugin| format!("{} {}", plugin.kind(), plugin.name()));
        let all: Vec<String> = all.collect();
        let what = self.kind.map_or("plugin".to_owned(), |kind| format!("{kind} plugin"));
        let name = &self.name;
        let (all, looked) = (all.join(", "), self.looked());
        Err(Stop::Failed(anyhow!("no {what} is called `{name}`{looked}; there are: {all}")))
    }

    /// Where libraries were looked for, and how else one is found.
    fn looked(&self) -> String {
        if self.file().is_some() {
            return String::new();
        }
        let folders = match self.config.as_deref().map(|path| config::load_for(path, Asked::All)) {
            Some(Ok(Loaded { config, .. })) => config.plugins.dirs,
            // It was read before, and its faults were told.
            Some(Err(_)) => Vec::new(),
            None => Plugins::default().dirs,
        };
        let folders: Vec<String> =
            folders.iter().map(|folder| folder.display().to_string()).collect();
        let other = match &self.config {
            Some(_) => "the path of a library (`./librais_plugin_….so`) names it wherever it lies",
            None => {
                "`-c FILE` looks where a configuration says, and the path of a library \
                 (`./librais_plugin_….so`) names it wherever it lies"
            }
        };
        format!(" in this program or in the libraries of {}; {other}", folders.join(", "))
    }

    /// A name has no slash and no dot.
    fn file(&self) -> Option<&Path> {
        self.name.contains(['/', '.']).then_some(Path::new(&self.name))
    }
}

/// `host` with the libraries of the configuration at `path`, or with those in the usual folder.
///
/// # Errors
/// A configuration that is at fault, a name twice.
pub(super) fn configured(host: &PluginHost, path: Option<&Path>) -> Result<PluginHost, Stop> {
    let plugins = match path {
        Some(path) => {
            let Loaded { config, .. } = config::load_for(path, Asked::All)?;
            config.plugins
        }
        None => Plugins::default(),
    };
    host.configured(&plugins).map_err(|error| Stop::Failed(error.into()))
}

fn kind(text: &str) -> Result<Kind, String> {
    let mut all = Kind::ALL.into_iter();
    all.find(|kind| kind.as_str() == text)
        .ok_or_else(|| format!("allowed: {}", Kind::ALL.map(Kind::as_str).join(", ")))
}
