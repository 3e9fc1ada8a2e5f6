//! `[host]`: who this machine is and where it keeps what it must not forget.

use std::path::{Path, PathBuf};

use rais_proto::name::HostName;

use super::fault::{Fault, Notes};
use super::section::Section;

/// `[host]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// What status shows and `drain` takes; the kernel's host name by default.
    pub name: HostName,
    /// Folder of host id, epochs, last sets, serials and journal.
    pub state: PathBuf,
    /// By name or number: taken on at the start.
    pub user: Option<String>,
    /// By name or number: taken on at the start; the user's own by default.
    pub group: Option<String>,
}

impl Host {
    pub(super) fn read(section: &Section<'_>, main: &Path, notes: &Notes) -> Option<Host> {
        let state = section.get("state", |value| value.file());
        let user = section.get("user", |value| value.filled());
        let group = section.get("group", |value| value.filled());
        let name = match section.value("name") {
            Some(value) => value.parsed("letters, digits, '-', '_' and '.'"),
            None => own_name(main, notes),
        };
        Some(Host {
            name: name?,
            state: state.unwrap_or_else(|| PathBuf::from("/var/lib/rais")),
            user,
            group,
        })
    }
}

/// The kernel's host name; one that is no name of ours must be replaced by a written one.
fn own_name(main: &Path, notes: &Notes) -> Option<HostName> {
    let why = match nix::unistd::gethostname() {
        Ok(name) => match name.to_string_lossy().parse::<HostName>() {
            Ok(name) => return Some(name),
            Err(why) => why.to_string(),
        },
        Err(why) => why.to_string(),
    };
    let message = format!("this host's own name cannot be used ({why}): write [host] name");
    notes.add(Fault::in_file(main, message));
    None
}
