//! What a process that was thrown away found in a library.

use std::collections::BTreeSet;
use std::time::Duration;

use rais_sdk::host::Kind;
use rais_sdk::{Need, OptionInfo};
use serde::{Deserialize, Serialize};

use super::words::{clean, is_hidden};
use crate::config;

/// What a name in a table may have.
const LONGEST_NAME: usize = 64;
/// What a version may have, in octets.
const LONGEST_VERSION: usize = 200;
/// What a text for people may have, in characters.
const LONGEST_TEXT: usize = 4096;
const LONGEST_SAMPLE: usize = 64 << 10;

/// What a library says of itself. As JSON it is the vetting process's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vetted {
    /// Version of the boundary that it was built for.
    pub abi: String,
    /// Version of the SDK in it.
    pub sdk: String,
    /// The compiler that built it, as it names itself.
    pub rustc: String,
    /// What a panic in it does.
    pub panic: PanicStrategy,
    /// By name.
    pub plugins: Vec<VettedPlugin>,
    /// How long the loader and the library's constructors took.
    pub load_time: Duration,
}

/// One plugin of a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VettedPlugin {
    /// The `type` by which a configuration names it.
    pub name: String,
    /// Of the plugin's crate.
    pub version: String,
    /// The body of a table that configures it, in TOML.
    pub sample: String,
    /// What it is; kinds that this host does not know are left out.
    #[serde(with = "kinds")]
    pub kinds: Vec<Kind>,
    /// The keys of its table.
    pub options: Vec<OptionInfo>,
    /// Why these cannot be told, if so.
    #[serde(default)]
    pub options_fault: Option<String>,
}

/// What a panic in a library does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PanicStrategy {
    /// It becomes a fault of the call.
    Unwind,
    /// It ends the process: such a library is only held as a process of its own.
    Abort,
}

impl PanicStrategy {
    /// As a manifest has it. Who does not say so is not relied upon to unwind.
    pub(super) fn named(name: &str) -> PanicStrategy {
        match name {
            "unwind" => PanicStrategy::Unwind,
            _ => PanicStrategy::Abort,
        }
    }
}

impl Vetted {
    /// The same with texts that can be shown, if a configuration can name each of its plugins,
    /// means one by it and can set what it reads.
    ///
    /// # Errors
    /// What the library has instead.
    pub(super) fn judged(mut self) -> Result<Vetted, String> {
        self.judge()?;
        for plugin in &mut self.plugins {
            plugin.sample = clean(&plugin.sample, LONGEST_SAMPLE);
            plugin.options.iter_mut().for_each(cleaned);
            plugin.options_fault = plugin.options_fault.as_ref().map(|it| clean(it, LONGEST_TEXT));
        }
        Ok(self)
    }

    fn judge(&self) -> Result<(), String> {
        shown("abi", &self.abi)?;
        shown("sdk", &self.sdk)?;
        shown("rustc", &self.rustc)?;
        if self.plugins.is_empty() {
            return Err("has no plugin in it: `rais_sdk::plugin!` makes a type one".to_owned());
        }
        let mut named = BTreeSet::new();
        for plugin in &self.plugins {
            let name = &plugin.name;
            let usual = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
            if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(usual) {
                let shown: String = name.chars().take(LONGEST_NAME).collect();
                return Err(format!(
                    "has a plugin called {shown:?}; a name is 1 to {LONGEST_NAME} of a-z, A-Z, \
                     0-9, `-`, `_` and `.`"
                ));
            }
            shown("version", &plugin.version)?;
            for kind in &plugin.kinds {
                if let Some(key) = taken(*kind, &plugin.options) {
                    return Err(format!(
                        "has a {kind} plugin `{name}` with a key `{key}`, which rais takes itself \
                         and the plugin never sees; call it otherwise"
                    ));
                }
                // A table cannot tell one from the other.
                let kind = if *kind == Kind::BlockingProbe { Kind::Probe } else { *kind };
                if !named.insert((kind, name)) {
                    return Err(format!("has two {kind} plugins called `{name}`"));
                }
            }
        }
        if self.plugins.iter().all(|plugin| plugin.kinds.is_empty()) {
            return Err(
                "has only plugins of kinds that this rais does not know; a newer rais may \
                        know them"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// The first of the keys that the host takes out of tables of that kind.
fn taken(kind: Kind, options: &[OptionInfo]) -> Option<&str> {
    let kind = match kind {
        Kind::Probe | Kind::BlockingProbe => config::Kind::Probe,
        Kind::Load => config::Kind::Load,
        Kind::Sink => config::Kind::Sink,
        Kind::Transport => config::Kind::Transport,
        _ => return None,
    };
    let mut names = options.iter().map(|option| option.name.as_str());
    names.find(|name| kind.taken().contains(name))
}

/// Whether `text` fits in a line.
fn shown(what: &str, text: &str) -> Result<(), String> {
    if text.len() > LONGEST_VERSION || text.contains(is_hidden) {
        let shown: String = text.chars().take(LONGEST_NAME).collect();
        return Err(format!(
            "tells as its {what} {shown:?}; that is at most {LONGEST_VERSION} octets, without \
             control characters"
        ));
    }
    Ok(())
}

fn cleaned(option: &mut OptionInfo) {
    option.name = clean(&option.name, LONGEST_NAME);
    option.kind = clean(&option.kind, LONGEST_TEXT);
    if let Need::Default(value) = &mut option.need {
        *value = clean(value, LONGEST_TEXT);
    }
    option.text = clean(&option.text, LONGEST_TEXT);
    option.inner.iter_mut().for_each(cleaned);
}

/// Kinds by their names, as the SDK prints them.
mod kinds {
    use rais_sdk::host::Kind;
    use serde::{Deserialize, Deserializer, Serializer};

    const ALL: [Kind; 5] =
        [Kind::Probe, Kind::BlockingProbe, Kind::Load, Kind::Sink, Kind::Transport];

    pub(super) fn serialize<S: Serializer>(kinds: &[Kind], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(kinds.iter().map(Kind::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Kind>, D::Error> {
        let names: Vec<String> = Vec::deserialize(from)?;
        let known = |name: &String| ALL.into_iter().find(|kind| kind.to_string() == *name);
        Ok(names.iter().filter_map(known).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vetted(plugins: &[(&str, &[Kind])]) -> Vetted {
        let plugin = |(name, kinds): &(&str, &[Kind])| VettedPlugin {
            name: (*name).to_owned(),
            version: "0.1.0".into(),
            sample: "port = 80\n".into(),
            kinds: kinds.to_vec(),
            options: Vec::new(),
            options_fault: None,
        };
        Vetted {
            abi: "1.0".into(),
            sdk: "0.1.0".into(),
            rustc: "rustc 1.95.0".into(),
            panic: PanicStrategy::Unwind,
            plugins: plugins.iter().map(plugin).collect(),
            load_time: Duration::from_micros(700),
        }
    }

    #[test]
    fn survives_json_but_for_kinds_of_the_future() {
        let vetted = vetted(&[("tcp", &[Kind::Probe, Kind::BlockingProbe])]);
        let json = serde_json::to_string(&vetted).unwrap();
        assert!(json.contains(r#""kinds":["probe","blocking probe"]"#), "{json}");
        assert_eq!(serde_json::from_str::<Vetted>(&json).unwrap(), vetted);

        let newer = json.replace("blocking probe", "oracle");
        let read: Vetted = serde_json::from_str(&newer).unwrap();
        assert_eq!(read.plugins[0].kinds, [Kind::Probe]);
    }

    #[test]
    fn a_name_stands_for_one_plugin_of_a_kind() {
        // As the SDK declares a type of two kinds.
        let twofold =
            [("a", &[Kind::Probe][..]), ("a", &[Kind::Load]), ("b.c-d_2", &[Kind::Probe])];
        assert_eq!(vetted(&twofold).judge(), Ok(()));
        let twice = [("a", &[Kind::Probe][..]), ("a", &[Kind::BlockingProbe])];
        assert_eq!(vetted(&twice).judge().unwrap_err(), "has two probe plugins called `a`");
        assert_eq!(
            vetted(&[]).judge().unwrap_err(),
            "has no plugin in it: `rais_sdk::plugin!` makes a type one"
        );
    }

    #[test]
    fn a_key_that_the_host_takes_is_refused() {
        let mut vetted = vetted(&[("a", &[Kind::Sink])]);
        vetted.plugins[0].options = option("port", "text");
        assert_eq!(vetted.judge(), Ok(()));
        vetted.plugins[0].kinds = vec![Kind::Load];
        assert_eq!(
            vetted.judge().unwrap_err(),
            "has a load plugin `a` with a key `port`, which rais takes itself and the plugin \
             never sees; call it otherwise"
        );
    }

    #[test]
    fn kinds_of_the_future_alone_are_refused() {
        assert_eq!(
            vetted(&[("a", &[])]).judge().unwrap_err(),
            "has only plugins of kinds that this rais does not know; a newer rais may know them"
        );
        assert_eq!(vetted(&[("a", &[]), ("b", &[Kind::Load])]).judge(), Ok(()));
    }

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        let mut vetted = vetted(&[("a", &[Kind::Load])]);
        vetted.plugins[0].sample = "a = 1\n\tb\u{1b}[2J\u{202e}c".into();
        vetted.plugins[0].options = option("x", "one\u{7}two");
        vetted.plugins[0].options_fault = Some("\u{1b}]0;".into());
        let plugin = &vetted.clone().judged().unwrap().plugins[0];
        assert_eq!(plugin.sample, "a = 1\n\tb [2J c");
        assert_eq!(plugin.options[0].text, "one two");
        assert_eq!(plugin.options_fault.as_deref(), Some(" ]0;"));

        vetted.plugins[0].version = "1\u{1b}[2J".into();
        assert_eq!(
            vetted.judged().unwrap_err(),
            "tells as its version \"1\\u{1b}[2J\"; that is at most 200 octets, without control \
             characters"
        );
    }

    fn option(name: &str, text: &str) -> Vec<OptionInfo> {
        let option = serde_json::json!([
            { "name": name, "text": text, "kind": "number", "need": "optional", "inner": [] }
        ]);
        serde_json::from_value(option).unwrap()
    }

    #[test]
    fn a_name_can_be_written_and_shown() {
        let long = "n".repeat(65);
        for (name, shown) in
            [("", "\"\""), ("a\u{1b}[1m", "\"a\\u{1b}[1m\""), (&long, &format!("{:?}", &long[1..]))]
        {
            assert_eq!(
                vetted(&[(name, &[Kind::Probe])]).judge().unwrap_err(),
                format!(
                    "has a plugin called {shown}; a name is 1 to 64 of a-z, A-Z, 0-9, `-`, `_` and `.`"
                )
            );
        }
    }
}
