//! From one key to the next, without a beat that nobody believes: the next key is made and copied
//! to every host, then it signs, then the one before goes.
//!
//! At every moment the folder is a sound key ring, for a process that reloads just then and after a
//! power cut. A switch changes two files, and the first change decides: two keys that both say
//! `use = "sign"` are no doubt where one of them follows the other.

use std::fs;
use std::path::{Path, PathBuf};

use rais_proto::heartbeat::key::KeyId;
use rais_proto::name::HostName;
use rais_proto::time::WallTime;

use super::file::{About, rewrite};
use super::{
    KeyError, KeyFile, KeyUse, Keys, Survey, follows, io_error, load, lock, survey, write_new,
};
use crate::durable;

/// Why a step cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// The key ring is none, or cannot be changed.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// None was named, and none signs.
    #[error(
        "{}: no key there signs, so one has to be named; there are: {}",
        .folder.display(), .names.join(", ")
    )]
    NoSigner {
        /// The key ring.
        folder: PathBuf,
        /// Its keys.
        names: Vec<String>,
    },
    /// There is no such key, or more than one.
    #[error(
        "{}: {} key there has the name or id {named:?}; there are: {}",
        .folder.display(), if *.several { "more than one" } else { "no" }, .names.join(", ")
    )]
    Named {
        /// The key ring.
        folder: PathBuf,
        /// What was asked for.
        named: String,
        /// Whether it is too much, not too little.
        several: bool,
        /// Its keys.
        names: Vec<String>,
    },
    /// The rotation before is not at its end.
    #[error(
        "{new} follows {old} already, and both are there: `rais key rotate switch` has {new} sign, \
         `rais key rotate end` removes {old}; then the next can begin"
    )]
    UnderWay {
        /// The one.
        old: String,
        /// The other.
        new: String,
    },
    /// Nobody is there to take over.
    #[error(
        "no key there follows {signer}, which signs: `rais key rotate begin` makes one, on one host; \
         its file goes to all others first; to a key that is there already `rais key rotate switch NAME` \
         goes over; where only a binder runs nothing needs to sign: `rais key accept {signer}`"
    )]
    NoSuccessor {
        /// The key that signs.
        signer: String,
    },
    /// Which of them?
    #[error(
        "{} all follow {signer}, which signs: name the one that is to sign, as in \
         `rais key rotate switch {}`",
        .names.join(" and "), .names[0]
    )]
    Successors {
        /// The key that signs.
        signer: String,
        /// Who follows it.
        names: Vec<String>,
    },
    /// It is still needed.
    #[error(
        "{name} signs here: `rais key rotate switch` first has another sign, or, where only a binder \
         runs, `rais key accept {name}` has none sign; `rais reload` takes that up"
    )]
    Signs {
        /// The key.
        name: String,
    },
    /// Nothing is old.
    #[error(
        "{}: no key there is followed by another, so the one to remove has to be named; there are: {}",
        .folder.display(), .names.join(", ")
    )]
    NothingToEnd {
        /// The key ring.
        folder: PathBuf,
        /// Its keys.
        names: Vec<String>,
    },
    /// No names are left for it.
    #[error("{}: all names from {stem}-2 to {stem}-{last} are taken", .folder.display())]
    NoName {
        /// The key ring.
        folder: PathBuf,
        /// What they begin with.
        stem: String,
        /// Where it was given up.
        last: u32,
    },
}

/// Who signs after a switch, and who did before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// The key that signs.
    pub signer: KeyFile,
    /// The key that signed; none where none did, or it was this one already.
    pub before: Option<KeyFile>,
    /// Whether another signs than before.
    pub changed: bool,
}

/// Keys that sign no more, and how their folder is then.
#[derive(Debug)]
pub struct Accepted {
    /// Those that were named.
    pub keys: Vec<KeyFile>,
    /// Those besides that had given up signing to one that was named, and are kept from it.
    pub with_them: Vec<KeyFile>,
    /// Whether any of all these said until now that it is to sign.
    pub changed: bool,
    /// The key that signs now.
    pub signer: Option<KeyFile>,
    /// Why the folder is still no key ring.
    pub fault: Option<KeyError>,
}

/// Names are tried up to this number.
const LAST_NAME: u32 = 9999;

/// Makes the key that is to follow the one that is `named`, else the one that signs: of the same
/// limits, and accepted only.
///
/// # Errors
/// None is named and none signs; a rotation of that key is under way.
pub fn begin(folder: &Path, named: Option<&str>, now: WallTime) -> Result<KeyFile, RotationError> {
    let _lock = lock_ring(folder)?;
    let keys = load(folder)?;
    let old = match named {
        Some(named) => find(folder, &keys.files, named)?,
        None => signer_of(folder, &keys)?,
    };
    let successor = keys.files.iter().find(|file| file.follows == Some(old.id));
    let predecessor = keys.files.iter().find(|file| old.follows == Some(file.id));
    if let Some((old, new)) =
        successor.map(|new| (old, new)).or(predecessor.map(|before| (before, old)))
    {
        return Err(RotationError::UnderWay { old: old.name.clone(), new: new.name.clone() });
    }
    let path = create_next(folder, old, now)?;
    one_of(folder, &load(folder)?.files, |file| file.path == path, &path.display().to_string())
        .cloned()
}

/// Has the key that is `named` sign, else the one that follows the key that signs.
///
/// # Errors
/// No key is there to take over, or several are.
pub fn switch(folder: &Path, named: Option<&str>) -> Result<Switched, RotationError> {
    let _lock = lock_ring(folder)?;
    let keys = load(folder)?;
    let signer = keys.files.iter().find(|file| file.usage == KeyUse::Sign);
    let target = match (named, signer) {
        (Some(named), _) => find(folder, &keys.files, named)?,
        (None, Some(signer)) => successor(&keys, signer)?,
        (None, None) => signer_of(folder, &keys)?,
    };
    let before = signer.filter(|signer| signer.id != target.id);
    let changed = target.usage != KeyUse::Sign;
    // Strangers until now: without a word on who follows whom, two would sign for a moment.
    let adopted = before.filter(|before| {
        !follows(&keys.files, target, before) && !follows(&keys.files, before, target)
    });
    rewrite(&target.path, KeyUse::Sign, adopted.map(|before| before.id))?;
    // And what a power cut has left of the switch before.
    for other in keys.files.iter().filter(|file| file.id != target.id) {
        rewrite(&other.path, KeyUse::Accept, None)?;
    }
    let keys_now = load(folder)?;
    let signer = signer_of(folder, &keys_now)?.clone();
    Ok(Switched { signer, before: before.cloned(), changed })
}

/// Has the keys that are `named` accepted only; also in a folder of which nobody can say who signs, as it is
/// where keys that sign on their own hosts were copied together.
///
/// Where the one that signs is among them none signs then. Where another signs, or nobody can say who, no other
/// key is changed: whichever is left may be the host's own.
///
/// # Errors
/// There is no such key; a file is at fault.
pub fn accept(folder: &Path, named: &[String]) -> Result<Accepted, RotationError> {
    // Not `lock_ring`: this is what makes a ring of it.
    survey(folder)?;
    let _lock = lock(folder)?;
    let before = only_two_signers(survey(folder)?)?;
    let targets: Vec<&KeyFile> =
        named.iter().map(|named| find(folder, &before.files, named)).collect::<Result<_, _>>()?;
    let is_target = |file: &KeyFile| targets.iter().any(|target| target.id == file.id);
    // A switch that was cut in two leaves more that say `sign`. They go before the one that signs: at no
    // moment does one of them sign in its place.
    let signer = signer_in(&before);
    let signer_goes = signer.is_some_and(is_target);
    let going = before.files.iter().filter(|file| signer_goes || is_target(file));
    let (last, first): (Vec<&KeyFile>, Vec<&KeyFile>) =
        going.partition(|file| signer.is_some_and(|signer| signer.id == file.id));
    let mut changed = Vec::new();
    for file in first.into_iter().chain(last) {
        if rewrite(&file.path, KeyUse::Accept, None)? {
            changed.push(file.id);
        }
    }
    let mut after = only_two_signers(survey(folder)?)?;
    let signer = signer_in(&after).cloned();
    let fault = after.faults.pop();
    let (keys, others): (Vec<KeyFile>, Vec<KeyFile>) = after.files.into_iter().partition(is_target);
    let with_them = others.into_iter().filter(|file| changed.contains(&file.id)).collect();
    Ok(Accepted { keys, with_them, changed: !changed.is_empty(), signer, fault })
}

/// None where nobody can say which it is.
fn signer_in(survey: &Survey) -> Option<&KeyFile> {
    let mut signers = survey.files.iter().filter(|file| file.usage == KeyUse::Sign);
    signers.next().filter(|_| survey.faults.is_empty())
}

/// A survey of files that are sound each by itself.
fn only_two_signers(mut survey: Survey) -> Result<Survey, KeyError> {
    let other = |fault: &KeyError| !matches!(fault, KeyError::TwoSigners { .. });
    match survey.faults.iter().position(other) {
        Some(at) => Err(survey.faults.swap_remove(at)),
        None => Ok(survey),
    }
}

/// The keys that [`end`] would remove: the one that is `named`, else all that another follows.
///
/// # Errors
/// There is none; the one that is named signs.
pub fn ending(folder: &Path, named: Option<&str>) -> Result<Vec<KeyFile>, RotationError> {
    let keys = load(folder)?;
    if let Some(named) = named {
        let file = find(folder, &keys.files, named)?;
        return match file.usage {
            KeyUse::Sign => Err(RotationError::Signs { name: file.name.clone() }),
            KeyUse::Accept => Ok(vec![file.clone()]),
        };
    }
    let is_old = |old: &&KeyFile| keys.files.iter().any(|new| new.follows == Some(old.id));
    let (signing, old): (Vec<&KeyFile>, Vec<&KeyFile>) =
        keys.files.iter().filter(is_old).partition(|file| file.usage == KeyUse::Sign);
    match (&old[..], &signing[..]) {
        ([], [signer, ..]) => Err(RotationError::Signs { name: signer.name.clone() }),
        ([], []) => {
            let (folder, names) = (folder.to_owned(), names(&keys.files));
            Err(RotationError::NothingToEnd { folder, names })
        }
        _ => Ok(old.into_iter().cloned().collect()),
    }
}

/// Removes the keys of these ids, of which none may sign.
///
/// # Errors
/// One signs; the file system refuses.
pub fn end(folder: &Path, ids: &[KeyId]) -> Result<(), RotationError> {
    let _lock = lock_ring(folder)?;
    let keys = load(folder)?;
    let old = || keys.files.iter().filter(|file| ids.contains(&file.id));
    if let Some(file) = old().find(|file| file.usage == KeyUse::Sign) {
        return Err(RotationError::Signs { name: file.name.clone() });
    }
    for file in old() {
        fs::remove_file(&file.path).map_err(|source| io_error("remove", &file.path, source))?;
    }
    // What a crash has left of a file that was being written holds a secret too.
    durable::sweep(folder)
        .and_then(|_| durable::sync_folder(folder))
        .map_err(|source| io_error("write", folder, source))?;
    Ok(())
}

/// Whoever has no key ring is told how to make one, not that a folder cannot be locked.
fn lock_ring(folder: &Path) -> Result<fs::File, RotationError> {
    load(folder)?;
    Ok(lock(folder)?)
}

fn names(files: &[KeyFile]) -> Vec<String> {
    files.iter().map(|file| file.name.clone()).collect()
}

fn signer_of<'k>(folder: &Path, keys: &'k Keys) -> Result<&'k KeyFile, RotationError> {
    keys.files.iter().find(|file| file.usage == KeyUse::Sign).ok_or_else(|| {
        RotationError::NoSigner { folder: folder.to_owned(), names: names(&keys.files) }
    })
}

/// By its name, its file's name with its ending or without, or its id.
fn find<'k>(
    folder: &Path,
    files: &'k [KeyFile],
    named: &str,
) -> Result<&'k KeyFile, RotationError> {
    let stem = |file: &KeyFile| file.path.file_stem().is_some_and(|stem| stem == named);
    let whole = |file: &KeyFile| file.path.file_name().is_some_and(|whole| whole == named);
    let is = |file: &KeyFile| {
        file.name == named || stem(file) || whole(file) || file.id.to_string() == named
    };
    one_of(folder, files, is, named)
}

fn one_of<'k>(
    folder: &Path,
    files: &'k [KeyFile],
    is: impl Fn(&KeyFile) -> bool,
    named: &str,
) -> Result<&'k KeyFile, RotationError> {
    let found: Vec<&KeyFile> = files.iter().filter(|file| is(file)).collect();
    match found[..] {
        [file] => Ok(file),
        _ => Err(RotationError::Named {
            folder: folder.to_owned(),
            named: named.to_owned(),
            several: !found.is_empty(),
            names: names(files),
        }),
    }
}

/// The key that is to take over from `signer`, or `signer` where it has taken over already.
fn successor<'k>(keys: &'k Keys, signer: &'k KeyFile) -> Result<&'k KeyFile, RotationError> {
    let next: Vec<&KeyFile> =
        keys.files.iter().filter(|file| file.follows == Some(signer.id)).collect();
    let has_switched = keys.files.iter().any(|file| signer.follows == Some(file.id));
    match next[..] {
        [next] => Ok(next),
        [] if has_switched => Ok(signer),
        [] => Err(RotationError::NoSuccessor { signer: signer.name.clone() }),
        _ => Err(RotationError::Successors {
            signer: signer.name.clone(),
            names: next.iter().map(|file| file.name.clone()).collect(),
        }),
    }
}

/// `cluster` is followed by `cluster-2`, and that by `cluster-3`.
fn create_next(folder: &Path, old: &KeyFile, now: WallTime) -> Result<PathBuf, RotationError> {
    let numbered = || {
        let (stem, number) = old.name.rsplit_once('-')?;
        Some((stem, number.parse::<u32>().ok()?))
    };
    // A host may be called `web-3`: only who follows has its number from here.
    let (stem, number) = old.follows.and_then(|_| numbered()).unwrap_or((old.name.as_str(), 1));
    for number in number.saturating_add(1)..=LAST_NAME {
        let name: HostName = format!("{stem}-{number}").parse().map_err(KeyError::from)?;
        let about = About {
            name: &name,
            usage: KeyUse::Accept,
            follows: Some(old.id),
            limits: &old.limits,
            now,
        };
        match write_new(folder, &about) {
            Err(KeyError::Exists(_)) => {}
            made => return Ok(made?),
        }
    }
    let (folder, stem) = (folder.to_owned(), stem.to_owned());
    Err(RotationError::NoName { folder, stem, last: LAST_NAME })
}

#[cfg(test)]
mod tests;
