//! A zone file, as it was when it was last looked at.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::{fs, io};

use rais_zone::ZoneName;

use super::contents::zone;
use super::entry::Look;
use super::{Found, told};

#[derive(Debug)]
pub(super) struct File {
    /// The zone's name on the wire.
    pub(super) apex: Vec<u8>,
    pub(super) owner: Owner,
    pub(super) look: Look,
    pub(super) standing: Standing,
    pub(super) read: Option<Reading>,
}

/// What came of the last time that a file was read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Of its contents: a file that is written anew, as it was, is no news. Nothing, where it could not be
    /// read.
    hash: Option<u64>,
    fault: Option<String>,
}

/// Whose the zone of a file's name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    File,
    /// It publishes the zone; the file is not used.
    Binder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Somebody may be writing it, or it could not be read just now.
    Moving,
    /// Read, whether it could be used or not.
    Read,
    /// It was not there at the last look: somebody may be about to put another in its place.
    Missing,
}

impl File {
    pub(super) fn is_as_before(&self, look: Look, owner: Owner) -> bool {
        self.look == look && self.standing == Standing::Read && self.owner == owner
    }

    /// Has it read at the next look.
    pub(super) fn begin_anew(&mut self) {
        self.standing = Standing::Moving;
        self.read = None;
    }

    /// Its zone, where that is another than before.
    pub(super) fn read_again(
        &mut self,
        path: &Path,
        name: Result<ZoneName, String>,
        goes_on: &dyn Fn() -> bool,
        faults: &mut Vec<String>,
    ) -> Option<Found> {
        let before = self.read.take();
        let octets = match fs::read(path) {
            Ok(octets) => octets,
            Err(error) => {
                // That says nothing of the zone: it is tried again at each look, and told once.
                self.standing = Standing::Moving;
                // Or it is gone, which is another matter.
                let fault = (error.kind() != io::ErrorKind::NotFound).then(|| error.to_string());
                if let Some(why) = &fault
                    && before.is_none_or(|before| before.fault != fault)
                {
                    faults.push(told(path, why));
                }
                self.read = Some(Reading { hash: None, fault });
                return None;
            }
        };
        let mut hasher = DefaultHasher::new();
        octets.hash(&mut hasher);
        let hash = Some(hasher.finish());
        if let Some(same) = before.filter(|before| before.hash == hash) {
            self.read = Some(same);
            return None;
        }
        let zone = name.and_then(|name| zone(octets, &name, goes_on));
        let (found, fault) = match zone {
            Ok(_) if self.owner == Owner::Binder => {
                (None, Some("not used: a binder publishes the zone of that name".to_owned()))
            }
            Ok(zone) => (zone, None),
            Err(why) => (None, Some(why)),
        };
        faults.extend(fault.as_ref().map(|why| told(path, why)));
        self.read = Some(Reading { hash, fault });
        found.map(|zone| Found { path: path.to_owned(), zone })
    }
}

impl Owner {
    pub(super) fn of(apex: &[u8], taken: &BTreeSet<Vec<u8>>) -> Owner {
        if taken.contains(apex) { Owner::Binder } else { Owner::File }
    }
}
