//! Probe `plugin-name`: a file that something touches for as long as it is well.

use std::fs;
use std::io::ErrorKind;
use std::time::SystemTime;

use rais_sdk::prelude::*;

/// The probe.
pub struct PluginName {
    config: PluginNameConfig,
}

/// The keys of its table. `rais plugins info` shows these comments and defaults.
#[config]
pub struct PluginNameConfig {
    /// The file.
    path: PathText,
    /// How long ago it was touched at most.
    #[default = "30s"]
    max_age: DurationText,
}

impl BlockingProbe for PluginName {
    const NAME: &'static str = "plugin-name";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = PluginNameConfig;

    fn new(config: PluginNameConfig) -> Result<Self, Fault> {
        Ok(Self { config })
    }

    /// Runs on a thread of its own, and may block; what comes later than `cx.left()` is not waited
    /// for.
    fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        let path = self.config.path.get();
        let touched = match fs::metadata(path).and_then(|about| about.modified()) {
            Ok(touched) => touched,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Fault::down(format!("{} is not there", path.display())));
            }
            // Says nothing about the server.
            Err(error) => return Err(Fault::io(format!("{}: {error}", path.display()))),
        };
        // A time to come is as fresh as can be.
        let now = SystemTime::now();
        let age = now.duration_since(touched).unwrap_or_default();
        if age > self.config.max_age.get() {
            return Err(Fault::down(format!("touched {} s ago", age.as_secs())));
        }
        Ok(Up::new(cx.elapsed()).with_detail(format!("touched {} s ago", age.as_secs())))
    }
}

plugin!(blocking_probe PluginName);
