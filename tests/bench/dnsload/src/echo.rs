//! What the kernel allows: every datagram is answered with the same records, and nothing is looked up.

use std::mem::{size_of, zeroed};
use std::ptr::null_mut;
use std::thread;

use libc::{c_int, c_void, iovec, mmsghdr, sockaddr_in, socklen_t};

use crate::arguments::Arguments;
use crate::sockets;

const BATCH: usize = 64;
/// A header and the shortest question.
const SHORTEST_QUERY: usize = 17;
const LONGEST_QUERY: usize = 512;
const ROOM: usize = 1024;

/// The answer section.
struct Answers {
    count: u8,
    records: Vec<u8>,
}

pub fn serve(arguments: &Arguments) {
    let port = arguments.get("port", 5300);
    let count = arguments.get("answers", 8u8);
    let is_single = arguments.has("single");
    let threads: Vec<_> = (0..arguments.get("threads", 1usize))
        .map(|_| {
            thread::spawn(move || {
                let socket = sockets::udp_bound(port);
                let answers = Answers::new(count);
                // SAFETY: the socket is this thread's own.
                unsafe {
                    if is_single { one_by_one(socket, &answers) } else { batched(socket, &answers) }
                }
            })
        })
        .collect();
    for thread in threads {
        let _ = thread.join();
    }
}

impl Answers {
    fn new(count: u8) -> Self {
        let record = |last| [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 0, 0, last];
        Self { count, records: (1..=count).flat_map(record).collect() }
    }

    /// Makes a query of this length its answer, and says how long that is.
    #[inline]
    fn put(&self, message: &mut [u8], query: usize) -> usize {
        message[2] = 0x84;
        message[3] = 0;
        message[7] = self.count;
        let end = query + self.records.len();
        message[query..end].copy_from_slice(&self.records);
        end
    }
}

/// # Safety
/// `socket` is open.
unsafe fn one_by_one(socket: c_int, answers: &Answers) -> ! {
    let mut message = [0u8; ROOM];
    loop {
        // SAFETY: the kernel writes to locals, within the lengths that are said.
        unsafe {
            let mut from: sockaddr_in = zeroed();
            let mut from_length = size_of::<sockaddr_in>() as socklen_t;
            let octets = message.as_mut_ptr().cast::<c_void>();
            let name = (&raw mut from).cast();
            let length = libc::recvfrom(socket, octets, LONGEST_QUERY, 0, name, &mut from_length);
            if length >= SHORTEST_QUERY as isize {
                let length = answers.put(&mut message, length as usize);
                libc::sendto(socket, octets, length, 0, name, from_length);
            }
        }
    }
}

/// # Safety
/// `socket` is open.
unsafe fn batched(socket: c_int, answers: &Answers) -> ! {
    let mut messages = vec![[0u8; ROOM]; BATCH];
    // SAFETY: zeros are values of both.
    let (mut names, mut headers) =
        unsafe { (vec![zeroed::<sockaddr_in>(); BATCH], vec![zeroed::<mmsghdr>(); BATCH]) };
    let mut pieces: Vec<_> = messages
        .iter_mut()
        .map(|m| iovec { iov_base: m.as_mut_ptr().cast(), iov_len: LONGEST_QUERY })
        .collect();
    for ((header, piece), name) in headers.iter_mut().zip(&mut pieces).zip(&mut names) {
        header.msg_hdr.msg_iov = piece;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_name = (&raw mut *name).cast();
        header.msg_hdr.msg_namelen = size_of::<sockaddr_in>() as socklen_t;
    }
    loop {
        let first = headers.as_mut_ptr();
        // SAFETY: the headers point into the vectors above, which stay as they are.
        let count = unsafe {
            libc::recvmmsg(socket, first, BATCH as u32, libc::MSG_WAITFORONE as _, null_mut())
        };
        let Ok(count) = usize::try_from(count) else { continue };
        for i in 0..count {
            let query = (headers[i].msg_len as usize).max(SHORTEST_QUERY);
            pieces[i].iov_len = answers.put(&mut messages[i], query);
        }
        let mut sent = 0;
        while sent < count {
            // SAFETY: as above.
            let more = unsafe { libc::sendmmsg(socket, first.add(sent), (count - sent) as u32, 0) };
            // One that does not go is given up.
            sent += usize::try_from(more).unwrap_or_default().max(1);
        }
        for piece in &mut pieces[..count] {
            piece.iov_len = LONGEST_QUERY;
        }
    }
}
