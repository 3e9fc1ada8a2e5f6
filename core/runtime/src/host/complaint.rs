//! What plugins warn of, as status shows it: of a transport that is not connected nothing else is known.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use rais_sdk::host::{Level, one_line};

/// Of a line, so many octets are kept.
const LONGEST: usize = 4096;

/// What a plugin has warned of and not taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// When it began.
    pub since: Instant,
    /// What was said last.
    pub text: String,
    /// Which transport says it, by the name of its table; none where that is not known.
    pub transport: Option<String>,
}

/// What one instance of a plugin complains of, by what it logs: a warning stands until something
/// milder comes, of the same instance.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    transport: Option<String>,
    now: Mutex<Option<Complaint>>,
}

impl Complaints {
    /// Of the transport with this name, where it is one.
    pub(super) fn of(transport: Option<&str>) -> Complaints {
        Complaints { transport: transport.map(str::to_owned), now: Mutex::default() }
    }

    pub(super) fn transport(&self) -> Option<&str> {
        self.transport.as_deref()
    }

    pub(super) fn hear(&self, level: Level, text: &str) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        match level {
            Level::Error | Level::Warn => {
                let since = now.as_ref().map_or_else(Instant::now, |before| before.since);
                let text = one_line(text[..text.floor_char_boundary(LONGEST)].to_owned());
                *now = Some(Complaint { since, text, transport: self.transport.clone() });
            }
            Level::Info => *now = None,
            Level::Debug => {}
        }
    }

    pub(super) fn now(&self) -> Option<Complaint> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What each living instance complains of, by its plugin.
#[derive(Debug)]
pub(super) struct OfInstances<K>(Mutex<BTreeMap<K, Vec<Weak<Complaints>>>>);

impl<K> Default for OfInstances<K> {
    fn default() -> OfInstances<K> {
        OfInstances(Mutex::default())
    }
}

impl<K: Ord> OfInstances<K> {
    /// Of one more instance, for as long as it keeps this.
    pub(super) fn add(&self, plugin: K, transport: Option<&str>) -> Arc<Complaints> {
        let complaints = Arc::new(Complaints::of(transport));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, instances| {
            instances.retain(|complaints| complaints.strong_count() > 0);
            !instances.is_empty()
        });
        all.entry(plugin).or_default().push(Arc::downgrade(&complaints));
        complaints
    }

    /// What the instances of a plugin warn of now.
    pub(super) fn now(&self, plugin: &K) -> Vec<Complaint> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let living = all.get(plugin).into_iter().flatten().filter_map(Weak::upgrade);
        living.filter_map(|complaints| complaints.now()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_takes_back_its_own_warning_alone_and_leaves_none_behind() {
        let all = OfInstances::default();
        let (a, b) = (all.add("bus", Some("a")), all.add("bus", Some("b")));
        a.hear(Level::Warn, "not connected");
        b.hear(Level::Warn, "not connected");
        b.hear(Level::Info, "connected");
        let warned = all.now(&"bus");
        assert_eq!(warned.len(), 1);
        assert_eq!(warned[0].transport.as_deref(), Some("a"));
        drop((a, b));
        assert_eq!(all.now(&"bus"), []);
        let _other = all.add("other", None);
        assert_eq!(all.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_warning_stands_until_something_milder_is_logged() {
        let complaints = Complaints::default();
        complaints.hear(Level::Info, "connected");
        assert_eq!(complaints.now(), None);
        complaints.hear(Level::Warn, "not connected: a");
        let first = complaints.now().unwrap();
        complaints.hear(Level::Error, "not connected:\nb");
        complaints.hear(Level::Debug, "trying");
        let now = complaints.now().unwrap();
        assert_eq!((now.since, &*now.text), (first.since, "not connected: b"));
        assert_eq!(now.transport, None);
        complaints.hear(Level::Info, "connected");
        assert_eq!(complaints.now(), None);
    }
}
