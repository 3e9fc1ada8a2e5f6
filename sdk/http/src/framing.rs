//! Where a body ends: RFC 9112 §6.

use httparse::{Header, Status};

use crate::ResponseError;
use crate::reader::HEAD;

/// What of a body is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many octets.
    Length(u64),
    Chunked(Chunks),
    /// All until the connection ends.
    UntilClose,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunks {
    expected: Expected,
    /// The part of a line that has come.
    line: Vec<u8>,
    /// Octets behind the last chunk so far.
    trailer: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    Size,
    Data(u64),
    /// The line's end behind a chunk.
    EndOfData,
    Trailer,
    Nothing,
}

/// Of a chunk's size with its extensions, or of a trailer, in octets.
const LINE: usize = 4096;

impl Framing {
    /// For an answer that has a body.
    pub(crate) fn of(headers: &[Header<'_>]) -> Result<Self, ResponseError> {
        let values = |name: &'static str| {
            let named = headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
            named.map(|header| header.value.trim_ascii())
        };
        // "identity" is RFC 2616's word for none, §3.6.
        let mut codings = values("transfer-encoding")
            .flat_map(|value| value.split(|octet| *octet == b',').map(<[u8]>::trim_ascii))
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"));
        if let Some(last) = codings.next_back() {
            let chunked = last.eq_ignore_ascii_case(b"chunked");
            return Ok(if chunked { Self::Chunked(Chunks::new()) } else { Self::UntilClose });
        }
        let mut length = None;
        for value in values("content-length").flat_map(|value| value.split(|octet| *octet == b','))
        {
            let said = number(value.trim_ascii()).ok_or(ResponseError::Length)?;
            if length.is_some_and(|other| other != said) {
                return Err(ResponseError::Length);
            }
            length = Some(said);
        }
        Ok(length.map_or(Self::UntilClose, Self::Length))
    }

    pub(crate) fn is_at_end(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.expected == Expected::Nothing,
            Self::UntilClose => false,
        }
    }

    /// Whether a part of the body is known to follow.
    pub(crate) fn has_more(&self) -> bool {
        match self {
            Self::Length(left) => *left > 0,
            Self::Chunked(chunks) => matches!(chunks.expected, Expected::Data(_)),
            Self::UntilClose => false,
        }
    }

    /// Whether the connection may end here: the whole body is there. Some servers end it behind the
    /// last chunk, without the empty line.
    pub(crate) fn may_end(&self) -> bool {
        match self {
            Self::Length(_) => false,
            Self::Chunked(chunks) => chunks.expected == Expected::Trailer,
            Self::UntilClose => true,
        }
    }

    /// Takes from the front of `data` what can be understood, and gives what of it is body: one
    /// piece at a time, which may be empty.
    pub(crate) fn take<'d>(&mut self, data: &mut &'d [u8]) -> Result<&'d [u8], ResponseError> {
        match self {
            Self::Length(left) => Ok(up_to(left, data)),
            Self::Chunked(chunks) => chunks.take(data),
            Self::UntilClose => Ok(std::mem::take(data)),
        }
    }
}

impl Chunks {
    fn new() -> Self {
        Self { expected: Expected::Size, line: Vec::new(), trailer: 0 }
    }

    fn take<'d>(&mut self, data: &mut &'d [u8]) -> Result<&'d [u8], ResponseError> {
        if let Expected::Data(left) = &mut self.expected {
            let piece = up_to(left, data);
            if *left == 0 {
                self.expected = Expected::EndOfData;
            }
            return Ok(piece);
        }
        let (piece, rest) = match data.iter().position(|octet| *octet == b'\n') {
            Some(end) => data.split_at(end + 1),
            None => (*data, &data[data.len()..]),
        };
        *data = rest;
        if self.expected == Expected::Trailer {
            self.trailer += piece.len();
            if self.trailer > HEAD {
                return Err(ResponseError::LongTrailer);
            }
        }
        if self.line.len() + piece.len() > LINE {
            return Err(ResponseError::Chunk);
        }
        self.line.extend_from_slice(piece);
        if self.line.ends_with(b"\n") {
            self.expected = self.line_is_there()?;
            self.line.clear();
        }
        Ok(&[])
    }

    fn line_is_there(&self) -> Result<Expected, ResponseError> {
        let is_empty = matches!(&self.line[..], b"\r\n" | b"\n");
        Ok(match self.expected {
            Expected::Size => match httparse::parse_chunk_size(&self.line) {
                Ok(Status::Complete((_, 0))) => Expected::Trailer,
                Ok(Status::Complete((_, size))) => Expected::Data(size),
                _ => return Err(ResponseError::Chunk),
            },
            Expected::EndOfData if is_empty => Expected::Size,
            Expected::Trailer if !is_empty => Expected::Trailer,
            Expected::Trailer => Expected::Nothing,
            _ => return Err(ResponseError::Chunk),
        })
    }
}

/// At most `left` octets from the front of `data`; they are taken off both.
fn up_to<'d>(left: &mut u64, data: &mut &'d [u8]) -> &'d [u8] {
    let size = usize::try_from(*left).unwrap_or(usize::MAX).min(data.len());
    let (piece, rest) = data.split_at(size);
    *data = rest;
    *left -= size as u64;
    piece
}

fn number(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}
