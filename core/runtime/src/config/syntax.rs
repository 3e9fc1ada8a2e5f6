//! One file's text to its table, or what is no TOML in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::fault::{Fault, Notes};
use super::place::{Place, Source};
use super::tree::Table;

/// What the parser says of a key that stands a second time.
const TWICE: &str = "duplicate key";

/// The file's table; none where it is no TOML, which is then noted.
pub(super) fn table(source: &Arc<Source>, notes: &Notes) -> Option<Table> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    if errors.is_empty() {
        return Some(Table::of(table.get_ref(), source, notes));
    }
    // What follows an error is often its echo: one a line, and nothing behind a broken value.
    let mut lines = BTreeSet::new();
    for error in &errors {
        let place = Place::new(source, error.span().unwrap_or(0..0));
        if !lines.insert(place.line()) {
            continue;
        }
        if error.message() == TWICE {
            notes.add(twice(source, place));
            continue;
        }
        notes.add(Fault::error(place, "", error.message()));
        break;
    }
    None
}

/// The parser names the second place alone. Read again with that key renamed, the table that it
/// stands in shows the first one.
fn twice(source: &Arc<Source>, second: Place) -> Fault {
    let key = second.text().trim_matches(['"', '\'']).to_owned();
    let first = first_place(source, &second);
    let fault = Fault::error(second, &key, format!("`{}` is given twice", key.escape_debug()));
    match first {
        Some(first) => fault.see(&first, "given first here"),
        None => fault,
    }
}

fn first_place(source: &Arc<Source>, second: &Place) -> Option<Place> {
    let name = DeValue::parse(second.text()).ok();
    let name = match name.as_ref().map(Spanned::get_ref) {
        Some(DeValue::String(name)) => name.to_string(),
        _ => second.text().to_owned(),
    };
    let stand_in = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .map(|c| c.to_string().repeat(second.span.len()))
        .find(|word| !source.text.contains(word.as_str()))?;
    let mut text = source.text.clone();
    text.replace_range(second.span.clone(), &stand_in);
    let (table, _) = DeTable::parse_recoverable(&text);
    let first = sibling(table.get_ref(), &stand_in, &name)?;
    Some(Place::new(source, first.span()))
}

/// The key `name` in the table that holds the key `of`.
fn sibling<'t, 'i>(
    table: &'t DeTable<'i>,
    of: &str,
    name: &str,
) -> Option<&'t Spanned<DeString<'i>>> {
    if table.contains_key(of) {
        return table.get_key_value(name).map(|(key, _)| key);
    }
    table.values().find_map(|value| within(value.get_ref(), of, name))
}

fn within<'t, 'i>(
    value: &'t DeValue<'i>,
    of: &str,
    name: &str,
) -> Option<&'t Spanned<DeString<'i>>> {
    match value {
        DeValue::Table(table) => sibling(table, of, name),
        DeValue::Array(items) => items.iter().find_map(|item| within(item.get_ref(), of, name)),
        _ => None,
    }
}
