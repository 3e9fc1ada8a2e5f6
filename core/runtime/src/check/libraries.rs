//! What a check says of `[plugins]` and of the libraries in its folders.

use crate::config::{Config, Fault, Faults, Isolation, PluginOptions, nearest, unsupported};
use crate::host::{Origin, Plugin, PluginHost, PluginState, Refused, Registry};

/// `host` with the libraries of `config`, and what is doubtful about them.
///
/// # Errors
/// Two plugins under one name, all that the configuration asks for and no plugin has, a library in use
/// that has become worse.
pub(super) fn found(
    host: &PluginHost,
    config: &Config,
) -> Result<(PluginHost, Vec<Fault>), Faults> {
    let new = host.configured(&config.plugins).map_err(|error| {
        let fault = config.fault("plugins.dirs", error.to_string());
        let allowed = "one of them in the folders; a built-in gives way to a name in `prefer`";
        Faults(vec![fault.allowed(allowed)])
    })?;
    let mut known = new.registry().known_types();
    for folder in config.plugins.dirs.iter().filter(|folder| !folder.is_dir()) {
        known.refuse(format!("{}: there is no such folder", folder.display()));
    }
    let mut faults = unsupported(config, &known);
    faults.extend(gone_bad(config, host, new.registry()));
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    let doubts = doubts(config, new.registry());
    Ok((new, doubts))
}

/// Libraries in use that a reload would lose: the old ones go on instead.
fn gone_bad(config: &Config, was: &PluginHost, now: &Registry) -> Vec<Fault> {
    let used: Vec<Origin> = was
        .list()
        .into_iter()
        .filter(|row| row.state != PluginState::Unused)
        .map(|row| row.origin)
        .collect();
    let used = |refused: &&Refused| used.contains(&Origin::Library(refused.path.clone()));
    let worse = now.refused().iter().filter(used).map(|Refused { path, fault }| {
        let message = format!("the new {} is refused: {fault}", path.display());
        config.fault("plugins.dirs", message)
    });
    worse.collect()
}

/// What acts otherwise than whoever wrote it may think.
fn doubts(config: &Config, registry: &Registry) -> Vec<Fault> {
    let refused = registry.refused().iter().map(|Refused { path, fault }| {
        config.fault("plugins.dirs", format!("{} is not used: {fault}", path.display())).as_doubt()
    });
    let mut doubts: Vec<Fault> = refused.collect();
    for (at, folder) in config.plugins.dirs.iter().enumerate() {
        let key = format!("plugins.dirs[{at}]");
        if config.places.value(&key).is_some() && !folder.is_dir() {
            let message = format!("there is no folder {}", folder.display());
            doubts.push(config.fault(&key, message).as_doubt());
        }
    }
    for (at, name) in config.plugins.prefer.iter().enumerate() {
        let in_library = |plugin: &Plugin| {
            plugin.name() == name && matches!(plugin.origin(), Origin::Library(_))
        };
        if !registry.iter().any(in_library) {
            let message = format!("no library has a plugin `{name}` to be preferred");
            doubts.push(config.fault(&format!("plugins.prefer[{at}]"), message).as_doubt());
        }
    }
    for (name, options) in &config.plugins.each {
        doubts.extend(held(config, registry, name, options));
    }
    doubts
}

/// Of `[plugins.NAME]`.
fn held(config: &Config, registry: &Registry, name: &str, options: &PluginOptions) -> Vec<Fault> {
    let table = format!("plugins.{name}");
    let mut named = registry.iter().filter(|plugin| plugin.name() == name).peekable();
    if named.peek().is_none() {
        if options.on_startup_error.is_some() {
            return Vec::new();
        }
        let all = registry.iter().map(Plugin::name);
        let meant = nearest(name, all).map(|name| format!("`{name}`"));
        let message = format!("no plugin is called `{name}`");
        return vec![config.fault_at_key(&table, message).meant(meant).as_doubt()];
    }
    if named.any(|plugin| plugin.policy().isolation == Isolation::Process) {
        return Vec::new();
    }
    let idle = [
        ("restart", options.restart.is_some()),
        ("memory", options.memory.is_some()),
        ("open_files", options.open_files.is_some()),
    ];
    let idle = idle.into_iter().filter(|(_, written)| *written).map(|(key, _)| {
        let message = format!("`{key}` does nothing here: `{name}` runs in the process of rais");
        let fault = config.fault_at_key(&format!("{table}.{key}"), message);
        fault.allowed("`isolation = \"process\"` beside it").as_doubt()
    });
    idle.collect()
}
