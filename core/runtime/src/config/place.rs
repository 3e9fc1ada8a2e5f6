//! Where in which file a key or value stands.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::path;
use super::tree::{Entry, Item, Node, Table};

/// One file as it was read.
#[derive(PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// Which of the files it is, in the order of reading.
    pub(super) order: usize,
}

impl Source {
    /// What stands behind every file of the configuration: what one of them names.
    pub(super) const NAMED: usize = usize::MAX;
}

/// A stretch of one file.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) source: Arc<Source>,
    pub(super) span: Range<usize>,
}

impl Place {
    /// The stretch `span` of `source`, moved onto whole characters within the text.
    pub(super) fn new(source: &Arc<Source>, span: Range<usize>) -> Place {
        let text = &source.text;
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = span.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        Place { source: Arc::clone(source), span: start..end }
    }

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

    /// Sorts places as they were read.
    pub(super) fn order(&self) -> (usize, usize) {
        (self.source.order, self.span.start)
    }

    /// What stands there.
    pub(super) fn text(&self) -> &str {
        &self.source.text[self.span.clone()]
    }

    fn before(&self) -> &str {
        &self.source.text[..self.span.start]
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

/// Where every written key stands, by its path: `binder.service.http.max_load`,
/// `zone."www.example".sinks[0]`.
///
/// All are equal: where a key stands is no part of what it says, so a file that was only
/// reformatted equals the one before.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pub(super) main: PathBuf,
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

    /// Every key below `table`; `join` puts a path and a key together.
    pub(super) fn collect(&mut self, base: &str, table: &Table, join: fn(&str, &str) -> String) {
        for (key, Entry { key: place, item }) in &table.entries {
            let path = join(base, key);
            self.item(path, place, item, join);
        }
    }

    fn item(&mut self, path: String, key: &Place, item: &Item, join: fn(&str, &str) -> String) {
        match &item.node {
            Node::Table(table) => self.collect(&path, table, join),
            Node::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.item(path::index(&path, at), &item.place, item, join);
                }
            }
            _ => {}
        }
        let word = match &item.node {
            Node::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.written.insert(path, Written { key: key.clone(), value: item.place.clone(), word });
    }
}

impl PartialEq for Places {
    fn eq(&self, _: &Places) -> bool {
        true
    }
}
