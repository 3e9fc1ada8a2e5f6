//! `rais key accept`: a key signs nothing here any more.

use clap::Args;
use rais_runtime::keys::KeyFile;
use rais_runtime::keys::rotation::{self, Accepted};
use serde::Serialize;

use super::Folder;
use super::list::Row;
use crate::args::Output;
use crate::exit::Stop;
use crate::output::{self, Format};

/// Arguments of `rais key accept`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AcceptArgs {
    /// The name or id of the key that is to sign no more; may be repeated
    #[arg(required = true, value_name = "KEY")]
    named: Vec<String>,
    #[command(flatten)]
    keys: Folder,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Others' beats that are signed with it are accepted as before; in its file it says `use = \"accept\"`.
Where it is the one that signed, none signs then; where another signs, that one signs on.

Where only a binder runs, nothing needs to sign. Where a monitor runs one key has to: there
`rais key rotate switch KEY` has another sign in its place.

Examples:
  rais key accept cluster        before `rais key rotate end cluster`, where only a binder runs
  rais key accept web1 web2      where both sign, copied as they were on web1 and web2";

/// What was done, as JSON.
#[derive(Debug, Serialize)]
struct Done {
    /// Whether any of all these said until now that it is to sign.
    changed: bool,
    /// The keys that were named.
    keys: Vec<Row>,
    /// Those besides that had given up signing to one that was named, and are kept from it.
    with_them: Vec<Row>,
    /// The key that signs now.
    signs: Option<Row>,
}

/// Has keys accepted only.
///
/// # Errors
/// There is no such key; the folder is no key ring, still or for another reason.
pub(super) fn run(args: &AcceptArgs) -> Result<(), Stop> {
    let done = rotation::accept(&args.keys.folder, &args.named)
        .map_err(|error| Stop::Failed(error.into()))?;
    match args.output.format {
        Format::Json => output::json(&Done {
            changed: done.changed,
            keys: done.keys.iter().map(Row::from).collect(),
            with_them: done.with_them.iter().map(Row::from).collect(),
            signs: done.signer.as_ref().map(Row::from),
        })?,
        Format::Human => output::text(&text(&done))?,
    }
    match done.fault {
        Some(fault) => Err(Stop::Failed(fault.into())),
        None => Ok(()),
    }
}

fn text(done: &Accepted) -> String {
    let when = if done.changed {
        "from the next `rais reload` here"
    } else {
        "as before; `rais reload` if that was not done since"
    };
    let one = |file: &KeyFile| {
        format!("{}\n  id {}, others' beats are accepted, {when}", file.path.display(), file.id)
    };
    let mut lines: Vec<String> = done.keys.iter().map(one).collect();
    lines.extend(
        done.with_them.iter().map(|file| {
            format!("{}; it had given up signing, and does not begin again", one(file))
        }),
    );
    match (&done.signer, &done.fault) {
        // Said as what it is, an error.
        (_, Some(_)) => {}
        (Some(signer), None) => lines.push(format!("{} ({}) signs here", signer.name, signer.id)),
        (None, None) => lines.push(
            "no key here signs: as it should be where only a binder runs; a monitor needs one, which \
             `rais key rotate switch NAME` has sign"
                .to_owned(),
        ),
    }
    lines.join("\n")
}
