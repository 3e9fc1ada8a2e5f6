//! The user that rais runs as: `[host] user` and `group`.
//!
//! Taken on before a thread is started, a plugin is made or a socket is bound: nothing that reads from
//! the network, and no plugin, ever runs as root. Of root's rights one is kept, to bind ports below
//! 1024, so that a reload can still open one. What plugins start by themselves does not have it.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, initgroups, setgid, setgroups, setuid};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities};

use crate::config::{Config, Fault, Role};

/// What cannot be taken on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivilegeError {
    /// What the configuration asks for is not there, or not ours to take: at its key.
    #[error("{0}")]
    Config(Box<Fault>),
    /// What the system refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Who rais becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    uid: Uid,
    gid: Gid,
    /// Whose further groups it has; none where only a group was asked for.
    name: Option<CString>,
}

/// Becomes the user and group of `config`, where it names any, for good. Folders of state and control
/// sockets that are missing are made, theirs. To be called while the process has one thread.
///
/// # Errors
/// A user or group that is not there; not being root, and another than that user; what the system
/// refuses. Nothing may be started then.
pub fn take_on(config: &Config, roles: &BTreeSet<Role>) -> Result<(), PrivilegeError> {
    let Some(identity) = identity(config)? else { return Ok(()) };
    if !geteuid().is_root() {
        let is_ours = (geteuid(), getegid()) == (identity.uid, identity.gid);
        return if is_ours { Ok(()) } else { Err(not_root(config)) };
    }
    for folder in folders(config, roles) {
        make(&folder, &identity)
            .map_err(|source| doing(format!("make {}", folder.display()), source))?;
    }
    become_it(&identity)
}

/// Becomes the user and group of `config`, as far as this process may, to judge with their eyes what a
/// start would read. Nothing is made. To be called while the process has one thread.
///
/// # Errors
/// What the system refuses. A user or group that is not there is told by [`check`](crate::check).
pub fn look_as(config: &Config) -> Result<(), PrivilegeError> {
    match identity(config) {
        Ok(Some(identity)) if geteuid().is_root() => become_it(&identity),
        Ok(_) | Err(PrivilegeError::Config(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A user or group of `config` that is not on this host. Whether the process may become it is the
/// start's to judge: who checks a configuration need not be root.
pub(crate) fn missing(config: &Config) -> Option<Fault> {
    match identity(config) {
        Err(PrivilegeError::Config(fault)) => Some(*fault),
        Ok(_) | Err(PrivilegeError::Io { .. }) => None,
    }
}

/// By the configuration, each a name or a number; none where it says neither.
fn identity(config: &Config) -> Result<Option<Identity>, PrivilegeError> {
    let host = &config.host;
    let unknown = |key: &str, kind: &str, name: &str| {
        let message = format!("there is no {kind} {name:?} on this host");
        PrivilegeError::Config(Box::new(config.fault(key, message)))
    };
    let looked_up = |error: nix::Error| doing("look up users and groups".to_owned(), error.into());
    let user = match &host.user {
        None => None,
        Some(name) => {
            let by_number = name.parse().map(Uid::from_raw);
            let found = match by_number {
                Ok(uid) => User::from_uid(uid),
                Err(_) => User::from_name(name),
            };
            Some(found.map_err(looked_up)?.ok_or_else(|| unknown("host.user", "user", name))?)
        }
    };
    let group = match &host.group {
        None => None,
        Some(name) => {
            let by_number = name.parse().map(Gid::from_raw);
            let found = match by_number {
                Ok(gid) => Group::from_gid(gid),
                Err(_) => Group::from_name(name),
            };
            Some(found.map_err(looked_up)?.ok_or_else(|| unknown("host.group", "group", name))?)
        }
    };
    let gid = group.map(|group| group.gid).or(user.as_ref().map(|user| user.gid));
    let (uid, name) = match user {
        // What the system knows has no NUL in it.
        Some(user) => (user.uid, CString::new(user.name).ok()),
        None => (geteuid(), None),
    };
    Ok(gid.map(|gid| Identity { uid, gid, name }))
}

fn not_root(config: &Config) -> PrivilegeError {
    let key = if config.host.user.is_some() { "host.user" } else { "host.group" };
    let message = "only root can become another user; started by that user, rais needs no such key";
    PrivilegeError::Config(Box::new(config.fault(key, message)))
}

/// Where files are made while it runs.
fn folders(config: &Config, roles: &BTreeSet<Role>) -> Vec<PathBuf> {
    let sockets =
        roles.iter().filter_map(|&role| config.control.socket(role).parent().map(Path::to_owned));
    let folders = sockets.chain([config.host.state.clone()]);
    folders.filter(|folder| !folder.as_os_str().is_empty()).collect()
}

/// The last folder of the path, where it is missing; what is there is somebody's decision.
fn make(folder: &Path, owner: &Identity) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o750).create(folder) {
        Ok(()) => chown(folder, Some(owner.uid.as_raw()), Some(owner.gid.as_raw())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Groups first: without root's rights they could not be given up.
fn become_it(identity: &Identity) -> Result<(), PrivilegeError> {
    let Identity { uid, gid, ref name } = *identity;
    let groups = match name {
        Some(name) => initgroups(name, gid),
        None => setgroups(&[gid]),
    };
    let refused = |what: &str, error: io::Error| doing(format!("{what} of {uid}:{gid}"), error);
    groups.map_err(|error| refused("take on the groups", error.into()))?;
    setgid(gid).map_err(|error| refused("take on the group", error.into()))?;
    if uid.is_root() {
        return Ok(());
    }
    let kept = |error: Errno| doing("keep the right to bind low ports".to_owned(), error.into());
    set_keep_capabilities(true).map_err(kept)?;
    setuid(uid).map_err(|error| refused("take on the user", error.into()))?;
    let bind = CapabilitySet::NET_BIND_SERVICE;
    let inheritable = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: bind, permitted: bind, inheritable })
        .map_err(kept)?;
    set_keep_capabilities(false).map_err(kept)
}

fn doing(doing: String, source: io::Error) -> PrivilegeError {
    PrivilegeError::Io { doing, source }
}
