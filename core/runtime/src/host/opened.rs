//! Libraries that run in this process. None is ever unloaded: its threads, wakers and thread-locals
//! could outlive it.
#![allow(unsafe_code)] // runs foreign code

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rais_sdk::Fault;
use rais_sdk::host::{self, Declared};
use tokio::runtime::Handle;

use super::library::words::clean;
use super::library::{Digest, Library, PanicStrategy, VettedPlugin};
use super::reactor::Side;

/// What a fault may have, in characters.
const LONGEST: usize = 2048;

/// By content: what was loaded once is not loaded again, and what failed once is not tried again.
#[derive(Default)]
pub(super) struct Opened(Mutex<BTreeMap<Digest, Entry>>);

struct Entry {
    plugins: Result<Arc<[Declared]>, Fault>,
    /// Its descriptor stays open, also where loading failed: the loader takes two files of one name
    /// for one, and the name is the descriptor's number.
    _library: Arc<Library>,
}

impl Opened {
    /// The plugins of a library that was vetted, loaded into this process. Its log has the timers
    /// of `runtime`.
    ///
    /// # Errors
    /// A library without guards, or one that does not load here though it did in its child.
    pub(super) fn get(
        &self,
        library: &Arc<Library>,
        runtime: Handle,
    ) -> Result<Arc<[Declared]>, Fault> {
        let path = library.image.path().display();
        if library.vetted.panic == PanicStrategy::Abort {
            let text = format!(
                "{path} was built with panic = \"abort\": a panic in it would end rais. Build it \
                 with panic = \"unwind\", or hold it by isolation = \"process\""
            );
            return Err(Fault::config("type", text));
        }
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = opened.entry(library.image.digest()).or_insert_with(|| Entry {
            plugins: open(library, runtime),
            _library: Arc::clone(library),
        });
        entry.plugins.clone()
    }
}

fn open(library: &Library, runtime: Handle) -> Result<Arc<[Declared]>, Fault> {
    let path = library.image.path().display();
    let file = library.image.loadable().map_err(|error| Fault::io(format!("{path}: {error}")))?;
    // SAFETY: a child of ours has loaded these very octets and lived, and nobody else has them or
    // can change them while they are mapped.
    let loaded = unsafe { host::Library::open(&file) };
    let loaded = loaded.map_err(|error| Fault::io(clean(&format!("{path}: {error}"), LONGEST)))?;
    if !is_as_vetted(&loaded.plugins(), &library.vetted.plugins) {
        let text = format!("{path} has other plugins here than it told when it was tried");
        return Err(Fault::io(text));
    }
    let name = library.image.name().to_string_lossy();
    loaded.greet(Arc::new(Side::with_timers(&name, runtime)));
    Ok(loaded.plugins().into())
}

/// A library can tell where it is, and its plugins are used by what they were when it was tried.
fn is_as_vetted(here: &[Declared], vetted: &[VettedPlugin]) -> bool {
    let here = here.iter().map(|plugin| (plugin.name(), plugin.kinds()));
    here.eq(vetted.iter().map(|plugin| (plugin.name.as_str(), plugin.kinds.clone())))
}
