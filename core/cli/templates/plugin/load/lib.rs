//! Load `plugin-name`: a number in a file, as a share of what counts as full.

use std::fs;

use rais_sdk::prelude::*;

/// The load.
pub struct PluginName {
    config: PluginNameConfig,
}

/// The keys of its table. `rais plugins info` shows these comments and defaults.
#[config]
pub struct PluginNameConfig {
    /// The file; its first word is the number.
    path: PathText,
    /// The number that counts as 100 %.
    #[default = 100.0]
    full: f64,
}

impl Load for PluginName {
    const NAME: &'static str = "plugin-name";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    /// One sample stands for the whole host. `Scope::Target`: each address has one of its own.
    const SCOPE: Scope = Scope::Host;
    type Config = PluginNameConfig;

    fn new(config: PluginNameConfig) -> Result<Self, Fault> {
        if !config.full.is_finite() || config.full <= 0.0 {
            return Err(Fault::config("full", "must be more than zero"));
        }
        Ok(Self { config })
    }

    /// Runs on a thread of its own, and may block. After a fault the load is unknown, and nobody is
    /// taken out for a load that is unknown.
    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        let path = self.config.path.get();
        let of = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| Fault::io(of(&error)))?;
        let word = text.split_whitespace().next().unwrap_or_default();
        match word.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                Ok(Reading::load(number / self.config.full * 100.0))
            }
            _ => Err(Fault::io(of(&format!("{word:?} is no number")))),
        }
    }
}

plugin!(load PluginName);
