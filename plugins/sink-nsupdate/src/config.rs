//! The sink's table, and what it means once it has been checked.

use std::path::Path;
use std::time::Duration;

use rais_dns::{Access, Algorithm, KeyFile, Life, Server, Way};
use rais_sdk::prelude::*;
use rais_zone::ZoneName;

use crate::claims::Claims;

/// The longest `timeout`: a publication, of which an exchange is a part, has a minute.
const LONGEST: Duration = Duration::from_secs(30);

/// The table of a sink of type `nsupdate`, as written.
#[config]
#[derive(Debug)]
pub struct Config {
    /// Address and port of the name server that takes updates: the zone's primary.
    #[option(type = "socket")]
    server: String,
    /// The file with the TSIG key, as `tsig-keygen` writes it, mode 0600. Without it updates are
    /// not signed. A relative path counts from the folder of the configuration file.
    key: Option<PathText>,
    /// The zone at the server, where it is another than the one that names this sink. Without it,
    /// the one that names this sink.
    #[option(type = "string")]
    zone: Option<String>,
    /// TCP alone; else what is short goes by UDP.
    #[default = false]
    tcp: bool,
    /// For one exchange, at most 30 seconds.
    #[default = "5s"]
    timeout: DurationText,
}

/// A checked configuration, and what all its zones share.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) server: Server,
    pub(crate) key: Option<KeyFile>,
    /// In which all names lie, where it is said.
    pub(crate) zone: Option<ZoneName>,
    pub(crate) life: Life,
    /// Where several zones may go into that one.
    pub(crate) claims: Option<Claims>,
}

impl Settings {
    /// Checks what can be checked before anything is sent: the key's file is there, and nobody else
    /// can read it.
    pub(crate) fn new(config: Config, host: &Host) -> Result<Settings, Fault> {
        let address = config.server.parse().map_err(|_| {
            let text = format!(
                "{:?} is not an address with a port, as in \"192.0.2.53:53\" or \"[2001:db8::53]:53\"",
                config.server
            );
            Fault::config("server", text)
        })?;
        let timeout = config.timeout.get();
        if timeout > LONGEST {
            return Err(Fault::config("timeout", "at most \"30s\" is allowed"));
        }
        let zone = config.zone.map(|text| ZoneName::parse(&text)).transpose();
        let zone = zone.map_err(|error| Fault::config("zone", error))?;
        let key = config.key.as_ref().map(|path| key(path.get(), host)).transpose()?;
        if key.is_none() {
            host.warn(&format!(
                "no `key`: updates are not signed, so {address} must allow them by address, and \
                 whoever can send from that address can change its zones"
            ));
        }
        let way = if config.tcp { Way::Tcp } else { Way::Udp };
        let server = Server { address, way, timeout };
        let claims = zone.is_some().then(Claims::default);
        Ok(Settings { server, key, zone, life: Life::default(), claims })
    }
}

fn key(path: &Path, host: &Host) -> Result<KeyFile, Fault> {
    let say = |what: String| Fault::config("key", format!("{}: {what}", path.display()));
    let file = KeyFile::open(path, Access::Ours).map_err(|error| say(error.to_string()))?;
    let key = file.key();
    // It becomes a domain name on the wire.
    ZoneName::parse(key.name()).map_err(|error| say(format!("the key's name: {error}")))?;
    if key.algorithm() == Algorithm::Sha1 {
        host.warn(&format!(
            "{}: hmac-sha1 is no longer recommended (RFC 8945): make a key with `tsig-keygen`, \
             which takes hmac-sha256",
            path.display()
        ));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use rais_sdk::{Describe, Need};

    use super::*;

    /// Key and default of each row under "Configuration".
    fn rows() -> Vec<[&'static str; 2]> {
        let (_, part) = include_str!("../README.md").split_once("## Configuration").unwrap();
        let (part, _) = part.split_once("## Outcome").unwrap();
        let rows = part.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| {
            let mut cells = row.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`']));
            [cells.next().unwrap(), cells.next().unwrap()]
        })
        .collect()
    }

    #[test]
    fn what_is_told_is_what_the_readme_says() {
        let told = Config::options();
        let keys: Vec<_> = told.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(keys, rows().iter().map(|[key, _]| *key).collect::<Vec<_>>());
        for (key, [_, default]) in told.iter().zip(rows()) {
            match &key.need {
                Need::Required => assert_eq!(default, "required", "{}", key.name),
                Need::Default(text) => assert_eq!(text, default, "{}", key.name),
                _ => assert_eq!(default, "none", "{}", key.name),
            }
            assert!(!key.text.is_empty() && key.kind != "value", "{}", key.name);
        }
    }
}
