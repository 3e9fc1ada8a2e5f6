//! Servers with a responder that knows no DNS, and clients that ask them.

mod batches;
mod late;
mod tcp;
mod udp;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::{
    Limits, MessageStream, Passage, Peer, Reply, Respond, Server, Sockets, TcpLimits, Work,
};

/// So long is waited for what must come.
const LIMIT: Duration = Duration::from_secs(60);

/// Where a query says what it wants.
const WISH: usize = 3;
/// The query itself as the answer, with the bit QR.
const ECHO: u8 = 0;
const SILENCE: u8 = 1;
/// Besides that, which of the responders it was, and which address was asked.
const WHO_AND_WHERE: u8 = 2;
/// An answer of [`LONG`] octets.
const LONG_ANSWER: u8 = 3;
const PANIC: u8 = 4;
/// As many messages of [`LONG`] octets as the query's last octet says.
const TRANSFER: u8 = 5;
/// The same, and then a message that is none.
const BROKEN_TRANSFER: u8 = 6;
/// An answer that claims to be longer than its room.
const OVERLONG: u8 = 7;

/// An answer once [`GATE`] is free.
const HELD: u8 = 8;

/// Held by the one test that has answers wait.
static GATE: Mutex<()> = Mutex::new(());
/// Whether somebody waits for it.
static IS_HELD: AtomicBool = AtomicBool::new(false);

const LONG: usize = 50_000;
const LONGEST_UDP: usize = 1232;

/// Does what a query asks for.
struct Wishes {
    number: u8,
    is_fresh: bool,
}

impl Respond for Wishes {
    fn refresh(&mut self) {
        self.is_fresh = true;
    }

    fn release(&mut self) {
        assert!(self.is_fresh);
        self.is_fresh = false;
    }

    fn respond(&mut self, query: &[u8], peer: &Peer, out: &mut [u8]) -> Reply {
        assert!(self.is_fresh);
        if query.len() <= WISH {
            return Reply::Silence;
        }
        let mut end = query.len().min(out.len());
        out[..end].copy_from_slice(&query[..end]);
        out[2] |= 0x80;
        match query[WISH] {
            SILENCE => return Reply::Silence,
            WHO_AND_WHERE => {
                let text = format!("{} {}", self.number, peer.local);
                out[end..end + text.len()].copy_from_slice(text.as_bytes());
                end += text.len();
            }
            LONG_ANSWER => end = LONG,
            PANIC => panic!("as the query wishes"),
            TRANSFER | BROKEN_TRANSFER => {
                let left = query.last().copied().unwrap().into();
                let end = if query[WISH] == TRANSFER { None } else { Some(LONG * 10) };
                return Reply::Stream(Box::new(Longs { left, end }));
            }
            HELD => {
                IS_HELD.store(true, Ordering::SeqCst);
                drop(GATE.lock());
            }
            OVERLONG => end = out.len() + 1,
            _ => {}
        }
        Reply::Message(end)
    }
}

/// Messages in which every octet is the number of those that are left.
struct Longs {
    left: usize,
    end: Option<usize>,
}

impl MessageStream for Longs {
    fn next(&mut self, out: &mut [u8]) -> Option<usize> {
        let Some(left) = self.left.checked_sub(1) else { return self.end };
        self.left = left;
        out[..LONG].fill(left as u8);
        Some(LONG)
    }
}

/// What a test wants otherwise.
struct Setting {
    workers: usize,
    connections: usize,
    per_client: usize,
    idle: Duration,
    unread: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self { workers: 1, connections: 1000, per_client: 1000, idle: LIMIT * 10, unread: 2 << 20 }
    }
}

/// A server at addresses whose ports the kernel chose.
struct Running {
    server: Server,
    at: Vec<SocketAddr>,
}

impl Running {
    fn start(listen: &[&str], setting: &Setting) -> Self {
        let listen: Vec<_> = listen.iter().map(|a| a.parse().unwrap()).collect();
        Self::of(Sockets::bind(&listen, some(setting.workers)).unwrap(), setting)
    }

    fn of(sockets: Sockets, setting: &Setting) -> Self {
        let at = sockets.addresses().to_vec();
        let tcp = TcpLimits {
            connections: some(setting.connections),
            per_client: some(setting.per_client),
            idle: setting.idle,
            unread: setting.unread,
        };
        let limits = Limits { udp_answer: LONGEST_UDP, tcp };
        let number = AtomicU8::new(0);
        let responder =
            || Wishes { number: number.fetch_add(1, Ordering::Relaxed), is_fresh: false };
        let door = sockets.door();
        let spawn = |name: &str, mut work: Work| {
            let door = Arc::clone(&door);
            let passed = move || {
                if door.pass(|| ()) == Passage::Answer {
                    work();
                }
            };
            spawn(name, Box::new(passed))
        };
        let server = Server::start(sockets, &limits, responder, &spawn).unwrap();
        Self { server, at }
    }

    /// With one address.
    fn usual() -> Self {
        Self::start(&["127.0.0.1:0"], &Setting::default())
    }

    /// Ends it, in whatever time it takes, but ends it.
    fn stop(mut self) {
        let (done, is_done) = mpsc::channel();
        let thread = thread::spawn(move || {
            self.server.stop();
            done.send(()).unwrap();
        });
        is_done.recv_timeout(LIMIT).expect("the threads end");
        thread.join().unwrap();
    }
}

/// As the host does: what has panicked is called again.
fn spawn(name: &str, mut work: Work) -> io::Result<thread::JoinHandle<()>> {
    assert!(name.len() < 16, "{name}");
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || while catch_unwind(AssertUnwindSafe(&mut work)).is_err() {})
}

fn some(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// A query with an id of its own.
fn query(id: u16, wish: u8, length: usize) -> Vec<u8> {
    let mut query = vec![0xaa; length.max(WISH + 1)];
    query[..2].copy_from_slice(&id.to_be_bytes());
    query[2] = 0;
    query[WISH] = wish;
    query
}

fn echo(id: u16) -> Vec<u8> {
    query(id, ECHO, 30)
}

fn answer_to(query: &[u8]) -> Vec<u8> {
    let mut answer = query.to_vec();
    answer[2] |= 0x80;
    answer
}

/// A client's socket on the loopback address of the same family.
fn udp_client(server: SocketAddr) -> UdpSocket {
    let any = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(any).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

/// The next answer, and who sent it.
fn heard(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut room = vec![0; 65_536];
    let (length, from) = socket.recv_from(&mut room).expect("an answer");
    room.truncate(length);
    (room, from)
}

/// What there is to an address, as a connected client sees it.
fn udp_echo(server: SocketAddr, id: u16) {
    let socket = udp_client(server);
    socket.connect(server).unwrap();
    socket.send(&echo(id)).unwrap();
    assert_eq!(heard(&socket), (answer_to(&echo(id)), server));
}

fn tcp_client(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    stream
}

/// With its length before it.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    framed.extend_from_slice(message);
    framed
}

fn next_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut message)?;
    Ok(message)
}

/// Asks once more on a connection.
fn ask(stream: &mut TcpStream, id: u16) -> io::Result<()> {
    stream.write_all(&framed(&echo(id)))?;
    let answer = next_message(stream)?;
    assert_eq!(answer, answer_to(&echo(id)));
    Ok(())
}

fn tcp_echo(server: SocketAddr, id: u16) {
    ask(&mut tcp_client(server), id).expect("an answer");
}

/// Waits until the server has closed it, without an answer before.
fn is_closed(stream: &mut TcpStream) {
    match stream.read(&mut [0; 1]) {
        Ok(0) => {}
        Ok(_) => panic!("an answer where none was asked for"),
        Err(e) if e.kind() == ErrorKind::ConnectionReset => {}
        Err(e) => panic!("waiting for the connection's end: {e}"),
    }
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LIMIT, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
