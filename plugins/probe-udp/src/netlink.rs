//! A question to the kernel, and what it answers: netlink(7).

use std::io;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};

/// The kernel's messages are shorter, in octets (a dump fills at most 32 KiB).
const LONGEST: usize = 64 * 1024;

/// How many answers a question has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// One, or an error.
    One,
    /// So many as there are, and their end.
    Many,
}

/// The answers of the kernel's part `protocol`.
///
/// # Errors
/// It cannot be asked; or the error that it answers.
pub(crate) fn ask<M>(protocol: isize, question: M, answers: Answers) -> io::Result<Vec<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable,
{
    let socket = Socket::new(protocol)?;
    // The kernel has answered before the sending returns. Should it not, nobody waits.
    socket.set_non_blocking(true)?;
    socket.send_to(&octets(question, answers), &SocketAddr::new(0, 0), 0)?;
    let mut found = Vec::new();
    let mut datagram = Vec::with_capacity(LONGEST);
    loop {
        datagram.clear();
        socket.recv(&mut datagram, 0)?;
        let mut rest = datagram.as_slice();
        while let Ok(head) = NetlinkBuffer::new_checked(rest) {
            let len = usize::try_from(head.length()).unwrap_or(usize::MAX).min(rest.len());
            let message = NetlinkMessage::deserialize(&rest[..len]).map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::InnerMessage(answer) => {
                    found.push(answer);
                    if answers == Answers::One {
                        return Ok(found);
                    }
                }
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::Done(done) if done.code < 0 => {
                    return Err(io::Error::from_raw_os_error(-done.code));
                }
                NetlinkPayload::Done(_) => return Ok(found),
                _ => {}
            }
            // The next one starts at a multiple of four.
            rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

fn octets<M: NetlinkSerializable>(question: M, answers: Answers) -> Vec<u8> {
    let payload = NetlinkPayload::InnerMessage(question);
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload);
    message.header.flags = match answers {
        Answers::One => NLM_F_REQUEST,
        Answers::Many => NLM_F_REQUEST | NLM_F_DUMP,
    };
    message.finalize();
    let mut octets = vec![0; message.buffer_len()];
    message.serialize(&mut octets);
    octets
}
