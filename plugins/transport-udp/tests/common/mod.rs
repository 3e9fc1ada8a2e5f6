//! What the tests of this transport share.
#![allow(dead_code)] // not every test uses all of it

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rais_plugin_transport_udp::Udp;
use rais_sdk::host::TransportObject;
use rais_sdk::testing::{Bench, Deliveries, Delivery};
use rais_sdk::{Fault, FaultKind};

/// Long enough on the busiest machine; nothing waits for it to pass.
pub(crate) const AMPLE: Duration = Duration::from_secs(30);

/// A transport with its host, and what it received.
pub(crate) struct End {
    pub(crate) bench: Bench,
    pub(crate) transport: TransportObject,
    pub(crate) heard: Deliveries,
}

impl End {
    /// One that only sends.
    pub(crate) fn monitor(table: &str) -> Self {
        let bench = Bench::new();
        let transport = bench.transport::<Udp>(table).unwrap();
        Self { bench, transport, heard: Deliveries::new() }
    }

    /// One that receives.
    pub(crate) fn binder(table: &str) -> Self {
        Self::try_binder(table).unwrap()
    }

    pub(crate) fn try_binder(table: &str) -> Result<Self, Fault> {
        let end = Self::monitor(table);
        end.transport.start(Arc::new(end.heard.clone()))?;
        Ok(end)
    }

    /// Exactly these, from these senders' addresses, in any order.
    #[track_caller]
    pub(crate) fn hears(&self, expected: &[(&str, &[u8])]) {
        let mut heard: Vec<_> = self.take(expected.len()).into_iter().map(text).collect();
        let mut expected: Vec<_> =
            expected.iter().map(|(from, data)| ((*from).to_owned(), data.to_vec())).collect();
        heard.sort();
        expected.sort();
        assert_eq!(heard, expected);
    }

    pub(crate) fn take(&self, count: usize) -> Vec<Delivery> {
        self.heard.take(count, AMPLE)
    }

    /// How many lines of the log contain `text`.
    pub(crate) fn said(&self, text: &str) -> usize {
        self.bench.lines().iter().filter(|(_, line)| line.contains(text)).count()
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        until(|| self.said(text) > 0, &format!("nothing of `{text}` in {:?}", self.bench.lines()));
    }
}

fn text((from, data): Delivery) -> (String, Vec<u8>) {
    (from.map(|from| from.ip().to_string()).unwrap_or_default(), data)
}

#[track_caller]
pub(crate) fn until(mut holds: impl FnMut() -> bool, otherwise: &str) {
    let end = Instant::now() + AMPLE;
    while !holds() {
        assert!(Instant::now() < end, "{otherwise}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that no other test on this machine is given while the holder lives, and that sockets
/// which share (SO_REUSEADDR) can be bound to.
pub(crate) fn shared_port(any: &str) -> (UdpSocket, u16) {
    let holder = UdpSocket::bind(SocketAddr::new(any.parse().unwrap(), 0)).unwrap();
    socket2::SockRef::from(&holder).set_reuse_address(true).unwrap();
    let port = holder.local_addr().unwrap().port();
    (holder, port)
}

/// A binder alone on a port of `ip`, and that port.
pub(crate) fn alone(ip: &str) -> (End, u16) {
    loop {
        let free = UdpSocket::bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let listen = SocketAddr::new(ip.parse().unwrap(), port);
        match End::try_binder(&format!("mode = \"unicast\"\nlisten = \"{listen}\"")) {
            Ok(binder) => return (binder, port),
            // Somebody was faster.
            Err(fault) => assert!(fault.text.contains("in use"), "{fault}"),
        }
    }
}

/// The fault of a table.
#[track_caller]
pub(crate) fn config_fault(table: &str) -> (String, String) {
    let fault = Bench::new().transport::<Udp>(table).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config, "{fault}");
    (fault.at, fault.text)
}

/// Whether a thread of this process has the name of the receivers'.
pub(crate) fn receiver_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|t| std::fs::read_to_string(t.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "rais-udp").count()
}
