//! Which of the sink's zones a name belongs to, where several go into one zone of the server.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rais_zone::OwnerName;

/// Names, each with the zone that published it last. A service that moves from one zone to another
/// may keep its name; the zone that it leaves must not delete it then.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<OwnerName, String>>);

impl Claims {
    /// `zone` publishes these from now on.
    pub(crate) fn take<'n>(&self, zone: &str, names: impl Iterator<Item = &'n OwnerName>) {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            match claims.get_mut(name) {
                Some(of) if of == zone => {}
                Some(of) => zone.clone_into(of),
                None => drop(claims.insert(name.clone(), zone.to_owned())),
            }
        }
    }

    /// Whether another zone has taken `name` over.
    pub(crate) fn are_others(&self, zone: &str, name: &OwnerName) -> bool {
        let claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.get(name).is_some_and(|of| of != zone)
    }
}
