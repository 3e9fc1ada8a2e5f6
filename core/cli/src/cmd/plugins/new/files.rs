//! The files of a new plugin's crate.

use super::kind::PluginKind;
use super::name::PluginName;

/// The SDK's source: paths in a new crate, and texts.
const SDK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// What is a plugin's own, by its kind.
struct Template {
    library: &'static str,
    sample: &'static str,
    readme: &'static str,
    test: &'static str,
}

macro_rules! template {
    ($folder:literal) => {
        Template {
            library: include_str!(concat!("../../../../templates/plugin/", $folder, "/lib.rs")),
            sample: include_str!(concat!("../../../../templates/plugin/", $folder, "/sample.toml")),
            readme: include_str!(concat!("../../../../templates/plugin/", $folder, "/README.md")),
            test: include_str!(concat!("../../../../templates/plugin/", $folder, "/test.rs")),
        }
    };
}

const MANIFEST: &str = include_str!("../../../../templates/plugin/manifest.toml");
const IGNORED: &str = include_str!("../../../../templates/plugin/gitignore");
/// Ends the README of every kind.
const MORE: &str = include_str!("../../../../templates/plugin/more.md");

/// Every file of the crate: its path, and its text.
pub(super) fn of_crate(kind: PluginKind, name: &PluginName) -> Vec<(String, String)> {
    let template = template(kind);
    let type_name = name.as_type(&[template.library, template.test].concat());
    let own = [
        ("Cargo.toml".to_owned(), MANIFEST.to_owned()),
        (".gitignore".to_owned(), IGNORED.to_owned()),
        ("README.md".to_owned(), format!("{}\n{MORE}", template.readme)),
        ("sample.toml".to_owned(), template.sample.to_owned()),
        ("src/lib.rs".to_owned(), template.library.to_owned()),
        (format!("tests/{}.rs", kind.of_table()), template.test.to_owned()),
    ];
    let own = own.into_iter().map(|(path, text)| (path, filled(&text, kind, name, &type_name)));
    let sdk = SDK.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    own.chain(sdk).collect()
}

/// What the crate is called.
pub(super) fn package(kind: PluginKind, name: &PluginName) -> String {
    format!("rais-plugin-{}-{name}", kind.of_table())
}

/// What cargo calls the library that rais loads.
pub(super) fn library(kind: PluginKind, name: &PluginName) -> String {
    format!("lib{}.so", package(kind, name).replace('-', "_"))
}

fn template(kind: PluginKind) -> Template {
    match kind {
        PluginKind::Probe => template!("probe"),
        PluginKind::BlockingProbe => template!("blocking-probe"),
        PluginKind::Load => template!("load"),
        PluginKind::Sink => template!("sink"),
        PluginKind::Transport => template!("transport"),
    }
}

/// A template is what it makes, for a plugin called `plugin-name`.
fn filled(text: &str, kind: PluginKind, name: &PluginName, type_name: &str) -> String {
    let of_table = kind.of_table().as_str();
    text.replace("plugin-kind", of_table)
        .replace("plugin_kind", of_table)
        .replace("PluginName", type_name)
        .replace("plugin-name", name.as_str())
        .replace("plugin_name", &name.in_snake_case())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use toml::{Table, Value};

    use super::*;

    fn of(kind: PluginKind) -> Vec<(String, String)> {
        of_crate(kind, &"my-redis".parse().unwrap())
    }

    #[test]
    fn a_crate_is_complete_and_speaks_of_itself_alone() {
        for kind in PluginKind::value_variants() {
            let files = of(*kind);
            let test = format!("tests/{}.rs", kind.of_table());
            let own = ["Cargo.toml", ".gitignore", "README.md", "sample.toml", "src/lib.rs", &test];
            let sdk = ["Cargo.toml", "src/lib.rs", "macros/Cargo.toml", "LICENSE-MIT"];
            let sdk = sdk.map(|path| format!("sdk/{path}"));
            for path in own.into_iter().chain(sdk.iter().map(String::as_str)) {
                assert!(files.iter().any(|(there, _)| there == path), "{kind:?}: {path}");
            }
            for (path, text) in &files {
                let lower = text.to_ascii_lowercase();
                let left = ["plugin-name", "plugin_name", "pluginname", "plugin-kind"];
                assert!(left.iter().all(|word| !lower.contains(word)), "{kind:?}: {path}");
            }
        }
    }

    #[test]
    fn every_manifest_stands_alone() {
        for (path, text) in of(PluginKind::Probe) {
            if path.ends_with("Cargo.toml") {
                let manifest: Table = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
                assert!(!inherits(&Value::Table(manifest)), "{path}:\n{text}");
            }
        }
    }

    /// Whether `workspace = true` stands in it.
    fn inherits(value: &Value) -> bool {
        let Value::Table(table) = value else { return false };
        table.iter().any(|(key, value)| {
            (key == "workspace" && value.as_bool() == Some(true)) || inherits(value)
        })
    }

    #[test]
    fn a_dash_is_an_underscore_in_the_librarys_name() {
        let name = "my-redis".parse().unwrap();
        assert_eq!(package(PluginKind::BlockingProbe, &name), "rais-plugin-probe-my-redis");
        assert_eq!(library(PluginKind::Sink, &name), "librais_plugin_sink_my_redis.so");
    }
}
