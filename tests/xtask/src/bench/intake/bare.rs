//! A loop that receives and does nothing.

use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use nix::time::{ClockId, clock_gettime};

use super::Taken;
use super::flood::Flood;

/// As many at a time as the transport takes.
const MOST: usize = 64;

/// What the loop takes of a flood, with the CPU time of its thread.
pub(super) fn take(
    socket: &UdpSocket,
    flood: &mut Flood,
    rate: u32,
    time: Duration,
) -> anyhow::Result<Taken> {
    socket2::SockRef::from(socket).set_recv_buffer_size(4 << 20)?;
    // A look at whether it is over, after the last datagram.
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let receiving = scope.spawn(|| receive(socket, &over));
        let sent = flood.send(socket.local_addr()?, rate, time);
        over.store(true, Ordering::Relaxed);
        let taken = receiving.join().ok().context("the loop")??;
        sent?;
        Ok(taken)
    })
}

fn receive(socket: &UdpSocket, over: &AtomicBool) -> anyhow::Result<Taken> {
    let mut room = vec![[0_u8; 1536]; MOST];
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(MOST, None);
    let begun = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    let mut heartbeats = 0;
    loop {
        let mut slices: Vec<_> =
            room.iter_mut().map(|room| [IoSliceMut::new(&mut room[..])]).collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        match recvmmsg(socket.as_raw_fd(), &mut headers, slices.iter_mut(), flags, None) {
            Ok(received) => heartbeats += received.count() as u64,
            Err(nix::errno::Errno::EAGAIN) if over.load(Ordering::Relaxed) => break,
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let spent = Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?);
    Ok(Taken { heartbeats, cpu: spent.saturating_sub(Duration::from(begun)) })
}
