//! A zone file, as it was when it was last looked at.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::{fs, io};

use rais_zone::ZoneName;

use super::contents::Contents;
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
    /// Another file, whose name is the same but for upper and lower case.
    Twin,
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
    /// Whether it has been read as it is.
    pub(super) fn stands(&self, look: Look) -> bool {
        self.look == look && self.standing == Standing::Read
    }

    pub(super) fn is_as_before(&self, look: Look, owner: Owner) -> bool {
        self.stands(look) && self.owner == owner
    }

    /// Has it read at the next look, as if for the first time; one that cannot be read is tried then anyway.
    pub(super) fn forget(&mut self) {
        let hash = self.read.as_mut().and_then(|read| read.hash.take());
        if hash.is_some() {
            self.standing = Standing::Moving;
        }
    }

    /// Whether its zone is served from it, or would be if it were sound.
    pub(super) fn holds_its_zone(&self) -> bool {
        self.owner == Owner::File && self.read.is_some()
    }

    /// Whether its zone is known once it has been read.
    pub(super) fn is_awaited(&self) -> bool {
        self.standing == Standing::Moving && self.owner != Owner::Twin
    }

    /// Leaves it unread, as the zone is `holder`'s.
    pub(super) fn leave_to(&mut self, holder: &Path, path: &Path, faults: &mut Vec<String>) {
        let fault = Some(twin_of(holder));
        let before = self.read.replace(Reading { hash: None, fault: fault.clone() });
        if before.is_none_or(|before| before.fault != fault) {
            faults.extend(fault.iter().map(|why| told(path, why)));
        }
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
        let contents = name.and_then(|name| Contents::read(octets, &name, goes_on));
        let (found, fault) = match contents {
            Ok(_) if self.owner == Owner::Binder => {
                (None, Some("not used: a binder publishes the zone of that name".to_owned()))
            }
            Ok(contents) => (contents, None),
            Err(why) => (None, Some(why)),
        };
        faults.extend(fault.as_ref().map(|why| told(path, why)));
        self.read = Some(Reading { hash, fault });
        found.map(|Contents { zone, doubts }| {
            faults.extend(doubts.iter().map(|why| told(path, why)));
            Found { path: path.to_owned(), zone }
        })
    }
}

impl Owner {
    pub(super) fn of(apex: &[u8], taken: &BTreeSet<Vec<u8>>) -> Owner {
        if taken.contains(apex) { Owner::Binder } else { Owner::File }
    }
}

/// What is told of a file where another one has its zone.
pub(super) fn twin_of(holder: &Path) -> String {
    format!(
        "not used: {} is of the same zone, since names are one in upper and lower case: leave one of \
         the two",
        holder.display()
    )
}
