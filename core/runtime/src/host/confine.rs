//! What a process does before it runs foreign code: it gives up what that code must not have.

use std::io;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::getppid;

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
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // It may have died before the line above; then nobody would tell.
    if u32::try_from(getppid().as_raw()) != Ok(parent) {
        return Err(io::Error::other("the process that started this one is gone"));
    }
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

/// Also the hard limit, so that it stays; one that is lower already is kept.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let most = most.min(hard);
    Ok(setrlimit(resource, most, most)?)
}
