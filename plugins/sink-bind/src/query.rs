//! Asks the name server what it serves.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use domain::base::iana::{Rcode, Rtype};
use domain::base::name::ToName;
use domain::base::{Message, MessageBuilder, Name, Serial};
use domain::rdata::{A, Aaaa, Soa};
use ring::rand::{SecureRandom, SystemRandom};

use crate::deadline::{Deadline, is_timeout};

/// What an answer by UDP may have without fragments (DNS flag day 2020).
const UDP_SIZE: u16 = 1232;
/// Questions under way at once.
const WINDOW: usize = 64;
/// A question without answer is asked again after so long.
const AGAIN: Duration = Duration::from_millis(200);
/// Pauses between looks at the serial, from the first to the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// A name server to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// For one question, or for a serial to appear.
    pub(crate) timeout: Duration,
}

/// Why a question has no useful answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum QueryError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("{question}: answered {rcode}")]
    Rcode { question: String, rcode: Rcode },
    #[error("{0}: answered without authority; `verify` names a server that serves the zone itself")]
    NoAuthority(String),
    #[error("{0}: the answer holds no such record")]
    NoRecord(String),
    #[error("{0:?} is not a domain name")]
    Name(String),
    #[error("{0}: the answer cannot be read")]
    Malformed(String),
    #[error("the server has serial {served}, not {wanted}")]
    Serial { served: u32, wanted: u32 },
}

/// An address that a server answers with.
pub(crate) type Answered = BTreeSet<(IpAddr, u32)>;

impl Server {
    /// The serial of the zone that is served.
    pub(crate) fn serial(&self, zone: &str) -> Result<u32, QueryError> {
        let question = Question::new(zone, Rtype::SOA)?;
        let answers = self.ask(std::slice::from_ref(&question))?;
        let answer = answers.first().ok_or(QueryError::Timeout)?;
        question.soa(answer)
    }

    /// Waits until the zone's serial is `wanted` or one after it, which servers that sign give;
    /// returns the one that is served.
    pub(crate) fn confirm(&self, zone: &str, wanted: u32) -> Result<u32, QueryError> {
        let deadline = Deadline::after(self.timeout);
        let mut pause = PAUSE.0;
        loop {
            let outcome = match self.serial(zone) {
                Ok(served) if reached(served, wanted) => return Ok(served),
                Ok(served) => QueryError::Serial { served, wanted },
                // Nobody listens there: waiting will not help.
                Err(QueryError::Io(error)) => return Err(QueryError::Io(error)),
                Err(error) => error,
            };
            match deadline.left() {
                Ok(left) => std::thread::sleep(pause.min(left)),
                Err(_) => return Err(outcome),
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// The addresses of each name, with their TTL in seconds.
    pub(crate) fn addresses<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Vec<Answered>, QueryError> {
        let mut questions = Vec::new();
        for name in names {
            questions.push(Question::new(name, Rtype::A)?);
            questions.push(Question::new(name, Rtype::AAAA)?);
        }
        let mut found = Vec::new();
        for window in questions.chunks(WINDOW) {
            let answers = self.ask(window)?;
            for (question, answer) in window.iter().zip(&answers) {
                if question.rtype == Rtype::A {
                    found.push(Answered::new());
                }
                if let Some(set) = found.last_mut() {
                    question.addresses(answer, set)?;
                }
            }
        }
        Ok(found)
    }

    /// Asks all at once by UDP, each again by TCP where its answer was cut off.
    fn ask(&self, questions: &[Question]) -> Result<Vec<Message<Vec<u8>>>, QueryError> {
        let deadline = Deadline::after(self.timeout);
        let socket = self.socket()?;
        let first = random_id();
        let queries: Vec<_> = (first..=u16::MAX)
            .chain(0..first)
            .zip(questions)
            .map(|(id, question)| question.query(id))
            .collect::<Result<_, _>>()?;
        let mut answers: Vec<Option<Message<Vec<u8>>>> = vec![None; queries.len()];
        let mut room = vec![0; usize::from(u16::MAX)];
        while answers.iter().any(Option::is_none) {
            for (query, answer) in queries.iter().zip(&answers) {
                if answer.is_none() {
                    socket.send(query.as_slice())?;
                }
            }
            let again = Instant::now() + AGAIN;
            while answers.iter().any(Option::is_none) {
                let wait = again.saturating_duration_since(Instant::now());
                if wait.is_zero() {
                    break;
                }
                let left = deadline.left().map_err(|_| QueryError::Timeout)?;
                socket.set_read_timeout(Some(wait.min(left)))?;
                let read = match socket.recv(&mut room) {
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if is_timeout(&error) => break,
                    Err(error) => return Err(error.into()),
                };
                // Anything else is a late answer to an older question, or forged.
                let Ok(answer) = Message::from_octets(room[..read].to_vec()) else { continue };
                let place = queries.iter().position(|query| answer.is_answer(query));
                if let Some(slot) = place.and_then(|index| answers.get_mut(index)) {
                    *slot = Some(answer);
                }
            }
        }
        let mut whole = Vec::with_capacity(answers.len());
        for (answer, query) in answers.into_iter().flatten().zip(&queries) {
            let cut = answer.header().tc();
            whole.push(if cut { self.by_tcp(query, deadline)? } else { answer });
        }
        Ok(whole)
    }

    fn socket(&self) -> io::Result<UdpSocket> {
        let any: IpAddr = match self.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        // Connected, so that answers of others are not seen and a closed port is.
        socket.connect(self.address)?;
        Ok(socket)
    }

    fn by_tcp(
        &self,
        query: &Message<Vec<u8>>,
        deadline: Deadline,
    ) -> Result<Message<Vec<u8>>, QueryError> {
        let timeout = |error: io::Error| match is_timeout(&error) {
            true => QueryError::Timeout,
            false => QueryError::Io(error),
        };
        let left = || deadline.left().map_err(|_| QueryError::Timeout);
        let mut stream = TcpStream::connect_timeout(&self.address, left()?).map_err(timeout)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(left()?))?;
        let length = u16::try_from(query.as_slice().len()).unwrap_or(u16::MAX);
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(query.as_slice());
        stream.write_all(&framed).map_err(timeout)?;
        stream.set_read_timeout(Some(left()?))?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).map_err(timeout)?;
        let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.set_read_timeout(Some(left()?))?;
        stream.read_exact(&mut octets).map_err(timeout)?;
        Message::from_octets(octets)
            .ok()
            .filter(|answer| answer.is_answer(query))
            .ok_or_else(|| QueryError::Malformed("over TCP".to_owned()))
    }
}

/// Whether a serial is another or comes after it (RFC 1982).
fn reached(served: u32, wanted: u32) -> bool {
    Serial::from(served) >= Serial::from(wanted)
}

fn random_id() -> u16 {
    let mut octets = [0; 2];
    // The socket is connected and its port is random: an id that can be guessed is no danger.
    let _ = SystemRandom::new().fill(&mut octets);
    u16::from_ne_bytes(octets)
}

/// A name and a type.
#[derive(Clone, Debug)]
struct Question {
    name: Name<Vec<u8>>,
    rtype: Rtype,
}

impl Question {
    fn new(name: &str, rtype: Rtype) -> Result<Question, QueryError> {
        let name = name.parse().map_err(|_| QueryError::Name(name.to_owned()))?;
        Ok(Question { name, rtype })
    }

    fn text(&self) -> String {
        format!("{} {}", self.name, self.rtype)
    }

    fn query(&self, id: u16) -> Result<Message<Vec<u8>>, QueryError> {
        let long = |_| QueryError::Name(self.name.to_string());
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_id(id);
        let mut builder = builder.question();
        builder.push((&self.name, self.rtype)).map_err(long)?;
        let mut builder = builder.additional();
        builder
            .opt(|opt| {
                opt.set_udp_payload_size(UDP_SIZE);
                Ok(())
            })
            .map_err(long)?;
        Ok(builder.into_message())
    }

    fn soa(&self, answer: &Message<Vec<u8>>) -> Result<u32, QueryError> {
        let rcode = answer.header().rcode();
        if rcode != Rcode::NOERROR {
            return Err(QueryError::Rcode { question: self.text(), rcode });
        }
        if !answer.header().aa() {
            return Err(QueryError::NoAuthority(self.text()));
        }
        let malformed = |_| QueryError::Malformed(self.text());
        for record in answer.answer().map_err(malformed)?.limit_to::<Soa<_>>() {
            let record = record.map_err(malformed)?;
            if record.owner().name_eq(&self.name) {
                return Ok(record.data().serial().into_int());
            }
        }
        Err(QueryError::NoRecord(self.text()))
    }

    /// Adds what an answer holds; a name that does not exist holds nothing.
    fn addresses(&self, answer: &Message<Vec<u8>>, set: &mut Answered) -> Result<(), QueryError> {
        let rcode = answer.header().rcode();
        if rcode != Rcode::NOERROR && rcode != Rcode::NXDOMAIN {
            return Err(QueryError::Rcode { question: self.text(), rcode });
        }
        let malformed = |_| QueryError::Malformed(self.text());
        let section = answer.answer().map_err(malformed)?;
        for record in section.limit_to::<A>() {
            let record = record.map_err(malformed)?;
            if self.rtype == Rtype::A && record.owner().name_eq(&self.name) {
                set.insert((record.data().addr().into(), record.ttl().as_secs()));
            }
        }
        for record in section.limit_to::<Aaaa>() {
            let record = record.map_err(malformed)?;
            if self.rtype == Rtype::AAAA && record.owner().name_eq(&self.name) {
                set.insert((record.data().addr().into(), record.ttl().as_secs()));
            }
        }
        Ok(())
    }
}
