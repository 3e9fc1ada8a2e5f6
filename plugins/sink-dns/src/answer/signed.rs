//! Messages that are signed (TSIG, RFC 8945): checked, answered, and the answer signed as well.
//!
//! Secondaries alone do so, and rarely: what is signed is put together once more by `domain`, which
//! takes memory and time that a plain query does not.

use std::sync::Arc;

use domain::base::iana::{Rcode, TsigRcode};
use domain::base::message_builder::{AdditionalBuilder, HashCompressor, MessageBuilder};
use domain::base::{Message, ParsedRecord};
use domain::rdata::AllRecordData;
use domain::rdata::tsig::Time48;
use domain::tsig::{Key, ServerSequence, ServerTransaction};

use super::rationing::may_be_told;
use super::{OptRecord, Responder, Writer};
use crate::net::{MessageStream, Peer, Reply};
use crate::query::{HEADER, Query};
use crate::transfer::Signed;

type Signable = AdditionalBuilder<HashCompressor<Vec<u8>>>;

impl Responder {
    /// Answers a message, read as `query`, whose TSIG record begins at `signature`.
    #[cold]
    pub(super) fn respond_signed(
        &mut self,
        message: &[u8],
        query: &Query<'_>,
        signature: usize,
        peer: &Peer,
        out: &mut [u8],
    ) -> Reply {
        let Ok(mut request) = Message::from_octets(message.to_vec()) else { return Reply::Silence };
        let keys = &self.engine.access.keys;
        let transaction = match ServerTransaction::request(keys, &mut request, Time48::now()) {
            Ok(Some(transaction)) => transaction,
            Ok(None) => return Reply::Silence,
            Err(error) => {
                let Ok(original) = Message::from_octets(message) else { return Reply::Silence };
                let rcode = super::Rcode::NotAuth;
                if !may_be_told(
                    &self.engine,
                    &mut self.local,
                    &mut self.counts,
                    query.edns,
                    peer,
                    rcode,
                ) {
                    return Reply::Silence;
                }
                self.counts.count(peer.transport, rcode, None);
                let is_signed = error.error() == TsigRcode::BADTIME;
                let answer = error.build_message(&original, builder());
                let Ok(answer) = answer else { return Reply::Silence };
                return match query.edns.filter(|_| !is_signed) {
                    Some(edns) => {
                        let opt = OptRecord::to(&edns, &self.engine.identity, peer);
                        refuse(with_opt(answer, query, &opt), out)
                    }
                    None => refuse(answer.finish().into_target(), out),
                };
            }
        };
        let signed = Signed::Yes { octets: transaction.key().compose_len() };
        let request = request.as_slice().get(..signature).unwrap_or_default();
        match self.respond_as(request, peer, signed, out) {
            Reply::Silence => Reply::Silence,
            Reply::Message(length) => {
                let Some(mut answer) = out.get(..length).and_then(again) else {
                    return Reply::Silence;
                };
                match transaction.answer(&mut answer, Time48::now()) {
                    Ok(()) => copy(answer.finish().as_target(), out),
                    Err(_) => Reply::Silence,
                }
            }
            Reply::Stream(stream) => {
                Reply::Stream(Box::new(SignedStream { stream, sequence: transaction.into() }))
            }
        }
    }
}

/// Signs each message of a transfer.
struct SignedStream {
    stream: Box<dyn MessageStream>,
    sequence: ServerSequence<Arc<Key>>,
}

impl MessageStream for SignedStream {
    fn next(&mut self, out: &mut [u8]) -> Option<usize> {
        let length = self.stream.next(out)?;
        let signed = out.get(..length).and_then(again).and_then(|mut message| {
            self.sequence.answer(&mut message, Time48::now()).ok()?;
            match copy(message.finish().as_target(), out) {
                Reply::Message(length) => Some(length),
                _ => None,
            }
        });
        // An empty one cuts the connection.
        Some(signed.unwrap_or(0))
    }
}

fn builder() -> MessageBuilder<HashCompressor<Vec<u8>>> {
    // A vector takes whatever it is given.
    match MessageBuilder::from_target(HashCompressor::new(Vec::new())) {
        Ok(builder) => builder,
        Err(never) => match never {},
    }
}

/// The same message, to which a signature can be added.
fn again(octets: &[u8]) -> Option<Signable> {
    let message = Message::from_octets(octets).ok()?;
    let mut builder = builder();
    *builder.header_mut() = message.header();
    let mut questions = builder.question();
    for question in message.question() {
        questions.push(question.ok()?).ok()?;
    }
    let record = |record: Result<ParsedRecord<'_, _>, _>| {
        record.ok()?.into_any_record::<AllRecordData<_, _>>().ok()
    };
    let mut answers = questions.answer();
    for found in message.answer().ok()? {
        answers.push(record(found)?).ok()?;
    }
    let mut authorities = answers.authority();
    for found in message.authority().ok()? {
        authorities.push(record(found)?).ok()?;
    }
    let mut additionals = authorities.additional();
    for found in message.additional().ok()? {
        additionals.push(record(found)?).ok()?;
    }
    Some(additionals)
}

/// An error whose last record is an unsigned TSIG record, with an OPT record before that: `domain` makes
/// none. One that it has signed has to stay without.
fn with_opt(error: Signable, query: &Query<'_>, opt: &OptRecord<'_>) -> Vec<u8> {
    let error = error.finish().into_target();
    let (Some(&[i, d, high, low, ..]), Some(signature)) =
        (error.first_chunk::<HEADER>(), error.get(HEADER + query.question.len()..))
    else {
        return error;
    };
    let mut octets = vec![0; error.len() + opt.len()];
    let room = octets.len();
    let Ok(mut writer) = Writer::new(&mut octets, query.question, room) else { return error };
    opt.put(super::Rcode::NotAuth, None, "", &mut writer);
    // Its owner may point to the question, which stands where it stood.
    let signed = writer.room(signature.len(), u16::from(!signature.is_empty()));
    let Ok(rest) = signed else { return error };
    rest.copy_from_slice(signature);
    writer.finish([i, d], [high, low], u16::from(!query.question.is_empty()));
    octets
}

/// An error, put right where `domain` says FORMERR and means that the signature is wrong.
fn refuse(mut message: Vec<u8>, out: &mut [u8]) -> Reply {
    /// The error, and that no other data follows: the end of a TSIG record (RFC 8945 §4.2).
    const FORMERR: [u8; 4] = [0, 1, 0, 0];
    const BADSIG: [u8; 4] = [0, 16, 0, 0];
    let is_unauthorised =
        message.get(3).is_some_and(|flags| flags & 0xF == Rcode::NOTAUTH.to_int());
    if is_unauthorised
        && let Some(end) = message.last_chunk_mut::<4>()
        && *end == FORMERR
    {
        *end = BADSIG;
    }
    copy(&message, out)
}

fn copy(octets: &[u8], out: &mut [u8]) -> Reply {
    match out.get_mut(..octets.len()) {
        Some(room) => {
            room.copy_from_slice(octets);
            Reply::Message(octets.len())
        }
        None => Reply::Silence,
    }
}
