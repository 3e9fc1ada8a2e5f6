//! Plugins out of a shared object.
#![allow(unsafe_code)] // loads code, and reads what it exports

use std::path::Path;
use std::sync::Arc;

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::{
    AbiInstability, AbiInstabilityErrors, CheckingGlobals, check_layout_compatibility_with_globals,
};
use abi_stable::library::{
    AbiHeader, AbiHeaderRef, LibHeader, LibraryError as RootError, ROOT_MODULE_LOADER_NAME,
    RootModuleError,
};
use abi_stable::type_layout::TLFieldOrFunction;
use libloading::os::unix::{Library as Opened, RTLD_LOCAL, RTLD_NOW};

use super::declared::Declared;
use super::host::host_box;
use crate::abi::ABI_VERSION;
use crate::abi::manifest::{self, Manifest};
use crate::host::HostSide;
use rais_abi::PluginRoot_Ref;

/// A shared object with plugins in it. It stays loaded as long as the process lives.
#[derive(Clone, Copy)]
pub struct Library {
    manifest: &'static Manifest,
    root: PluginRoot_Ref,
}

/// Why a library is not loaded.
///
/// Foreign code may have run all the same: the constructors of the file, which the dynamic loader
/// calls, and from [`LibraryError::Root`] on the library's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The dynamic loader does not take it, in its words.
    #[error("cannot be loaded: {0}")]
    Open(String),
    /// It has no manifest.
    #[error(
        "is no rais plugin: it lacks the symbol `rais_plugin_manifest`, which every cdylib with \
         rais-sdk in it exports"
    )]
    NoManifest,
    /// Its manifest cannot be read.
    #[error("has a manifest that cannot be read: {0}")]
    BadManifest(String),
    /// It was built for another major version of the boundary.
    #[error(
        "is built for ABI {theirs}; this rais has ABI {ours} and takes those with the same first \
         number: build it with another rais-sdk"
    )]
    Abi {
        /// As the manifest tells it.
        theirs: String,
        /// [`ABI_VERSION`].
        ours: &'static str,
    },
    /// What it offers cannot be had.
    #[error("does not tell its plugins: {0}")]
    Root(String),
    /// Its types are laid out otherwise than its version of the boundary says.
    #[error("is laid out otherwise than ABI {theirs} is: {first}")]
    Layout {
        /// As the manifest tells it.
        theirs: String,
        /// The first differences.
        first: String,
    },
}

impl Library {
    /// Loads the shared object at `path`, which may be a `/proc/self/fd/N`.
    ///
    /// A library that ends the process on a panic is loaded as any other, and its manifest says so.
    ///
    /// # Errors
    /// Why it is not taken.
    ///
    /// # Safety
    /// This runs foreign code, now and later: the file must be what its author meant it to be, and
    /// nobody may change it while the process lives (a sealed memfd, a file that is only ever
    /// replaced by renaming). A file that is cut short ends the process. So a host first tries it
    /// in a process that it can spare.
    pub unsafe fn open(path: &Path) -> Result<Self, LibraryError> {
        // SAFETY: the caller's, as above. All its symbols are bound now, so that one that is missing
        // is told here and does not end the process at its first call.
        let opened = unsafe { Opened::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
            .map_err(|error| LibraryError::Open(words(&error)))?;
        // Wherever this ends: what ran of it may have left threads, or pointers into it.
        let opened: &'static Opened = Box::leak(Box::new(opened));
        let manifest: &'static Manifest = Box::leak(Box::new(manifest_of(opened)?));
        let root = root_of(opened, manifest)?;
        Ok(Self { manifest, root })
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &'static Manifest {
        self.manifest
    }

    /// Gives it a voice, and is called once before anything is made of it. What panics in it is no
    /// longer told on stderr by itself: a call's fault has the place, and where there is no call (a
    /// thread of a plugin's own), `host` gets a line. A later host takes the place of the last.
    pub fn greet(&self, host: Arc<dyn HostSide>) {
        self.root.loaded()(host_box(host));
    }

    /// What ABI 1.1 would add.
    #[cfg(feature = "abi-next")]
    #[doc(hidden)]
    pub fn next(&self) -> Option<u32> {
        self.root.next().map(|next| next())
    }

    /// Its plugins, by name.
    #[must_use]
    pub fn plugins(&self) -> Vec<Declared> {
        let list = self.root.list()();
        list.into_iter().map(|decl| Declared::new(decl, &self.manifest.abi)).collect()
    }
}

fn manifest_of(opened: &Opened) -> Result<Manifest, LibraryError> {
    // SAFETY: a symbol of this name is a manifest, and so long: that is part of the ABI of every
    // version.
    let symbol = unsafe { opened.get::<*const [u8; manifest::ROOM]>(manifest::SYMBOL) };
    let octets = symbol.map_err(|_| LibraryError::NoManifest)?;
    // SAFETY: as above; octets have no alignment, and nobody writes to a `static`.
    let octets: [u8; manifest::ROOM] = unsafe { **octets };
    let manifest = Manifest::read(&octets).map_err(LibraryError::BadManifest)?;
    let theirs = manifest::version(&manifest.abi);
    let ours = manifest::version(ABI_VERSION);
    match (theirs, ours) {
        (None, _) => {
            Err(LibraryError::BadManifest(format!("`abi={}` is no version", manifest.abi)))
        }
        (Some((theirs, _)), Some((ours, _))) if theirs == ours => Ok(manifest),
        _ => Err(LibraryError::Abi { theirs: manifest.abi, ours: ABI_VERSION }),
    }
}

fn root_of(opened: &Opened, manifest: &Manifest) -> Result<PluginRoot_Ref, LibraryError> {
    // SAFETY: abi_stable exports a reference to its header under this name, and nobody else does.
    // Its type is checked by what it begins with, below.
    let symbol = unsafe { opened.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME) };
    let header: AbiHeaderRef =
        *symbol.map_err(|_| LibraryError::Root("it has a manifest and no root".into()))?;
    let layout = |first| LibraryError::Layout { theirs: manifest.abi.clone(), first };
    let header = match header.upgrade() {
        Ok(header) => header,
        Err(RootError::InvalidAbiHeader(theirs)) => return Err(layout(of_headers(&theirs))),
        Err(other) => return Err(layout(first_lines(&other.to_string()))),
    };
    compare(header).map_err(layout)?;
    // SAFETY: just compared.
    let root = unsafe { header.init_root_module_with_unchecked_layout::<PluginRoot_Ref>() };
    let root = root.map_err(|error| match error {
        RootError::RootModule { err: RootModuleError::Unwound, .. } => {
            LibraryError::Root("it panicked".into())
        }
        other => LibraryError::Root(first_lines(&other.to_string())),
    })?;
    if root.abi_version().as_str() == manifest.abi {
        Ok(root)
    } else {
        let root = root.abi_version();
        Err(LibraryError::BadManifest(format!("`abi={}`, and its root says {root}", manifest.abi)))
    }
}

/// Whether the root, and all that it leads to, is laid out as this host believes.
fn compare(header: &LibHeader) -> Result<(), String> {
    let Some(theirs) = header.layout() else {
        return Err("it does not carry its layout".into());
    };
    let ours = <PluginRoot_Ref as StableAbi>::LAYOUT;
    // abi_stable takes a library that has more fields than the host knows. One older than the host
    // has fewer: then the host is what has more, and its layout is held against theirs. The fields
    // that are not there are asked for before each use.
    //
    // Each time from nothing: what abi_stable keeps for the whole process is what all libraries so
    // far have in common, and one of this host's own version may not fit that after an older one.
    // They never call each other, so each has to fit the host alone.
    let check = |expected, found| {
        check_layout_compatibility_with_globals(expected, found, &CheckingGlobals::new())
    };
    match check(ours, theirs) {
        Err(errors) if check(theirs, ours).is_err() => Err(differences(&errors)),
        _ => Ok(()),
    }
}

/// Where the first of the differences is, and what it is.
fn differences(errors: &AbiInstabilityErrors) -> String {
    let mut told: Vec<String> = Vec::new();
    for error in errors.errors.iter().take(SHOWN) {
        let place: Vec<String> = error
            .stack_trace
            .iter()
            .map(|step| match &step.found {
                TLFieldOrFunction::Field(field) => field.name().to_owned(),
                TLFieldOrFunction::Function(function) => format!("{}()", function.name),
            })
            .collect();
        let what = error.errs.iter().map(difference).collect::<Vec<_>>().join(", ");
        told.push(format!("`{}`: {what}", place.join(".")));
    }
    if errors.errors.len() > SHOWN {
        told.push(format!("and {} more", errors.errors.len() - SHOWN));
    }
    told.join("; ")
}

const SHOWN: usize = 3;

fn difference(what: &AbiInstability) -> String {
    match what {
        AbiInstability::Name(e) => format!("type {} for {}", e.found, e.expected),
        AbiInstability::Package(e) => format!("of package {} for {}", e.found, e.expected),
        AbiInstability::PackageVersion(e) => {
            format!("of package version {} for {}", e.found, e.expected)
        }
        AbiInstability::Size(e) => format!("{} octets for {}", e.found, e.expected),
        AbiInstability::Alignment(e) => format!("alignment {} for {}", e.found, e.expected),
        AbiInstability::FieldCountMismatch(e) => format!("{} fields for {}", e.found, e.expected),
        AbiInstability::UnexpectedField(e) => {
            format!("field `{}` for `{}`", e.found.name(), e.expected.name())
        }
        AbiInstability::MismatchedPrefixSize(e) => {
            format!("a prefix of {} fields for {}", e.found, e.expected)
        }
        // Debug names the variant first.
        other => {
            let text = format!("{other:?}");
            text.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
        }
    }
}

fn of_headers(theirs: &AbiHeader) -> String {
    let ours = AbiHeader::VALUE;
    format!(
        "it uses abi_stable {}.{}, this rais {}.{}",
        theirs.abi_major, theirs.abi_minor, ours.abi_major, ours.abi_minor
    )
}

/// What the dynamic loader said; libloading keeps that in its error's source.
fn words(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

/// abi_stable's errors are pages long: what differs stands at their beginning.
fn first_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut first = lines[..lines.len().min(LINES)].join("; ");
    if lines.len() > LINES {
        first.push_str("; …");
    }
    first
}

const LINES: usize = 8;

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").field("manifest", self.manifest).finish_non_exhaustive()
    }
}
