//! `rais key`: the keys that beats are signed with.

mod accept;
mod list;
mod rotate;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use ipnet::IpNet;
use rais_proto::heartbeat::key::KeyLimits;
use rais_proto::name::{HostName, ServiceName};
use rais_runtime::clock::Clock;
use rais_runtime::keys::{self, KeyError, KeyUse};

use crate::exit::Stop;
use crate::output;

/// Arguments of `rais key`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

const EXAMPLES: &str = "\
Examples:
  rais key new --keys keys
      one key for the whole cluster: copy the folder to every host, modes kept (0600)
  rais key new --keys keys --host web3 --service http --allow 198.51.100.3/32
      a key for one host alone, which may speak of that service and address only
  rais key list --keys keys
  rais key accept cluster --keys keys
      signs nothing here any more: where only a binder runs, or two keys sign
  rais key rotate --help
      from one key to the next without a beat that nobody believes

A secret is never printed. Its file is all there is of it.";

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key
    New(NewArgs),
    /// List the keys of a folder, without their secrets
    List(list::ListArgs),
    /// Have keys accepted only: they sign nothing here any more
    Accept(accept::AcceptArgs),
    /// Go over from one key to the next, in three steps, and lose no beat
    Rotate(rotate::RotateArgs),
}

#[derive(Debug, Args)]
struct Folder {
    /// The key ring's folder: `[cluster] keys`
    #[arg(long = "keys", value_name = "DIR", default_value = "/etc/rais/keys")]
    folder: PathBuf,
}

#[derive(Debug, Args)]
struct NewArgs {
    #[command(flatten)]
    keys: Folder,
    /// What the key is called, and its file; without it the host's name, or `cluster`
    #[arg(long, value_name = "NAME")]
    name: Option<HostName>,
    /// May be used by this host alone (may be repeated)
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// May speak of this service alone (may be repeated)
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<ServiceName>,
    /// May announce addresses of this range alone (may be repeated)
    #[arg(long = "allow", value_name = "RANGE", value_parser = range)]
    allow: Vec<IpNet>,
    /// What for; without it the first key of a folder signs, and later ones are accepted
    #[arg(long = "use", value_enum, value_name = "USE")]
    usage: Option<Usage>,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Usage {
    /// Our beats are signed with it, others' accepted.
    Sign,
    /// Others' beats are accepted.
    Accept,
}

/// Makes, lists, accepts or rotates keys.
///
/// # Errors
/// A folder that cannot be used, a name that is taken, a step that cannot be taken.
pub(crate) fn run(args: &KeyArgs) -> Result<(), Stop> {
    match &args.command {
        KeyCommand::New(args) => new(args),
        KeyCommand::List(args) => list::run(args),
        KeyCommand::Accept(args) => accept::run(args),
        KeyCommand::Rotate(args) => rotate::run(args),
    }
}

fn new(args: &NewArgs) -> Result<(), Stop> {
    let folder = &args.keys.folder;
    let there = match keys::load(folder) {
        Ok(keys) => keys.files,
        Err(KeyError::Missing(_) | KeyError::Empty { .. }) => Vec::new(),
        Err(error) => return Err(Stop::Failed(error.into())),
    };
    let usage = args.usage.map(KeyUse::from);
    let signer = there.iter().find(|file| file.usage == KeyUse::Sign);
    if let (Some(KeyUse::Sign), Some(signer)) = (usage, signer) {
        let file = signer.path.display();
        return Err(Stop::Failed(anyhow!(
            "{file} signs already, and one key of a folder does: `rais key accept {}` first, or make \
             this one with `--use accept`",
            signer.name
        )));
    }
    let limits = KeyLimits {
        hosts: limit(&args.hosts),
        services: limit(&args.services),
        addresses: limit(&args.allow),
    };
    let now = Clock::start().wall();
    let mut tried = 1;
    let path = loop {
        let name = name(args, tried);
        match keys::create(folder, &name, usage, &limits, now) {
            // Taken: a name that was not asked for gets a number.
            Err(KeyError::Exists(_)) if args.name.is_none() && tried < 1000 => tried += 1,
            made => break made.map_err(|error| Stop::Failed(error.into()))?,
        }
    };
    let about = keys::load(folder).map_err(|error| Stop::Failed(error.into()))?.files;
    let made = about.into_iter().find(|file| file.path == path);
    let (id, usage, name) = match &made {
        Some(file) => (file.id.to_string(), file.usage, &file.name),
        None => return Err(Stop::Failed(anyhow!("{}: gone again", path.display()))),
    };
    output::text(&format!(
        "{}\n  id {id}, {}\n  {}",
        path.display(),
        said(usage),
        advice(args, usage, name)
    ))
}

/// None given is no limit.
fn limit<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn name(args: &NewArgs, tried: u32) -> String {
    if let Some(name) = &args.name {
        // The file's name may be meant, which has that by itself.
        let name = name.as_str();
        return name.strip_suffix(".key").unwrap_or(name).to_owned();
    }
    let stem = match args.hosts.as_slice() {
        [host] => host.as_str(),
        _ => "cluster",
    };
    match tried {
        1 => stem.to_owned(),
        _ => format!("{stem}-{tried}"),
    }
}

fn said(usage: KeyUse) -> &'static str {
    match usage {
        KeyUse::Sign => "signs our beats, and others' are accepted",
        KeyUse::Accept => "others' beats are accepted",
    }
}

fn advice(args: &NewArgs, usage: KeyUse, name: &str) -> String {
    let hosts: Vec<&str> = args.hosts.iter().map(HostName::as_str).collect();
    let hosts = hosts.join(", ");
    match (args.hosts.as_slice(), usage) {
        ([], _) => "copy it to the key folder of every host of the cluster, mode 0600".to_owned(),
        (_, KeyUse::Sign) => format!(
            "it signs in this folder, which must be that of {hosts} itself; in a binder's folder, to be \
             copied from there, such a key is made with `--use accept`"
        ),
        (_, KeyUse::Accept) => format!(
            "copy it, mode 0600, to the binders as it is, and to {hosts}, where \
             `rais key rotate switch {name}` has it sign"
        ),
    }
}

impl From<Usage> for KeyUse {
    fn from(usage: Usage) -> KeyUse {
        match usage {
            Usage::Sign => KeyUse::Sign,
            Usage::Accept => KeyUse::Accept,
        }
    }
}

/// A range, or one address.
fn range(text: &str) -> Result<IpNet, String> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse().map(|ip: std::net::IpAddr| ip.into()));
    match net {
        Ok(net) if net == net.trunc() => Ok(net),
        Ok(net) => {
            Err(format!("bits are set behind the prefix length; did you mean {}?", net.trunc()))
        }
        Err(_) => {
            Err("allowed: an address or a range, as in 198.51.100.3 or 2001:db8::/32".to_owned())
        }
    }
}
