//! What comes in, read far enough to be answered or refused.

use crate::name::{Lowered, MAX_NAME};
use crate::zone::rtype;

/// Octets of a message's header.
pub(crate) const HEADER: usize = 12;
/// Class IN.
pub(crate) const IN: u16 = 1;

/// Octets of a question behind its name.
const AFTER_NAME: usize = 4;
/// Octets of a record between its owner and its data.
const BEFORE_DATA: usize = 10;

/// What a message's header says (RFC 1035 §4.1.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) id: [u8; 2],
    /// The first octet of the flags.
    first: u8,
    questions: u16,
    /// Answers, authorities, additionals.
    records: [u16; 3],
}

/// A message that is to be answered; its name stands in the [`Lowered`] that it was read into.
#[derive(Debug)]
pub(crate) struct Query<'m> {
    /// As it came, or nothing where there is none.
    pub(crate) question: &'m [u8],
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) edns: Option<Edns<'m>>,
    /// Of the SOA that a secondary has (RFC 1995 §3).
    pub(crate) serial: Option<u32>,
    /// Where the TSIG record begins, which stands last (RFC 8945 §5.1).
    pub(crate) signature: Option<usize>,
}

/// What a client says of itself (RFC 6891 §6.1.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edns<'m> {
    pub(crate) size: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    pub(crate) options: Options<'m>,
}

/// Options that are understood; all others are passed over (RFC 6891 §6.1.2).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options<'m> {
    pub(crate) nsid: bool,
    pub(crate) cookie: Option<&'m [u8]>,
    pub(crate) keepalive: Keepalive,
}

/// What a client says of how long a connection is kept (RFC 7828).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Keepalive {
    #[default]
    Nothing,
    /// It would know.
    Asked,
    /// A time, which is the server's alone to give.
    Given,
}

/// Numbers of EDNS options (IANA).
pub(crate) mod option {
    pub(crate) const NSID: u16 = 3;
    pub(crate) const COOKIE: u16 = 10;
    pub(crate) const KEEPALIVE: u16 = 11;
    pub(crate) const EDE: u16 = 15;
}

/// A record as far as it matters here.
#[derive(Debug)]
struct Record<'m> {
    /// Whether its owner is the root.
    is_roots: bool,
    rtype: u16,
    class: u16,
    /// The second and third octet of its TTL, as an OPT record has them (RFC 6891 §6.1.3).
    version: u8,
    flags: u8,
    data: &'m [u8],
    /// Where it ends in the message.
    end: usize,
}

/// Why a message has no answer but an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Not even a question can be given back.
    Question,
    /// Something behind the question.
    Rest,
}

impl Header {
    /// Of a message; nothing of what is too short to have one.
    #[inline]
    pub(crate) fn read(message: &[u8]) -> Option<Header> {
        let &[i, d, first, _, qd, q, an, a, ns, n, ar, r] = message.first_chunk::<HEADER>()?;
        Some(Header {
            id: [i, d],
            first,
            questions: u16::from_be_bytes([qd, q]),
            records: [[an, a], [ns, n], [ar, r]].map(u16::from_be_bytes),
        })
    }

    #[inline]
    pub(crate) fn is_response(&self) -> bool {
        self.first & 0x80 != 0
    }

    #[inline]
    pub(crate) fn opcode(&self) -> u8 {
        self.first >> 3 & 0xF
    }

    /// Opcode and "recursion desired", which every answer repeats, and that it is one.
    #[inline]
    pub(crate) fn answered(&self) -> u8 {
        0x80 | self.first & 0x79
    }
}

impl<'m> Query<'m> {
    /// Reads a message behind its header; its name goes into `name`.
    ///
    /// # Errors
    /// It is not as RFC 1035 §4.1 and RFC 9619 have it.
    #[inline]
    pub(crate) fn read(
        message: &'m [u8],
        header: &Header,
        name: &mut Lowered,
    ) -> Result<Query<'m>, Malformed> {
        let mut query =
            Query { question: &[], rtype: 0, class: 0, edns: None, serial: None, signature: None };
        let mut at = HEADER;
        match header.questions {
            1 => {
                at = name.read(message, at).ok_or(Malformed::Question)?;
                let fixed = message.get(at..at + AFTER_NAME);
                let Some(&[t, y, c, l]) = fixed else { return Err(Malformed::Question) };
                query.rtype = u16::from_be_bytes([t, y]);
                query.class = u16::from_be_bytes([c, l]);
                at += AFTER_NAME;
                query.question = message.get(HEADER..at).unwrap_or_default();
            }
            // A client that has only come for a cookie (RFC 7873 §5.4).
            0 => {}
            _ => return Err(Malformed::Question),
        }
        if header.records != [0; 3] {
            at = query.read_records(message, at, header.records).ok_or(Malformed::Rest)?;
        }
        // Whoever counts otherwise than we do may mean otherwise, too.
        if at != message.len() {
            return Err(Malformed::Rest);
        }
        let asks = header.questions == 1;
        let has_cookie = query.edns.is_some_and(|edns| edns.options.cookie.is_some());
        if asks || has_cookie { Ok(query) } else { Err(Malformed::Question) }
    }

    /// Passes over records, and takes up what EDNS and TSIG say.
    #[cold]
    fn read_records(&mut self, message: &'m [u8], from: usize, counts: [u16; 3]) -> Option<usize> {
        let mut at = from;
        for (section, count) in counts.into_iter().enumerate() {
            for left in (0..count).rev() {
                let start = at;
                let record = Record::read(message, start)?;
                at = record.end;
                match record.rtype {
                    rtype::OPT => {
                        // One, of the root's, in the last section (RFC 6891 §6.1.1).
                        if section != 2 || !record.is_roots || self.edns.is_some() {
                            return None;
                        }
                        self.edns = Some(record.edns(Options::read(record.data)?));
                    }
                    rtype::SOA if section == 1 => {
                        let data = record.data;
                        let serial = data.len().checked_sub(20).and_then(|at| data.get(at..at + 4));
                        let serial = serial.and_then(|serial| serial.try_into().ok());
                        self.serial = serial.map(u32::from_be_bytes);
                    }
                    rtype::TSIG => {
                        if section != 2 || left != 0 {
                            return None;
                        }
                        self.signature = Some(start);
                    }
                    _ => {}
                }
            }
        }
        Some(at)
    }
}

impl<'m> Record<'m> {
    #[inline]
    fn read(message: &'m [u8], start: usize) -> Option<Record<'m>> {
        let at = pass_name(message, start)?;
        let fixed = message.get(at..at + BEFORE_DATA)?;
        let &[t, y, c, l, _, version, flags, _, length, h] = fixed.first_chunk::<BEFORE_DATA>()?;
        let at = at + BEFORE_DATA;
        let end = at + usize::from(u16::from_be_bytes([length, h]));
        Some(Record {
            is_roots: *message.get(start)? == 0,
            rtype: u16::from_be_bytes([t, y]),
            class: u16::from_be_bytes([c, l]),
            version,
            flags,
            data: message.get(at..end)?,
            end,
        })
    }

    /// Of an OPT record with these options.
    fn edns(&self, options: Options<'m>) -> Edns<'m> {
        let dnssec_ok = self.flags & 0x80 != 0;
        Edns { size: self.class, version: self.version, dnssec_ok, options }
    }
}

impl<'m> Edns<'m> {
    /// Of a message that is not understood otherwise, as far as it can be read. Options that make no
    /// sense are none.
    #[cold]
    pub(crate) fn find(message: &'m [u8], header: &Header) -> Option<Edns<'m>> {
        let mut at = HEADER;
        for _ in 0..header.questions {
            at = pass_name(message, at)? + AFTER_NAME;
        }
        let [answers, authorities, additionals] = header.records.map(u32::from);
        for _ in 0..answers + authorities {
            at = Record::read(message, at)?.end;
        }
        for _ in 0..additionals {
            let record = Record::read(message, at)?;
            if record.rtype == rtype::OPT && record.is_roots {
                return Some(record.edns(Options::read(record.data).unwrap_or_default()));
            }
            at = record.end;
        }
        None
    }
}

impl<'m> Options<'m> {
    fn read(mut data: &'m [u8]) -> Option<Options<'m>> {
        let mut options = Options::default();
        while !data.is_empty() {
            let (&[c, o, l, e], rest) = data.split_first_chunk::<4>()?;
            let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([l, e])))?;
            data = rest;
            match u16::from_be_bytes([c, o]) {
                option::NSID => options.nsid = true,
                // Of several the first counts (RFC 7873 §5.2).
                option::COOKIE => {
                    options.cookie.get_or_insert(value);
                }
                option::KEEPALIVE if value.is_empty() => options.keepalive = Keepalive::Asked,
                option::KEEPALIVE => options.keepalive = Keepalive::Given,
                _ => {}
            }
        }
        Some(options)
    }
}

/// Where a name ends; a pointer ends it, wherever it points to.
fn pass_name(message: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let length = usize::from(*message.get(at)?);
        match length {
            0 => return Some(at + 1),
            1..=63 => at += 1 + length,
            0xC0.. => return (at + 2 <= message.len()).then_some(at + 2),
            _ => return None,
        }
        if at - from >= MAX_NAME {
            return None;
        }
    }
}
