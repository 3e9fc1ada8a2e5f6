//! Reads an answer, in pieces of any size.

use httparse::{Error, ParserConfig, Status};

use crate::Page;
use crate::framing::Framing;

/// One answer to one request.
///
/// Feed it what the connection gives until it is [`Done`](Progress::Done), and tell it where the
/// connection [ends](Self::end). It keeps the body as far as it is wanted, and no header but the
/// one that is.
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    is_without_body: bool,
    stage: Stage,
    /// Of a header that has not wholly come.
    pending: Vec<u8>,
    /// Octets of interim answers so far.
    interim: usize,
    status: u16,
    header: Option<Vec<u8>>,
    /// Octets of the body so far.
    read: usize,
    body: Vec<u8>,
    is_cut: bool,
}

/// What of an answer is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// So many octets of the body are read, and no more. Whether one that is kept ends there is
    /// waited for, where it does not say so before.
    pub body: usize,
    /// Whether the body is kept, or only counted.
    pub keep: Keep,
    /// The name of the one header that is kept.
    pub header: Option<&'static str>,
}

/// What becomes of the body's octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// They are there at the end.
    #[default]
    Body,
    /// They are counted.
    Nothing,
}

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The header has not wholly come.
    Head,
    /// The body has not.
    Body,
    /// All is there that is wanted.
    Done,
}

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// It does not begin as one.
    #[error("not HTTP: \"{}\"", .0.escape_ascii())]
    NotHttp(Vec<u8>),
    /// In one word what is wrong in it.
    #[error("malformed header: {0}")]
    Head(&'static str),
    /// More than [`HEAD`] octets.
    #[error("header longer than {}KiB", HEAD >> 10)]
    LongHead,
    /// More than [`HEAD`] octets of answers that are not the last.
    #[error("interim answers longer than {}KiB", HEAD >> 10)]
    LongInterim,
    /// More than [`HEAD`] octets behind the body.
    #[error("trailer longer than {}KiB", HEAD >> 10)]
    LongTrailer,
    /// No number, or several that differ.
    #[error("malformed Content-Length")]
    Length,
    /// Its size, or what stands where its end should be.
    #[error("malformed chunk of the body")]
    Chunk,
    /// Before anything came.
    #[error("connection closed without an answer")]
    ClosedBefore,
    /// In the midst of the header.
    #[error("connection closed within the header")]
    ClosedInHead,
    /// In the midst of the body.
    #[error("connection closed within the body")]
    ClosedInBody,
}

#[derive(Debug)]
enum Stage {
    Head,
    Body(Framing),
    Done,
}

/// Most octets of a header: as many as HAProxy takes from a server.
pub(crate) const HEAD: usize = 16 << 10;

/// Most lines of a header.
const LINES: usize = 256;

/// So many octets of what is no answer are shown.
const SHOWN: usize = 24;

impl Limits {
    /// The first `octets` of the body are kept, and no header.
    #[must_use]
    pub fn body(octets: usize) -> Self {
        Self { body: octets, ..Self::default() }
    }
}

impl Reader {
    /// Of the answer to the request for `page`.
    #[must_use]
    pub fn new(page: &Page, limits: Limits) -> Self {
        Self {
            limits,
            is_without_body: page.is_without_body(),
            stage: Stage::Head,
            pending: Vec::new(),
            interim: 0,
            status: 0,
            header: None,
            read: 0,
            body: Vec::new(),
            is_cut: false,
        }
    }

    /// Takes what the connection gave.
    ///
    /// # Errors
    /// What makes it no answer; nothing is to be fed then.
    pub fn feed(&mut self, data: &[u8]) -> Result<Progress, ResponseError> {
        match self.stage {
            Stage::Head if self.pending.is_empty() => self.head_and_body(data)?,
            Stage::Head => {
                self.pending.extend_from_slice(data);
                // A header that comes octet by octet is not to be gone through with each of them.
                if data.contains(&b'\n') {
                    let pending = std::mem::take(&mut self.pending);
                    self.head_and_body(&pending)?;
                }
            }
            Stage::Body(_) | Stage::Done => self.body_of(data)?,
        }
        if self.pending.len() > HEAD {
            return Err(ResponseError::LongHead);
        }
        Ok(self.progress())
    }

    /// The connection has ended; what is there is then all.
    ///
    /// # Errors
    /// Where that is too early.
    pub fn end(&mut self) -> Result<(), ResponseError> {
        match self.stage {
            Stage::Head if self.pending.is_empty() => Err(ResponseError::ClosedBefore),
            Stage::Head => Err(ResponseError::ClosedInHead),
            Stage::Done => Ok(()),
            Stage::Body(ref framing) if framing.may_end() => {
                self.stage = Stage::Done;
                Ok(())
            }
            Stage::Body(_) => Err(ResponseError::ClosedInBody),
        }
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match self.stage {
            Stage::Head => Progress::Head,
            Stage::Body(_) => Progress::Body,
            Stage::Done => Progress::Done,
        }
    }

    /// The status code, 100 to 999; 0 before the header is there.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Value of the header that is wanted: the first of that name.
    #[must_use]
    pub fn header(&self) -> Option<&[u8]> {
        self.header.as_deref()
    }

    /// The body as far as it is there and kept.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether the body goes on behind what was read.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Takes what begins with a header; as much as is not wholly there is kept.
    fn head_and_body(&mut self, mut data: &[u8]) -> Result<(), ResponseError> {
        while matches!(self.stage, Stage::Head) {
            match self.head(data)? {
                Some(size) => data = &data[size..],
                None => {
                    self.pending = data.to_vec();
                    return Ok(());
                }
            }
        }
        self.body_of(data)
    }

    /// The header's size, once it is wholly there.
    fn head(&mut self, data: &[u8]) -> Result<Option<usize>, ResponseError> {
        // A server with a header that nobody understands answers all the same: browsers say so.
        static PARSER: std::sync::LazyLock<ParserConfig> = std::sync::LazyLock::new(|| {
            let mut parser = ParserConfig::default();
            parser.ignore_invalid_headers_in_responses(true);
            parser
        });
        let mut lines = [httparse::EMPTY_HEADER; LINES];
        let mut response = httparse::Response::new(&mut lines);
        let size = match PARSER.parse_response(&mut response, data) {
            Ok(Status::Complete(size)) if size > HEAD => return Err(ResponseError::LongHead),
            Ok(Status::Complete(size)) => size,
            Ok(Status::Partial) => return Ok(None),
            Err(error) => return Err(malformed(error, data)),
        };
        let status = response.code.unwrap_or_default();
        // RFC 9110 §15.2: interim ones, but for the one behind which no HTTP is spoken.
        if (100..200).contains(&status) && status != 101 {
            self.interim += size;
            if self.interim > HEAD {
                return Err(ResponseError::LongInterim);
            }
            return Ok(Some(size));
        }
        self.status = status;
        self.header = self.limits.header.and_then(|name| {
            let mut lines = response.headers.iter();
            let line = lines.find(|line| line.name.eq_ignore_ascii_case(name))?;
            Some(line.value.to_vec())
        });
        let is_without_body = self.is_without_body || matches!(status, 101 | 204 | 304);
        let framing = match is_without_body {
            true => Framing::Length(0),
            false => Framing::of(response.headers)?,
        };
        self.stage = Stage::Body(framing);
        Ok(Some(size))
    }

    fn body_of(&mut self, mut data: &[u8]) -> Result<(), ResponseError> {
        let Stage::Body(framing) = &mut self.stage else { return Ok(()) };
        let Limits { body: most, keep, .. } = self.limits;
        loop {
            let is_full = self.read == most;
            self.is_cut |= is_full && framing.has_more();
            let is_enough = self.is_cut || (is_full && keep == Keep::Nothing);
            if is_enough || framing.is_at_end() {
                self.stage = Stage::Done;
                return Ok(());
            }
            if data.is_empty() {
                return Ok(());
            }
            let piece = framing.take(&mut data)?;
            let room = most - self.read;
            self.is_cut = piece.len() > room;
            let piece = &piece[..piece.len().min(room)];
            self.read += piece.len();
            if keep == Keep::Body {
                self.body.extend_from_slice(piece);
            }
        }
    }
}

fn malformed(error: Error, data: &[u8]) -> ResponseError {
    match error {
        Error::Version | Error::Token => {
            ResponseError::NotHttp(data[..data.len().min(SHOWN)].to_vec())
        }
        Error::Status => ResponseError::Head("status line"),
        Error::NewLine => ResponseError::Head("end of a line"),
        Error::HeaderName => ResponseError::Head("name"),
        Error::HeaderValue => ResponseError::Head("value"),
        Error::TooManyHeaders => ResponseError::Head("too many lines"),
    }
}

#[cfg(test)]
mod tests;
