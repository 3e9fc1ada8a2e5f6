//! Relative paths in a plugin's table count from the folder of its configuration file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;

use rais_sdk::host::{Declared, linked, table_with_folder};
use rais_sdk::prelude::*;
use rais_sdk::serde::de::{Deserialize, Deserializer, Error};
use rais_sdk::testing::Bench;
use serde_json::{Value, json};

#[config]
struct Table {
    file: Option<PathText>,
    nested: Option<Nested>,
    #[serde(default)]
    list: Vec<PathText>,
    #[serde(default)]
    named: BTreeMap<String, PathText>,
    #[serde(default)]
    tagged: Vec<Tagged>,
    loose: Option<Loose>,
    #[serde(rename = "fit")]
    _fit: Option<Fit>,
}

#[config]
struct Nested {
    file: PathText,
}

/// Both of these are read into a buffer first.
#[config]
#[serde(tag = "type", rename_all = "lowercase")]
enum Tagged {
    Key { file: PathText },
    None,
}

#[config]
#[serde(untagged)]
enum Loose {
    Number(u16),
    File(PathText),
}

/// An author's own type, with a mistake in it.
struct Fit;

impl<'de> Deserialize<'de> for Fit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fit, D::Error> {
        match bool::deserialize(deserializer)? {
            true => panic!("unfit"),
            false => Err(D::Error::custom("not true, said at line 7")),
        }
    }
}

impl Table {
    fn paths(&self) -> Vec<PathBuf> {
        let tagged = self.tagged.iter().filter_map(|it| match it {
            Tagged::Key { file } => Some(file),
            Tagged::None => None,
        });
        let loose = self.loose.iter().map(|it| match it {
            Loose::File(file) => file,
            Loose::Number(number) => panic!("{number}"),
        });
        let all = self.file.iter().chain(self.nested.iter().map(|it| &it.file));
        let all = all.chain(&self.list).chain(self.named.values()).chain(tagged).chain(loose);
        all.map(|path| path.get().to_owned()).collect()
    }
}

/// Tells the paths of its table back.
struct Teller(Vec<PathBuf>);

impl Load for Teller {
    const NAME: &'static str = "teller";
    const SAMPLE: &'static str = "type = \"teller\"\nfile = \"ready\"";
    const SCOPE: Scope = Scope::Host;
    type Config = Table;

    fn new(config: Table) -> Result<Teller, Fault> {
        Ok(Teller(config.paths()))
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        // Lossless: a folder's name need not be UTF-8.
        Ok(Reading::unknown(format!("{:?}", self.0)))
    }
}

plugin!(load Teller);

fn teller() -> Declared {
    linked()[0]
}

fn made(json: &str) -> Result<String, Fault> {
    let load = teller().load(json, Bench::new().side())?;
    Ok(load.sample(&Subject::new("www")).unwrap().reason)
}

fn paths(table: &Value, folder: impl AsRef<OsStr>) -> String {
    made(&table_with_folder(table, Path::new(folder.as_ref())).unwrap()).unwrap()
}

fn fault(table: &Value) -> (String, String) {
    let folder = Path::new("/etc/rais");
    let fault = table_with_folder(table, folder).and_then(|json| made(&json)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config, "{fault}");
    (fault.at, fault.text)
}

fn everywhere() -> Value {
    json!({
        "file": "a",
        "nested": { "file": "b/c" },
        "list": ["d", "/e"],
        "named": { "x": "../f" },
        "tagged": [{ "type": "none" }, { "type": "key", "file": "g" }],
        "loose": "h",
    })
}

#[test]
fn relative_paths_count_from_the_folder_wherever_they_stand() {
    let all = [
        "/etc/rais/a",
        "/etc/rais/b/c",
        "/etc/rais/d",
        "/e",
        "/etc/rais/../f",
        "/etc/rais/g",
        "/etc/rais/h",
    ];
    assert_eq!(paths(&everywhere(), "/etc/rais"), format!("{all:?}"));
}

#[test]
fn paths_are_left_as_written_where_no_folder_is_named() {
    let all = ["a", "b/c", "d", "/e", "../f", "g", "h"];
    assert_eq!(made(&everywhere().to_string()).unwrap(), format!("{all:?}"));
    assert_eq!(paths(&everywhere(), ""), format!("{all:?}"));
    let table: Nested = serde_json::from_str(r#"{"file": "a"}"#).unwrap();
    assert_eq!(PathBuf::from(table.file), Path::new("a"));
}

#[test]
fn a_folder_counts_while_its_table_is_read() {
    let table = json!({ "file": "a" });
    let here = || serde_json::from_value::<Nested>(table.clone()).unwrap().file.get().to_owned();
    assert_eq!(paths(&table, "/x"), r#"["/x/a"]"#);
    assert_eq!(here(), Path::new("a"));
    assert_eq!(made(&table.to_string()).unwrap(), r#"["a"]"#);

    // Nor does it after a fault, or a panic.
    let json = table_with_folder(&json!({ "file": 5 }), Path::new("/x")).unwrap();
    made(&json).unwrap_err();
    assert_eq!(here(), Path::new("a"));
    let json = table_with_folder(&json!({ "fit": true }), Path::new("/x")).unwrap();
    assert_eq!(made(&json).unwrap_err().kind, FaultKind::Panicked);
    assert_eq!(here(), Path::new("a"));
}

#[test]
fn threads_read_their_tables_at_once() {
    let threads = (0..8).map(|number| {
        thread::spawn(move || {
            for _ in 0..100 {
                let path = paths(&json!({ "file": "a" }), format!("/{number}"));
                assert_eq!(path, format!("[\"/{number}/a\"]"));
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}

#[test]
fn a_folder_need_not_be_utf8() {
    let folder = OsStr::from_bytes(b"/etc/r\xE4is");
    assert_eq!(paths(&json!({ "file": "a" }), folder), r#"["/etc/r\xE4is/a"]"#);
}

#[test]
fn faults_of_a_table_with_a_folder_have_their_place() {
    let at = |at: &str, text: &str| (at.to_owned(), text.to_owned());
    let empty =
        "invalid value: string \"\", expected a path, absolute or from the folder of this file";
    assert_eq!(fault(&json!({ "file": "" })), at("file", empty));
    assert_eq!(fault(&json!({ "nested": { "file": "" } })), at("nested.file", empty));
    assert_eq!(fault(&json!({ "list": ["a", ""] })), at("list[1]", empty));
    assert_eq!(fault(&json!({ "named": { "x": "" } })), at("named.x", empty));
    let tagged = json!({ "tagged": [{ "type": "key", "file": "" }] });
    assert_eq!(fault(&tagged), at("tagged[0]", empty));
    let (place, text) = fault(&json!({ "file": 5 }));
    assert_eq!(place, "file");
    assert!(text.starts_with("invalid type: integer `5`, expected a path"), "{text}");
    let (place, text) = fault(&json!({ "fiel": "a" }));
    assert_eq!(place, "fiel");
    assert!(text.starts_with("unknown field `fiel`, expected one of `file`"), "{text}");
    assert!(!text.contains("$folder"), "{text}");
    // What an author says is not cut.
    assert_eq!(fault(&json!({ "fit": false })), at("fit", "not true, said at line 7"));
}

#[test]
fn the_hosts_key_is_none_of_the_tables() {
    let at = |at: &str, text: &str| (at.to_owned(), text.to_owned());
    assert_eq!(fault(&json!({ "$folder": "/x" })), at("$folder", "unknown field `$folder`"));
    assert_eq!(fault(&json!({ "$later": 1 })), at("$later", "unknown field `$later`"));
    assert_eq!(fault(&json!(["a"])), at("", "not a table"));
    let (place, text) = fault(&json!({ "nested": { "file": "a", "$folder": "/x" } }));
    assert_eq!(place, "nested.$folder");
    assert!(text.starts_with("unknown field"), "{text}");
    let fault = made(r#"{"$folder": 5}"#).unwrap_err();
    assert_eq!((fault.kind, &*fault.at), (FaultKind::Config, "$folder"));
}

#[test]
fn what_a_later_host_says_beside_the_folder_is_passed_over() {
    let told = made(r#"{"$folder": "/x", "$later": {"than": "this"}, "file": "a"}"#).unwrap();
    assert_eq!(told, r#"["/x/a"]"#);
}

#[test]
fn a_bench_has_a_folder() {
    let told = |bench: &Bench| {
        let load = bench.load::<Teller>(<Teller as Load>::SAMPLE).unwrap();
        load.sample(&Subject::new("www")).unwrap().reason
    };
    assert_eq!(told(&Bench::in_folder("/etc/rais")), r#"["/etc/rais/ready"]"#);
    assert_eq!(told(&Bench::new()), r#"["ready"]"#);
}
