//! The sink's table, and what it means once it has been checked.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rais_dns::{Access, Deadline, KeyFile, Life, Limit, Server, Way};
use rais_exec::{Command, Placeholder, Runs};
use rais_sdk::prelude::*;

use crate::knot::Knot;
use crate::reload::Reload;
use crate::rndc::Rndc;

/// Where named listens for commands unless it is told otherwise.
const RNDC_ADDRESS: &str = "127.0.0.1:953";
/// In a file's mode: whether those who neither own it nor are of its group may read or write.
const OTHERS: u32 = 0o006;
const RELOAD_TYPES: &str =
    "\"rndc\", \"knotc\", \"nsd-control\", \"pdns_control\", \"exec\" and \"none\"";

/// The table of a sink of type `bind`, as written.
#[config]
#[derive(Debug)]
pub struct Config {
    /// Where the zone files go; an existing folder. A relative path counts from the folder of the
    /// configuration file.
    directory: PathText,
    /// How the name server is told of a new file. Without it, it is not: it looks for itself.
    reload: Option<ReloadTable>,
    /// A command, run without a shell, that judges a file before it is put in place; {zone} and
    /// {file} are filled in. Without it no command is asked.
    check: Option<Vec<String>>,
    /// Address and port of the name server, asked for SOA, A and AAAA. Without it, it is not asked.
    #[option(type = "socket")]
    verify: Option<String>,
    /// For one command or conversation; what takes longer is ended.
    #[default = "5s"]
    timeout: DurationText,
}

/// The table `reload`: which keys it may have depends on `type`.
#[config]
#[derive(Debug)]
struct ReloadTable {
    /// named's command channel, a command of another server's (run by its name), any command, or
    /// nothing at all.
    #[option(type = "one of \"rndc\" | \"knotc\" | \"nsd-control\" | \"pdns_control\" | \
                     \"exec\" | \"none\"")]
    r#type: String,
    /// With type = "rndc": where named listens for commands. Without it 127.0.0.1:953.
    #[option(type = "socket")]
    address: Option<String>,
    /// With type = "rndc", and required there: the file with named's key, as `rndc-confgen -a`
    /// writes it.
    key_file: Option<PathText>,
    /// With type = "knotc": knotd's control socket, at which it is spoken to directly. Without it
    /// `knotc` is run.
    socket: Option<PathText>,
    /// With type = "exec", and required there: a program and its arguments, without a shell;
    /// {zone} and {file} are filled in.
    argv: Option<Vec<String>>,
}

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) directory: PathBuf,
    pub(crate) reload: Reload,
    pub(crate) check: Option<Command>,
    pub(crate) verify: Option<Server>,
    pub(crate) timeout: Duration,
    /// Its commands.
    pub(crate) runs: Runs,
    /// Its conversations.
    pub(crate) life: Life,
}

impl Settings {
    /// Checks what can be checked before anything is published: the directory and the key file
    /// are there and can be read.
    pub(crate) fn new(config: Config, host: &Host) -> Result<Settings, Fault> {
        let timeout = config.timeout.get();
        let directory = PathBuf::from(config.directory);
        refuse_no_directory(&directory)?;
        let reload = match config.reload {
            Some(table) => reload(table, host)?,
            None => Reload::None,
        };
        let check = config.check.map(|words| command("check", &words)).transpose()?;
        let verify = config.verify.map(|text| address("verify", &text, 53)).transpose()?;
        let verify = verify.map(|address| Server { address, way: Way::Udp, timeout });
        let runs = Runs::new().map_err(Fault::io)?;
        let life = Life::default();
        Ok(Settings { directory, reload, check, verify, timeout, runs, life })
    }

    /// Whether anything may still be begun.
    pub(crate) fn go_on(&self) -> Result<(), Fault> {
        if self.life.goes_on() { Ok(()) } else { Err(Fault::busy("the sink is stopped")) }
    }

    /// For a conversation that begins now.
    pub(crate) fn limit(&self) -> Limit<'_> {
        Limit { until: Deadline::after(self.timeout), life: &self.life }
    }
}

fn refuse_no_directory(directory: &Path) -> Result<(), Fault> {
    let say = |what: String| Fault::config("directory", format!("{} {what}", directory.display()));
    match fs::metadata(directory) {
        Ok(about) if about.is_dir() => Ok(()),
        Ok(_) => Err(say("is not a directory".to_owned())),
        Err(error) => Err(say(format!("cannot be used, an existing directory is needed: {error}"))),
    }
}

fn reload(table: ReloadTable, host: &Host) -> Result<Reload, Fault> {
    let ReloadTable { r#type, address: place, key_file, socket, argv: words } = table;
    let given = [
        ("address", place.is_some(), "rndc"),
        ("key_file", key_file.is_some(), "rndc"),
        ("socket", socket.is_some(), "knotc"),
        ("argv", words.is_some(), "exec"),
    ];
    let known = ["rndc", "knotc", "nsd-control", "pdns_control", "exec", "none"];
    if !known.contains(&r#type.as_str()) {
        let text = format!("unknown type `{type}`, allowed are {RELOAD_TYPES}");
        return Err(Fault::config("reload.type", text));
    }
    if let Some((key, _, of)) = given.iter().find(|(_, given, of)| *given && *of != r#type) {
        let text = format!("belongs to type \"{of}\" and has no meaning with \"{type}\"");
        return Err(Fault::config(format!("reload.{key}"), text));
    }
    let own = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        // Of these the program alone can be missing.
        command("reload", &words).map_err(|fault| Fault::config("reload.type", fault.text))
    };
    match r#type.as_str() {
        "rndc" => {
            let place = place.as_deref().unwrap_or(RNDC_ADDRESS);
            let address = address("reload.address", place, 953)?;
            let missing = || {
                let text = "missing: the file with named's rndc key, as in \"/etc/bind/rndc.key\"";
                Fault::config("reload.key_file", text)
            };
            let file = key(key_file.ok_or_else(missing)?.get(), host)?;
            Ok(Reload::Rndc(Box::new(Rndc { address, file })))
        }
        // Blocking, so that a zone that does not load is heard of.
        "knotc" => match socket {
            Some(socket) => Ok(Reload::Knot(Knot { socket: socket.into() })),
            None => own(&["knotc", "-b", "zone-reload", "{zone}"]).map(Reload::Command),
        },
        "nsd-control" => own(&["nsd-control", "reload", "{zone}"]).map(Reload::Command),
        "pdns_control" => Ok(Reload::PowerDns {
            reload: own(&["pdns_control", "bind-reload-now", "{zone}"])?,
            purge: own(&["pdns_control", "purge", "{zone}$"])?,
        }),
        "exec" => {
            let missing = || {
                let text = "missing: a program and its arguments, as in \
                            [\"rndc\", \"reload\", \"{zone}\"]";
                Fault::config("reload.argv", text)
            };
            command("reload.argv", &words.ok_or_else(missing)?).map(Reload::Command)
        }
        _ => Ok(Reload::None),
    }
}

fn command(at: &str, words: &[String]) -> Result<Command, Fault> {
    if words.is_empty() {
        let text = "is empty: a list of a program and its arguments is needed, \
                    as in [\"named-checkzone\", \"{zone}\", \"{file}\"]";
        return Err(Fault::config(at, text));
    }
    let filled = [Placeholder::Zone, Placeholder::File];
    Command::new(words, &BTreeMap::new(), &filled)
        .map_err(|error| Fault::config(error.at.replacen("argv", at, 1), error.text))
}

fn address(at: &str, text: &str, port: u16) -> Result<SocketAddr, Fault> {
    text.parse().map_err(|_| {
        let allowed = format!("\"192.0.2.53:{port}\" or \"[2001:db8::53]:{port}\"");
        Fault::config(at, format!("{text:?} is not an address with a port, as in {allowed}"))
    })
}

fn key(path: &Path, host: &Host) -> Result<KeyFile, Fault> {
    // A group is common: named's own, in Debian's /etc/bind/rndc.key.
    let file = KeyFile::open(path, Access::Shared).map_err(|error| {
        Fault::config("reload.key_file", format!("{}: {error}", path.display()))
    })?;
    if file.mode() & OTHERS != 0 {
        let (path, mode) = (path.display(), file.mode());
        host.warn(&format!(
            "{path}: everybody on this machine can read or change this key (mode {mode:04o}) and \
             with it command named: `chmod o= {path}`"
        ));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use rais_sdk::{Describe, Need};

    use super::*;

    /// Key and default of each row under "Configuration", without the forms of `reload`.
    fn rows() -> Vec<[&'static str; 2]> {
        let (_, part) = include_str!("../README.md").split_once("## Configuration").unwrap();
        let (part, _) = part.split_once("\n\n| `reload` | how |").unwrap();
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
                _ => assert!(["none", "off"].contains(&default), "{}", key.name),
            }
            assert!(!key.text.is_empty() && key.kind != "value", "{}", key.name);
        }
    }

    #[test]
    fn every_form_of_reload_is_told() {
        let told = Config::options().remove(1).inner;
        let keys: Vec<_> = told.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(keys, ["type", "address", "key_file", "socket", "argv"]);
        for name in RELOAD_TYPES.split('"').skip(1).step_by(2) {
            assert!(told[0].kind.contains(&format!("{name:?}")), "{name}: {}", told[0].kind);
        }
        assert!(told[1].text.contains(RNDC_ADDRESS), "{}", told[1].text);
    }
}
