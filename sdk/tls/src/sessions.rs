//! Sessions to be resumed, of each address apart.
//!
//! Rustls keeps them by the server's name alone. Servers of one service share that, and often the
//! keys of their tickets: one would be believed by the certificate of another.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::client::Resumption;

use crate::options::Resume;

/// After so long an address is asked for its certificate again.
const LASTING: Duration = Duration::from_secs(3600);

/// More addresses than a table has; those of long ago are forgotten with the rest.
const MOST: usize = 16_384;

/// What rustls rounds up to one server.
const ONE_SERVER: usize = 1;

#[derive(Debug)]
pub(crate) struct Sessions {
    /// Resumes what it has seen, of whatever address; resumes nothing with `resume = "off"`.
    shared: Arc<ClientConfig>,
    resume: Resume,
    addresses: Mutex<HashMap<SocketAddr, Kept>>,
}

/// The sessions of one address.
#[derive(Debug)]
struct Kept {
    config: Arc<ClientConfig>,
    until: Instant,
}

impl Sessions {
    pub(crate) fn new(mut config: ClientConfig, resume: Resume) -> Self {
        if resume == Resume::Off {
            config.resumption = Resumption::disabled();
        }
        Self { shared: Arc::new(config), resume, addresses: Mutex::default() }
    }

    pub(crate) fn shared(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.shared)
    }

    /// For a connection to `address` at `now`.
    pub(crate) fn config(&self, address: SocketAddr, now: Instant) -> Arc<ClientConfig> {
        if self.resume == Resume::Off {
            return self.shared();
        }
        let mut addresses = self.addresses();
        if let Some(kept) = addresses.get(&address) {
            if now < kept.until {
                return Arc::clone(&kept.config);
            }
        }
        if addresses.len() >= MOST {
            addresses.clear();
        }
        let mut config = ClientConfig::clone(&self.shared);
        config.resumption = Resumption::in_memory_sessions(ONE_SERVER);
        let config = Arc::new(config);
        addresses.insert(address, Kept { config: Arc::clone(&config), until: now + LASTING });
        config
    }

    /// The next handshake with `address` is a full one.
    pub(crate) fn forget(&self, address: SocketAddr) {
        self.addresses().remove(&address);
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<SocketAddr, Kept>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rais_sdk::serde::Deserialize;
    use rais_sdk::serde::de::value::{Error, MapDeserializer};

    use super::*;
    use crate::TlsOptions;

    fn sessions(resume: Resume) -> Sessions {
        let table = MapDeserializer::<_, Error>::new([("verify", "none")].into_iter());
        let options = TlsOptions::deserialize(table).unwrap();
        Sessions::new(crate::files::config(&options).unwrap(), resume)
    }

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    #[test]
    fn an_address_has_sessions_of_its_own_for_an_hour() {
        let sessions = sessions(Resume::On);
        let start = Instant::now();
        let first = sessions.config(address(1), start);
        let later = sessions.config(address(1), start + LASTING - Duration::from_nanos(1));
        assert!(Arc::ptr_eq(&first, &later));
        assert!(!Arc::ptr_eq(&first, &sessions.config(address(2), start)));
        assert!(!Arc::ptr_eq(&first, &sessions.config(address(1), start + LASTING)));

        let second = sessions.config(address(2), start);
        sessions.forget(address(2));
        assert!(!Arc::ptr_eq(&second, &sessions.config(address(2), start)));
    }

    #[test]
    fn no_more_addresses_are_kept_than_there_may_be() {
        let sessions = sessions(Resume::On);
        let start = Instant::now();
        for port in 0..=u16::try_from(MOST).unwrap() {
            sessions.config(address(port), start);
        }
        assert_eq!(sessions.addresses().len(), 1);
    }

    #[test]
    fn without_resumption_all_share_what_keeps_nothing() {
        let sessions = sessions(Resume::Off);
        let one = sessions.config(address(1), Instant::now());
        assert!(Arc::ptr_eq(&one, &sessions.config(address(2), Instant::now())));
        assert!(sessions.addresses().is_empty());
    }
}
