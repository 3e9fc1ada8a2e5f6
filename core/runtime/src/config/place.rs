//! Where in which file a key or value stands.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One configuration file as it was read.
#[derive(PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A stretch of one file.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) source: Arc<Source>,
    pub(super) span: Range<usize>,
}

impl Place {
    /// The file.
    pub fn file(&self) -> &Path {
        &self.source.path
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        let before = self.before();
        before[before.rfind('\n').map_or(0, |at| at + 1)..].chars().count() + 1
    }

    fn before(&self) -> &str {
        let text = &self.source.text;
        let mut end = self.span.start.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        &text[..end]
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file().display(), self.line(), self.column())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Where every written key stands, by its path: `binder.service.http.max_load`.
///
/// All are equal: where a key stands is no part of what it says, so a file that was only
/// reformatted equals the one before.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pub(super) written: BTreeMap<String, Written>,
}

/// One written key.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) key: Place,
    pub(super) value: Place,
    /// The value, where it is a string.
    pub(super) word: Option<String>,
}

impl Places {
    /// Where the key of this path stands; none where it was not written.
    pub fn key(&self, path: &str) -> Option<&Place> {
        self.written.get(path).map(|written| &written.key)
    }

    /// Where the value of this path stands; none where it was not written.
    pub fn value(&self, path: &str) -> Option<&Place> {
        self.written.get(path).map(|written| &written.value)
    }
}

impl PartialEq for Places {
    fn eq(&self, _: &Places) -> bool {
        true
    }
}
