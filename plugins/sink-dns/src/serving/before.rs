//! Servers of this process that were there before a new one: what they serve from files is not lost where a
//! reload comes in a moment in which a file is unsound.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

use super::Shared;
use crate::config::Settings;
use crate::engine::lock;
use crate::net::overlap;
use crate::zone::Zone;

/// A server and what it is known by.
#[derive(Debug)]
struct Known {
    folder: Option<PathBuf>,
    listen: Vec<SocketAddr>,
    shared: Weak<Shared>,
}

/// Those in whose place one comes, the newest first. They keep their zones while this is there.
#[derive(Debug, Default)]
pub(super) struct Before(Vec<Arc<Shared>>);

/// In the order in which they came.
static ALL: Mutex<Vec<Known>> = Mutex::new(Vec::new());

impl Before {
    /// Makes a server known to those that come after it.
    pub(super) fn enter(settings: &Settings, shared: &Arc<Shared>) -> Before {
        let new = Known {
            folder: settings.zones.clone(),
            listen: settings.listen.clone(),
            shared: Arc::downgrade(shared),
        };
        let mut all = lock(&ALL);
        all.retain(|known| known.shared.strong_count() > 0);
        let before = all.iter().rev().filter(|old| new.comes_after(old));
        let before = before.filter_map(|old| old.shared.upgrade()).collect();
        all.push(new);
        Before(before)
    }

    #[cfg(test)]
    pub(super) fn of<const N: usize>(servers: [&Arc<Shared>; N]) -> Before {
        Before(servers.map(Arc::clone).to_vec())
    }

    pub(super) fn is_nobody(&self) -> bool {
        self.0.is_empty()
    }

    /// A zone as it was served from a file.
    pub(super) fn filed(&self, apex: &[u8]) -> Option<Zone> {
        self.0.iter().find_map(|shared| shared.filed(apex))
    }
}

impl Known {
    /// Whether it has the zones of `old`: it reads the same files, or answers where that does. Another sink
    /// may have another zone of the same name.
    fn comes_after(&self, old: &Known) -> bool {
        let mut pairs =
            self.listen.iter().flat_map(|at| old.listen.iter().map(move |by| (*at, *by)));
        self.folder == old.folder || pairs.any(|(at, by)| overlap(at, by))
    }
}
