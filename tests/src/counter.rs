//! A server that counts: how often each of its ports was connected to.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::socket::{Shutdown, shutdown};

use crate::host::Host;

/// A server on some ports of a host, within the test's own process.
#[derive(Debug)]
pub struct Counter {
    ports: Vec<Port>,
}

#[derive(Debug)]
struct Port {
    listener: Arc<TcpListener>,
    connected: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Counter {
    /// Listens on `ports` of every IPv4 address of `host`.
    #[track_caller]
    #[must_use]
    pub fn start(host: &Host, ports: impl IntoIterator<Item = u16>) -> Self {
        Self { ports: ports.into_iter().map(|port| Port::start(host, port)).collect() }
    }

    /// Connections so far, in the order of the ports.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        self.ports.iter().map(|port| port.connected.load(Ordering::Relaxed)).collect()
    }
}

impl Port {
    fn start(host: &Host, port: u16) -> Self {
        let listener = host.net().enter(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)));
        let listener = Arc::new(listener.unwrap_or_else(|e| panic!("port {port}: {e}")));
        let connected = Arc::new(AtomicU64::new(0));
        let (accepting, counted) = (Arc::clone(&listener), Arc::clone(&connected));
        let thread = std::thread::spawn(move || {
            while accepting.accept().is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { listener, connected, thread: Some(thread) }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        for port in &mut self.ports {
            // Ends a blocked accept, on Linux.
            let _ = shutdown(port.listener.as_raw_fd(), Shutdown::Both);
            if let Some(thread) = port.thread.take() {
                let _ = thread.join();
            }
        }
    }
}
