//! The sink's table, and what it means once it has been checked.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use rais_dns::{Algorithm, Key, KeyFile};
use rais_sdk::prelude::*;

use crate::answer::UDP_ANSWER;
use crate::net::{LONGEST_OUTPUT, Limits, TcpLimits};
use crate::rrl::Limiter;
use crate::transfer::{Access, Addressee, Keys};

/// Of a name server (RFC 1035 §4.2).
const PORT: u16 = 53;
/// More threads than a machine has cores are of no use.
const MOST_WORKERS: u16 = 256;
/// An NSID has to go along with every answer.
const LONGEST_NSID: usize = 128;
/// The option of RFC 7828 has 16 bits for tenths of a second.
const LONGEST_IDLE: Duration = Duration::from_secs(3600);
/// Clients that are told 0 close at once (RFC 7828).
const SHORTEST_IDLE: Duration = Duration::from_millis(100);
/// More a second are no limit.
const MOST_ANSWERS: u32 = 1_000_000;
/// Answers that clients of TCP have not taken yet, all together.
const UNREAD: usize = 2 << 20;

/// The table of a sink of type `dns`, as written.
#[config]
#[derive(Debug)]
pub struct Config {
    /// Addresses and ports at which queries are answered, by UDP and TCP. Without a port it is 53.
    #[option(type = "list of addresses or sockets")]
    listen: Vec<String>,
    /// A folder of zone files: each `NAME.zone` is served as it is, and read again when it changes. A
    /// relative path counts from the folder of the configuration file.
    zones: Option<PathText>,
    /// Threads for each of UDP and TCP. Without it as many as the machine has cores.
    workers: Option<u16>,
    /// DNS cookies (RFC 7873) for clients that use them.
    #[default = true]
    cookies: bool,
    /// Limits answers alike to one network over UDP; loopback, TCP and clients with a cookie of ours
    /// have none. Without it, nobody has.
    rrl: Option<RrlTable>,
    /// What this server is called, told to who asks (RFC 5001). Without it, nothing is.
    nsid: Option<String>,
    /// Addresses and ranges from which zones may be transferred. Without it and without `transfer_key`,
    /// from nowhere.
    #[default]
    #[option(type = "list of addresses and ranges")]
    transfer: Vec<String>,
    /// The file with the TSIG key by which transfers must be signed, as `tsig-keygen` writes it, mode
    /// 0600; without `transfer` from anywhere. NOTIFY is signed by it as well. A relative path counts
    /// from the folder of the configuration file.
    transfer_key: Option<PathText>,
    /// Addresses and ports of secondaries that are told of every change of records; other weights are
    /// none. Without a port it is 53.
    #[default]
    #[option(type = "list of addresses or sockets")]
    notify: Vec<String>,
    /// So many TCP connections at a time; for another, the one that was idle longest is closed.
    #[default = 1000]
    tcp_connections: u32,
    /// The same for one client: an IPv4 address, or an IPv6 network of 64 bits.
    #[default = 50]
    tcp_per_client: u32,
    /// After so long without a query a TCP connection is closed.
    #[default = "10s"]
    tcp_idle: DurationText,
}

/// The table `rrl`.
#[config]
#[derive(Debug)]
struct RrlTable {
    /// So many answers alike a second to one network: a /24, or a /56 of IPv6.
    #[default = 20]
    rate: u32,
    /// Of the answers above it, every so manieth is sent cut off, so that who asks in earnest asks
    /// again by TCP; 0 for none.
    #[default = 2]
    slip: u32,
}

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) zones: Option<PathBuf>,
    pub(crate) workers: NonZeroUsize,
    pub(crate) cookies: Cookies,
    pub(crate) nsid: Option<Box<[u8]>>,
    pub(crate) limiter: Option<Limiter>,
    pub(crate) limits: Limits,
    pub(crate) access: Access,
    pub(crate) notify: Vec<Addressee>,
    /// Of transfers and of NOTIFY.
    pub(crate) key: Option<Arc<Key>>,
}

/// Whether cookies are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookies {
    On,
    Off,
}

impl Settings {
    /// Checks what can be checked before anything is bound.
    pub(crate) fn new(config: Config, host: &Host) -> Result<Settings, Fault> {
        let listen = addresses("listen", &config.listen)?;
        if listen.is_empty() {
            let text = "at least one address is needed, as in [\"127.0.0.1:5300\"]";
            return Err(Fault::config("listen", text));
        }
        for (i, address) in listen.iter().enumerate() {
            if address.port() != 0 && listen[..i].contains(address) {
                let text = format!("{address} stands there twice: once is allowed");
                return Err(Fault::config(format!("listen[{i}]"), text));
            }
        }
        let zones = config.zones.map(PathBuf::from);
        if let Some(zones) = &zones {
            refuse_no_folder(zones)?;
        }
        if let Some(nsid) = config.nsid.as_ref().filter(|nsid| nsid.len() > LONGEST_NSID) {
            let text = format!("{} octets are too many: at most {LONGEST_NSID}", nsid.len());
            return Err(Fault::config("nsid", text));
        }
        let idle = config.tcp_idle.get();
        if !(SHORTEST_IDLE..=LONGEST_IDLE).contains(&idle) {
            return Err(Fault::config("tcp_idle", "\"100ms\" to \"1h\" is allowed"));
        }
        let workers = workers(config.workers)?;
        let tcp = TcpLimits {
            connections: count("tcp_connections", config.tcp_connections)?,
            per_client: count("tcp_per_client", config.tcp_per_client)?,
            idle,
            // A transfer whose first portion does not go out at once is not to be the one too many.
            unread: UNREAD.max(2 * LONGEST_OUTPUT * workers.get()),
        };
        let key = config.transfer_key.as_ref().map(|path| key(path.get(), host)).transpose()?;
        Ok(Settings {
            access: access(&config.transfer, key.as_deref())?,
            notify: addresses("notify", &config.notify)?
                .into_iter()
                .map(|secondary| Addressee::of(secondary, &listen))
                .collect(),
            key,
            limiter: config.rrl.as_ref().map(limiter).transpose()?,
            listen,
            zones,
            workers,
            cookies: if config.cookies { Cookies::On } else { Cookies::Off },
            nsid: config.nsid.map(|nsid| nsid.into_bytes().into()),
            limits: Limits { udp_answer: usize::from(UDP_ANSWER), tcp },
        })
    }
}

fn addresses(key: &str, words: &[String]) -> Result<Vec<SocketAddr>, Fault> {
    words.iter().map(|word| address(key, word)).collect()
}

fn address(key: &str, text: &str) -> Result<SocketAddr, Fault> {
    let whole = text.parse().ok();
    let plain = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, PORT));
    whole.or_else(plain).ok_or_else(|| {
        let text = format!(
            "{text:?} is neither an address nor one with a port, as in \"192.0.2.53\" or \
             \"[2001:db8::53]:5300\""
        );
        Fault::config(key, text)
    })
}

/// Who may transfer: those of `words`, and by `key`.
fn access(words: &[String], key: Option<&Key>) -> Result<Access, Fault> {
    let range = |word: &String| {
        let range = word.parse().or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
        let range = range.map_err(|_| {
            let text = format!(
                "{word:?} is neither an address nor a range, as in \"192.0.2.10\" or \"2001:db8::/64\""
            );
            Fault::config("transfer", text)
        })?;
        if range != range.trunc() {
            let text = format!(
                "{range} has bits set behind its prefix length; did you mean `\"{}\"`?",
                range.trunc()
            );
            return Err(Fault::config("transfer", text));
        }
        Ok(range)
    };
    let ranges = words.iter().map(range).collect::<Result<Vec<_>, _>>()?;
    let mut keys = Keys::new();
    if let Some(key) = key {
        let key = key.tsig().map_err(|error| Fault::config("transfer_key", error))?;
        keys.insert((key.name().clone(), key.algorithm()), Arc::new(key));
    }
    Ok(Access { ranges, keys })
}

fn key(path: &Path, host: &Host) -> Result<Arc<Key>, Fault> {
    let say = |what: String| Fault::config("transfer_key", format!("{}: {what}", path.display()));
    let key =
        KeyFile::open(path, rais_dns::Access::Ours).map_err(|error| say(error.to_string()))?.key();
    if key.algorithm() == Algorithm::Sha1 {
        host.warn(&format!(
            "{}: hmac-sha1 is no longer recommended (RFC 8945): make a key with `tsig-keygen`, \
             which takes hmac-sha256",
            path.display()
        ));
    }
    Ok(key)
}

fn refuse_no_folder(path: &Path) -> Result<(), Fault> {
    let say = |what: String| Fault::config("zones", format!("{} {what}", path.display()));
    match fs::metadata(path) {
        Ok(about) if about.is_dir() => Ok(()),
        Ok(_) => Err(say("is not a directory".to_owned())),
        Err(error) => Err(say(format!("cannot be used, an existing directory is needed: {error}"))),
    }
}

fn limiter(table: &RrlTable) -> Result<Limiter, Fault> {
    let RrlTable { rate, slip } = *table;
    if !(1..=MOST_ANSWERS).contains(&rate) {
        return Err(Fault::config("rrl.rate", format!("1 to {MOST_ANSWERS} is allowed")));
    }
    Ok(Limiter::new(rate, slip))
}

fn workers(wanted: Option<u16>) -> Result<NonZeroUsize, Fault> {
    match wanted {
        None => Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)),
        Some(wanted @ 1..=MOST_WORKERS) => count("workers", wanted.into()),
        Some(_) => Err(Fault::config("workers", format!("1 to {MOST_WORKERS} are allowed"))),
    }
}

fn count(key: &str, wanted: u32) -> Result<NonZeroUsize, Fault> {
    let wanted = usize::try_from(wanted).ok().and_then(NonZeroUsize::new);
    wanted.ok_or_else(|| Fault::config(key, "at least 1 is needed"))
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
                _ => assert!(["none", "cores"].contains(&default), "{}", key.name),
            }
            assert!(!key.text.is_empty() && key.kind != "value", "{}", key.name);
        }
    }

    #[test]
    fn addresses_may_have_a_port() {
        for (text, address) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5300", "192.0.2.53:5300"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5300", "[2001:db8::53]:5300"),
        ] {
            assert_eq!(super::address("listen", text).unwrap().to_string(), address);
        }
        for text in ["", "localhost", "192.0.2.53:", "192.0.2.53:x", "[::1]"] {
            assert_eq!(super::address("listen", text).unwrap_err().at, "listen", "{text}");
        }
    }
    #[test]
    fn a_range_with_bits_behind_its_prefix_is_refused_with_what_was_meant() {
        let access = |word: &str| access(&[word.to_owned()], None);
        for word in ["192.0.2.10", "192.0.2.0/24", "2001:db8::/64", "2001:db8::1"] {
            assert_eq!(access(word).unwrap().ranges.len(), 1, "{word}");
        }
        for (word, meant) in
            [("127.0.0.1/8", "\"127.0.0.0/8\""), ("2001:db8::1/64", "\"2001:db8::/64\"")]
        {
            let fault = access(word).unwrap_err();
            assert_eq!(fault.at, "transfer");
            assert!(fault.text.ends_with(&format!("did you mean `{meant}`?")), "{fault}");
        }
    }
}
