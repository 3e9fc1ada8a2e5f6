//! Raw sockets and clocks.

use std::mem::{size_of, zeroed};

use libc::{c_int, c_void, sockaddr_in, socklen_t};

use crate::arguments::die;

pub fn now_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// What this process has used.
pub fn cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    // SAFETY: the kernel writes to `time` alone, of which zeros are a value.
    let time = unsafe {
        let mut time: libc::timespec = zeroed();
        libc::clock_gettime(clock, &mut time);
        time
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Keeps this thread on one processor.
pub fn stay_on(cpu: usize) {
    // SAFETY: `set` is a local, of which zeros are a value.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

/// A port on 127.0.0.1.
pub fn loopback(port: u16) -> sockaddr_in {
    // SAFETY: zeros are a value of it.
    let mut address: sockaddr_in = unsafe { zeroed() };
    address.sin_family = libc::AF_INET as u16;
    address.sin_port = port.to_be();
    address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
    address
}

/// Ends the program where a call failed.
pub fn checked(outcome: c_int, what: &str) -> c_int {
    if outcome < 0 {
        die(&format!("{what}: {}", std::io::Error::last_os_error()));
    }
    outcome
}

pub fn udp() -> c_int {
    // SAFETY: no memory is involved.
    checked(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0) }, "socket")
}

/// As a client of that port, with room for whatever comes.
pub fn udp_connected(port: u16) -> c_int {
    let socket = udp();
    set(socket, libc::SO_RCVBUFFORCE, 8 << 20);
    set(socket, libc::SO_SNDBUFFORCE, 8 << 20);
    with_address(port, |address, length| {
        // SAFETY: the address is as long as is said.
        checked(unsafe { libc::connect(socket, address, length) }, "connect");
    });
    socket
}

/// As a server at that port, which other threads may share.
pub fn udp_bound(port: u16) -> c_int {
    let socket = udp();
    set(socket, libc::SO_REUSEPORT, 1);
    set(socket, libc::SO_RCVBUFFORCE, 4 << 20);
    with_address(port, |address, length| {
        // SAFETY: the address is as long as is said.
        checked(unsafe { libc::bind(socket, address, length) }, "bind");
    });
    socket
}

fn with_address(port: u16, action: impl FnOnce(*const libc::sockaddr, socklen_t)) {
    let address = loopback(port);
    action((&raw const address).cast(), size_of::<sockaddr_in>() as socklen_t);
}

/// An option of the socket level. Where it is refused, the system's default has to do.
fn set(socket: c_int, option: c_int, value: c_int) {
    let value = (&raw const value).cast::<c_void>();
    // SAFETY: `value` is an int, as its length says.
    unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, option, value, 4) };
}
