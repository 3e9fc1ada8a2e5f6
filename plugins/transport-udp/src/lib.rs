//! Transport `udp`: heartbeats as datagrams, by subnet broadcast, multicast or unicast.

mod batch;
mod config;
mod groups;
mod interfaces;
mod receiver;
mod route;
mod sender;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rais_sdk::prelude::*;

use config::Reach;
use receiver::Receiver;
use sender::Sender;

pub use config::UdpTable;

/// Sends to whom its table says, and receives from anybody: beats carry their own proof.
pub struct Udp {
    reach: Arc<Reach>,
    host: Host,
    sender: Mutex<Sender>,
    receiver: Mutex<Option<Receiver>>,
}

impl Transport for Udp {
    const NAME: &'static str = "udp";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = UdpTable;

    fn new(table: UdpTable, host: Host) -> Result<Self, Fault> {
        let reach = Arc::new(Reach::try_from(table)?);
        let sender = Mutex::new(Sender::new(Arc::clone(&reach), host.clone()));
        Ok(Self { reach, host, sender, receiver: Mutex::new(None) })
    }

    fn start(&self, inbox: Inbox) -> Result<(), Fault> {
        let receiver = Receiver::start(&self.reach, &self.host, inbox)?;
        if let Some(earlier) = lock(&self.receiver).replace(receiver) {
            earlier.stop();
        }
        Ok(())
    }

    fn send(&self, data: &[u8]) -> Result<(), Fault> {
        lock(&self.sender).send(data)
    }

    fn stop(&self) {
        if let Some(receiver) = lock(&self.receiver).take() {
            receiver.stop();
        }
        lock(&self.sender).close();
    }
}

impl Drop for Udp {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Udp").field("reach", &self.reach).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

rais_sdk::plugin!(transport Udp);
