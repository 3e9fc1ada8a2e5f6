//! What must survive a restart: one folder, in it a folder and a lock for every role.

pub mod decided;
mod file;
pub mod healths;
pub mod heard;
pub mod journal;
mod keeper;

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use rais_proto::name::{Epoch, HostId};
use rais_proto::time::WallTime;
use ring::rand::{SecureRandom, SystemRandom};

pub use self::file::StateFile;
pub use self::keeper::{Keeper, Stored};
use crate::config::Role;
use crate::durable;

/// What keeps state from being read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another process plays this role on the same state.
    #[error(
        "{}: already in use by {}; two of one role on the same state would undo each other: stop it, or give this one its own [host] state",
        .path.display(),
        Holder(*.pid)
    )]
    Held {
        /// The lock.
        path: PathBuf,
        /// Who holds it, where it says so.
        pid: Option<u32>,
    },
    /// A file that we wrote does not read back.
    #[error("{}: {why}; kept as {}", .path.display(), .aside.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// Where it was moved.
        aside: PathBuf,
    },
    /// The file was written by a later version.
    #[error(
        "{}: has format {found}, this version reads up to {known}; run the version that wrote it, or move the file away",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is known here.
        known: u32,
    },
    /// The host's identity is unreadable; it is never replaced by itself.
    #[error(
        "{}: not a host id (32 hexadecimal digits); remove the file to make this a new host",
        .path.display()
    )]
    HostId {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{}: cannot {doing}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system gave no random octets.
    #[error("the system gave no random octets for a host id")]
    Random,
}

/// A role's folder, ours alone until this is dropped.
#[derive(Debug)]
pub struct StateDir {
    root: PathBuf,
    folder: PathBuf,
    swept: Vec<PathBuf>,
    _lock: Flock<File>,
}

struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) if pid == std::process::id() => write!(f, "this process ({pid})"),
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

impl StateDir {
    /// Takes the folder of `role` under `root` (`[host] state`), made where missing, and sweeps
    /// what a crash left in both.
    ///
    /// # Errors
    /// [`StateError::Held`] while another has it; [`StateError::Io`] with the path.
    pub fn open(root: &Path, role: Role) -> Result<StateDir, StateError> {
        let folder = root.join(role.as_str());
        DirBuilder::new().recursive(true).mode(0o750).create(&folder).at("make", &folder)?;
        let lock = lock(&folder.join("lock"))?;
        let mut swept = durable::sweep(&folder).at("read", &folder)?;
        // The other role writes there too; while it does, it is left to the next start.
        if let Some(_alone) = hold(root, FlockArg::LockExclusiveNonblock) {
            swept.extend(durable::sweep(root).at("read", root)?);
        }
        Ok(StateDir { root: root.to_owned(), folder, swept, _lock: lock })
    }

    /// The role's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Half-written files of a crash that [`open`](StateDir::open) removed.
    pub fn swept(&self) -> &[PathBuf] {
        &self.swept
    }

    /// A file of this folder that holds a `T` in JSON, in format `version`.
    pub fn file<T>(&self, name: &str, version: u32) -> StateFile<T> {
        StateFile::new(self.folder.join(name), version)
    }

    /// The host's identity, made at the first call on this machine; every role has the same.
    ///
    /// # Errors
    /// [`StateError::HostId`] where the file holds something else, [`StateError::Io`].
    pub fn host_id(&self) -> Result<HostId, StateError> {
        let path = self.root.join("host-id");
        loop {
            match fs::read_to_string(&path) {
                Ok(text) => return parse_host_id(&text).ok_or(StateError::HostId { path }),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(StateError::HostId { path });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(StateError::Io { doing: "read", path, source }),
            }
            let _unswept = hold(&self.root, FlockArg::LockShared);
            let mut octets = [0; 16];
            SystemRandom::new().fill(&mut octets).map_err(|_| StateError::Random)?;
            match durable::create(&path, format!("{}\n", HostId(octets)).as_bytes(), 0o640) {
                // The other role may have made it meanwhile: what the file says counts.
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(StateError::Io { doing: "write", path, source: error });
                }
                _ => {}
            }
        }
    }

    /// The epoch of the life that starts now, greater than every earlier one of this state and
    /// stored when this returns.
    ///
    /// # Errors
    /// [`StateError::Io`]: a monitor that cannot store it must not send. [`StateError::Corrupt`]
    /// once where the stored one is unreadable; the next call starts from the wall clock alone.
    pub fn next_epoch(&self, wall: WallTime) -> Result<Epoch, StateError> {
        let file = self.file::<u64>("epoch.json", 1);
        let after = file.load()?.map_or(0, |last| last.saturating_add(1));
        let epoch = after.max(wall.as_unix_millis());
        file.store(&epoch)?;
        Ok(Epoch(epoch))
    }
}

fn parse_host_id(text: &str) -> Option<HostId> {
    let digits = text.trim_end();
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(|number| HostId(number.to_be_bytes()))
}

/// Holds a folder against the sweep of the other role, or for our own; where the file system has no
/// locks, nobody sweeps.
fn hold(folder: &Path, how: FlockArg) -> Option<Flock<File>> {
    Flock::lock(File::open(folder).ok()?, how).ok()
}

fn lock(path: &Path) -> Result<Flock<File>, StateError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        // What a link points to would be truncated.
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .at("open", path)?;
    let mut lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => lock,
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(StateError::Held { path: path.to_owned(), pid });
        }
        Err((_, errno)) => return Err(errno.into()).at("lock", path),
    };
    // The pid is for people only: what counts is the lock, which dies with its process.
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .at("write", path)?;
    Ok(lock)
}

/// Says what was tried on which path.
trait At<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T, StateError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T, StateError> {
        self.map_err(|source| StateError::Io { doing, path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_of_the_role_is_refused_and_told_who_has_it() {
        let root = tempfile::tempdir().unwrap();
        let first = StateDir::open(root.path(), Role::Binder).unwrap();
        let refused = StateDir::open(root.path(), Role::Binder).unwrap_err().to_string();
        let lock = root.path().join("binder/lock");
        assert!(refused.starts_with(lock.to_str().unwrap()), "{refused}");
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        StateDir::open(root.path(), Role::Monitor).unwrap();
        drop(first);
        StateDir::open(root.path(), Role::Binder).unwrap();
    }

    #[test]
    fn a_lock_that_its_process_left_behind_holds_nobody() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("monitor")).unwrap();
        fs::write(root.path().join("monitor/lock"), "123456789\n").unwrap();
        StateDir::open(root.path(), Role::Monitor).unwrap();
        let text = fs::read_to_string(root.path().join("monitor/lock")).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
    }

    #[test]
    fn what_a_crash_left_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let strays = ["binder/.rais-snapshot.json.1.0.tmp", ".rais-host-id.1.0.tmp"];
        let strays = strays.map(|stray| root.path().join(stray));
        fs::create_dir(root.path().join("binder")).unwrap();
        let leave = || strays.iter().for_each(|stray| fs::write(stray, b"{").unwrap());
        leave();
        let state = StateDir::open(root.path(), Role::Binder).unwrap();
        assert_eq!(state.swept(), strays);
        assert!(!strays.iter().any(|stray| stray.exists()));
        drop(state);

        // The other role is about to make the host's identity there.
        leave();
        let _writing = hold(root.path(), FlockArg::LockShared).unwrap();
        let state = StateDir::open(root.path(), Role::Binder).unwrap();
        assert_eq!(state.swept(), &strays[..1]);
        assert!(strays[1].exists());
    }

    #[test]
    fn a_lock_that_is_a_link_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let other = root.path().join("other");
        fs::write(&other, b"content").unwrap();
        fs::create_dir(root.path().join("binder")).unwrap();
        std::os::unix::fs::symlink(&other, root.path().join("binder/lock")).unwrap();
        let refused = StateDir::open(root.path(), Role::Binder).unwrap_err().to_string();
        assert!(refused.contains("binder/lock: cannot open"), "{refused}");
        assert_eq!(fs::read(&other).unwrap(), b"content");
    }

    #[test]
    fn the_host_keeps_its_identity_over_roles_and_restarts() {
        let root = tempfile::tempdir().unwrap();
        let monitor = StateDir::open(root.path(), Role::Monitor).unwrap();
        let binder = StateDir::open(root.path(), Role::Binder).unwrap();
        let id = monitor.host_id().unwrap();
        assert_ne!(id, HostId([0; 16]));
        assert_eq!(binder.host_id().unwrap(), id);
        drop(monitor);
        let again = StateDir::open(root.path(), Role::Monitor).unwrap();
        assert_eq!(again.host_id().unwrap(), id);
    }

    #[test]
    fn a_broken_identity_is_never_replaced() {
        let root = tempfile::tempdir().unwrap();
        let state = StateDir::open(root.path(), Role::Monitor).unwrap();
        let path = root.path().join("host-id");
        for broken in [&b""[..], b"00112233", b"+0112233445566778899aabbccddeeff", b"\xff"] {
            fs::write(&path, broken).unwrap();
            assert!(matches!(state.host_id(), Err(StateError::HostId { .. })), "{broken:?}");
            assert_eq!(fs::read(&path).unwrap(), broken);
        }
    }

    #[test]
    fn epochs_grow_though_the_clock_steps_back() {
        let root = tempfile::tempdir().unwrap();
        let epoch = |millis| {
            let state = StateDir::open(root.path(), Role::Monitor).unwrap();
            state.next_epoch(WallTime::from_unix_millis(millis)).unwrap()
        };
        assert_eq!(epoch(5_000), Epoch(5_000));
        assert_eq!(epoch(1_000), Epoch(5_001));
        assert_eq!(epoch(1_000), Epoch(5_002));
        assert_eq!(epoch(9_000), Epoch(9_000));
    }
}
