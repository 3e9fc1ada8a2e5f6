//! What a process that was thrown away found in a library.

use std::collections::BTreeSet;
use std::time::Duration;

use rais_sdk::OptionInfo;
use rais_sdk::host::Kind;
use serde::{Deserialize, Serialize};

/// What a name in a table may have.
const LONGEST_NAME: usize = 64;

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

impl Vetted {
    /// Whether a configuration can name each of its plugins, and means one by it.
    ///
    /// # Errors
    /// What the library has instead.
    pub(super) fn judge(&self) -> Result<(), String> {
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
            for kind in &plugin.kinds {
                // A table cannot tell one from the other.
                let kind = if *kind == Kind::BlockingProbe { Kind::Probe } else { *kind };
                if !named.insert((kind, name)) {
                    return Err(format!("has two {kind} plugins called `{name}`"));
                }
            }
        }
        Ok(())
    }
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
