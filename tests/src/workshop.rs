//! Where crates are made and built outside of the workspace, as their authors do.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{Uid, User};

use crate::binary::{Output, finish, sibling};

/// A folder for one test's crates. It is the same in every run, and what is built stays: cargo
/// knows a crate again by its place.
#[derive(Debug)]
pub struct Workshop {
    folder: PathBuf,
    // Held: to cargo, crates that lie alike in two workshops are one, and it goes by times.
    _lock: Flock<File>,
}

impl Workshop {
    /// The folder `name`, empty. Waits until no other workshop is open.
    #[track_caller]
    #[must_use]
    pub fn open(name: &str) -> Self {
        let all = all();
        fs::create_dir_all(all.join("crates")).expect("a folder for crates");
        let lock = File::create(all.join("lock")).expect("a lock");
        let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, e)| e).expect("a lock");
        // Not before: who waits for the lock must not make what its holder removes.
        let folder = all.join("crates").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the last run's crates");
        }
        fs::create_dir(&folder).expect("a folder for crates");
        give(&[&all.join("crates")]);
        Self { folder, _lock: lock }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

/// Where cargo is to build the crates of all workshops: what they share is built once. Not above
/// them, since cargo takes what lies in there for its own.
#[must_use]
pub fn target() -> PathBuf {
    let target = all().join("built");
    if !target.exists() {
        fs::create_dir_all(&target).expect("a folder for what is built");
        give(&[&target]);
    }
    target
}

fn all() -> PathBuf {
    sibling("../workshop")
}

/// Gets the crate in `folder`, fresh from `rais plugins new`, ready to be built quickly: as its
/// author's, with the versions in our own `Cargo.lock`, and with an SDK that is not built again
/// where it is the one of the last run.
#[track_caller]
pub fn settle(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the versions");
    keep_times(&folder.join("sdk"), &all().join("seen"));
    give(&[folder]);
}

/// Gives each file below `folder` the time of the last one here, where that had the same content.
/// `seen` keeps both.
fn keep_times(folder: &Path, seen: &Path) {
    fs::create_dir_all(seen).expect("a folder");
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let before = seen.join(path.file_name().expect("a name"));
        if path.is_dir() {
            keep_times(&path, &before);
            continue;
        }
        let text = fs::read(&path).expect("a file");
        if fs::read(&before).ok().as_ref() != Some(&text) {
            fs::write(&before, text).expect("a copy");
            continue;
        }
        let time = fs::metadata(&before).and_then(|about| about.modified()).expect("a time");
        let file = File::options().append(true).open(&path).expect("a file");
        file.set_modified(time).expect("a time");
    }
}

/// Runs `cargo ARGUMENTS` in `folder`, as the author.
#[track_caller]
pub fn cargo(folder: &Path, arguments: &[&str]) -> Output {
    let words = as_author(&[&["cargo"], arguments].concat());
    let (program, rest) = words.split_first().expect("a command");
    let mut command = Command::new(program);
    command.args(rest).current_dir(folder);
    settle_environment(&mut command);
    finish(&mut command)
}

/// Takes from a command what the tests' own cargo has set, and has its cargo build in [`target`].
pub fn settle_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        // Where they are is the user's; all else is about the tests' own build.
        if name.starts_with("CARGO") && name != "CARGO_HOME" && !name.starts_with("CARGO_NET_") {
            command.env_remove(&*name);
        }
    }
    command
        .env_remove("RUSTFLAGS")
        .env("CARGO_TARGET_DIR", target())
        // Nobody debugs it, and it takes a third of the time.
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env("CARGO_TERM_COLOR", "never");
}

/// A command as the author runs it. That is whoever started the tests, also where sudo has made
/// root of him since.
#[must_use]
pub fn as_author(words: &[&str]) -> Vec<String> {
    let words = words.iter().map(|word| (*word).to_owned());
    let Some(user) = author() else { return words.collect() };
    let prefix = [
        "setpriv".to_owned(),
        format!("--reuid={}", user.uid),
        format!("--regid={}", user.gid),
        "--init-groups".to_owned(),
        "env".to_owned(),
        format!("HOME={}", user.dir.display()),
        format!("USER={}", user.name),
    ];
    prefix.into_iter().chain(words).collect()
}

/// Makes the author the owner of folders and all that is in them.
#[track_caller]
pub fn give(folders: &[&Path]) {
    if let Some(user) = author() {
        let owner = format!("{}:{}", user.uid, user.gid);
        finish(Command::new("chown").arg("-R").arg(owner).args(folders)).expect_code(0);
    }
}

/// Who asked sudo; none where we are who started the tests.
fn author() -> Option<User> {
    let uid: u32 = std::env::var("SUDO_UID").ok()?.parse().ok()?;
    if !Uid::effective().is_root() || uid == 0 {
        return None;
    }
    User::from_uid(Uid::from_raw(uid)).ok()?
}
