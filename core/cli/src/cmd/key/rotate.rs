//! `rais key rotate`: from one key to the next without a beat that nobody believes.

use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use rais_runtime::clock::Clock;
use rais_runtime::control::{Request, Response};
use rais_runtime::keys::KeyFile;
use rais_runtime::keys::rotation::{self, RotationError, Switched};
use rais_runtime::status::{HeardHost, Status};
use serde::Serialize;

use super::Folder;
use super::list::Row;
use crate::args::Output;
use crate::cmd::socket::SocketArgs;
use crate::exit::Stop;
use crate::output::{self, Format};

/// Arguments of `rais key rotate`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(super) struct RotateArgs {
    #[command(subcommand)]
    step: Step,
}

const EXAMPLES: &str = "\
Three steps, each taken everywhere before the next, with `rais reload` after each:
  1. rais key rotate begin       on one host: makes the next key, accepted only. Copy its file
                                 to every host that has the old key
  2. rais key rotate switch      on every host that signs: the next key signs, the old one is
                                 still accepted. May be repeated
  3. rais key rotate end         on every host: removes the old key

Whoever reloads, restarts or loses power between two steps, or within one, has a sound folder.

Examples:
  rais key rotate begin --keys keys
  rais key rotate begin web3     follows web3's key, in a binder's folder where none signs
  rais key rotate switch cluster back to the old key
  rais key rotate end --force    at once, also if hosts still sign with it: it has leaked";

#[derive(Debug, Subcommand)]
enum Step {
    /// Make the next key: of the same limits, and accepted only
    Begin(BeginArgs),
    /// Have the next key sign
    Switch(SwitchArgs),
    /// Remove the old key
    End(EndArgs),
}

#[derive(Debug, Args)]
struct BeginArgs {
    /// The name or id of the key to follow; without it the one that signs
    key: Option<String>,
    #[command(flatten)]
    keys: Folder,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct SwitchArgs {
    /// The name or id of the key that is to sign; without it the one that follows the one that signs
    key: Option<String>,
    #[command(flatten)]
    keys: Folder,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct EndArgs {
    /// The name or id of the key to remove; without it every key that another follows
    key: Option<String>,
    #[command(flatten)]
    keys: Folder,
    /// Ask nobody: also if hosts were last heard with it, or the binder that belongs here does not run
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    output: Output,
}

/// What a step has done, as JSON.
#[derive(Debug, Serialize)]
struct Done {
    /// Which step.
    step: &'static str,
    /// Whether anything is other than before.
    changed: bool,
    /// The key that was made, or that signs now.
    key: Option<Row>,
    /// The key that signed before.
    before: Option<Row>,
    /// Keys that are no more.
    removed: Vec<Row>,
    /// Of `end`: whether a binder was asked if a host still signs with them.
    asked: Option<bool>,
}

/// Takes a step.
///
/// # Errors
/// The key ring is not as the step needs it; hosts still sign with the old key.
pub(super) fn run(args: &RotateArgs) -> Result<(), Stop> {
    match &args.step {
        Step::Begin(args) => begin(args),
        Step::Switch(args) => switch(args),
        Step::End(args) => end(args),
    }
}

fn begin(args: &BeginArgs) -> Result<(), Stop> {
    let made = rotation::begin(&args.keys.folder, args.key.as_deref(), Clock::start().wall());
    let made = made.map_err(failed)?;
    if args.output.format == Format::Json {
        return output::json(&Done { key: Some(Row::from(&made)), ..Done::of("begin") });
    }
    output::text(&format!(
        "{}\n  id {}, others' beats are accepted; it does not sign yet\n  \
         copy it, mode 0600, to the key folder of every host that has the key it follows, and \
         `rais reload` there\n  \
         when it is everywhere: `rais key rotate switch` and `rais reload` on every host that signs",
        made.path.display(),
        made.id
    ))
}

fn switch(args: &SwitchArgs) -> Result<(), Stop> {
    let switched = rotation::switch(&args.keys.folder, args.key.as_deref()).map_err(failed)?;
    let Switched { signer, before, changed } = &switched;
    if args.output.format == Format::Json {
        return output::json(&Done {
            changed: *changed,
            key: Some(Row::from(signer)),
            before: before.as_ref().map(Row::from),
            ..Done::of("switch")
        });
    }
    let signs = format!("{}\n  id {}, signs our beats", signer.path.display(), signer.id);
    output::text(&match before {
        None if *changed => format!("{signs} from the next `rais reload` here"),
        None => format!("{signs}, as before; `rais reload` if that was not done since"),
        Some(before) => format!(
            "{signs} from the next `rais reload` here\n  {} ({}) is accepted as before, until \
             `rais key rotate end`: once every host has switched",
            before.name, before.id
        ),
    })
}

fn end(args: &EndArgs) -> Result<(), Stop> {
    let folder = &args.keys.folder;
    let old = rotation::ending(folder, args.key.as_deref()).map_err(failed)?;
    let binders = if args.force { None } else { Some(nobody_signs_with(&old, &args.socket)?) };
    let ids: Vec<_> = old.iter().map(|file| file.id).collect();
    rotation::end(folder, &ids).map_err(failed)?;
    if args.output.format == Format::Json {
        let removed = old.iter().map(Row::from).collect();
        let asked = Some(binders.is_some_and(|binders| binders > 0));
        return output::json(&Done { removed, asked, ..Done::of("end") });
    }
    let removed: Vec<String> = old
        .iter()
        .map(|file| format!("{} is removed (id {})", file.path.display(), file.id))
        .collect();
    let unasked = match binders {
        Some(0) => {
            "\n  no binder answers here: nobody was asked whether a host still signs with it; a binder's \
             host is, where this step belongs first"
        }
        _ => "",
    };
    output::text(&format!(
        "{}{unasked}\n  beats signed with it are refused from the next `rais reload` here",
        removed.join("\n")
    ))
}

/// Asks the binder that runs here, if any, who was last heard with one of these keys; how many binders that
/// were.
fn nobody_signs_with(old: &[KeyFile], socket: &SocketArgs) -> Result<usize, Stop> {
    let (mut still, mut binders) = (Vec::new(), 0);
    for (path, response) in socket.ask_binders_here(&Request::Status).map_err(unasked)? {
        match response {
            Response::Status(status) => {
                let Status::Binder(binder) = *status else { continue };
                binders += 1;
                still.extend(binder.hosts.iter().filter_map(|host| in_the_way(host, old)));
            }
            _ => {
                return Err(Stop::Failed(anyhow!("{}: another answer than asked", path.display())));
            }
        }
    }
    if let (0, Some(path)) = (binders, socket.socket()) {
        return Err(unasked(Stop::Failed(anyhow!(
            "{}: a monitor answers there, and only a binder knows who signs with which key",
            path.display()
        ))));
    }
    if still.is_empty() {
        return Ok(binders);
    }
    Err(Stop::Failed(anyhow!(
        "beats of these hosts would be refused, or what they last said would count no longer:\n  {}\nor `--force`, if they are not to be \
         believed (a key that has leaked) or are no more",
        still.join("\n  ")
    )))
}

fn unasked(stop: Stop) -> Stop {
    let Stop::Failed(why) = stop else { return stop };
    Stop::Failed(anyhow!(
        "{why:#}\nso nobody says whether a host still signs with the old key: ask again when a binder \
         answers; or `--force`, where no binder is to run here, or the key has leaked"
    ))
}

/// Why a host cannot do without one of the keys yet, and what there is to do.
fn in_the_way(host: &HeardHost, old: &[KeyFile]) -> Option<String> {
    let named = |key: &KeyFile| format!("{} ({})", key.name, key.id);
    let name = &host.name;
    if let Some(key) = old.iter().find(|key| host.key == Some(key.id.to_string())) {
        let ago = output::duration(Duration::from_millis(host.heard_ms_ago));
        return Some(format!(
            "{name}: its newest beat, {ago} ago, was signed with {}: `rais key rotate switch` and \
             `rais reload` there first",
            named(key)
        ));
    }
    let key = old.iter().find(|key| host.stands_by(Some(&key.id.to_string())))?;
    let services = match host.older_services.get(&key.id.to_string()) {
        Some(services) => services.join(", "),
        None => "a service of it".to_owned(), // an older rais does not tell
    };
    Some(format!(
        "{name}: has switched, but {services} was last signed with {}: wait for the next beat of that \
         (its `interval` there)",
        named(key)
    ))
}

fn failed(error: RotationError) -> Stop {
    Stop::Failed(error.into())
}

impl Done {
    fn of(step: &'static str) -> Done {
        Done { step, changed: true, key: None, before: None, removed: Vec::new(), asked: None }
    }
}

#[cfg(test)]
mod tests {
    use rais_proto::heartbeat::key::KeyLimits;
    use rais_runtime::keys::KeyUse;
    use serde_json::json;

    use super::*;

    #[test]
    fn who_has_not_switched_is_told_from_who_has_a_service_that_beats_seldom() {
        let old = KeyFile {
            path: "web1.key".into(),
            name: "web1".to_owned(),
            id: "af2e8a9e".parse().unwrap(),
            usage: KeyUse::Accept,
            follows: None,
            created: None,
            limits: KeyLimits::default(),
        };
        let told = |key: &str, older: &[&str]| {
            let host = json!({ "name": "web1", "id": "0", "epoch": 1, "sequence": 1, "source": null,
                "heard_ms_ago": 382, "key": key, "older_keys": older,
                "older_services": { "af2e8a9e": ["mail", "news"] } });
            let host: HeardHost = serde_json::from_value(host).unwrap();
            in_the_way(&host, std::slice::from_ref(&old))
        };
        assert_eq!(told("f6c35988", &["unsigned"]), None);
        for older in [&[][..], &["unsigned"]] {
            let told = told("af2e8a9e", older).unwrap();
            let says = ["382ms ago", "web1 (af2e8a9e)", "rotate switch", "rais reload"];
            assert!(says.iter().all(|says| told.contains(says)), "{told}");
        }
        let told = told("f6c35988", &["af2e8a9e"]).unwrap();
        let says = "mail, news was last signed with web1 (af2e8a9e): wait for the next beat";
        assert!(told.contains(says), "{told}");
        assert!(!told.contains("382ms") && !told.contains("rotate switch"), "{told}");
    }
}
