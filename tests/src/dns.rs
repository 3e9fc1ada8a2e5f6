//! Asking name servers: our own client, Debian's `dig`, and `named-checkzone` for what lies in
//! files.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::{A, Aaaa, Soa};

use crate::binary::finish;
use crate::host::Host;
use crate::netns::Namespace;

/// What a name server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `NOERROR` and its kin.
    pub rcode: String,
    /// The AA bit.
    pub authoritative: bool,
    /// Addresses in the answer section, in their order.
    pub addresses: Vec<IpAddr>,
    /// Serial of an SOA in the answer section.
    pub serial: Option<u32>,
}

/// A client of one name server, with a socket inside a network namespace.
#[derive(Debug)]
pub struct Client {
    socket: UdpSocket,
    id: std::cell::Cell<u16>,
}

impl Client {
    /// A client in `net` of the server at `server`.
    #[track_caller]
    #[must_use]
    pub fn new(net: &Namespace, server: SocketAddr) -> Self {
        net.enter(|| Self::here(server))
    }

    /// A client in the network of the thread that calls.
    #[track_caller]
    #[must_use]
    pub fn here(server: SocketAddr) -> Self {
        let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).expect("a socket");
        socket.connect(server).expect("an address to ask");
        socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
        Self { socket, id: std::cell::Cell::new(fastrand::u16(..)) }
    }

    /// The same, which takes an answer for lost that has not come after so long.
    #[must_use]
    pub fn impatient(self, patience: Duration) -> Self {
        self.socket.set_read_timeout(Some(patience)).expect("a timeout");
        self
    }

    /// One question, one answer.
    ///
    /// # Errors
    /// What went wrong in words, for [`crate::wait::until`].
    pub fn ask(&self, name: &str, rtype: Rtype) -> Result<Answer, String> {
        let id = self.id.get().wrapping_add(1);
        self.id.set(id);
        self.socket.send(&question(id, name, rtype)?).map_err(|e| format!("asking: {e}"))?;
        let mut reply = [0; 4096];
        loop {
            let len = self.socket.recv(&mut reply).map_err(|e| format!("no answer: {e}"))?;
            let octets = reply.get(..len).unwrap_or_default();
            let message = Message::from_slice(octets).map_err(|e| format!("a bad answer: {e}"))?;
            // A late answer to an earlier question.
            if message.header().id() == id {
                return read(message).map_err(|e| format!("a bad answer: {e}"));
            }
        }
    }

    /// The addresses (A or AAAA) under a name, in the order of the answer.
    ///
    /// # Errors
    /// What went wrong in words; anything but `NOERROR` is an error too.
    pub fn addresses(&self, name: &str, rtype: Rtype) -> Result<Vec<IpAddr>, String> {
        let answer = self.ask(name, rtype)?;
        if answer.rcode == "NOERROR" {
            Ok(answer.addresses)
        } else {
            Err(format!("the server says {}", answer.rcode))
        }
    }
}

/// A client of one name server by TCP, on one connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    id: u16,
}

impl Connection {
    /// Connects to `server`, in the network of the thread that calls; each answer is waited for as long.
    ///
    /// # Errors
    /// What went wrong in words.
    pub fn open(server: SocketAddr, patience: Duration) -> Result<Self, String> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&server, patience)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = connect().map_err(|e: std::io::Error| format!("connecting: {e}"))?;
        Ok(Self { stream, id: fastrand::u16(..) })
    }

    /// One question, one answer.
    ///
    /// # Errors
    /// What went wrong in words.
    pub fn ask(&mut self, name: &str, rtype: Rtype) -> Result<Answer, String> {
        self.id = self.id.wrapping_add(1);
        let query = framed(&question(self.id, name, rtype)?);
        self.stream.write_all(&query).map_err(|e| format!("asking: {e}"))?;
        let mut length = [0; 2];
        let mut reply = Vec::new();
        let mut receive = || {
            self.stream.read_exact(&mut length)?;
            reply.resize(u16::from_be_bytes(length).into(), 0);
            self.stream.read_exact(&mut reply)
        };
        receive().map_err(|e| format!("no answer: {e}"))?;
        let message = Message::from_slice(&reply).map_err(|e| format!("a bad answer: {e}"))?;
        if message.header().id() != self.id {
            return Err("an answer to another question".to_owned());
        }
        read(message).map_err(|e| format!("a bad answer: {e}"))
    }
}

/// The octets of a question, without EDNS.
///
/// # Errors
/// The name is none.
pub fn question(id: u16, name: &str, rtype: Rtype) -> Result<Vec<u8>, String> {
    let name: Name<Vec<u8>> = name.parse().map_err(|e| format!("{name}: {e}"))?;
    let mut query = MessageBuilder::new_vec();
    query.header_mut().set_id(id);
    let mut query = query.question();
    query.push((&name, rtype)).map_err(|e| e.to_string())?;
    Ok(query.finish())
}

/// A message as TCP has it, its length before it.
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("a message");
    [&length.to_be_bytes(), message].concat()
}

fn read(message: &Message<[u8]>) -> Result<Answer, domain::base::wire::ParseError> {
    let mut answer = Answer {
        rcode: message.header().rcode().to_string(),
        authoritative: message.header().aa(),
        addresses: Vec::new(),
        serial: None,
    };
    for record in message.answer()? {
        let record = record?;
        if let Some(a) = record.to_record::<A>()? {
            answer.addresses.push(a.data().addr().into());
        } else if let Some(aaaa) = record.to_record::<Aaaa>()? {
            answer.addresses.push(aaaa.data().addr().into());
        } else if let Some(soa) = record.to_record::<Soa<_>>()? {
            answer.serial = Some(soa.data().serial().into_int());
        }
    }
    Ok(answer)
}

/// The lines of `dig +short @SERVER NAME TYPE`, run on `host`: the answer's addresses in order.
///
/// # Errors
/// What `dig` says.
pub fn dig(host: &Host, server: IpAddr, name: &str, rtype: &str) -> Result<Vec<IpAddr>, String> {
    let out = finish(host.command("dig").args([
        "+short",
        "+norecurse",
        "+tries=1",
        "+time=2",
        &format!("@{server}"),
        name,
        rtype,
    ]));
    if out.code != 0 {
        return Err(format!("dig: {}{}", out.stdout, out.stderr));
    }
    out.stdout.lines().map(|line| line.parse().map_err(|_| format!("dig: {line}"))).collect()
}

/// What `named-checkzone` found in a file that it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Serial of the zone.
    pub serial: u32,
    /// Every address of the zone's apex.
    pub addresses: BTreeSet<IpAddr>,
}

/// Has BIND's `named-checkzone` read a zone file and print it back.
///
/// # Errors
/// What `named-checkzone` says of a file it refuses.
pub fn check_zone(zone: &str, file: &Path) -> Result<Checked, String> {
    let out = finish(Command::new("named-checkzone").args(["-D", "-o", "-", zone]).arg(file));
    if out.code != 0 {
        return Err(format!("named-checkzone: {}{}", out.stdout, out.stderr));
    }
    let apex = format!("{zone}.");
    let mut checked = Checked { serial: 0, addresses: BTreeSet::new() };
    for line in out.stdout.lines() {
        // NAME TTL CLASS TYPE DATA…
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            [owner, _, _, "A" | "AAAA", address] if *owner == apex => {
                checked.addresses.insert(address.parse().map_err(|_| line.to_owned())?);
            }
            [_, _, _, "SOA", _, _, serial, ..] => {
                checked.serial = serial.parse().map_err(|_| line.to_owned())?;
            }
            _ => {}
        }
    }
    Ok(checked)
}

/// Whether serial `a` comes after `b` (RFC 1982, section 3.2).
#[must_use]
pub fn is_after(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}
