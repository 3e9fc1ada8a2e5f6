//! What a process that was thrown away found in a library.

use std::time::Duration;

use rais_sdk::OptionInfo;
use rais_sdk::host::Kind;
use serde::{Deserialize, Serialize};

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

    #[test]
    fn survives_json_but_for_kinds_of_the_future() {
        let plugin = VettedPlugin {
            name: "tcp".into(),
            version: "0.1.0".into(),
            sample: "port = 80\n".into(),
            kinds: vec![Kind::Probe, Kind::BlockingProbe],
            options: Vec::new(),
        };
        let vetted = Vetted {
            abi: "1.0".into(),
            sdk: "0.1.0".into(),
            rustc: "rustc 1.95.0".into(),
            panic: PanicStrategy::Unwind,
            plugins: vec![plugin],
            load_time: Duration::from_micros(700),
        };
        let json = serde_json::to_string(&vetted).unwrap();
        assert!(json.contains(r#""kinds":["probe","blocking probe"]"#), "{json}");
        assert_eq!(serde_json::from_str::<Vetted>(&json).unwrap(), vetted);

        let newer = json.replace("blocking probe", "oracle");
        let read: Vetted = serde_json::from_str(&newer).unwrap();
        assert_eq!(read.plugins[0].kinds, [Kind::Probe]);
    }
}
