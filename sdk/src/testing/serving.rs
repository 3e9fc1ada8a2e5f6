//! Scripts played over real sockets, on a test's reactor.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;

use super::reactor::Reactor;
use super::script::{Script, Step};
use crate::host::{Interest, Readiness, Ready};

/// What a server does, until it is dropped.
pub(super) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a server has heard, by connection, and what was not as it should be.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<Notes>);

#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) octets: Vec<Vec<u8>>,
    pub(super) complaints: Vec<String>,
}

/// Whether a script goes on after a step.
enum Next {
    Step,
    End,
}

/// The server's end of a conversation.
struct End<S> {
    reactor: Arc<Reactor>,
    // Leaves the reactor before the socket below is closed.
    source: Box<dyn Readiness>,
    socket: S,
    heard: Arc<Heard>,
    /// Counted from zero.
    number: usize,
    /// Heard, and not yet asked for by a step.
    unread: Vec<u8>,
    /// Over UDP: who was heard last.
    peer: Option<SocketAddr>,
}

/// What differs between TCP and UDP.
trait Talk {
    /// 0 is the end.
    fn hear(&self, into: &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)>;
    fn say(&self, data: &[u8], to: Option<SocketAddr>) -> io::Result<usize>;
    fn reset(&self);
}

impl Heard {
    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a new conversation.
    fn begin(&self) -> usize {
        let octets = &mut self.notes().octets;
        octets.push(Vec::new());
        octets.len() - 1
    }
}

/// The n-th connection follows the n-th script; the last one is everybody's from there.
pub(super) fn tcp(
    reactor: &Arc<Reactor>,
    listener: TcpListener,
    scripts: Vec<Script>,
    heard: Arc<Heard>,
) -> Serving {
    let reactor = Arc::clone(reactor);
    let source = reactor.watch(listener.as_raw_fd());
    let mut scripts = VecDeque::from(scripts);
    let mut connections: Vec<Serving> = Vec::new();
    Box::pin(poll_fn(move |task| {
        while let Poll::Ready(Ok((stream, _))) =
            poll_io(&*source, task, Interest::Read, || listener.accept())
        {
            let script = match scripts.len() {
                0 => Script::new(),
                1 => scripts[0].clone(),
                _ => scripts.pop_front().unwrap_or_default(),
            };
            if let Ok(end) = End::of_stream(&reactor, stream, &heard) {
                connections.push(Box::pin(end.connection(script)));
            }
        }
        connections.retain_mut(|connection| connection.as_mut().poll(task).is_pending());
        Poll::Pending
    }))
}

/// Each datagram that no step waited for begins the script anew.
pub(super) fn udp(
    reactor: &Arc<Reactor>,
    socket: UdpSocket,
    script: Script,
    heard: &Arc<Heard>,
) -> Serving {
    let source = reactor.watch(socket.as_raw_fd());
    let number = heard.begin();
    let end = End {
        reactor: Arc::clone(reactor),
        source,
        socket,
        heard: Arc::clone(heard),
        number,
        unread: Vec::new(),
        peer: None,
    };
    Box::pin(end.exchanges(script))
}

impl End<TcpStream> {
    fn of_stream(
        reactor: &Arc<Reactor>,
        socket: TcpStream,
        heard: &Arc<Heard>,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Self {
            reactor: Arc::clone(reactor),
            source: reactor.watch(socket.as_raw_fd()),
            socket,
            heard: Arc::clone(heard),
            number: heard.begin(),
            unread: Vec::new(),
            peer: None,
        })
    }

    async fn connection(mut self, script: Script) {
        for step in script.steps {
            match self.step(step).await {
                Ok(Next::Step) => {}
                Ok(Next::End) | Err(_) => return,
            }
        }
        // Octets that were not read would make a reset of the close.
        let _ = self.socket.shutdown(Shutdown::Write);
        while matches!(self.more().await, Ok(1..)) {}
    }
}

impl End<UdpSocket> {
    async fn exchanges(mut self, script: Script) {
        while self.more().await.is_ok() {
            for step in script.steps.clone() {
                match self.step(step).await {
                    Ok(Next::Step) => {}
                    Ok(Next::End) | Err(_) => break,
                }
            }
            self.unread.clear();
        }
    }
}

impl<S: Talk> End<S> {
    async fn step(&mut self, step: Step) -> io::Result<Next> {
        match step {
            Step::Hear(wanted) => return self.hear(&wanted).await,
            Step::HearUntil(end) => {
                while !self.unread.windows(end.len().max(1)).any(|part| part == end) {
                    if !self.is_more("octets that end with", &end).await? {
                        return Ok(Next::End);
                    }
                }
                let at = self.unread.windows(end.len().max(1)).position(|part| part == end);
                self.unread.drain(..at.map_or(0, |at| at + end.len()));
            }
            Step::HearAnything => {
                if self.unread.is_empty() && !self.is_more("anything", b"").await? {
                    return Ok(Next::End);
                }
                self.unread.clear();
            }
            Step::Say(data) => self.say(&data).await?,
            Step::Drip { data, every } => {
                for octet in data {
                    self.wait(every).await;
                    self.say(&[octet]).await?;
                }
            }
            Step::Wait(time) => self.wait(time).await,
            Step::Reset => {
                self.socket.reset();
                return Ok(Next::End);
            }
            Step::Hang => std::future::pending().await,
        }
        Ok(Next::Step)
    }

    async fn hear(&mut self, wanted: &[u8]) -> io::Result<Next> {
        loop {
            let common = self.unread.len().min(wanted.len());
            if self.unread[..common] != wanted[..common] {
                let heard = self.unread.escape_ascii().to_string();
                self.complain(&format!("\"{heard}\" in place of \"{}\"", wanted.escape_ascii()));
                self.socket.reset();
                return Ok(Next::End);
            }
            if common == wanted.len() {
                self.unread.drain(..common);
                return Ok(Next::Step);
            }
            if !self.is_more("", wanted).await? {
                return Ok(Next::End);
            }
        }
    }

    /// False, and a complaint, where the other side has closed.
    async fn is_more(&mut self, what: &str, wanted: &[u8]) -> io::Result<bool> {
        let more = self.more().await?;
        if more == 0 {
            let wanted = match (what, wanted) {
                (what, b"") => what.to_owned(),
                ("", wanted) => format!("\"{}\"", wanted.escape_ascii()),
                (what, wanted) => format!("{what} \"{}\"", wanted.escape_ascii()),
            };
            self.complain(&format!("the end in place of {wanted}"));
        }
        Ok(more > 0)
    }

    fn complain(&self, text: &str) {
        let number = self.number + 1;
        self.heard.notes().complaints.push(format!("connection {number}: {text}"));
    }

    /// Waits for octets; so many have come. 0 is the end.
    async fn more(&mut self) -> io::Result<usize> {
        let mut data = [0; 65536];
        let attempt = |task: &mut Context<'_>| {
            poll_io(&*self.source, task, Interest::Read, || self.socket.hear(&mut data))
        };
        let (size, from) = poll_fn(attempt).await?;
        self.unread.extend_from_slice(&data[..size]);
        self.heard.notes().octets[self.number].extend_from_slice(&data[..size]);
        self.peer = from.or(self.peer);
        Ok(size)
    }

    async fn say(&self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let said = poll_fn(|task| {
                poll_io(&*self.source, task, Interest::Write, || self.socket.say(data, self.peer))
            });
            data = &data[said.await?..];
        }
        Ok(())
    }

    async fn wait(&self, time: Duration) {
        self.reactor.timer(time).await;
    }
}

impl Talk for TcpStream {
    fn hear(&self, into: &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)> {
        let mut stream = self;
        stream.read(into).map(|size| (size, None))
    }

    fn say(&self, data: &[u8], _: Option<SocketAddr>) -> io::Result<usize> {
        let mut stream = self;
        stream.write(data)
    }

    fn reset(&self) {
        // The close that follows is then a reset.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Talk for UdpSocket {
    fn hear(&self, into: &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)> {
        self.recv_from(into).map(|(size, from)| (size, Some(from)))
    }

    fn say(&self, data: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        match to {
            Some(to) => self.send_to(data, to),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn reset(&self) {}
}

/// Tries `attempt` until it gives anything but `WouldBlock`.
fn poll_io<T>(
    source: &dyn Readiness,
    task: &mut Context<'_>,
    interest: Interest,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    loop {
        match attempt() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                match source.poll_ready(task, interest) {
                    Ready::Pending => return Poll::Pending,
                    Ready::TryAgain => {}
                    Ready::Gone => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
                }
            }
            done => return Poll::Ready(done),
        }
    }
}
