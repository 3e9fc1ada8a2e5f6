//! Tables that must be refused, each at the key that is wrong.

use rais_sdk::{Fault, FaultKind, OptionInfo};
use serde_json::{Map, Value as Json, json};

use super::finding::Verdict;
use super::times::counted;
use super::trial::Trial;

/// A key that no plugin has.
const UNKNOWN: &str = "no_such_key";

/// A path into a table: keys, and places in lists.
type Path = Vec<Step>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Place(usize),
}

/// In each table that is written there.
pub(super) fn unknown_key(trial: &mut Trial<'_>) -> Verdict {
    let mut places = vec![Vec::new()];
    tables(&trial.options, &trial.table, &mut Vec::new(), &mut places);
    for place in &places {
        let mut path = place.clone();
        path.push(Step::Key(UNKNOWN.to_owned()));
        let at = text(&path);
        match refusal(trial, &path, json!(true)) {
            Refusal::At(found) if found == at => {}
            Refusal::At(found) => {
                let found = told(&found);
                return Verdict::failed(format!("`{at}` is refused, but {found}"));
            }
            Refusal::Broke(verdict) => return verdict,
            Refusal::Other(fault) => {
                let kind = fault.kind;
                return Verdict::failed(format!(
                    "`{at}` gives a fault of kind {kind}, not config: {fault}"
                ));
            }
            Refusal::None if !describes(trial) => {
                return Verdict::warning(
                    "an unknown key is accepted, so that a slip in writing goes unnoticed (flattened \
                     tables cannot refuse it); put #[config] on the table",
                );
            }
            Refusal::None => {
                return Verdict::failed(format!(
                    "`{at}` is accepted, so that a slip in writing goes unnoticed; put #[config] on \
                     the table, or #[serde(deny_unknown_fields)]"
                ));
            }
        }
    }
    Verdict::passed(match places.len() {
        1 => "refused at its place".to_owned(),
        tables => format!("refused at its place, in each of {tables} tables"),
    })
    .with("tables", places.len())
}

/// Key by key.
pub(super) fn wrong_type(trial: &mut Trial<'_>) -> Verdict {
    let mut keys = Vec::new();
    keys_of(&trial.options, &trial.table, &mut Vec::new(), &mut keys);
    let of_core = trial.job.kind.taken();
    let hidden: Vec<_> =
        trial.options.iter().filter(|it| of_core.contains(&it.name.as_str())).collect();
    if let Some(hidden) = hidden.first() {
        let name = &hidden.name;
        return Verdict::failed(format!(
            "the host takes `{name}` for itself: the plugin never sees it; give its key another name"
        ));
    }
    for (path, words) in &keys {
        let at = text(path);
        let wrong = wrong(words);
        let tried = format!("`{at} = {wrong}`, where {words} belongs,");
        match refusal(trial, path, wrong) {
            Refusal::At(found) if is_at_or_below(&found, &at) => {}
            Refusal::At(found) => {
                return Verdict::failed(format!("{tried} is refused, but {}", told(&found)));
            }
            Refusal::Broke(verdict) => return verdict,
            Refusal::Other(fault) => {
                let kind = fault.kind;
                return Verdict::failed(format!("{tried} gives a fault of kind {kind}: {fault}"));
            }
            Refusal::None => return Verdict::failed(format!("{tried} is accepted")),
        }
    }
    if keys.is_empty() && !trial.table.is_empty() {
        return Verdict::warning(
            "it does not tell its keys, so none was tried; put #[config] on its table",
        );
    }
    match keys.len() {
        0 => Verdict::passed("it has no keys of its own"),
        1 => Verdict::passed("its key refuses it, at its place"),
        more => {
            Verdict::passed(format!("each of {} refuses it, at its place", counted(more, "key")))
        }
    }
    .with("keys", keys.len())
}

/// How a table that is wrong is taken.
enum Refusal {
    /// As it should be, with this place.
    At(String),
    None,
    /// With a fault that does not say the table is wrong.
    Other(Fault),
    Broke(Verdict),
}

/// What comes of the table with `value` at `path`.
fn refusal(trial: &mut Trial<'_>, path: &Path, value: Json) -> Refusal {
    let mut table = Json::Object(trial.table.clone());
    if let Some(place) = at(&mut table, path) {
        *place = value;
    }
    let table = match table {
        Json::Object(table) => table,
        _ => Map::new(),
    };
    match trial.make(&table) {
        Ok(_) => Refusal::None,
        Err(fault) => match trial.broke_in_new(&fault) {
            Some(verdict) => Refusal::Broke(verdict),
            None if fault.kind == FaultKind::Config => Refusal::At(fault.at),
            None => Refusal::Other(fault),
        },
    }
}

/// Whether the plugin tells any key that is in its table.
fn describes(trial: &Trial<'_>) -> bool {
    trial.table.is_empty() || trial.options.iter().any(|it| trial.table.contains_key(&it.name))
}

fn told(at: &str) -> String {
    match at {
        "" => "without its place".to_owned(),
        at => format!("at `{at}`"),
    }
}

/// A value of a type that is not described by `words`.
fn wrong(words: &str) -> Json {
    let says = |word: &str| words.contains(word);
    match () {
        () if !says("table") && !says("{") => json!({}),
        () if !says("true") => json!(true),
        () => json!(7),
    }
}

fn is_at_or_below(found: &str, key: &str) -> bool {
    found.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The tables below those of `options` that are written in `table`.
fn tables(
    options: &[OptionInfo],
    table: &Map<String, Json>,
    way: &mut Path,
    found: &mut Vec<Path>,
) {
    each_table(options, table, way, &mut |_, way| found.push(way.clone()));
}

/// The keys of `options`, and of the tables that are written in `table`, with their words.
fn keys_of(
    options: &[OptionInfo],
    table: &Map<String, Json>,
    way: &mut Path,
    found: &mut Vec<(Path, String)>,
) {
    let mut add = |options: &[OptionInfo], way: &Path| {
        for option in options {
            let mut path = way.clone();
            path.push(Step::Key(option.name.clone()));
            found.push((path, option.kind.clone()));
        }
    };
    add(options, way);
    each_table(options, table, way, &mut |options, way| add(options, way));
}

/// Calls `found` for each table below.
fn each_table(
    options: &[OptionInfo],
    table: &Map<String, Json>,
    way: &mut Path,
    found: &mut dyn FnMut(&[OptionInfo], &Path),
) {
    for option in options.iter().filter(|option| !option.inner.is_empty()) {
        way.push(Step::Key(option.name.clone()));
        let written: Vec<(Option<usize>, &Json)> = match table.get(&option.name) {
            // A map of tables has any names, and that of its keys are not its own.
            Some(one @ Json::Object(_)) if option.kind == "table" => vec![(None, one)],
            Some(Json::Array(list)) => {
                list.iter().enumerate().map(|(at, one)| (Some(at), one)).collect()
            }
            _ => Vec::new(),
        };
        for (place, one) in written {
            let Json::Object(one) = one else { continue };
            way.extend(place.map(Step::Place));
            found(&option.inner, way);
            each_table(&option.inner, one, way, found);
            if place.is_some() {
                way.pop();
            }
        }
        way.pop();
    }
}

/// The place at `path`, made where its last key is new.
fn at<'a>(table: &'a mut Json, path: &Path) -> Option<&'a mut Json> {
    path.iter().try_fold(table, |inner, step| match (inner, step) {
        (Json::Object(table), Step::Key(key)) => Some(table.entry(key).or_insert(Json::Null)),
        (Json::Array(list), Step::Place(place)) => list.get_mut(*place),
        _ => None,
    })
}

/// As `serde_path_to_error` writes it.
fn text(path: &Path) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::Place(place) => text.push_str(&format!("[{place}]")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use rais_sdk::Need;

    use super::*;

    fn option(name: &str, kind: &str, inner: Vec<OptionInfo>) -> OptionInfo {
        OptionInfo::new(name, kind, Need::Optional).with_inner(inner)
    }

    #[test]
    fn keys_are_found_as_deep_as_tables_are_written() {
        let port = || option("port", "whole number, 0 to 65535", Vec::new());
        let options = [
            option("to", "text", Vec::new()),
            option("tls", "table", vec![port()]),
            option("peers", "list of tables", vec![port(), option("in", "table", vec![port()])]),
            option("named", "table of tables", vec![port()]),
            option("off", "table", vec![port()]),
        ];
        let table = json!({
            "to": "x", "tls": { "port": 1 }, "peers": [{ "port": 1 }, { "in": {} }],
            "named": { "a": { "port": 1 } },
        });
        let table = table.as_object().unwrap();
        let mut keys = Vec::new();
        keys_of(&options, table, &mut Vec::new(), &mut keys);
        let paths: Vec<_> = keys.iter().map(|(path, _)| text(path)).collect();
        let expected = [
            "to",
            "tls",
            "peers",
            "named",
            "off",
            "tls.port",
            "peers[0].port",
            "peers[0].in",
            "peers[1].port",
            "peers[1].in",
            "peers[1].in.port",
        ];
        assert_eq!(paths, expected);

        let mut places = Vec::new();
        tables(&options, table, &mut Vec::new(), &mut places);
        let places: Vec<_> = places.iter().map(text).collect();
        assert_eq!(places, ["tls", "peers[0]", "peers[1]", "peers[1].in"]);
    }

    #[test]
    fn values_are_put_at_their_path() {
        let mut table = json!({ "peers": [{}, { "port": 1 }] });
        let path = [Step::Key("peers".into()), Step::Place(1), Step::Key("port".into())];
        *at(&mut table, &path.to_vec()).unwrap() = json!({});
        assert_eq!(table, json!({ "peers": [{}, { "port": {} }] }));
        *at(&mut table, &vec![Step::Key("new".into())]).unwrap() = json!(1);
        assert_eq!(table["new"], 1);
    }

    #[test]
    fn wrong_values_are_wrong_by_any_reading() {
        for (words, value) in [
            ("text", json!({})),
            ("true or false", json!({})),
            ("list of texts", json!({})),
            ("table", json!(true)),
            ("text or table", json!(true)),
            ("table of texts, each true or false", json!(7)),
            ("one of \"none\" | { type = \"rndc\" }", json!(true)),
        ] {
            assert_eq!(wrong(words), value, "{words}");
        }
    }

    #[test]
    fn places_below_a_key_are_of_that_key() {
        assert!(is_at_or_below("tls", "tls"));
        assert!(is_at_or_below("tls.port", "tls"));
        assert!(is_at_or_below("peers[1]", "peers"));
        assert!(!is_at_or_below("tlsx", "tls"));
        assert!(!is_at_or_below("", "tls"));
    }
}
