//! Configurations as people write them, sound and faulty.

mod availability;
mod doubts;
mod examples;
mod faults;
mod files;
mod meaning;
mod random;
mod reference;
mod texts;

use std::path::Path;

use super::{Config, Fault, Faults, Loaded, parse};

/// A site in which nothing is wrong: faulty ones differ from it in one line.
pub(super) const SOUND: &str = r#"[cluster]
name = "site"
insecure = true
[transport.lan]
type = "udp"
[monitor.service.www]
probe = { type = "tcp", port = 80 }
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["bind"]
[binder.service.www]
zone = "www.example"
[sink.bind]
type = "bind"
"#;

pub(super) fn read(text: &str) -> Result<Loaded, Faults> {
    parse(Path::new("rais.toml"), text)
}

#[track_caller]
pub(super) fn sound(text: &str) -> Config {
    match read(text) {
        Ok(loaded) => loaded.config,
        Err(faults) => panic!("refused:\n{}", faults.render(super::Look::Plain)),
    }
}

#[track_caller]
pub(super) fn faulty(text: &str) -> Vec<Fault> {
    match read(text) {
        Ok(_) => panic!("taken:\n{text}"),
        Err(faults) => faults.0,
    }
}

/// `SOUND` with `line` put in below the line `below`; a table of its own goes to the end.
#[track_caller]
pub(super) fn with(below: &str, line: &str) -> String {
    assert!(SOUND.contains(below), "{below:?}");
    if line.starts_with('[') {
        return format!("{SOUND}{line}");
    }
    SOUND.replacen(below, &format!("{below}\n{line}"), 1)
}
