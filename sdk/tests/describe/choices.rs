//! Enums, and types that are read as others.

use super::*;

#[config]
enum Named {
    #[serde(rename = "off")]
    Off,
    Every(DurationText),
    /// Twice.
    Both {
        a: u8,
        #[default = 3]
        b: u8,
    },
    #[serde(skip)]
    Inside,
}

/// Tagged by a key.
#[config]
#[derive(Debug, PartialEq)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum Reload {
    /// Over the channel.
    Rndc {
        /// Where named listens.
        #[default = "127.0.0.1:953"]
        address: SocketAddr,
        key_file: PathText,
    },
    NsdControl,
    /// Any command.
    Exec(Exec),
}

#[config]
#[derive(Debug, PartialEq)]
struct Exec {
    /// Program and arguments.
    argv: Vec<String>,
}

#[config]
#[serde(tag = "kind", content = "value")]
enum Apart {
    A(u8),
    B,
}

#[config]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[config]
#[serde(try_from = "String")]
struct Even(u8);

impl TryFrom<String> for Even {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[config]
struct Table {
    named: Named,
    reload: Option<Reload>,
    apart: Apart,
    some: Vec<OneOrMany>,
    even: Even,
    #[default = OneOrMany::One("x".into())]
    one: OneOrMany,
    #[serde(default = "nsd")]
    nsd: Reload,
}

fn nsd() -> Reload {
    Reload::NsdControl
}

#[test]
fn choices_are_told_by_serdes_rules() {
    let expected = [
        "named: one of \"off\" | { Every = duration } | { Both = table }",
        "  Every?: duration",
        "  Both?: table",
        "    a: whole number, 0 to 255",
        "    b: whole number, 0 to 255 = 3",
        "reload?: table",
        "  type: one of \"rndc\" | \"nsd-control\" | \"exec\"",
        "  address: socket = \"127.0.0.1:953\"",
        "  key-file: path",
        "  argv: list of texts",
        "apart: table",
        "  kind: one of \"A\" | \"B\"",
        "  value: whole number, 0 to 255",
        "some: list, each text or list of texts",
        "even: text",
        "one: text or list of texts = \"x\"",
        "nsd: table = { type = \"nsd-control\" }",
    ];
    let told = told::<Table>();
    assert_eq!(told[..16], expected[..16]);
    assert_eq!(told[16], expected[16]);
}

#[test]
fn keys_of_one_choice_say_which() {
    assert_eq!(
        texts::<Reload>(),
        [
            "\"rndc\": Over the channel. \"exec\": Any command.",
            "With type = \"rndc\": Where named listens.",
            "With type = \"rndc\".",
            "With type = \"exec\": Program and arguments.",
        ]
    );
}

#[test]
fn choices_are_read() {
    let key = |it: &str| read::<BTreeMap<String, Reload>>(it).remove("it");
    let argv = vec!["x".to_owned()];
    assert_eq!(key("it = { type = \"exec\", argv = [\"x\"] }"), Some(Reload::Exec(Exec { argv })));
    let read: Reload = read("type = \"rndc\"\nkey-file = \"k\"");
    let Reload::Rndc { address, .. } = read else { panic!("{read:?}") };
    assert_eq!(address, "127.0.0.1:953".parse().unwrap());
    let error = refused::<Reload>("type = \"rndc\"\nkey_file = \"k\"");
    assert!(error.contains("unknown field `key_file`"), "{error}");
}
