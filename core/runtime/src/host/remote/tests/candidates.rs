//! What a new configuration tries must not harm what runs.

use serde_json::Map;

use super::*;
use crate::config::Plugins;
use crate::host::registry::Registry;
use crate::host::watch::Patience;
use crate::host::{Foreign, PluginHost};

fn isolated() -> Plugins {
    let options = crate::config::PluginOptions {
        isolation: Some(Isolation::Process),
        ..crate::config::PluginOptions::default()
    };
    let each = [("wilful".to_owned(), options)].into();
    Plugins { dirs: Vec::new(), prefer: Vec::new(), each }
}

fn table(new: &str) -> Map<String, Value> {
    Map::from_iter([("new".to_owned(), Value::from(new))])
}

fn base() -> PluginHost {
    let registry = Registry::built_in().unwrap();
    let program = program("a_plugins_process");
    PluginHost::with(registry, Foreign::AsConfigured, program, Patience::default()).unwrap()
}

#[tokio::test]
async fn a_table_that_kills_its_process_harms_none_that_runs() {
    let host = base().configured(&isolated()).unwrap();
    let here = Path::new("");
    let probe = host.probe("wilful", &table(""), here).unwrap();
    let before = process(&probe).await;
    // As reloads do, more often than what one process may die.
    for _ in 0..7 {
        let new = host.configured(&isolated()).unwrap();
        let fault = new.probe("wilful", &table("abort"), here).err().unwrap();
        assert!(fault.text.contains("SIGABRT"), "{fault}");
        assert_eq!(process(&probe).await, before, "it was never asked to end");
    }
    // And what is right is taken at once.
    let new = host.configured(&isolated()).unwrap();
    let repaired = new.probe("wilful", &table(""), here).unwrap();
    assert_ne!(process(&repaired).await, before);
    let states: Vec<_> = new.list().into_iter().filter(|row| row.name == "wilful").collect();
    assert!(states.iter().any(|row| row.state == PluginState::Ready { calls: 0 }), "{states:?}");
}

#[tokio::test]
async fn tables_of_one_configuration_share_a_process() {
    let host = base().configured(&isolated()).unwrap();
    let one = host.probe("wilful", &table(""), Path::new("")).unwrap();
    let other = host.probe("wilful", &table("up"), Path::new("")).unwrap();
    assert_eq!(process(&one).await, process(&other).await);
}
