//! A relay between the sink and its server, which counts what passes and may keep it.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Between two looks of a thread at whether it is to end.
const LOOK: Duration = Duration::from_millis(20);

/// What the sink has sent, and what becomes of it.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Updates that change something, each with its octets and whether it came by TCP.
    updates: Mutex<Vec<(usize, bool)>>,
    /// Those that only ask.
    conditions: AtomicUsize,
    /// Questions, those that were asked again once.
    queries: AtomicUsize,
    asked: Mutex<HashSet<Vec<u8>>>,
    /// So many answers to updates, and so many updates, are lost from now on.
    lose_answers: AtomicUsize,
    lose_updates: AtomicUsize,
    /// So many answers to updates say YXRRSET, whatever the server has said.
    deny: AtomicUsize,
    /// Of questions by UDP.
    ration: Mutex<Ration>,
    /// Nothing passes any more.
    hangs: AtomicBool,
    ends: AtomicBool,
}

/// What becomes of questions by UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ration {
    #[default]
    None,
    Silence,
    /// The answers are cut off.
    Cut,
}

/// Ends with the value.
pub struct Relay {
    pub address: SocketAddr,
    traffic: Arc<Traffic>,
}

impl Relay {
    pub fn to(server: SocketAddr) -> Relay {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
                break (tcp, udp);
            }
        };
        let address = tcp.local_addr().unwrap();
        let traffic = Arc::new(Traffic::default());
        let shared = Arc::clone(&traffic);
        std::thread::spawn(move || relay_udp(&udp, server, &shared));
        let shared = Arc::clone(&traffic);
        std::thread::spawn(move || relay_tcp(&tcp, server, &shared));
        Relay { address, traffic }
    }

    /// The updates so far; counted from zero again.
    pub fn updates(&self) -> Vec<(usize, bool)> {
        std::mem::take(&mut self.traffic.updates.lock().unwrap())
    }

    pub fn conditions(&self) -> usize {
        self.traffic.conditions.swap(0, Ordering::SeqCst)
    }

    pub fn queries(&self) -> usize {
        self.traffic.queries.swap(0, Ordering::SeqCst)
    }

    pub fn lose_answers(&self, answers: usize) {
        self.traffic.lose_answers.store(answers, Ordering::SeqCst);
    }

    pub fn lose_updates(&self, updates: usize) {
        self.traffic.lose_updates.store(updates, Ordering::SeqCst);
    }

    pub fn deny(&self, answers: usize) {
        self.traffic.deny.store(answers, Ordering::SeqCst);
    }

    pub fn ration(&self, ration: Ration) {
        *self.traffic.ration.lock().unwrap() = ration;
    }

    pub fn hang(&self, hangs: bool) {
        self.traffic.hangs.store(hangs, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.traffic.ends.store(true, Ordering::SeqCst);
    }
}

impl Traffic {
    fn ends(&self) -> bool {
        self.ends.load(Ordering::SeqCst)
    }

    /// Whether a message of the sink passes.
    fn passes(&self, message: &[u8], tcp: bool) -> bool {
        let hangs = self.hangs.load(Ordering::SeqCst);
        if !is_update(message) {
            // A slow machine's answer is asked for again, in the same octets.
            if self.asked.lock().unwrap().insert(message.to_vec()) {
                self.queries.fetch_add(1, Ordering::SeqCst);
            }
            return !hangs;
        }
        // RFC 2136 §2.2: the number of records in the update section.
        if message[8..10] == [0, 0] {
            self.conditions.fetch_add(1, Ordering::SeqCst);
        } else {
            self.updates.lock().unwrap().push((message.len(), tcp));
        }
        !hangs && !one_of(&self.lose_updates)
    }

    /// What becomes of an answer of the server.
    fn returns(&self, message: &[u8]) -> Option<Vec<u8>> {
        if is_update(message) && one_of(&self.lose_answers) || self.hangs.load(Ordering::SeqCst) {
            return None;
        }
        if is_update(message) && one_of(&self.deny) {
            // The header alone, without a record.
            let mut denial = message[..12].to_vec();
            denial[3] = denial[3] & 0xf0 | YXRRSET;
            denial[4..].fill(0);
            return Some(denial);
        }
        Some(message.to_vec())
    }

    /// What a question by UDP gets instead of an answer.
    fn rationed(&self, message: &[u8]) -> Option<Vec<u8>> {
        let ration = *self.ration.lock().unwrap();
        if is_update(message) || ration == Ration::None {
            return None;
        }
        if ration == Ration::Silence {
            return Some(Vec::new());
        }
        // The header and the question: a name in labels, a type, a class.
        let name = message[12..].iter().position(|octet| *octet == 0).unwrap();
        let mut cut = message[..12 + name + 5].to_vec();
        cut[2] |= QR | TC;
        cut[6..12].fill(0);
        Some(cut)
    }
}

/// Counts down.
fn one_of(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// RFC 2136 §2.2.
const YXRRSET: u8 = 7;
/// In the header's third octet (RFC 1035 §4.1.1).
const QR: u8 = 0x80;
const TC: u8 = 0x02;

/// RFC 2136 §1.3: opcode 5.
fn is_update(message: &[u8]) -> bool {
    message[2] >> 3 & 15 == 5
}

fn relay_udp(socket: &UdpSocket, server: SocketAddr, traffic: &Arc<Traffic>) {
    socket.set_read_timeout(Some(LOOK)).unwrap();
    let mut ways: HashMap<SocketAddr, UdpSocket> = HashMap::new();
    let mut room = vec![0; 65_535];
    while !traffic.ends() {
        let Ok((read, from)) = socket.recv_from(&mut room) else { continue };
        if !traffic.passes(&room[..read], false) {
            continue;
        }
        if let Some(instead) = traffic.rationed(&room[..read]) {
            if !instead.is_empty() {
                let _ = socket.send_to(&instead, from);
            }
            continue;
        }
        let way = ways.entry(from).or_insert_with(|| {
            let way = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            way.connect(server).unwrap();
            way.set_read_timeout(Some(LOOK)).unwrap();
            let (back, answers) = (socket.try_clone().unwrap(), way.try_clone().unwrap());
            let traffic = Arc::clone(traffic);
            std::thread::spawn(move || {
                let mut room = vec![0; 65_535];
                while !traffic.ends() {
                    let Ok(read) = answers.recv(&mut room) else { continue };
                    if let Some(answer) = traffic.returns(&room[..read]) {
                        let _ = back.send_to(&answer, from);
                    }
                }
            });
            way
        });
        let _ = way.send(&room[..read]);
    }
}

fn relay_tcp(listener: &TcpListener, server: SocketAddr, traffic: &Arc<Traffic>) {
    listener.set_nonblocking(true).unwrap();
    while !traffic.ends() {
        let Ok((client, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        client.set_nonblocking(false).unwrap();
        client.set_nodelay(true).unwrap();
        // As a closed port does, a moment later.
        let Ok(upstream) = TcpStream::connect(server) else { continue };
        upstream.set_nodelay(true).unwrap();
        let there = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
        let of_there = Arc::clone(traffic);
        std::thread::spawn(move || {
            carry(there.0, there.1, |message| {
                of_there.passes(message, true).then(|| message.to_vec())
            });
        });
        let of_back = Arc::clone(traffic);
        std::thread::spawn(move || carry(upstream, client, |message| of_back.returns(message)));
    }
}

/// Message by message, until one side closes.
fn carry(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let mut next = || -> std::io::Result<()> {
        let mut length = [0; 2];
        from.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        from.read_exact(&mut message)?;
        if let Some(message) = passes(&message) {
            let length = u16::try_from(message.len()).unwrap().to_be_bytes();
            to.write_all(&[&length[..], &message].concat())?;
        }
        Ok(())
    };
    while next().is_ok() {}
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
