//! Transport `nats`: heartbeats over NATS, past one network and to as many hosts as its servers carry.

mod certificates;
mod complaints;
mod config;
mod credentials;
mod keeper;
mod link;
mod orders;
mod secret;
mod session;
mod subject;
mod waiting;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rais_sdk::prelude::*;
use tokio::sync::watch;

use config::Site;
use keeper::Keeper;
use link::Link;
use orders::Orders;

pub use config::{NatsTable, TlsTable};

/// Publishes under its subject, and hears what others publish under it: beats carry their own proof.
pub struct Nats {
    site: Arc<Site>,
    host: Host,
    link: Arc<Link>,
    orders: watch::Sender<Orders>,
    /// None before the first call that wants a connection, and after the end.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Transport for Nats {
    const NAME: &'static str = "nats";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = NatsTable;

    fn new(table: NatsTable, host: Host) -> Result<Self, Fault> {
        let site = Arc::new(Site::try_from(table)?);
        let link = Arc::new(Link::new(site.subject.get()));
        let orders = watch::Sender::new(Orders::default());
        Ok(Self { site, host, link, orders, thread: Mutex::default() })
    }

    /// Whether the server is there shows later; nothing is wrong where it is not.
    fn start(&self, inbox: Inbox) -> Result<(), Fault> {
        self.orders.send_modify(|orders| *orders = Orders { inbox: Some(inbox), ended: false });
        self.keep(&mut self.thread())
    }

    fn send(&self, data: &[u8]) -> Result<(), Fault> {
        let mut thread = self.thread();
        if thread.is_none() && !self.orders.borrow().ended {
            self.keep(&mut thread)?;
        }
        drop(thread);
        self.link.send(data)
    }

    fn stop(&self) {
        self.orders.send_modify(|orders| *orders = Orders { inbox: None, ended: true });
        // Not held while we wait: nobody's `send` is to wait with us.
        let thread = self.thread().take();
        if let Some(thread) = thread {
            // A panic in it has been logged.
            let _ = thread.join();
        }
    }
}

impl Nats {
    /// Has the thread run.
    fn keep(&self, thread: &mut Option<JoinHandle<()>>) -> Result<(), Fault> {
        if thread.is_none() {
            self.link.begin();
            let (site, link) = (Arc::clone(&self.site), Arc::clone(&self.link));
            let mut keeper = Keeper::new(site, self.host.clone(), link, self.orders.subscribe());
            let run = move || keeper.run();
            *thread = Some(self.host.spawn("rais-nats", Again::Restart, run)?);
        }
        Ok(())
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("site", &self.site).finish_non_exhaustive()
    }
}

rais_sdk::plugin!(transport Nats);
