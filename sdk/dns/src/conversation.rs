//! What is said to one name server and heard of it, within a time.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::base::Message;
use domain::base::iana::Rcode;
use domain::base::message_builder::{AdditionalBuilder, HashCompressor};
use nix::poll::PollFlags;

use crate::deadline::Deadline;
use crate::error::DnsError;
use crate::key::Key;
use crate::question::Question;
use crate::request::{Request, Signer};
use crate::stream::{Limit, Stream, Waited, udp};

/// So many questions at once go by UDP; more by TCP, where none is lost and no server rations answers.
const BY_UDP: usize = 64;
/// So often is asked by UDP while nothing at all is heard, before TCP is tried.
const ROUNDS: usize = 2;
/// What is being done while an answer is awaited.
const ANSWER: &str = "waiting for the answer";
/// A question without answer is asked again after so long.
const AGAIN: Duration = Duration::from_millis(200);

/// A name server, and how it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it listens, for UDP and TCP.
    pub address: SocketAddr,
    /// What is tried first.
    pub way: Way,
    /// For one exchange.
    pub timeout: Duration,
}

/// By what a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// UDP, and TCP where that does not do.
    Udp,
    /// TCP alone.
    Tcp,
}

/// Whether whoever speaks goes on.
#[derive(Debug, Default)]
pub struct Life(AtomicBool);

/// Exchanges with one server. Sockets are opened when they are needed and kept to the end.
#[derive(Debug)]
pub struct Conversation<'a> {
    server: &'a Server,
    life: &'a Life,
    signer: Signer,
    end: Deadline,
    local: Option<IpAddr>,
    udp: Option<UdpSocket>,
    tcp: Option<Stream>,
}

impl Life {
    /// Ends it: whoever waits gives up in a moment.
    pub fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was not ended.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

impl<'a> Conversation<'a> {
    /// With `server`, for at most so long as a whole and while `life` goes on. With a `key` what
    /// is sent is signed, and what comes is checked.
    ///
    /// # Errors
    /// The key's name is not a domain name.
    pub fn new(
        server: &'a Server,
        key: Option<&Key>,
        limit: Duration,
        life: &'a Life,
    ) -> Result<Conversation<'a>, DnsError> {
        let signer = Signer::of(key)?;
        let end = Deadline::after(limit);
        Ok(Conversation { server, life, signer, end, local: None, udp: None, tcp: None })
    }

    /// Has what goes by UDP leave from this address of ours: for servers that know us by it.
    #[must_use]
    pub fn leaving_from(mut self, local: Option<IpAddr>) -> Conversation<'a> {
        self.local = local;
        self
    }

    /// Makes a request that was written with [`Request::builder`] ready to be sent.
    ///
    /// # Errors
    /// It is too long for a message.
    pub fn sign(
        &self,
        builder: AdditionalBuilder<HashCompressor<Vec<u8>>>,
    ) -> Result<Request, DnsError> {
        Request::sign(builder, &self.signer)
    }

    /// Asks all at once, again where an answer is lost. By TCP is asked what was cut off, and what
    /// seems to be rationed: silence where others are answered, or a refusal. The answers are in the
    /// questions' order. That they are no more than a server takes in while its answers wait (a few
    /// hundred) is the caller's care.
    ///
    /// # Errors
    /// One has no answer that can be believed.
    pub fn ask(&mut self, questions: &[Question]) -> Result<Vec<Message<Vec<u8>>>, DnsError> {
        let requests = questions
            .iter()
            .map(|question| question.request(&self.signer))
            .collect::<Result<Vec<_>, _>>()?;
        let limit = self.limit(self.server.timeout);
        let mut answers = Answers::to(&requests);
        if requests.len() > BY_UDP || self.way() == Way::Tcp {
            self.ask_by_tcp(&mut answers, limit)?;
            return answers.open();
        }
        self.ask_by_udp(&mut answers, limit, ROUNDS)?;
        let cut = answers.forget_cut();
        let refused = answers.set_refused_aside();
        match self.ask_by_tcp(&mut answers, limit) {
            // There is no TCP: UDP is all that can be done.
            Err(DnsError::Io { .. }) if cut == 0 => {
                answers.put_back(refused);
                self.ask_by_udp(&mut answers, limit, usize::MAX)?;
            }
            outcome => outcome?,
        }
        answers.open()
    }

    /// Sends a request once and waits for its answer, at most for `patience`. Where that is cut
    /// off, it is sent once more by TCP.
    ///
    /// # Errors
    /// None came that can be believed. The request may have been heard all the same where
    /// [`DnsError::is_silence`].
    pub fn send(
        &mut self,
        request: &Request,
        way: Way,
        patience: Duration,
    ) -> Result<Message<Vec<u8>>, DnsError> {
        let limit = self.limit(patience);
        let mut answers = Answers::to(std::slice::from_ref(request));
        if way == Way::Udp && self.way() == Way::Udp {
            let socket = self.open_udp()?;
            send(socket, &answers, limit)?;
            hear(socket, &mut answers, limit)?;
            if answers.forget_cut() == 0 && !answers.are_whole() {
                return Err(DnsError::Timeout { phase: ANSWER });
            }
        }
        if !answers.are_whole() {
            self.exchange(&mut answers, limit)?;
        }
        answers.open()?.pop().ok_or(DnsError::Timeout { phase: ANSWER })
    }

    /// Until all is answered, or some and then no more; so many times at most while nothing is.
    fn ask_by_udp(
        &mut self,
        answers: &mut Answers<'_>,
        limit: Limit<'_>,
        rounds: usize,
    ) -> Result<(), DnsError> {
        let socket = self.open_udp()?;
        for round in 1.. {
            send(socket, answers, limit)?;
            let until = Deadline::after(AGAIN).min(limit.until);
            hear(socket, answers, Limit { until, ..limit })?;
            let rationed = rounds < usize::MAX && answers.are_some();
            if answers.are_whole() || round >= rounds || rationed {
                return Ok(());
            }
            if limit.until.left().is_none() {
                break;
            }
        }
        Err(DnsError::Timeout { phase: ANSWER })
    }

    fn ask_by_tcp(&mut self, answers: &mut Answers<'_>, limit: Limit<'_>) -> Result<(), DnsError> {
        while !answers.are_whole() {
            let (kept, missing) = (self.tcp.is_some(), answers.missing().count());
            match self.exchange(answers, limit) {
                // A server may close a connection whenever it likes.
                Err(DnsError::Io { .. }) if kept || answers.missing().count() < missing => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Sends what has no answer by TCP and reads the answers.
    fn exchange(&mut self, answers: &mut Answers<'_>, limit: Limit<'_>) -> Result<(), DnsError> {
        let mut stream = match self.tcp.take() {
            Some(stream) => stream,
            None => Stream::connect(self.server.address, limit)?,
        };
        stream.write_messages(answers.missing().map(Request::as_slice), limit)?;
        while !answers.are_whole() {
            answers.take(stream.read_message(limit)?);
        }
        // Kept only if nothing is left in it.
        self.tcp = Some(stream);
        Ok(())
    }

    fn open_udp(&mut self) -> Result<&UdpSocket, DnsError> {
        Ok(match &mut self.udp {
            Some(socket) => socket,
            none => none.insert(udp(self.server.address, self.local)?),
        })
    }

    /// A connection that is there is taken: what is sent then keeps its order.
    fn way(&self) -> Way {
        if self.tcp.is_some() { Way::Tcp } else { self.server.way }
    }

    fn limit(&self, patience: Duration) -> Limit<'a> {
        Limit { until: Deadline::after(patience).min(self.end), life: self.life }
    }
}

/// Requests, each with its answer once that is there.
struct Answers<'r>(Vec<(&'r Request, Option<Message<Vec<u8>>>)>);

impl<'r> Answers<'r> {
    fn to(requests: &'r [Request]) -> Answers<'r> {
        Answers(requests.iter().map(|request| (request, None)).collect())
    }

    /// What has no answer yet.
    fn missing(&self) -> impl Iterator<Item = &'r Request> {
        self.0.iter().filter(|(_, answer)| answer.is_none()).map(|(request, _)| *request)
    }

    fn are_whole(&self) -> bool {
        self.missing().next().is_none()
    }

    fn are_some(&self) -> bool {
        self.0.iter().any(|(_, answer)| answer.is_some())
    }

    /// Anything but an answer is late, or forged.
    fn take(&mut self, octets: Vec<u8>) {
        let Ok(message) = Message::from_octets(octets) else { return };
        let of = |(request, answer): &&mut (&Request, Option<_>)| {
            answer.is_none() && request.is_answered_by(&message)
        };
        if let Some((_, answer)) = self.0.iter_mut().find(of) {
            *answer = Some(message);
        }
    }

    /// Drops the answers that were cut off, and says how many they were.
    fn forget_cut(&mut self) -> usize {
        let mut cut = 0;
        for (_, answer) in &mut self.0 {
            if answer.take_if(|answer| answer.header().tc()).is_some() {
                cut += 1;
            }
        }
        cut
    }

    /// Takes the refusals out, each with its place.
    fn set_refused_aside(&mut self) -> Vec<(usize, Message<Vec<u8>>)> {
        let is_refusal = |answer: &mut Message<Vec<u8>>| answer.header().rcode() == Rcode::REFUSED;
        let each = self.0.iter_mut().enumerate();
        each.filter_map(|(place, (_, answer))| Some((place, answer.take_if(is_refusal)?))).collect()
    }

    fn put_back(&mut self, aside: Vec<(usize, Message<Vec<u8>>)>) {
        for (place, message) in aside {
            if let Some((_, answer)) = self.0.get_mut(place) {
                answer.get_or_insert(message);
            }
        }
    }

    fn open(self) -> Result<Vec<Message<Vec<u8>>>, DnsError> {
        let pairs = self.0.into_iter();
        pairs.filter_map(|(request, answer)| Some(request.open(answer?))).collect()
    }
}

fn send(socket: &UdpSocket, answers: &Answers<'_>, limit: Limit<'_>) -> Result<(), DnsError> {
    for request in answers.missing() {
        loop {
            match socket.send(request.as_slice()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    limit.wait(socket, PollFlags::POLLOUT)?;
                    if limit.until.left().is_none() {
                        return Err(DnsError::Timeout { phase: "sending" });
                    }
                }
                outcome => {
                    outcome.map_err(DnsError::at("sending"))?;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Takes answers in until all are there or the time is over.
fn hear(socket: &UdpSocket, answers: &mut Answers<'_>, limit: Limit<'_>) -> Result<(), DnsError> {
    let mut room = vec![0; usize::from(u16::MAX)];
    while !answers.are_whole() {
        match socket.recv(&mut room) {
            Ok(read) => answers.take(room.get(..read).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if limit.wait(socket, PollFlags::POLLIN)? == Waited::Late {
                    return Ok(());
                }
            }
            Err(error) => return Err(DnsError::at(ANSWER)(error)),
        }
    }
    Ok(())
}
