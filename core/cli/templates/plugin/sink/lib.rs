//! Sink `plugin-name`: a hosts file for each zone.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use rais_sdk::prelude::*;

/// The sink.
pub struct PluginName {
    config: PluginNameConfig,
    host: Host,
}

/// The keys of its table. `rais plugins info` shows these comments and defaults.
#[config]
pub struct PluginNameConfig {
    /// Where the files are, one a zone: `ZONE.hosts`.
    directory: PathText,
}

/// Before the serial, in the first line.
const SERIAL: &str = "# serial ";

impl Sink for PluginName {
    const NAME: &'static str = "plugin-name";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = PluginNameConfig;

    /// Nothing is written here: `rais check` comes this far, too.
    fn new(config: PluginNameConfig, host: Host) -> Result<Self, Fault> {
        Ok(Self { config, host })
    }

    /// Runs on a thread of its own, and may block. After a fault it is called again, ever later;
    /// with the same zone twice it does no harm.
    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        let mut text = format!("{SERIAL}{}\n", zone.head.serial);
        for record in zone.records() {
            let Some(owner) = zone.owner_of(&record) else {
                continue;
            };
            // A text takes all that is written.
            let _ = writeln!(text, "{} {}", record.ip, whole(&owner.name, zone.name));
        }
        // Whoever reads meanwhile, or after a crash, finds the old file or the new one.
        let path = self.file(zone.name);
        let new = path.with_extension("hosts.new");
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(self.config.directory.get())?.sync_all()?;
        let count = zone.records().len();
        self.host
            .log(&format!("{}: {count} addresses", path.display()));
        Ok(zone.head.serial)
    }

    /// What is there now: where that is something else, the zone is published again.
    fn served(&self, zone: &str) -> Result<Option<Served>, Fault> {
        let text = match fs::read_to_string(self.file(zone)) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let mut served = Served::default();
        for line in text.lines() {
            if let Some(serial) = line.strip_prefix(SERIAL) {
                served.serial = serial.parse().ok();
                continue;
            }
            let Some((ip, name)) = line.split_once(' ') else {
                continue;
            };
            let Ok(ip) = ip.parse() else { continue };
            let name = relative(name, zone);
            let known = served.owners.iter().position(|owner| owner.name == name);
            let owner = known.unwrap_or(served.owners.len());
            if known.is_none() {
                // A hosts file has no TTL.
                served.owners.push(Owner::new(name, 0));
            }
            let owner = u32::try_from(owner).map_err(Fault::io)?;
            served.records.push(Record::new(owner, ip));
        }
        Ok(Some(served))
    }
}

impl PluginName {
    fn file(&self, zone: &str) -> PathBuf {
        self.config.directory.get().join(format!("{zone}.hosts"))
    }
}

/// `owner`, which is relative to `zone`, as a name of its own.
fn whole(owner: &str, zone: &str) -> String {
    match owner {
        "@" => zone.to_owned(),
        owner => format!("{owner}.{zone}"),
    }
}

/// `name` relative to `zone`.
fn relative<'a>(name: &'a str, zone: &str) -> &'a str {
    match name.strip_suffix(zone) {
        Some("") => "@",
        Some(owner) => owner.strip_suffix('.').unwrap_or(name),
        None => name,
    }
}

plugin!(sink PluginName);
