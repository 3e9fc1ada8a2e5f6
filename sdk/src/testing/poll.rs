//! poll(2).
#![allow(unsafe_code)] // one system call

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use crate::host::Interest;

/// Which of `watched` are ready, or failed; empty when `wait` (`None`: for ever) has passed.
pub(super) fn poll(
    watched: &[(RawFd, Interest)],
    wait: Option<Duration>,
) -> io::Result<Vec<(RawFd, Interest)>> {
    let mut fds: Vec<libc::pollfd> = watched
        .iter()
        .map(|&(fd, interest)| {
            let events = match interest {
                Interest::Read => libc::POLLIN,
                Interest::Write => libc::POLLOUT,
            };
            libc::pollfd { fd, events, revents: 0 }
        })
        .collect();
    // Rounded up: a timer must not be found early.
    let millis = wait
        .map_or(-1, |wait| i32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
    // SAFETY: `fds` is a valid array of the length given, for the time of the call.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, millis) };
    if ready < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted {
            Ok(Vec::new())
        } else {
            Err(error)
        };
    }
    let ready = fds.iter().zip(watched).filter(|(fd, _)| fd.revents != 0);
    Ok(ready.map(|(_, watched)| *watched).collect())
}
