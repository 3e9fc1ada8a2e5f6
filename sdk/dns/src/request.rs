//! A message that awaits its answer, signed where there is a key.

use std::sync::Arc;

use domain::base::Message;
use domain::base::iana::{Opcode, Rcode, TsigRcode};
use domain::base::message_builder::{AdditionalBuilder, HashCompressor, MessageBuilder};
use domain::rdata::tsig::{Time48, Tsig};
use domain::tsig::{self, ClientTransaction, ValidationError};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::DnsError;
use crate::key::Key;

/// What a request is written into; names that come again are pointed at.
pub type Builder = MessageBuilder<HashCompressor<Vec<u8>>>;

/// A message, ready to be sent, and what its answer is checked by.
#[derive(Debug)]
pub struct Request {
    message: Message<Vec<u8>>,
    transaction: Option<ClientTransaction<Arc<tsig::Key>>>,
}

/// Signs the requests of one conversation, or leaves them as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signer(Option<Arc<tsig::Key>>);

impl Signer {
    pub(crate) fn of(key: Option<&Key>) -> Result<Signer, DnsError> {
        let Some(key) = key else { return Ok(Signer(None)) };
        Ok(Signer(Some(Arc::new(key.tsig()?))))
    }
}

impl Request {
    /// Where a request begins.
    #[must_use]
    pub fn builder(opcode: Opcode) -> Builder {
        // A vector takes whatever it is given.
        let target = HashCompressor::new(Vec::new());
        let mut builder = match MessageBuilder::from_target(target) {
            Ok(builder) => builder,
            Err(never) => match never {},
        };
        builder.header_mut().set_opcode(opcode);
        builder.header_mut().set_id(random_id());
        builder
    }

    /// Signs what is finished but for that.
    pub(crate) fn sign(
        mut builder: AdditionalBuilder<HashCompressor<Vec<u8>>>,
        signer: &Signer,
    ) -> Result<Request, DnsError> {
        let long = || DnsError::TooLong("a request".to_owned());
        let transaction = match &signer.0 {
            Some(key) => {
                let key = Arc::clone(key);
                let signed = ClientTransaction::request(key, &mut builder, Time48::now());
                Some(signed.map_err(|_| long())?)
            }
            None => None,
        };
        let octets = builder.finish().into_target();
        if octets.len() > usize::from(u16::MAX) {
            return Err(long());
        }
        let message = Message::from_octets(octets).map_err(|_| long())?;
        Ok(Request { message, transaction })
    }

    /// The message.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.message.as_slice()
    }

    /// Whether a message claims to answer this one. Some errors leave the question out.
    pub(crate) fn is_answered_by(&self, answer: &Message<Vec<u8>>) -> bool {
        let (ours, theirs) = (self.message.header(), answer.header());
        theirs.qr()
            && theirs.id() == ours.id()
            && theirs.opcode() == ours.opcode()
            && (answer.is_answer(&self.message)
                || answer.header_counts().qdcount() == 0 && theirs.rcode() != Rcode::NOERROR)
    }

    /// Checks an answer's signature and takes it off.
    pub(crate) fn open(&self, mut answer: Message<Vec<u8>>) -> Result<Message<Vec<u8>>, DnsError> {
        let Some(transaction) = &self.transaction else { return Ok(answer) };
        let Err(error) = transaction.answer(&mut answer, Time48::now()) else { return Ok(answer) };
        let rcode = answer.header().rcode();
        Err(match error {
            ValidationError::ServerBadKey => DnsError::BadKey,
            ValidationError::ServerBadSig => DnsError::BadSignature,
            error => match (told_time(&answer), rcode) {
                (Some((ours, theirs)), _) => DnsError::BadTime { ours, theirs },
                (None, Rcode::NOERROR | Rcode::NXDOMAIN) => match error {
                    ValidationError::BadSig => DnsError::BadSignature,
                    error => DnsError::Unsigned(error.to_string()),
                },
                (None, Rcode::NOTAUTH) => DnsError::NotTaken,
                // Who does not know our key says no without it.
                _ => return Ok(answer),
            },
        })
    }
}

/// When we signed and what the server's clock said, where it says that they differ. Not every
/// server's signature of that can be checked (Knot 3.2's cannot), and it is only told.
fn told_time(answer: &Message<Vec<u8>>) -> Option<(u64, u64)> {
    let record = answer.additional().ok()?.limit_to::<Tsig<_, _>>().last()?.ok()?;
    let tsig = record.data();
    (tsig.error() == TsigRcode::BADTIME)
        .then(|| Some((tsig.time_signed().into(), tsig.other_time()?.into())))?
}

fn random_id() -> u16 {
    let mut octets = [0; 2];
    // Sockets are connected and their ports random: an id that can be guessed is no danger.
    let _ = SystemRandom::new().fill(&mut octets);
    u16::from_ne_bytes(octets)
}
