//! When everything that was sent on loopback has arrived.
#![allow(unsafe_code)] // the processor that a thread runs on has no safe call

use std::io;
use std::mem;
use std::net::UdpSocket;
use std::time::Duration;

/// Holds the calling thread on one processor, so that all it sends passes one queue of the kernel's,
/// in order. Gone, the thread may run where it could before.
pub(super) struct Fence {
    socket: Option<UdpSocket>,
    before: Option<libc::cpu_set_t>,
}

/// A packet may cause another, and that one more: SYN, SYN-ACK, ACK.
const ROUNDS: u8 = 4;

impl Fence {
    pub(super) fn new() -> Self {
        Self { socket: to_itself().ok(), before: stay_here() }
    }

    /// Returns once what this thread has sent before has arrived, and what came of that.
    ///
    /// Almost always that is so before a system call returns; but a busy kernel may put it off.
    pub(super) fn pass(&self) {
        let Some(socket) = &self.socket else { return };
        for round in 0..ROUNDS {
            // Where loopback is down, nothing arrives anyway.
            if socket.send(&[round]).is_err() || socket.recv(&mut [0]).is_err() {
                return;
            }
        }
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            set(before);
        }
    }
}

fn to_itself() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(socket.local_addr()?)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(socket)
}

/// Keeps this thread on its processor, and returns where it could run before; `None` where the
/// system does not let it.
fn stay_here() -> Option<libc::cpu_set_t> {
    // SAFETY: takes nothing and returns a number.
    let here = usize::try_from(unsafe { libc::sched_getcpu() }).ok()?;
    let mut before = none();
    // SAFETY: `before` is a set of the size that is told.
    let got = unsafe { libc::sched_getaffinity(0, mem::size_of_val(&before), &raw mut before) };
    let mut only = none();
    let bits = 8 * mem::size_of_val(&only);
    if got != 0 || here >= bits {
        return None;
    }
    // SAFETY: `here` is inside the set.
    unsafe { libc::CPU_SET(here, &mut only) };
    set(&only).then_some(before)
}

fn set(processors: &libc::cpu_set_t) -> bool {
    // SAFETY: a set of the size that is told.
    unsafe { libc::sched_setaffinity(0, mem::size_of_val(processors), processors) == 0 }
}

fn none() -> libc::cpu_set_t {
    // SAFETY: a set of bits; all of them zero is the empty one.
    unsafe { mem::zeroed() }
}
