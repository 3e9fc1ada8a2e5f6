//! Transport `plugin-name`: beats by UDP, to peers by their addresses.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rais_sdk::prelude::*;

/// The transport.
pub struct PluginName {
    config: PluginNameConfig,
    host: Host,
    /// For sending, each made when it is first needed.
    v4: OnceLock<UdpSocket>,
    v6: OnceLock<UdpSocket>,
    receiver: Mutex<Option<JoinHandle<()>>>,
    is_ending: Arc<AtomicBool>,
}

/// The keys of its table. `rais plugins info` shows these comments and defaults.
#[config]
pub struct PluginNameConfig {
    /// Where a binder listens.
    listen: Option<SocketAddr>,
    /// Where a monitor sends each beat.
    #[default]
    peers: Vec<SocketAddr>,
}

/// Longer than any beat, which has at most 1,200 octets.
const ROOM: usize = 1500;

/// So often the receiving thread looks whether it is to end.
const PAUSE: Duration = Duration::from_millis(100);

impl Transport for PluginName {
    const NAME: &'static str = "plugin-name";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = PluginNameConfig;

    /// Nothing is bound or sent here: `rais check` comes this far, too.
    fn new(config: PluginNameConfig, host: Host) -> Result<Self, Fault> {
        if config.listen.is_none() && config.peers.is_empty() {
            return Err(Fault::config("peers", "missing, and `listen` too"));
        }
        Ok(Self {
            config,
            host,
            v4: OnceLock::new(),
            v6: OnceLock::new(),
            receiver: Mutex::new(None),
            is_ending: Arc::default(),
        })
    }

    /// Only a binder comes here.
    fn start(&self, inbox: Inbox) -> Result<(), Fault> {
        let Some(listen) = self.config.listen else {
            return Err(Fault::config("listen", "missing; a binder needs it"));
        };
        let socket = UdpSocket::bind(listen)
            .map_err(|error| Fault::io(format!("cannot listen at {listen}: {error}")))?;
        socket.set_read_timeout(Some(PAUSE))?;
        let is_ending = Arc::clone(&self.is_ending);
        // The host's threads: a panic in one is in the log, and the thread goes on.
        let thread = self.host.spawn(Self::NAME, Again::Restart, move || {
            let mut data = [0; ROOM];
            while !is_ending.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut data) {
                    inbox.deliver(&[Datagram::new(from, &data[..length])]);
                }
            }
        })?;
        if let Ok(mut receiver) = self.receiver.lock() {
            *receiver = Some(thread);
        }
        Ok(())
    }

    /// Never blocks. A beat that cannot be sent is lost, and the next one comes soon.
    fn send(&self, data: &[u8]) -> Result<(), Fault> {
        let mut refused = None;
        let mut reached = false;
        for peer in &self.config.peers {
            match self.send_to(*peer, data) {
                Ok(()) => reached = true,
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        match refused {
            _ if reached => Ok(()),
            Some(fault) => Err(fault),
            None => Err(Fault::config("peers", "missing; a monitor needs them")),
        }
    }

    fn stop(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        if let Ok(mut receiver) = self.receiver.lock() {
            // What panicked in it is in the log.
            let _ = receiver.take().map(JoinHandle::join);
        }
    }
}

impl PluginName {
    fn send_to(&self, peer: SocketAddr, data: &[u8]) -> Result<(), Fault> {
        match self.socket(peer)?.send_to(data, peer) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Err(Fault::busy("the socket's buffer is full"))
            }
            Err(error) => Err(Fault::io(format!("{peer}: {error}"))),
        }
    }

    /// Of the family of `peer`.
    fn socket(&self, peer: SocketAddr) -> Result<&UdpSocket, Fault> {
        let (socket, any) = match peer {
            SocketAddr::V4(_) => (&self.v4, "0.0.0.0:0"),
            SocketAddr::V6(_) => (&self.v6, "[::]:0"),
        };
        if let Some(socket) = socket.get() {
            return Ok(socket);
        }
        let made = UdpSocket::bind(any)?;
        made.set_nonblocking(true)?;
        Ok(socket.get_or_init(|| made))
    }
}

plugin!(transport PluginName);
