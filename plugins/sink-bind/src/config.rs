//! The sink's table, and what it means once it has been checked.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rais_sdk::prelude::*;
use zeroize::Zeroizing;

use crate::command::Argv;
use crate::life::Life;
use crate::query::Server;
use crate::reload::Reload;
use crate::rndc::{Key, Rndc};

/// Where named listens for commands unless it is told otherwise.
const RNDC_ADDRESS: &str = "127.0.0.1:953";
/// In a file's mode: whether those who neither own it nor are of its group may read or write.
const OTHERS: u32 = 0o006;
/// Room that is set aside for a key file; a longer one is read as well.
const LARGEST_KEY_FILE: usize = 1 << 20;
const TIMEOUT: DurationText = DurationText::from_millis(5000);
const RELOAD_TYPES: &str =
    "\"rndc\", \"knotc\", \"nsd-control\", \"pdns_control\", \"exec\" and \"none\"";

/// The table of a sink of type `bind`, as written.
#[config]
#[derive(Debug)]
pub struct Config {
    /// Where the zone files go.
    directory: PathText,
    /// How the name server is told of a new file.
    #[serde(default)]
    reload: Option<ReloadTable>,
    /// A command that judges a file before it is put in place.
    #[serde(default)]
    check: Option<Vec<String>>,
    /// Address and port of the name server, to be asked for what it serves.
    #[serde(default)]
    verify: Option<String>,
    /// For one command or conversation.
    #[serde(default)]
    timeout: Option<DurationText>,
}

/// The table `reload`: which keys it may have depends on `type`.
#[config]
#[derive(Debug)]
struct ReloadTable {
    r#type: String,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    key_file: Option<PathText>,
    #[serde(default)]
    argv: Option<Vec<String>>,
}

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) directory: PathBuf,
    pub(crate) reload: Reload,
    pub(crate) check: Option<Argv>,
    pub(crate) verify: Option<Server>,
    pub(crate) timeout: Duration,
    /// Of the sink that is so configured.
    pub(crate) life: Life,
}

impl Settings {
    /// Checks what can be checked before anything is published: the directory and the key file
    /// are there and can be read.
    pub(crate) fn new(config: Config, host: &Host) -> Result<Settings, Fault> {
        let timeout = config.timeout.unwrap_or(TIMEOUT).get();
        let directory = PathBuf::from(config.directory);
        refuse_no_directory(&directory)?;
        let reload = match config.reload {
            Some(table) => reload(table, timeout, host)?,
            None => Reload::None,
        };
        let check = config.check.map(|words| argv("check", &words)).transpose()?;
        let verify = config.verify.map(|text| address("verify", &text, 53)).transpose()?;
        let verify = verify.map(|address| Server { address, timeout });
        Ok(Settings { directory, reload, check, verify, timeout, life: Life::default() })
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

fn reload(table: ReloadTable, timeout: Duration, host: &Host) -> Result<Reload, Fault> {
    let ReloadTable { r#type, address: place, key_file, argv: words } = table;
    let given = [
        ("address", place.is_some(), "rndc"),
        ("key_file", key_file.is_some(), "rndc"),
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
    let command = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        argv("reload", &words).map(Reload::Command)
    };
    match r#type.as_str() {
        "rndc" => {
            let place = place.as_deref().unwrap_or(RNDC_ADDRESS);
            let address = address("reload.address", place, 953)?;
            let missing = || {
                let text = "missing: the file with named's rndc key, as in \"/etc/bind/rndc.key\"";
                Fault::config("reload.key_file", text)
            };
            let key = key(key_file.ok_or_else(missing)?.get(), host)?;
            Ok(Reload::Rndc(Box::new(Rndc { address, key, timeout })))
        }
        // Blocking, so that a zone that does not load is heard of.
        "knotc" => command(&["knotc", "-b", "zone-reload", "{zone}"]),
        "nsd-control" => command(&["nsd-control", "reload", "{zone}"]),
        "pdns_control" => command(&["pdns_control", "bind-reload-now", "{zone}"]),
        "exec" => {
            let missing = || {
                let text = "missing: a program and its arguments, as in \
                            [\"rndc\", \"reload\", \"{zone}\"]";
                Fault::config("reload.argv", text)
            };
            argv("reload.argv", &words.ok_or_else(missing)?).map(Reload::Command)
        }
        _ => Ok(Reload::None),
    }
}

fn argv(at: &str, words: &[String]) -> Result<Argv, Fault> {
    let text = "is empty: a list of a program and its arguments is needed, \
                as in [\"named-checkzone\", \"{zone}\", \"{file}\"]";
    Argv::new(words).ok_or_else(|| Fault::config(at, text))
}

fn address(at: &str, text: &str, port: u16) -> Result<SocketAddr, Fault> {
    text.parse().map_err(|_| {
        let allowed = format!("\"192.0.2.53:{port}\" or \"[2001:db8::53]:{port}\"");
        Fault::config(at, format!("{text:?} is not an address with a port, as in {allowed}"))
    })
}

fn key(path: &Path, host: &Host) -> Result<Key, Fault> {
    let say =
        |what: String| Fault::config("reload.key_file", format!("{}: {what}", path.display()));
    let (text, mode) = read_secret(path).map_err(|error| say(error.to_string()))?;
    // A group is common: named's own, in Debian's /etc/bind/rndc.key.
    if mode & OTHERS != 0 {
        let (path, mode) = (path.display(), mode & 0o7777);
        host.warn(&format!(
            "{path}: everybody on this machine can read or change this key (mode {mode:04o}) and \
             with it command named: `chmod o= {path}`"
        ));
    }
    Key::parse(&text).map_err(|error| say(error.to_string()))
}

/// A file's text and permissions; the text is wiped when it is dropped.
fn read_secret(path: &Path) -> io::Result<(Zeroizing<String>, u32)> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    // Room for all of it at once: growing would leave copies behind.
    let room = usize::try_from(about.len()).unwrap_or_default().saturating_add(1);
    let mut text = Zeroizing::new(String::with_capacity(room.min(LARGEST_KEY_FILE)));
    file.read_to_string(&mut text)?;
    Ok((text, about.permissions().mode()))
}
