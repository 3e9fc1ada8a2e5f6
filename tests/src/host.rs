//! A host of the test: a network namespace, a host name, and folders of its own in the places
//! that rais and the name servers use.
#![allow(unsafe_code, reason = "pre_exec: a child enters its host between fork and exec")]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

use crate::binary::{Output, finish, rais};
use crate::fakecpu::FakeCpu;
use crate::netns::Namespace;
use crate::process::Process;
use crate::wait;

/// Where a host sees its own folders; what Debian's profile for named allows lies here too.
const FOLDERS: [(&str, &str); 3] = [("/run", "run"), ("/var/lib", "lib"), ("/etc/bind", "bind")];

/// A host. Its processes see `/run`, `/var/lib`, `/etc/bind` and `/proc/stat` of their own.
#[derive(Debug)]
pub struct Host {
    name: String,
    net: Namespace,
    /// The processor whose load the test sets.
    pub cpu: FakeCpu,
    /// What it sees of its own, and where that is in `root`.
    folders: Vec<(String, String)>,
    mounts: Arc<Vec<Mount>>,
    // Last: what uses the folder is dropped before it.
    root: TempDir,
}

#[derive(Debug)]
struct Mount {
    from: CString,
    to: CString,
}

impl Mount {
    fn new(from: &Path, to: &str) -> Self {
        let from = CString::new(from.as_os_str().as_bytes()).expect("a path without NUL");
        Self { from, to: CString::new(to).expect("a path without NUL") }
    }
}

impl Host {
    /// A host with no network but loopback, idle.
    #[track_caller]
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::owning(name, &[])
    }

    /// As [`new`](Self::new), with folders of its own also at `more`, absolute paths of folders that
    /// are on this machine.
    #[track_caller]
    #[must_use]
    pub fn owning(name: &str, more: &[&str]) -> Self {
        let root = tempfile::Builder::new().prefix("rais-test-").tempdir().expect("a folder");
        let cpu = FakeCpu::new(&root.path().join("stat"), 1.0);
        let mut mounts = vec![Mount::new(cpu.path(), "/proc/stat")];
        let usual = FOLDERS.map(|(seen, real)| (seen.to_owned(), real.to_owned()));
        let more = more.iter().map(|seen| ((*seen).to_owned(), seen.replace('/', "_")));
        let folders: Vec<_> = usual.into_iter().chain(more).collect();
        for (seen, real) in &folders {
            let folder = root.path().join(real);
            std::fs::create_dir(&folder).expect("a host's folder");
            mounts.push(Mount::new(&folder, seen));
        }
        for folder in ["run/named", "lib/bind"] {
            std::fs::create_dir(root.path().join(folder)).expect("a folder for named");
        }
        let (name, net, mounts) = (name.to_owned(), Namespace::new(), Arc::new(mounts));
        Self { name, net, cpu, folders, mounts, root }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its network.
    #[must_use]
    pub fn net(&self) -> &Namespace {
        &self.net
    }

    /// Where the test finds what the host sees at `path`, which must lie in one of the host's
    /// own folders.
    #[track_caller]
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        let (rest, real) = self
            .folders
            .iter()
            .find_map(|(seen, real)| Some((path.strip_prefix(seen.as_str())?, real)))
            .unwrap_or_else(|| panic!("{path} is not one of a host's own folders"));
        self.root.path().join(real).join(rest.trim_start_matches('/'))
    }

    /// Writes a file that the host sees at `path`, its folders too.
    #[track_caller]
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a host's folder");
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }

    /// Reads a file that the host sees at `path`.
    #[track_caller]
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        let path = self.path(path);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// A command that will run on this host, in `/var/lib/bind`.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_remove("RAIS_LOG");
        self.net.inside(&mut command);
        let (mounts, name) = (Arc::clone(&self.mounts), self.name.clone());
        let enter = move || {
            unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS)?;
            nix::unistd::sethostname(&name)?;
            settle(&mounts)
        };
        // SAFETY: system calls on memory that was allocated before the fork.
        unsafe { command.pre_exec(enter) };
        command
    }

    /// Runs `rais ARGS` on this host to its end.
    #[track_caller]
    pub fn rais<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Output {
        finish(self.command(rais()).args(args))
    }

    /// Starts a command on this host.
    #[track_caller]
    pub fn spawn(&self, name: &str, command: &mut Command) -> Process {
        let name = format!("{}-{name}", self.name);
        Process::spawn(&name, self.root.path(), command)
    }

    /// Starts `rais ROLE -c FILE` (`run`, `monitor` or `binder`) and waits until it answers on
    /// its control socket, or panics with what it said.
    #[track_caller]
    pub fn start(&self, role: &str, file: &str) -> Process {
        self.start_with(role, file, |_| {})
    }

    /// As [`start`](Self::start), with more said of the command by `settle`.
    #[track_caller]
    pub fn start_with(&self, role: &str, file: &str, settle: impl FnOnce(&mut Command)) -> Process {
        let mut command = self.command(rais());
        command.args([role, "-c", file]);
        settle(&mut command);
        let mut process = self.spawn(role, &mut command);
        let sockets: &[&str] = match role {
            "run" => &["monitor", "binder"],
            other => &[other],
        };
        for role in sockets {
            let socket = format!("/run/rais/{role}.sock");
            wait::until(&format!("rais {role} on {} to answer", self.name), || {
                assert!(process.is_running(), "rais {role} ended:\n{}", process.stderr());
                let out = self.rais(&["status", "--socket", &socket, "--output", "json"]);
                if out.code == 0 { Ok(()) } else { Err(out.stderr) }
            });
        }
        process
    }
}

/// The child's own view of the file system. No allocation: this runs between fork and exec.
fn settle(mounts: &[Mount]) -> io::Result<()> {
    let none: Option<&std::ffi::CStr> = None;
    mount(none, c"/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    // As `ip netns exec` does: /sys shows the network of whoever mounted it.
    umount2(c"/sys", MntFlags::MNT_DETACH)?;
    mount(Some(c"sysfs"), c"/sys", Some(c"sysfs"), MsFlags::empty(), none)?;
    for Mount { from, to } in mounts {
        mount(
            Some(from.as_c_str()),
            to.as_c_str(),
            none,
            MsFlags::MS_BIND | MsFlags::MS_REC,
            none,
        )?;
    }
    nix::unistd::chdir(c"/var/lib/bind")?;
    Ok(())
}
