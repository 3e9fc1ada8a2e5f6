//! Receives on a thread of its own.

use std::io::{self, PipeReader, PipeWriter};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rais_sdk::{Again, Fault, Host, Inbox};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::batch::{Batch, Beyond, Distance};
use crate::config::Reach;
use crate::groups::Groups;
use crate::interfaces;

/// The thread that receives.
pub(crate) struct Receiver {
    /// Closed to end the thread: the other end then reads as hung up, also for a thread that comes
    /// late to look.
    stop: PipeWriter,
    thread: JoinHandle<()>,
}

/// What the thread holds.
struct Ear {
    sockets: Sockets,
    stop: PipeReader,
    inbox: Inbox,
    host: Host,
    batch: Batch,
    /// Last said about receiving; nothing while it works.
    trouble: Option<String>,
    far: Far,
}

/// Datagrams to a group from further away than the link.
#[derive(Default)]
struct Far {
    /// So far.
    refused: u64,
    /// When they were last spoken of, and how many they were then.
    told: Option<(Instant, u64)>,
}

enum Sockets {
    One(UdpSocket),
    Groups { groups: Groups, scanned: Option<Instant> },
}

/// Beats of a thousand hosts at one moment; the system's own limit may be lower.
const QUEUE: usize = 4 << 20;
/// How often interfaces are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// Datagrams from too far away are spoken of no more often.
const SAY_AGAIN: Duration = Duration::from_secs(3600);
/// After an error that a next try could meet at once.
const PAUSE: Duration = Duration::from_millis(100);

impl Receiver {
    /// Binds, and receives into `inbox` from now on.
    pub(crate) fn start(reach: &Arc<Reach>, host: &Host, inbox: Inbox) -> Result<Self, Fault> {
        let sockets = Sockets::open(reach, host)?;
        for socket in sockets.all() {
            // As much as the system gives.
            let _ = SockRef::from(socket).set_recv_buffer_size(QUEUE);
        }
        let (reader, stop) = io::pipe().map_err(Fault::io)?;
        let mut ear = Ear {
            sockets,
            stop: reader,
            inbox,
            host: host.clone(),
            batch: Batch::new(),
            trouble: None,
            far: Far::default(),
        };
        ear.look_at_interfaces();
        let thread = host
            .spawn("rais-udp", Again::Restart, move || {
                ear.run();
                ear.far.end(&ear.host);
            })
            .map_err(Fault::io)?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread and closes its sockets.
    pub(crate) fn stop(self) {
        drop(self.stop);
        // A panic in it has been logged.
        let _ = self.thread.join();
    }
}

impl Sockets {
    fn open(reach: &Arc<Reach>, host: &Host) -> Result<Self, Fault> {
        match &**reach {
            Reach::Broadcast { port, .. } => {
                let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port.get());
                bind(any, Sharing::ManyBinders).map(Self::One).map_err(|e| cannot(&any, &e))
            }
            Reach::Multicast { port, groups, .. } => {
                let groups = Groups::new(Arc::clone(reach), host.clone(), *port, groups)
                    .map_err(|e| cannot(&format_args!("port {port}"), &e))?;
                Ok(Self::Groups { groups, scanned: None })
            }
            Reach::Unicast { listen: Some(listen), .. } => {
                bind(*listen, Sharing::Alone).map(Self::One).map_err(|e| cannot(listen, &e))
            }
            Reach::Unicast { listen: None, .. } => {
                Err(Fault::config("listen", "missing; a binder needs it in mode \"unicast\""))
            }
        }
    }

    fn all(&self) -> Vec<&UdpSocket> {
        match self {
            Self::One(socket) => vec![socket],
            Self::Groups { groups, .. } => groups.sockets().collect(),
        }
    }
}

/// Who else may have the same address and port.
#[derive(Clone, Copy)]
enum Sharing {
    /// Every socket there is given every broadcast.
    ManyBinders,
    /// A unicast datagram reaches one socket only: a second one is a mistake.
    Alone,
}

fn bind(address: SocketAddr, sharing: Sharing) -> io::Result<UdpSocket> {
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::UDP))?;
    if matches!(sharing, Sharing::ManyBinders) {
        socket.set_reuse_address(true)?;
    }
    if address.is_ipv6() {
        // `[::]` is both families, whatever the system's default.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn cannot(listen: &dyn std::fmt::Display, error: &io::Error) -> Fault {
    Fault::io(format!("cannot listen on {listen}: {error}"))
}

impl Ear {
    /// Until the pipe is closed.
    fn run(&mut self) {
        loop {
            let ready = match self.wait() {
                Ok(Wake::Stop) => return,
                Ok(Wake::Sockets(ready)) => ready,
                Err(e) => {
                    self.say(&e);
                    thread::sleep(PAUSE);
                    continue;
                }
            };
            self.look_at_interfaces();
            for i in ready {
                match self.receive(i) {
                    Ok(()) => self.trouble = None,
                    Err(e) => {
                        self.say(&e);
                        thread::sleep(PAUSE);
                    }
                }
            }
        }
    }

    fn wait(&self) -> io::Result<Wake> {
        let timeout = match &self.sockets {
            Sockets::One(_) => PollTimeout::NONE,
            Sockets::Groups { .. } => PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::MAX),
        };
        let sockets = self.sockets.all();
        let mut fds = vec![PollFd::new(self.stop.as_fd(), PollFlags::POLLIN)];
        fds.extend(sockets.iter().map(|s| PollFd::new(s.as_fd(), PollFlags::POLLIN)));
        match poll(&mut fds, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Wake::Sockets(Vec::new())),
            Err(e) => return Err(e.into()),
        }
        let is_ready = |fd: &PollFd<'_>| fd.any() != Some(false);
        if is_ready(&fds[0]) {
            return Ok(Wake::Stop);
        }
        Ok(Wake::Sockets((0..sockets.len()).filter(|i| is_ready(&fds[i + 1])).collect()))
    }

    /// Joins groups on new interfaces, no more often than [`LOOK`].
    fn look_at_interfaces(&mut self) {
        let Sockets::Groups { groups, scanned } = &mut self.sockets else { return };
        if scanned.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        *scanned = Some(Instant::now());
        match interfaces::scan() {
            Ok(links) => groups.follow(&links),
            Err(e) => self.say(&e),
        }
    }

    /// Hands on what is there, at most one batch: others wait as well.
    fn receive(&mut self, i: usize) -> io::Result<()> {
        let sockets = self.sockets.all();
        let Some(socket) = sockets.get(i) else { return Ok(()) };
        let outcome = self.batch.fill(socket);
        // What is sent to a group is for those on the link: who is elsewhere takes unicast.
        let distance = match &self.sockets {
            Sockets::One(_) => Distance::Any,
            Sockets::Groups { .. } => Distance::Link,
        };
        if let Some(beyond) = self.batch.beyond(distance) {
            self.far.refuse(&beyond, &self.host);
        }
        let datagrams = self.batch.datagrams(distance);
        if !datagrams.is_empty() {
            // What the host has no room for is lost, as any datagram may be.
            let _ = self.inbox.deliver(&datagrams);
        }
        outcome
    }

    /// Once until it works again.
    fn say(&mut self, error: &io::Error) {
        let text = format!("receiving: {error}");
        if self.trouble.as_ref() != Some(&text) {
            self.host.warn(&text);
            self.trouble = Some(text);
        }
    }
}

impl Far {
    /// Counts, and says so now and then: whoever can send one can send a million.
    fn refuse(&mut self, beyond: &Beyond, host: &Host) {
        self.refused += beyond.count;
        if self.told.is_some_and(|(at, _)| at.elapsed() < SAY_AGAIN) {
            return;
        }
        self.told = Some((Instant::now(), self.refused));
        let Beyond { from, hops, .. } = beyond;
        host.warn(&format!(
            "refused: sent to a group from {from} with a hop limit of {hops} left; from this link \
             it would be 255 ({} refused so far)",
            self.refused
        ));
    }

    /// What was not told yet.
    fn end(&self, host: &Host) {
        if self.told.is_some_and(|(_, told)| told < self.refused) {
            let all = self.refused;
            host.log(&format!("{all} datagrams to a group were refused: not from this link"));
        }
    }
}

enum Wake {
    Stop,
    /// Which of them.
    Sockets(Vec<usize>),
}
