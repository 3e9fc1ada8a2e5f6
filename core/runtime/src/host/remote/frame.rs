//! Messages as octets: a length, then the message.
//!
//! Both ends are one binary ([`Program::this`](crate::host::Program::this)), so no version is told.

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest message: a zone of some 700,000 addresses that are all new. What is longer is a
/// mistake.
const MOST: usize = 64 << 20;
/// Octets of a length.
const LENGTH: usize = 4;
/// A buffer that grew beyond this for one message is given back after it.
const KEPT: usize = 1 << 20;
/// At least so much can be read at once.
pub(super) const PIECE: usize = 64 << 10;

/// A message that is not sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsent {
    #[error("{0} octets are more than the {MOST} that a plugin's process can be told at once")]
    TooLong(usize),
    #[error("its process does not read: {0} octets wait for it")]
    Full(usize),
    #[error("it has no form that a plugin's process understands: {0}")]
    Formless(#[from] postcard::Error),
}

/// The other end does not speak as this one does.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Garbled {
    #[error("it announced a message of {0} octets")]
    Length(usize),
    #[error("it sent what is no message: {0}")]
    Message(#[from] postcard::Error),
}

/// Octets on their way out.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    octets: Vec<u8>,
    /// So many of them are gone.
    gone: usize,
}

/// Octets that came in.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    octets: Vec<u8>,
    /// So many of them were read.
    read: usize,
}

/// Appends to a vector.
struct Tail<'a>(&'a mut Vec<u8>);

impl Outgoing {
    /// Adds `message`, all of it or nothing.
    ///
    /// # Errors
    /// It is too long.
    pub(super) fn push(&mut self, message: &impl Serialize) -> Result<(), Unsent> {
        let start = self.octets.len();
        self.octets.extend([0; LENGTH]);
        let pushed = postcard::serialize_with_flavor(message, Tail(&mut self.octets));
        let length = self.octets.len() - start - LENGTH;
        let told = match (pushed, u32::try_from(length)) {
            (Ok(()), Ok(told)) if length <= MOST => Ok(told),
            (Ok(()), _) => Err(Unsent::TooLong(length)),
            (Err(error), _) => Err(error.into()),
        };
        match told {
            Ok(told) => self.octets[start..start + LENGTH].copy_from_slice(&told.to_le_bytes()),
            Err(_) => self.octets.truncate(start),
        }
        told.map(drop)
    }

    /// What has not gone yet.
    pub(super) fn rest(&self) -> &[u8] {
        &self.octets[self.gone..]
    }

    /// `octets` more are gone.
    pub(super) fn advance(&mut self, octets: usize) {
        self.gone += octets;
        if self.gone >= self.octets.len() {
            self.clear();
        }
    }

    /// Forgets what has not gone yet.
    pub(super) fn clear(&mut self) {
        self.gone = 0;
        empty(&mut self.octets);
    }
}

impl Incoming {
    /// Where to read into: at its end, with room for a piece.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        if self.read == self.octets.len() {
            self.read = 0;
            empty(&mut self.octets);
        } else if self.read >= PIECE {
            self.octets.drain(..self.read);
            self.read = 0;
        }
        self.octets.reserve(PIECE);
        &mut self.octets
    }

    /// The next message, where all of it has come.
    ///
    /// # Errors
    /// It is none. Nothing that follows makes sense either.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Garbled> {
        let Some((length, rest)) = self.octets[self.read..].split_first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MOST {
            return Err(Garbled::Length(length));
        }
        let Some(message) = rest.get(..length) else { return Ok(None) };
        let message = postcard::from_bytes(message)?;
        self.read += LENGTH + length;
        Ok(Some(message))
    }
}

impl Flavor for Tail<'_> {
    type Output = ();

    fn try_push(&mut self, octet: u8) -> postcard::Result<()> {
        self.0.push(octet);
        Ok(())
    }

    fn try_extend(&mut self, octets: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(octets);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `octets` say when they come in pieces of `piece`.
    fn heard(octets: &[u8], piece: usize) -> Result<Vec<String>, Garbled> {
        let (mut incoming, mut heard) = (Incoming::default(), Vec::new());
        for piece in octets.chunks(piece) {
            incoming.room().extend(piece);
            while let Some(message) = incoming.next()? {
                heard.push(message);
            }
        }
        Ok(heard)
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_in_however_it_is_cut(
            words in prop::collection::vec(".{0,40}", 0..20),
            sent in 1_usize..200,
            got in 1_usize..200,
        ) {
            let (mut outgoing, mut octets) = (Outgoing::default(), Vec::new());
            for word in &words {
                outgoing.push(word).unwrap();
                let some = outgoing.rest().len().min(sent);
                octets.extend(&outgoing.rest()[..some]);
                outgoing.advance(some);
            }
            octets.extend(outgoing.rest());
            prop_assert_eq!(heard(&octets, got).unwrap(), words);
        }

        #[test]
        fn noise_is_never_more_than_garbled(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = heard(&octets, 7);
        }
    }

    #[test]
    fn a_length_beyond_all_bounds_is_garbled_before_anything_is_kept_for_it() {
        let octets = [0xff_u8; 4];
        assert_eq!(heard(&octets, 4), Err(Garbled::Length(0xffff_ffff)));
    }

    #[test]
    fn what_is_too_long_leaves_nothing_behind() {
        let mut outgoing = Outgoing::default();
        outgoing.push(&"before").unwrap();
        let before = outgoing.rest().to_vec();
        let long = "x".repeat(MOST);
        // Its own length comes before it.
        assert_eq!(outgoing.push(&long), Err(Unsent::TooLong(MOST + 4)));
        assert_eq!(outgoing.rest(), before);
        outgoing.push(&"after").unwrap();
        assert_eq!(heard(outgoing.rest(), 1000).unwrap(), ["before", "after"]);
    }

    #[test]
    fn a_long_message_leaves_no_large_buffer_behind() {
        let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
        outgoing.push(&"x".repeat(10 << 20)).unwrap();
        incoming.room().extend(outgoing.rest());
        outgoing.advance(outgoing.rest().len());
        assert_eq!(incoming.next::<String>().unwrap().unwrap().len(), 10 << 20);
        incoming.room();
        assert!(outgoing.octets.capacity() <= KEPT);
        assert!(incoming.octets.capacity() <= KEPT);
    }
}
