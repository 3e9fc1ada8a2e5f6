//! Tables that plugins are tried with: their own samples, and what `--config` gives.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Number, Value as Json};
use toml::{Table, Value};

use crate::config::Kind;

/// What plugins are tried with in place of their samples: tables for this very machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    path: PathBuf,
    /// The zone that sinks publish.
    zone: Option<String>,
    tables: Vec<GivenTable>,
}

#[derive(Debug, Clone, PartialEq)]
struct GivenTable {
    /// None for a file that is one table.
    kind: Option<Kind>,
    type_name: String,
    table: Map<String, Json>,
}

/// Why a file gives no tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// The system does not give it.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
    /// It is no TOML.
    #[error("{}: {error}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Where, and why.
        error: Box<toml::de::Error>,
    },
    /// It is TOML of another form.
    #[error(
        "{}: {what}; allowed: a plugin's table, its `type` at the top, or [probe], [load], [sink] \
         and [transport], each with its `type`, and `zone`, the name that sinks publish",
        path.display()
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A table is for none of the plugins.
    #[error("{}: there is no {what} `{type_name}` in the library; there are: {}", path.display(), there.join(", "))]
    Nobodys {
        /// The file.
        path: PathBuf,
        /// `plugin`, or its kind.
        what: String,
        /// The table's `type`.
        type_name: String,
        /// The library's plugins.
        there: Vec<String>,
    },
}

impl Given {
    /// Reads the file at `path`: a plugin's table, its `type` at the top, or tables `[probe]`,
    /// `[load]`, `[sink]`, `[transport]`; of one kind also several, as `[[probe]]`.
    ///
    /// # Errors
    /// Why it gives none.
    pub fn read(path: &Path) -> Result<Given, GivenError> {
        let path = path.to_owned();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return Err(GivenError::Unreadable { path, error }),
        };
        match text.parse() {
            Ok(table) => Given::of(path, table),
            Err(error) => Err(GivenError::NotToml { path, error: Box::new(error) }),
        }
    }

    fn of(path: PathBuf, mut file: Table) -> Result<Given, GivenError> {
        let wrong = |what: String| GivenError::Form { path: path.clone(), what };
        if let Some(Value::String(type_name)) = file.get("type") {
            let type_name = type_name.clone();
            let table = GivenTable { kind: None, type_name, table: json_of(file) };
            return Ok(Given { path, zone: None, tables: vec![table] });
        }
        let zone = match file.remove("zone") {
            None => None,
            Some(Value::String(zone)) => Some(zone),
            Some(_) => return Err(wrong("`zone` is no text".to_owned())),
        };
        let mut tables = Vec::new();
        for (key, value) in file {
            let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == key) else {
                return Err(wrong(format!("`{key}` is no kind of plugin")));
            };
            let several = match value {
                Value::Array(several) => several,
                one => vec![one],
            };
            for value in several {
                let Value::Table(table) = value else {
                    return Err(wrong(format!("`{key}` is no table")));
                };
                let Some(Value::String(type_name)) = table.get("type") else {
                    return Err(wrong(format!("[{key}] has no `type`")));
                };
                let type_name = type_name.clone();
                tables.push(GivenTable { kind: Some(kind), type_name, table: json_of(table) });
            }
        }
        if tables.is_empty() {
            return Err(wrong("no table is in it".to_owned()));
        }
        Ok(Given { path, zone, tables })
    }

    /// Each of its tables must be for one of `plugins`.
    ///
    /// # Errors
    /// The first that is not.
    pub(super) fn only_for(&self, plugins: &[(Kind, String)]) -> Result<(), GivenError> {
        let nobodys =
            |given: &&GivenTable| !plugins.iter().any(|(kind, name)| given.is(*kind, name));
        let Some(given) = self.tables.iter().find(nobodys) else { return Ok(()) };
        Err(GivenError::Nobodys {
            path: self.path.clone(),
            what: given.kind.map_or("plugin".to_owned(), |kind| kind.to_string()),
            type_name: given.type_name.clone(),
            there: plugins.iter().map(|(kind, name)| format!("{kind} {name}")).collect(),
        })
    }

    /// The table for the plugin `name`.
    pub(super) fn table(&self, kind: Kind, name: &str) -> Option<&Map<String, Json>> {
        self.tables.iter().find(|given| given.is(kind, name)).map(|given| &given.table)
    }

    /// The zone that sinks are to publish.
    pub(super) fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Relative paths in the tables count from here.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

impl GivenTable {
    fn is(&self, kind: Kind, name: &str) -> bool {
        self.kind.is_none_or(|own| own == kind) && self.type_name == name
    }
}

/// `table` as plugins' tables cross into them.
pub(super) fn json_of(table: Table) -> Map<String, Json> {
    table.into_iter().map(|(key, value)| (key, json(value))).collect()
}

/// `table` without the keys that the core takes of one of `kind`.
pub(super) fn body(kind: Kind, table: &Map<String, Json>) -> Map<String, Json> {
    let own = table.iter().filter(|(key, _)| !kind.taken().contains(&key.as_str()));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn json(value: Value) -> Json {
    match value {
        Value::String(text) => Json::String(text),
        Value::Datetime(time) => Json::String(time.to_string()),
        Value::Integer(number) => Json::Number(number.into()),
        // One without end is refused by the core; here the plugin refuses what is none.
        Value::Float(number) => Number::from_f64(number).map_or(Json::Null, Json::Number),
        Value::Boolean(truth) => Json::Bool(truth),
        Value::Array(list) => Json::Array(list.into_iter().map(json).collect()),
        Value::Table(table) => Json::Object(json_of(table)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(text: &str) -> Result<Given, String> {
        let table = text.parse().unwrap();
        Given::of("/etc/given.toml".into(), table).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_may_be_one_table() {
        let given = given("type = \"redis\"\nport = 6379\nprobe = \"x\"").unwrap();
        let table = json!({ "type": "redis", "port": 6379, "probe": "x" });
        for kind in [Kind::Probe, Kind::Load] {
            assert_eq!(given.table(kind, "redis"), table.as_object());
        }
        assert_eq!(given.table(Kind::Probe, "tcp"), None);
        assert_eq!(given.folder(), Path::new("/etc"));
    }

    #[test]
    fn a_file_may_have_tables_by_kind() {
        let text = "zone = \"a.example\"\n[sink]\ntype = \"x\"\nat = 1979-05-27\n\
                    [[probe]]\ntype = \"x\"\n[[probe]]\ntype = \"y\"\nto = 1.5";
        let given = given(text).unwrap();
        assert_eq!(given.zone(), Some("a.example"));
        let at = json!({ "type": "x", "at": "1979-05-27" });
        assert_eq!(given.table(Kind::Sink, "x"), at.as_object());
        let to = json!({ "type": "y", "to": 1.5 });
        assert_eq!(given.table(Kind::Probe, "y"), to.as_object());
        assert_eq!(given.table(Kind::Load, "x"), None);
        let there = [(Kind::Sink, "x".to_owned()), (Kind::Probe, "x".to_owned())];
        let error = given.only_for(&there).unwrap_err().to_string();
        assert!(error.contains("no probe `y`"), "{error}");
        assert!(error.ends_with("there are: sink x, probe x"), "{error}");
    }

    #[test]
    fn other_files_are_refused_with_what_is_allowed() {
        for (text, why) in [
            ("", "no table is in it"),
            ("zone = 1", "`zone` is no text"),
            ("[monitor]", "`monitor` is no kind of plugin"),
            ("probe = 1", "`probe` is no table"),
            ("[probe]\nport = 1", "[probe] has no `type`"),
        ] {
            let error = given(text).unwrap_err();
            assert!(error.starts_with(&format!("/etc/given.toml: {why}; allowed: ")), "{error}");
        }
    }

    #[test]
    fn the_cores_own_keys_do_not_reach_a_plugin() {
        let table = json!({ "type": "x", "port": 1, "retry": "1s" });
        let table = table.as_object().unwrap();
        assert_eq!(Json::Object(body(Kind::Probe, table)), json!({ "retry": "1s" }));
        assert_eq!(Json::Object(body(Kind::Sink, table)), json!({ "port": 1 }));
    }
}
