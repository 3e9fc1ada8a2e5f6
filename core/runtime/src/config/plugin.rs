//! A plugin's own table: what is left for the plugin once the core has taken its keys out.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value as Json};

use super::fault::Fault;
use super::keys;
use super::path;
use super::place::{Place, Places};
use super::render;
use super::suggest;
use super::tree::{Item, Node};
use super::value::Value;

/// What a plugin is configured with, and where each key of it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginTable {
    /// What it is for.
    pub kind: Kind,
    /// `type`: the plugin's name within its kind.
    pub type_name: String,
    /// The keys the core does not take.
    pub rest: Map<String, Json>,
    /// The table's own path: `sink.bind`.
    pub path: String,
    /// Where its keys stand, by the paths that `serde_path_to_error` gives.
    places: Places,
    /// Where it stands itself.
    whole: Whole,
}

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Tells whether a server answers.
    Probe,
    /// Measures its load.
    Load,
    /// Publishes zones.
    Sink,
    /// Carries beats.
    Transport,
}

/// A table's own place; as [`Places`], no part of what it says.
#[derive(Debug, Clone)]
struct Whole(Place);

impl PartialEq for Whole {
    fn eq(&self, _: &Whole) -> bool {
        true
    }
}

impl Kind {
    /// All there are.
    pub const ALL: [Kind; 4] = [Kind::Probe, Kind::Load, Kind::Sink, Kind::Transport];

    /// As in `rais plugins list`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Probe => "probe",
            Kind::Load => "load",
            Kind::Sink => "sink",
            Kind::Transport => "transport",
        }
    }

    /// The keys of its tables that the core takes.
    pub(crate) const fn taken(self) -> &'static [&'static str] {
        match self {
            Kind::Probe | Kind::Load => keys::TAKEN_OF_CALL,
            Kind::Sink => keys::TAKEN_OF_SINK,
            Kind::Transport => keys::TAKEN_OF_TRANSPORT,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PluginTable {
    /// Takes `type` and the keys `taken` out.
    pub(super) fn read(kind: Kind, taken: &[&str], value: &Value<'_>) -> Option<PluginTable> {
        let table = value.table()?;
        let mut rest = Map::new();
        let mut sound = true;
        for (key, entry) in &table.entries {
            if taken.contains(&key.as_str()) {
                continue;
            }
            let path = path::join(&value.path, key);
            let inner = Value { path, item: &entry.item, notes: value.notes };
            match json(&inner) {
                Some(json) => {
                    rest.insert(key.clone(), json);
                }
                None => sound = false,
            }
        }
        let mut places = Places::default();
        places.collect("", table, path::join_plain);
        let Some(entry) = table.entries.get("type") else {
            let message = format!("`type` is missing: it names the {kind} plugin");
            value.notes.add(value.fault(message).meant(near_type(table.entries.keys())));
            return None;
        };
        let path = path::join(&value.path, "type");
        let name = Value { path, item: &entry.item, notes: value.notes }.filled()?;
        let path = value.path.clone();
        let whole = Whole(value.item.place.clone());
        sound.then_some(PluginTable { kind, type_name: name, rest, path, places, whole })
    }

    /// The folder that relative paths in it count from: that of the file it is written in.
    pub fn folder(&self) -> &Path {
        self.whole.0.file().parent().unwrap_or(Path::new(""))
    }

    /// What tells it from others of its kind: `bind` of `sink.bind`.
    pub fn name(&self) -> &str {
        self.path.split_once('.').map_or(&self.path, |(_, name)| name)
    }

    /// A fault that the plugin found at `at`, a path as `serde_path_to_error` gives it.
    pub fn fault(&self, at: &str, text: &str) -> Fault {
        let key = if at.is_empty() || at == "." {
            self.path.clone()
        } else {
            format!("{}.{at}", self.path)
        };
        let unknown = text.strip_prefix("unknown field ").and_then(backticked);
        let (unknown, expected) = unknown.map_or((None, ""), |(word, rest)| (Some(word), rest));
        // A key that there is not is told by its name, unless it is inside of a secret.
        let (around, last) = at.rsplit_once('.').unwrap_or(("", at));
        let is_secret = self.has_secret(at);
        let unknown =
            unknown.filter(|word| !is_secret || *word == last && !self.has_secret(around));
        let message = if is_secret && unknown.is_none() { WITHOUT_WORDS } else { text };
        let message = format!("{} `{}`: {message}", self.kind, self.type_name);
        let place = match self.places.written.get(at) {
            Some(written) if unknown.is_some() => &written.key,
            _ => self.nearest(at),
        };
        let mut known = words(expected);
        if !at.contains(['.', '[']) {
            known.extend(self.kind.taken());
        }
        let meant = unknown.and_then(|word| suggest::meant_key(word, known));
        let meant = meant.map(|word| format!("`{word}`"));
        let words = self.text_at(at).filter(|_| {
            !is_secret
                && text.contains("invalid type: string")
                && text.contains("expected a sequence")
        });
        let list = words.map(list_of_words);
        let fault = Fault::error(place.clone(), &key, message);
        match &list {
            Some(_) => fault.allowed("a list of words, each in quotes of its own").meant(list),
            None => fault.meant(meant),
        }
    }

    /// The string that stands at `at`, none where it is no string.
    fn text_at(&self, at: &str) -> Option<&str> {
        self.value_at(at)?.as_str()
    }

    fn value_at(&self, at: &str) -> Option<&Json> {
        let mut keys = at.split(['.', '[']);
        let mut value = self.rest.get(keys.next()?)?;
        for key in keys {
            let index = key.strip_suffix(']').and_then(|index| index.parse::<usize>().ok());
            value = match index {
                Some(index) => value.get(index)?,
                None => value.get(key)?,
            };
        }
        Some(value)
    }

    /// Whether a secret stands at `at` or around it. What a plugin says of one may have it in it, or a
    /// part of it, as it is written or as the plugin has read it.
    fn has_secret(&self, at: &str) -> bool {
        let ends = at.match_indices(['.', '[']).map(|(end, _)| end).chain([at.len()]);
        let mut paths = ends.map(|end| &at[..end]);
        paths.any(|path| render::is_secret(path) && self.places.written.contains_key(path))
    }

    /// What stands at `at`, or the nearest around it that was written.
    fn nearest(&self, at: &str) -> &Place {
        let mut path = at;
        loop {
            if let Some(written) = self.places.written.get(path) {
                return &written.value;
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return &self.whole.0,
            }
        }
    }
}

/// What is told of a secret.
const WITHOUT_WORDS: &str = "this value is wrong; what the plugin says of it is not shown, since it is a \
                             secret";

/// A key of a plugin's table that the core takes.
pub(super) fn taken<'a, T>(
    value: &Value<'a>,
    key: &str,
    read: impl FnOnce(&Value<'a>) -> Option<T>,
) -> Option<T> {
    let Node::Table(table) = &value.item.node else { return None };
    let item: &'a Item = &table.entries.get(key)?.item;
    read(&Value { path: path::join(&value.path, key), item, notes: value.notes })
}

fn near_type<'a>(keys: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut slips = keys.filter(|key| suggest::nearest(key, ["type"]).is_some());
    slips.next().map(|key| format!("`type` by `{}`", key.escape_debug()))
}

/// A command line as the list that it is meant to be.
fn list_of_words(line: &str) -> String {
    let words: Vec<String> = line.split_whitespace().map(|word| format!("{word:?}")).collect();
    format!("`[{}]`", words.join(", "))
}

/// The first word in backticks, and what is behind it.
fn backticked(text: &str) -> Option<(&str, &str)> {
    text.split_once('`')?.1.split_once('`')
}

fn words(mut text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    while let Some((word, rest)) = backticked(text) {
        words.push(word);
        text = rest;
    }
    words
}

fn json(value: &Value<'_>) -> Option<Json> {
    match &value.item.node {
        Node::Text(text) | Node::Date(text) => Some(Json::String(text.clone())),
        Node::Integer(number) => Some(Json::Number((*number).into())),
        Node::Float(number) => match Number::from_f64(*number) {
            Some(number) => Some(Json::Number(number)),
            None => value.refuse(format!("`{}` is {number}", value.name()), "a finite number"),
        },
        Node::Truth(truth) => Some(Json::Bool(*truth)),
        Node::List(_) => value.list(json).map(Json::Array),
        Node::Table(table) => {
            let mut map = Map::new();
            for (key, entry) in &table.entries {
                let path = path::join(&value.path, key);
                let inner = Value { path, item: &entry.item, notes: value.notes };
                map.insert(key.clone(), json(&inner)?);
            }
            Some(Json::Object(map))
        }
    }
}
