//! `rais plugins new`: a crate to start a plugin from.

mod files;
mod folder;
mod kind;
mod name;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use rais_runtime::config;

use self::folder::NewFolder;
use self::kind::PluginKind;
use self::name::PluginName;
use crate::exit::Stop;
use crate::output;

/// Arguments of `rais plugins new`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct NewArgs {
    /// What the plugin is
    #[arg(value_enum, value_name = "KIND")]
    kind: PluginKind,
    /// What it is called: the `type` in a table
    #[arg(value_name = "NAME")]
    name: PluginName,
    /// The crate's folder, which is made; may be there if it is empty [default: NAME]
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
}

const EXAMPLES: &str = "\
The crate builds and passes its own tests as it comes, and needs nothing of rais around it: it
carries the SDK's source with it, in sdk/.

Examples:
  rais plugins new probe redis             the crate rais-plugin-probe-redis, in redis/
  rais plugins new sink hosts --into ~/src/hosts";

/// Makes the crate and says what comes next.
///
/// # Errors
/// The name of one of rais's own plugins; a folder that is in use or cannot be made.
pub(super) fn run(args: &NewArgs) -> Result<(), Stop> {
    let (kind, name) = (args.kind, &args.name);
    if config::is_our_type(kind.of_table(), name.as_str()) {
        return Err(Stop::Usage(format!(
            "a {of_table} called `{name}` is rais's own, here or to come, and two of one name are \
             an error: give yours another one, my-{name} for one",
            of_table = kind.of_table()
        )));
    }
    let path = args.into.clone().unwrap_or_else(|| PathBuf::from(name.as_str()));
    let shown = path.to_str().ok_or_else(|| anyhow!("{} is not UTF-8", path.display()))?;
    let folder = NewFolder::beside(&path)?;
    for (file, text) in files::of_crate(kind, name) {
        folder.write(&file, &text)?;
    }
    folder.keep()?;
    output::text(&next(kind, name, &quoted(shown)))
}

fn next(kind: PluginKind, name: &PluginName, folder: &str) -> String {
    let library = files::library(kind, name);
    let package = files::package(kind, name);
    format!(
        "{folder}: {package}, {of} to start from\n\n\
         Next:\n  \
         cd {folder} && cargo test\n  \
         cargo build --release\n  \
         rais plugins test target/release/{library}",
        of = kind.with_article()
    )
}

/// `path` as one word of a shell.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+~@%".contains(c);
    if !path.starts_with('~') && path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_word_of_a_shell() {
        assert_eq!(quoted("../redis"), "../redis");
        assert_eq!(quoted("my plugins/redis"), "'my plugins/redis'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("~x"), "'~x'");
    }
}
