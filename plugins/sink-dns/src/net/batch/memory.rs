//! The memory that recvmmsg and sendmmsg work on, and the calls.
#![allow(unsafe_code)] // No crate has them over headers that stay filled in from call to call, nor with
// another source address and segment length for each datagram of a call.

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{addr_of, addr_of_mut, null_mut};

use libc::{c_int, c_uint, c_void, iovec, mmsghdr, sockaddr_in, sockaddr_in6, socklen_t};

use super::{LONGEST_DATAGRAM, MOST, Run, Source, Wait};
use crate::net::listen::Local;

/// One piece on the heap that never moves, since the headers in it point into it.
///
/// It is touched by way of this one pointer alone, and by the kernel during a call: no reference to a part
/// that the kernel writes outlives the method, or the borrow of `self`, that it was made in.
pub(super) struct Memory(*mut Layout);

// SAFETY: it owns what it points to, and nobody else has the pointer.
unsafe impl Send for Memory {}

#[repr(C)]
struct Layout {
    received: [mmsghdr; MOST],
    senders: [Name; MOST],
    received_pieces: [iovec; MOST],
    received_control: [Control; MOST],
    sent: [mmsghdr; MOST],
    sent_pieces: [iovec; MOST],
    sent_control: [Control; MOST],
    /// Headers before this one were changed by the kernel.
    used: usize,
    queries: [[u8; LONGEST_DATAGRAM]; MOST],
}

/// A socket address of either family, as the kernel writes it.
#[repr(C)]
#[derive(Clone, Copy)]
union Name {
    v4: sockaddr_in,
    v6: sockaddr_in6,
}

/// Room for the control messages of a datagram: whence (40 octets at most) and the segments' length (24).
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

const CONTROL: usize = 64;

impl Memory {
    pub(super) fn new() -> Self {
        // SAFETY: all of `Layout` is numbers, octets and raw pointers, of which zeros are sound values.
        let layout = Box::into_raw(unsafe { Box::<Layout>::new_zeroed().assume_init() });
        for i in 0..MOST {
            // SAFETY: `layout` was just allocated, nobody else has it, and `i` is within the arrays. No
            // reference is made: the pointers that are stored come from the one to the whole.
            unsafe {
                let piece = addr_of_mut!((*layout).received_pieces[i]);
                (*piece).iov_base = addr_of_mut!((*layout).queries[i]).cast();
                (*piece).iov_len = LONGEST_DATAGRAM;
                let header = addr_of_mut!((*layout).received[i].msg_hdr);
                (*header).msg_name = addr_of_mut!((*layout).senders[i]).cast();
                (*header).msg_iov = piece;
                (*header).msg_iovlen = 1;
                (*header).msg_control = addr_of_mut!((*layout).received_control[i]).cast();

                let header = addr_of_mut!((*layout).sent[i].msg_hdr);
                (*header).msg_name = addr_of_mut!((*layout).senders[i]).cast();
                (*header).msg_iov = addr_of_mut!((*layout).sent_pieces[i]);
                (*header).msg_iovlen = 1;
            }
        }
        // SAFETY: as above.
        unsafe { (*layout).used = MOST };
        Self(layout)
    }

    /// Takes datagrams in, and says how many.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>, wait: Wait) -> io::Result<usize> {
        let flags = match wait {
            Wait::ForOne => libc::MSG_WAITFORONE,
            Wait::Not => libc::MSG_DONTWAIT,
        };
        // SAFETY: the pointer is ours, see `Memory`; `used` is at most `MOST`.
        let headers = unsafe {
            for i in 0..(*self.0).used {
                let header = addr_of_mut!((*self.0).received[i].msg_hdr);
                (*header).msg_namelen = size_of::<Name>() as socklen_t;
                (*header).msg_controllen = CONTROL as _;
            }
            (*self.0).used = 0;
            addr_of_mut!((*self.0).received).cast::<mmsghdr>()
        };
        // SAFETY: `MOST` headers, each of which points to a name, a piece and control messages in the same
        // memory and says their true lengths; `&mut self` keeps all others off for the call.
        let count = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers, MOST as c_uint, flags as _, null_mut())
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        // SAFETY: as at first.
        unsafe { (*self.0).used = count.min(MOST) };
        Ok(count.min(MOST))
    }

    /// Datagram `i` of those received: what it says, who sent it, to which address of ours. Nothing where
    /// it is empty (the kernel shows the end of a socket so), cut off, or cannot be answered.
    #[inline]
    pub(super) fn query(&self, i: usize, local: Local) -> Option<(&[u8], SocketAddr, IpAddr)> {
        assert!(i < MOST);
        // SAFETY: `i` is within the arrays. The kernel writes there during `receive` alone, which borrows
        // `self` mutably, while what is returned borrows it.
        let (header, query) =
            unsafe { (&*addr_of!((*self.0).received[i]), &*addr_of!((*self.0).queries[i])) };
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 || header.msg_len == 0 {
            return None;
        }
        let query = query.get(..header.msg_len as usize)?;
        let client = self.sender(i)?;
        let local = match local {
            Local::Bound(address) => address,
            Local::Wildcard => asked(&header.msg_hdr)?,
        };
        Some((query, client, local))
    }

    /// Who sent datagram `i`; nothing where nobody could be answered there.
    #[inline]
    fn sender(&self, i: usize) -> Option<SocketAddr> {
        // SAFETY: the whole union is initialised, with zeros at first, and any octets are sound as either
        // of its members, which begin with the family alike.
        let (family, v4, v6) = unsafe {
            let name = &*addr_of!((*self.0).senders[i]);
            (c_int::from(name.v4.sin_family), &name.v4, &name.v6)
        };
        let address = match family {
            libc::AF_INET => {
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)))
            }
            libc::AF_INET6 => {
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                SocketAddr::V6(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id))
            }
            _ => return None,
        };
        (address.port() != 0).then_some(address)
    }

    /// Makes the headers of `runs` ready, whose answers are to be given to [`Memory::send`].
    pub(super) fn prepare(&mut self, runs: &[Run]) {
        for i in 0..runs.len() {
            self.prepare_one(runs, i);
        }
    }

    /// The same for the run `i` of them alone.
    #[inline]
    pub(super) fn prepare_one(&mut self, runs: &[Run], i: usize) {
        let run = &runs[i];
        assert!(i < MOST && run.query < MOST);
        // SAFETY: both are within the arrays, and the pointer is ours, see `Memory`.
        unsafe {
            let header = &mut *addr_of_mut!((*self.0).sent[i].msg_hdr);
            header.msg_name = addr_of_mut!((*self.0).senders[run.query]).cast();
            header.msg_namelen = match run.client {
                SocketAddr::V4(_) => size_of::<sockaddr_in>(),
                SocketAddr::V6(_) => size_of::<sockaddr_in6>(),
            } as socklen_t;
            header.msg_control = null_mut();
            header.msg_controllen = 0;
            if run.source == Source::Datagram || run.segments > 1 {
                header.msg_control = addr_of_mut!((*self.0).sent_control[i]).cast();
                describe(header, run);
            }
        }
    }

    /// Sends `runs` from the one with the number `from` on, as far as they go, and says how many went: one
    /// at least. They have been prepared, and are pieces of `answers`.
    pub(super) fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        runs: &[Run],
        from: usize,
        answers: &[u8],
    ) -> io::Result<usize> {
        let left = runs.get(from..).unwrap_or_default();
        assert!(runs.len() <= MOST && !left.is_empty());
        for (i, run) in left.iter().enumerate() {
            let answer = &answers[run.start..run.start + run.length];
            // SAFETY: within the array by the assertion; the pointer is ours.
            unsafe {
                let piece = addr_of_mut!((*self.0).sent_pieces[from + i]);
                (*piece).iov_base = answer.as_ptr().cast_mut().cast::<c_void>();
                (*piece).iov_len = answer.len();
            }
        }
        // SAFETY: `left.len()` headers from `from` on are within the array. Each points to a name and to
        // control messages in this memory and, as of just now, to a piece of `answers`, which the kernel
        // only reads.
        let count = unsafe {
            let headers = addr_of_mut!((*self.0).sent).cast::<mmsghdr>().add(from);
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            libc::sendmmsg(socket.as_raw_fd(), headers, left.len() as c_uint, flags as _)
        };
        match usize::try_from(count) {
            Ok(count) if count > 0 => Ok(count),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it is from `Box::into_raw`, and nothing borrows it any more.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// The address that a datagram was sent to.
fn asked(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel has filled in `header`: its control messages are whole and lie within the memory
    // that it points to. They are aligned for their headers alone, so their contents are copied.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(found) = message.as_ref() {
            match (found.cmsg_level, found.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().read_unaligned();
                    // Where it went to a broadcast address: the one of ours from which to answer.
                    return Some(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info =
                        libc::CMSG_DATA(message).cast::<libc::in6_pktinfo>().read_unaligned();
                    let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    return (!address.is_multicast()).then_some(address.into());
                }
                _ => message = libc::CMSG_NXTHDR(header, message),
            }
        }
    }
    None
}

/// Writes the control messages of `run`: from which address, in segments of which length.
///
/// # Safety
/// `header` points to a [`Control`] that nobody else touches.
unsafe fn describe(header: &mut libc::msghdr, run: &Run) {
    let mut length = 0;
    if run.source == Source::Datagram {
        // The route chooses the interface, which need not be that of the query; but a link-local address
        // means one of its link's alone.
        length += match (run.local, run.client) {
            (IpAddr::V4(local), _) => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr { s_addr: u32::from(local).to_be() },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                // SAFETY: the first message, of 32 octets.
                unsafe { put(header, length, libc::IPPROTO_IP, libc::IP_PKTINFO, info) }
            }
            (IpAddr::V6(local), client) => {
                let link = match client {
                    SocketAddr::V6(client) if local.is_unicast_link_local() => client.scope_id(),
                    _ => 0,
                };
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr { s6_addr: local.octets() },
                    ipi6_ifindex: link as _,
                };
                // SAFETY: the first message, of 40 octets.
                unsafe { put(header, length, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info) }
            }
        };
    }
    if run.segments > 1 {
        // At most `LONGEST_SEGMENT`, as `Run::takes` sees to it.
        let segment = run.segment as u16;
        // SAFETY: behind at most 40 octets there are 24 left.
        length += unsafe { put(header, length, libc::SOL_UDP, libc::UDP_SEGMENT, segment) };
    }
    header.msg_controllen = length as _;
}

/// Writes one control message, and says how many octets it takes.
///
/// # Safety
/// `header` points to control messages with so much room behind the first `at` octets, a multiple of 8.
unsafe fn put<T>(header: &libc::msghdr, at: usize, level: c_int, kind: c_int, value: T) -> usize {
    let size = size_of::<T>() as c_uint;
    // SAFETY: the caller's promise; a `Control` is aligned for message headers.
    unsafe {
        let message = header.msg_control.cast::<u8>().add(at).cast::<libc::cmsghdr>();
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
        libc::CMSG_SPACE(size) as usize
    }
}

/// Has answers leave whatever a route's MTU is said to be; only the interface's counts.
pub(in crate::net) fn ignore_path_mtu(socket: BorrowedFd<'_>, address: IpAddr) -> io::Result<()> {
    let (level, option, value) = match address {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT),
    };
    // SAFETY: the option is an int, and its length is said.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            addr_of!(value).cast::<c_void>(),
            size_of::<c_int>() as socklen_t,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
