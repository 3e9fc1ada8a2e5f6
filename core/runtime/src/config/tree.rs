//! A configuration as it was written, every key and value with its place; several files in one.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Notes};
use super::path;
use super::place::{Place, Source};

/// A table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) entries: BTreeMap<String, Entry>,
}

/// A key and what it is set to.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Place,
    pub(super) item: Item,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) place: Place,
    pub(super) node: Node,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Integer(i64),
    Float(f64),
    Truth(bool),
    Date(String),
    List(Vec<Item>),
    Table(Table),
}

impl Node {
    /// With its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Node::Text(_) => "a string",
            Node::Integer(_) | Node::Float(_) => "a number",
            Node::Truth(_) => "true or false",
            Node::Date(_) => "a date or time",
            Node::List(_) => "a list",
            Node::Table(_) => "a table",
        }
    }
}

impl Item {
    /// An inline table is one value, as a string is: it is never put together from two files.
    fn is_open_table(&self) -> bool {
        matches!(self.node, Node::Table(_)) && !self.place.text().starts_with('{')
    }
}

impl Table {
    /// One file's tables; numbers that fit nothing are noted as faults.
    pub(super) fn of(table: &DeTable<'_>, source: &Arc<Source>, notes: &Notes) -> Table {
        let entry = |(key, value): (
            &toml::Spanned<toml::de::DeString<'_>>,
            &toml::Spanned<DeValue<'_>>,
        )| {
            let place = Place::new(source, key.span());
            let item = item(value, source, notes)?;
            Some((key.get_ref().to_string(), Entry { key: place, item }))
        };
        Table { entries: table.iter().filter_map(entry).collect() }
    }

    /// Takes another file's keys in; one that is here already is a fault that names both places.
    pub(super) fn merge(&mut self, base: &str, other: Table, notes: &Notes) {
        for (key, theirs) in other.entries {
            let path = path::join(base, &key);
            let Some(ours) = self.entries.get_mut(&key) else {
                self.entries.insert(key, theirs);
                continue;
            };
            let open = ours.item.is_open_table() && theirs.item.is_open_table();
            match (&mut ours.item.node, theirs.item.node) {
                (Node::Table(ours), Node::Table(theirs)) if open => {
                    ours.merge(&path, theirs, notes);
                }
                _ => notes.add(
                    Fault::error(theirs.key, &path, format!("`{path}` is given twice"))
                        .see(&ours.key, "given first here"),
                ),
            }
        }
    }
}

fn item(value: &toml::Spanned<DeValue<'_>>, source: &Arc<Source>, notes: &Notes) -> Option<Item> {
    let place = Place::new(source, value.span());
    let node = match value.get_ref() {
        DeValue::String(text) => Node::Text(text.to_string()),
        DeValue::Integer(digits) => {
            let Ok(number) = i64::from_str_radix(digits.as_str(), digits.radix()) else {
                let message = "this number does not fit 64 bits";
                notes.add(Fault::error(place, "", message));
                return None;
            };
            Node::Integer(number)
        }
        // What TOML writes as a float is one for Rust too.
        DeValue::Float(digits) => Node::Float(digits.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Node::Truth(*truth),
        DeValue::Datetime(date) => Node::Date(date.to_string()),
        DeValue::Array(items) => {
            Node::List(items.iter().filter_map(|value| item(value, source, notes)).collect())
        }
        DeValue::Table(table) => Node::Table(Table::of(table, source, notes)),
    };
    Some(Item { place, node })
}
