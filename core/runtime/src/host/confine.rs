//! What a process does before it runs foreign code: it gives up what that code must not have.
//!
//! None of it is a sandbox. What has the user of rais can do what that user can.
#![allow(unsafe_code)] // closes descriptors that nobody in this process has

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, geteuid, getppid, setgroups, setresgid, setresuid};

/// Who owns nothing, as every system has it.
const NOBODY: u32 = 65534;

/// How much a process of foreign code may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Octets of address space.
    pub address_space: Option<u64>,
    /// Files open at a time.
    pub open_files: Option<u32>,
    /// Processor time; rounded up to seconds.
    pub cpu: Option<Duration>,
}

/// Confines this process: it dies with the thread that started it, which is of the process
/// `parent`, gains no privileges, leaves no core file, lets nobody of its user look into it and
/// keeps within `limits`.
///
/// To be called before any foreign code runs and before any thread starts. The thread that started
/// this process must live until it is reaped: the kernel takes the end of that *thread* for the
/// parent's.
///
/// # Errors
/// The parent is gone already, or what the kernel refuses.
pub fn confine(limits: &Limits, parent: u32) -> io::Result<()> {
    end_with(parent)?;
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    limit(Resource::RLIMIT_CORE, 0)?;
    if let Some(octets) = limits.address_space {
        limit(Resource::RLIMIT_AS, octets)?;
    }
    if let Some(files) = limits.open_files {
        limit(Resource::RLIMIT_NOFILE, files.into())?;
    }
    if let Some(time) = limits.cpu {
        limit(Resource::RLIMIT_CPU, time.as_secs() + u64::from(time.subsec_nanos() > 0))?;
    }
    Ok(())
}

/// As [`confine`], for a process that needs nothing but its own memory: it is nobody's where it was
/// root's, so that it can neither signal nor trace who started it, and it starts neither process
/// nor thread, so that nothing of it stays behind. (That limit binds all but root: where root may
/// not become somebody else, as in some containers, it stays root and is not bound.)
///
/// # Errors
/// As there.
pub(super) fn confine_wholly(limits: &Limits, parent: u32) -> io::Result<()> {
    confine(limits, parent)?;
    limit(Resource::RLIMIT_NPROC, 0)?;
    if geteuid().is_root() {
        match become_nobody() {
            // There is no such user here, or root may not.
            Ok(()) | Err(Errno::EPERM | Errno::EINVAL) => {}
            Err(error) => return Err(error.into()),
        }
        // With another user the kernel forgets both.
        prctl::set_dumpable(false)?;
        end_with(parent)?;
    }
    Ok(())
}

/// Keeps others of our user out of this process's memory: what foreign code runs as. To be called
/// by who starts a process for such code. There are no core files of this process from then on.
///
/// # Errors
/// What the kernel refuses.
pub(super) fn close_to_others() -> io::Result<()> {
    Ok(prctl::set_dumpable(false)?)
}

/// Closes all but standard input, output and error: whoever started rais may have left something
/// open that foreign code must not have. To be called before this process opens anything.
///
/// # Errors
/// What the kernel refuses.
pub(crate) fn keep_standard_streams() -> io::Result<()> {
    // SAFETY: nobody in this process has opened anything yet, so nobody uses what is closed.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has the kernel end this process with its parent.
fn end_with(parent: u32) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // It may have died before the line above; then nobody would tell.
    if u32::try_from(getppid().as_raw()) != Ok(parent) {
        return Err(io::Error::other("the process that started this one is gone"));
    }
    Ok(())
}

fn become_nobody() -> nix::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}

/// Also the hard limit, so that it stays; one that is lower already is kept.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let most = most.min(hard);
    Ok(setrlimit(resource, most, most)?)
}
