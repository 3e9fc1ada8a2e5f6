//! One table of the core's, read key by key.

use super::fault::{Fault, Notes};
use super::keys;
use super::path;
use super::place::Place;
use super::suggest;
use super::tree::{Item, Node, Table};
use super::value::Value;

/// A table whose keys are all known.
pub(super) struct Section<'a> {
    /// Of [`keys::KEYS`].
    name: &'static str,
    path: String,
    at: Option<(&'a Place, &'a Table)>,
    notes: &'a Notes,
}

impl<'a> Section<'a> {
    /// The table `value`, whose name in [`keys::KEYS`] is `name`: its unknown keys are noted.
    pub(super) fn open(name: &'static str, value: &Value<'a>) -> Option<Section<'a>> {
        let table = value.table()?;
        let section = Section {
            name,
            path: value.path.clone(),
            at: Some((&value.item.place, table)),
            notes: value.notes,
        };
        section.unknown(table, |_| false);
        Some(section)
    }

    /// The whole configuration.
    pub(super) fn root(table: &'a Table, place: &'a Place, notes: &'a Notes) -> Section<'a> {
        let section = Section { name: "", path: String::new(), at: Some((place, table)), notes };
        section.unknown(table, |_| false);
        section
    }

    /// The table `key` of this one, empty where it was not written or is none.
    pub(super) fn section(&self, key: &str, name: &'static str) -> Section<'a> {
        self.section_with(key, name, |_| false)
    }

    /// The same for a table that also holds names of the user's choice.
    pub(super) fn section_with(
        &self,
        key: &str,
        name: &'static str,
        named: fn(&Item) -> bool,
    ) -> Section<'a> {
        let found = self.value(key).and_then(|value| Some((value.item, value.table()?)));
        let path = path::join(&self.path, key);
        let at = found.map(|(item, table)| (&item.place, table));
        let section = Section { name, path, at, notes: self.notes };
        if let Some((_, table)) = at {
            section.unknown(table, named);
        }
        section
    }

    /// Where it was written.
    pub(super) fn place(&self) -> Option<&'a Place> {
        self.at.map(|(place, _)| place)
    }

    /// What `key` is set to.
    pub(super) fn value(&self, key: &str) -> Option<Value<'a>> {
        debug_assert!(keys::of(self.name).contains(&key), "{}.{key} is in no list", self.name);
        let (_, table) = self.at?;
        let entry = table.entries.get(key)?;
        Some(Value { path: path::join(&self.path, key), item: &entry.item, notes: self.notes })
    }

    /// What `read` makes of `key`; none where it was not written or is at fault.
    pub(super) fn get<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        read(&self.value(key)?)
    }

    /// The same where the key must be written.
    pub(super) fn need<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.value(key) {
            Some(value) => read(&value),
            None => {
                self.missing(key);
                None
            }
        }
    }

    /// Notes that `key` must be written.
    pub(super) fn missing(&self, key: &str) {
        if let Some((place, _)) = self.at {
            let path = path::join(&self.path, key);
            let shown = if self.path.is_empty() { "the file" } else { &self.path };
            let message = format!("`{key}` is missing: {shown} needs it");
            self.notes.add(Fault::error(place.clone(), &path, message));
        }
    }

    /// The tables in the table `key`, by the names that the user gave them.
    pub(super) fn named(&self, key: &str) -> Vec<(&'a str, &'a Place, Value<'a>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(table) = value.table() else { return Vec::new() };
        names(table, &value.path, self.notes)
    }

    /// The tables in this one that no key of its own is.
    pub(super) fn others(&self) -> Vec<(&'a str, &'a Place, Value<'a>)> {
        let Some((_, table)) = self.at else { return Vec::new() };
        let own = keys::of(self.name);
        let all = names(table, &self.path, self.notes);
        all.into_iter()
            .filter(|(name, _, value)| !own.contains(name) && is_table(value.item))
            .collect()
    }

    fn unknown(&self, table: &Table, named: fn(&Item) -> bool) {
        let known = keys::of(self.name);
        for (key, entry) in &table.entries {
            if known.contains(&key.as_str()) || named(&entry.item) {
                continue;
            }
            let shown = keys::shown(self.name);
            let mut message = format!("unknown key `{}` in {shown}", key.escape_debug());
            let meant = suggest::nearest(key, known.iter().copied());
            if meant.is_none()
                && let Some(elsewhere) = keys::elsewhere(key)
            {
                message.push_str(&format!("; it is one of {elsewhere}"));
            }
            let path = path::join(&self.path, key);
            self.notes.add(
                Fault::error(entry.key.clone(), &path, message)
                    .allowed(suggest::one_of(known.iter().copied()))
                    .meant(meant.map(|word| format!("`{word}`"))),
            );
        }
    }
}

/// Whether it is a table.
pub(super) fn is_table(item: &Item) -> bool {
    matches!(item.node, Node::Table(_))
}

fn names<'a>(
    table: &'a Table,
    base: &str,
    notes: &'a Notes,
) -> Vec<(&'a str, &'a Place, Value<'a>)> {
    let named = table.entries.iter().map(|(name, entry)| {
        let value = Value { path: path::join(base, name), item: &entry.item, notes };
        (name.as_str(), &entry.key, value)
    });
    let mut named: Vec<_> = named.collect();
    named.sort_by_key(|(_, place, _)| place.order());
    named
}
