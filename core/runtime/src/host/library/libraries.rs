//! Libraries that are known already.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::SystemTime;

use super::digest::Digest;
use super::fault::LibraryFault;
use super::image::Image;
use super::place::{Found, Stamp};
use super::{Library, vet};
use crate::host::Program;

/// Finds libraries, and neither reads nor vets again what has not changed since.
///
/// It knows a library as long as somebody has it.
#[derive(Debug)]
pub struct Libraries {
    program: Program,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    stamps: HashMap<Stamp, Digest>,
    libraries: HashMap<Digest, Weak<Library>>,
    /// What is wrong with a content, as long as its file is not touched: some take ten seconds to
    /// say so.
    refused: HashMap<(Stamp, Digest), LibraryFault>,
}

/// What some folders hold.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// By folder, then by file name. The same content is here once, where it was found first.
    pub libraries: Vec<Arc<Library>>,
    /// What is not used, and why; also folders that cannot be read.
    pub refused: Vec<(PathBuf, LibraryFault)>,
}

/// A file, before it is tried.
enum Candidate {
    Known(Arc<Library>),
    Refused(Digest, LibraryFault),
    New(Stamp, Image),
}

type Verdict = Result<Arc<Library>, LibraryFault>;

impl Libraries {
    /// None yet; they are vetted by `program`.
    pub fn new(program: Program) -> Libraries {
        Libraries { program, known: Mutex::default() }
    }

    /// The library in the file `path`. Blocks, for some ten seconds at most.
    ///
    /// # Errors
    /// Why it is not used.
    pub fn open(&self, path: &Path) -> Result<Arc<Library>, LibraryFault> {
        self.judge(self.find(path)?)
    }

    /// The libraries `*.so` in `folders`; a folder that does not exist holds none. Blocks: two at
    /// a time are vetted.
    pub fn scan(&self, folders: &[PathBuf]) -> Scan {
        let mut scan = Scan::default();
        let mut seen = HashSet::new();
        let mut candidates = Vec::new();
        for folder in folders {
            let files = match libraries_in(folder) {
                Ok(files) => files,
                Err(fault) => {
                    scan.refused.push((folder.clone(), fault));
                    continue;
                }
            };
            for path in files {
                match self.find(&path) {
                    Ok(candidate) if seen.insert(candidate.digest()) => {
                        candidates.push((path, candidate));
                    }
                    Ok(_) => {}
                    Err(fault) => scan.refused.push((path, fault)),
                }
            }
        }
        for (path, verdict) in self.judge_all(candidates) {
            match verdict {
                Ok(library) => scan.libraries.push(library),
                Err(fault) => scan.refused.push((path, fault)),
            }
        }
        scan
    }

    fn find(&self, path: &Path) -> Result<Candidate, LibraryFault> {
        let found = Found::at(path)?;
        let stamp = found.stamp();
        if let Some(library) = self.known().by_stamp(&stamp) {
            return Ok(Candidate::Known(library.found_at(path)));
        }
        let settled = stamp.is_settled(SystemTime::now());
        let image = Image::of(found, path)?;
        let digest = image.digest();
        let mut known = self.known();
        if settled {
            known.stamps.insert(stamp, digest);
        }
        if let Some(library) = known.by_digest(digest) {
            return Ok(Candidate::Known(library.found_at(path)));
        }
        Ok(match known.refused.get(&(stamp, digest)) {
            Some(fault) => Candidate::Refused(digest, fault.clone()),
            None => Candidate::New(stamp, image),
        })
    }

    fn judge(&self, candidate: Candidate) -> Verdict {
        let library = match candidate {
            Candidate::Known(library) => library,
            Candidate::Refused(_, fault) => return Err(fault),
            Candidate::New(stamp, image) => {
                let vetted = vet(&image, &self.program).inspect_err(|fault| {
                    // Whether another try is possible does not depend on the library.
                    if !matches!(fault, LibraryFault::NotTried { .. }) {
                        self.known().refused.insert((stamp, image.digest()), fault.clone());
                    }
                })?;
                Arc::new(Library { image, vetted })
            }
        };
        self.known().keep(&library);
        Ok(library)
    }

    fn judge_all(&self, candidates: Vec<(PathBuf, Candidate)>) -> Vec<(PathBuf, Verdict)> {
        let verdicts = Mutex::new(Vec::with_capacity(candidates.len()));
        let next = Mutex::new(candidates.into_iter().enumerate());
        let work = || {
            loop {
                // A statement of its own, so that nobody waits for the vetting.
                let taken = lock(&next).next();
                let Some((place, (path, candidate))) = taken else { break };
                let verdict = self.judge(candidate);
                lock(&verdicts).push((place, path, verdict));
            }
        };
        thread::scope(|threads| {
            // The second; where it is not to be had, the first does it all.
            let _ = thread::Builder::new().name("vet".into()).spawn_scoped(threads, work);
            work();
        });
        let mut verdicts = verdicts.into_inner().unwrap_or_else(PoisonError::into_inner);
        verdicts.sort_by_key(|(place, ..)| *place);
        verdicts.into_iter().map(|(_, path, verdict)| (path, verdict)).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }
}

impl Known {
    fn by_stamp(&self, stamp: &Stamp) -> Option<Arc<Library>> {
        self.by_digest(*self.stamps.get(stamp)?)
    }

    fn by_digest(&self, digest: Digest) -> Option<Arc<Library>> {
        self.libraries.get(&digest)?.upgrade()
    }

    /// And forgets what nobody has any more.
    fn keep(&mut self, library: &Arc<Library>) {
        self.libraries.insert(library.image.digest(), Arc::downgrade(library));
        self.libraries.retain(|_, library| library.strong_count() > 0);
        self.stamps.retain(|_, digest| self.libraries.contains_key(digest));
    }
}

impl Candidate {
    fn digest(&self) -> Digest {
        match self {
            Candidate::Known(library) => library.image.digest(),
            Candidate::Refused(digest, _) => *digest,
            Candidate::New(_, image) => image.digest(),
        }
    }
}

/// The files in `folder` whose names end in `.so`, but for hidden ones, by name.
fn libraries_in(folder: &Path) -> Result<Vec<PathBuf>, LibraryFault> {
    let unreadable = |error: io::Error| LibraryFault::Unreadable { why: error.to_string() };
    let entries = match folder.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(unreadable)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name();
        if is_library(&name) {
            files.push(folder.join(name));
        }
    }
    files.sort();
    Ok(files)
}

fn is_library(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".so") && !name.starts_with(b".")
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
