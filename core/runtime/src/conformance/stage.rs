//! Servers for probes to meet, on this machine's loopback.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The servers, for as long as this lives.
///
/// They run in another process than the plugin wherever its threads and files are counted.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) places: Places,
    _sockets: Sockets,
    _until_dropped: oneshot::Sender<Infallible>,
}

/// Where they are. A UDP socket takes all and says nothing, unless it is said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Places {
    /// Takes a connection and closes it.
    pub(super) closing: SocketAddr,
    /// Takes a connection and says nothing.
    pub(super) silent: SocketAddr,
    /// Answers nothing at all: a dead host.
    pub(super) black_hole: SocketAddr,
    /// The same over TCP; over UDP it refuses.
    pub(super) black_hole_of_tcp: SocketAddr,
    /// Refuses, over TCP and UDP.
    pub(super) refusing: SocketAddr,
}

/// What need not be looked after.
#[derive(Debug)]
struct Sockets {
    _silent: [UdpSocket; 3],
    _black_holes: [Full; 2],
    _refusing: std::os::fd::OwnedFd,
}

/// A listener that takes no more connections.
#[derive(Debug)]
struct Full {
    _listener: TcpListener,
    /// In its queue, which has room for one.
    _filler: TcpStream,
}

/// The datagrams that a socket was sent and that nobody has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    octets: u64,
    /// Those that it had no room for.
    dropped: u64,
}

/// A client that closes at once has closed by then.
const FIRST: Duration = Duration::from_millis(2);
/// Clients come faster than this thread where the machine is busy.
const QUEUE: i32 = 4096;
/// A pair of ports of one number is looked for so often.
const TRIES: usize = 50;

impl Stage {
    /// Opens them.
    ///
    /// # Errors
    /// No port, thread or reactor to be had.
    pub(super) fn open() -> io::Result<Stage> {
        let (closing, udp_closing) = both(QUEUE)?;
        let (silent, udp_silent) = both(QUEUE)?;
        let (black_hole, udp_black_hole) = both(0)?;
        let black_hole_of_tcp = bound()?;
        listen(&black_hole_of_tcp, 0)?;
        let black_hole_of_tcp = TcpListener::from(black_hole_of_tcp);
        let refusing = bound()?;
        let places = Places {
            closing: closing.local_addr()?,
            silent: silent.local_addr()?,
            black_hole: black_hole.local_addr()?,
            black_hole_of_tcp: black_hole_of_tcp.local_addr()?,
            refusing: TcpListener::from(refusing.try_clone()?).local_addr()?,
        };
        let until_dropped = serve(closing, silent)?;
        let sockets = Sockets {
            _silent: [udp_closing, udp_silent, udp_black_hole],
            _black_holes: [Full::of(black_hole)?, Full::of(black_hole_of_tcp)?],
            // Bound, so that nobody else takes the port, and not listening.
            _refusing: refusing,
        };
        Ok(Stage { places, _sockets: sockets, _until_dropped: until_dropped })
    }
}

impl Full {
    /// `listener`, whose queue has room for one.
    fn of(listener: TcpListener) -> io::Result<Full> {
        let filler = TcpStream::connect(listener.local_addr()?)?;
        // In the queue only once the last packet of its handshake has come.
        let mut queue = [PollFd::new(&listener, PollFlags::IN)];
        while poll(&mut queue, None).is_ok_and(|ready| ready == 0) {}
        Ok(Full { _listener: listener, _filler: filler })
    }
}

impl Unread {
    /// Those at the UDP socket of `place`, in whatever process; none where the system does not tell.
    pub(super) fn at(place: SocketAddr) -> Option<Unread> {
        Unread::listed(place, &fs::read_to_string("/proc/net/udp").ok()?)
    }

    fn listed(place: SocketAddr, sockets: &str) -> Option<Unread> {
        let IpAddr::V4(ip) = place.ip() else { return None };
        let local = format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), place.port());
        let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let socket = sockets.lines().map(fields).find(|fields| fields.get(1) == Some(&local))?;
        let (_, queue) = socket.get(4)?.split_once(':')?;
        let octets = u64::from_str_radix(queue, 16).ok()?;
        Some(Unread { octets, dropped: socket.last()?.parse().ok()? })
    }
}

fn serve(closing: TcpListener, silent: TcpListener) -> io::Result<oneshot::Sender<Infallible>> {
    closing.set_nonblocking(true)?;
    silent.set_nonblocking(true)?;
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let (closing, silent) = {
        let _entered = runtime.enter();
        (tokio::net::TcpListener::from_std(closing)?, tokio::net::TcpListener::from_std(silent)?)
    };
    runtime.spawn(async move {
        loop {
            if let Ok((mut stream, _)) = closing.accept().await {
                // Where the client closes first, or has said something, it is done at once. Who
                // closes first keeps the pair of ports for a minute, and a later connection that is
                // given the same pair may find it taken: better the client, who sees that.
                tokio::spawn(async move {
                    let _ = timeout(FIRST, stream.read(&mut [0; 1024])).await;
                });
            }
        }
    });
    runtime.spawn(async move {
        loop {
            if let Ok((mut stream, _)) = silent.accept().await {
                tokio::spawn(async move {
                    let mut heard = [0; 1024];
                    while stream.read(&mut heard).await.is_ok_and(|more| more > 0) {}
                });
            }
        }
    });
    let (until_dropped, dropped) = oneshot::channel::<Infallible>();
    thread::Builder::new().name("stage".to_owned()).spawn(move || {
        // Only the drop of the other end can end this.
        let _ = runtime.block_on(dropped);
    })?;
    Ok(until_dropped)
}

/// A listener with that much room in its queue, and a UDP socket at the port of the same number.
fn both(queue: i32) -> io::Result<(TcpListener, UdpSocket)> {
    let mut outcome = Err(io::Error::from(io::ErrorKind::AddrInUse));
    for _ in 0..TRIES {
        let bound = bound()?;
        listen(&bound, queue)?;
        let listener = TcpListener::from(bound);
        outcome = UdpSocket::bind(listener.local_addr()?).map(|socket| (listener, socket));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn bound() -> io::Result<std::os::fd::OwnedFd> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};

    use super::*;

    #[test]
    fn each_does_what_it_is_for() {
        let stage = Stage::open().unwrap();
        let Places { closing, silent, black_hole, black_hole_of_tcp, refusing } = stage.places;
        let mut closed = TcpStream::connect(closing).unwrap();
        assert_eq!(closed.read(&mut [0; 8]).unwrap(), 0);

        let mut waits = TcpStream::connect(silent).unwrap();
        waits.write_all(b"PING\r\n").unwrap();
        waits.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert_eq!(waits.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);

        let waited = Duration::from_millis(50);
        for black_hole in [black_hole, black_hole_of_tcp] {
            let dead = TcpStream::connect_timeout(&black_hole, waited).unwrap_err();
            assert_eq!(dead.kind(), ErrorKind::TimedOut);
        }
        let refused = TcpStream::connect(refusing).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        datagrams.connect(silent).unwrap();
        datagrams.set_read_timeout(Some(waited)).unwrap();
        datagrams.send(b"PING").unwrap();
        assert_eq!(datagrams.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    #[test]
    fn what_nobody_reads_is_seen() {
        let stage = Stage::open().unwrap();
        let Places { black_hole, black_hole_of_tcp, .. } = stage.places;
        let none = Unread { octets: 0, dropped: 0 };
        assert_eq!(Unread::at(black_hole), Some(none));
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        datagrams.send_to(b"PING", black_hole).unwrap();
        assert!(Unread::at(black_hole).unwrap().octets > 0);
        assert_eq!(Unread::at(black_hole_of_tcp), None);
        let listed = " sl local rem st tx_queue:rx_queue … drops\n\
                      7: 0100007F:0035 00000000:0000 07 00000000:00034A00 00:0 0 0 0 1 2 0 12\n";
        #[cfg(target_endian = "little")]
        assert_eq!(
            Unread::listed("127.0.0.1:53".parse().unwrap(), listed),
            Some(Unread { octets: 0x34A00, dropped: 12 })
        );
    }
}
