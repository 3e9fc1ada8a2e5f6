//! What counts where a key is left out.

use super::*;

const fn seven() -> u8 {
    7
}

#[config]
#[derive(Debug, PartialEq, Default)]
struct Table {
    #[default = "100ms"]
    wait: DurationText,
    #[default = 5369]
    port: NonZeroU16,
    #[default = -5]
    below: i8,
    #[default = 2.5]
    share: f64,
    #[default = 60]
    load: f64,
    #[default = true]
    check: bool,
    #[default = "it's a \"word\""]
    text: String,
    #[default = r"^\d+$"]
    pattern: Foreign,
    #[default = "/run/x"]
    path: Option<PathText>,
    #[default = ["127.0.0.1:1", "[::1]:1"]]
    peers: Vec<SocketAddr>,
    #[default = [[1, 2], []]]
    nested: Vec<Vec<u8>>,
    #[default = []]
    nobody: Vec<Foreign>,
    #[default = "fast"]
    mode: Mode,
    #[default = Mode::Slow]
    slow: Mode,
    #[default = 60 * 60]
    hour: u32,
    #[default = DurationText::from_millis(1500)]
    made: DurationText,
    #[default = Shown { left: 1, right: None }]
    shown: Shown,
    #[default = Foreign("x".into())]
    unshown: Foreign,
    #[default]
    zero: u8,
    #[serde(default)]
    inner: Inner,
    #[serde(default = "seven")]
    seven: u8,
    #[serde(default)]
    none: Option<u8>,
    #[serde(deserialize_with = "percent")]
    #[default = 0.5]
    percent: f64,
}

#[config]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Fast,
    Slow,
}

#[config]
#[derive(Debug, PartialEq, Default)]
struct Inner {
    #[default = 3]
    times: u8,
    name: Option<String>,
}

fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.trim_end_matches('%').parse::<f64>().map(|it| it / 100.0).map_err(D::Error::custom)
}

/// `derive(Default)` as well takes what an empty table gives.
#[test]
fn what_is_left_out_has_its_default() {
    let table: Table = read("");
    assert_eq!(table, Table::default());
    assert_eq!(table.wait, DurationText::from_millis(100));
    assert_eq!(table.port.get(), 5369);
    assert_eq!((table.below, table.share, table.load, table.check), (-5, 2.5, 60.0, true));
    assert_eq!(table.pattern, Foreign(r"^\d+$".into()));
    assert_eq!(table.peers, ["127.0.0.1:1".parse().unwrap(), "[::1]:1".parse().unwrap()]);
    assert_eq!(table.nested, [vec![1, 2], vec![]]);
    assert_eq!((table.mode, table.slow), (Mode::Fast, Mode::Slow));
    assert_eq!((table.inner.times, table.seven, table.percent), (3, 7, 0.5));
}

#[test]
fn what_is_written_counts() {
    let table: Table = read("wait = \"2s\"\nport = 1\npath = \"y\"\npercent = \"5%\"");
    assert_eq!(table.wait, DurationText::from_millis(2000));
    assert_eq!((table.port.get(), table.percent), (1, 0.05));
}

#[test]
fn defaults_are_told_as_they_would_be_written() {
    let expected = [
        "wait: duration = \"100ms\"",
        "port: whole number, 1 to 65535 = 5369",
        "below: whole number, -128 to 127 = -5",
        "share: number = 2.5",
        "load: number = 60.0",
        "check: true or false = true",
        "text: text = \"it's a \\\"word\\\"\"",
        "pattern: value = '^\\d+$'",
        "path: path = \"/run/x\"",
        "peers: list of sockets = [\"127.0.0.1:1\", \"[::1]:1\"]",
        "nested: list of lists of whole numbers, 0 to 255 = [[1, 2], []]",
        "nobody: value = []",
        "mode: one of \"fast\" | \"slow\" = \"fast\"",
        "slow: one of \"fast\" | \"slow\" = \"slow\"",
        "hour: whole number, 0 to 4294967295 = 3600",
        "made: duration = \"1500ms\"",
        "shown: value = { left = 1 }",
        // Nothing is said where nothing is known.
        "unshown?: value",
        "zero: whole number, 0 to 255 = 0",
        "inner: table = { times = 3 }",
        "  times: whole number, 0 to 255 = 3",
        "  name?: text",
        "seven: whole number, 0 to 255 = 7",
        "none?: whole number, 0 to 255",
        "percent?: value",
    ];
    assert_eq!(told::<Table>(), expected);
}

/// A default's text, put into a table, gives what leaving it out gives.
#[test]
fn no_default_is_a_lie() {
    let mut all = String::new();
    for key in Table::options() {
        if let rais_sdk::Need::Default(text) = key.need {
            all += &format!("{} = {text}\n", key.name);
        }
    }
    assert_eq!(read::<Table>(&all), read::<Table>(""));
}

#[config]
#[serde(default)]
struct Whole {
    a: u8,
    #[serde(default = "seven")]
    b: u8,
    c: Option<u8>,
}

impl Default for Whole {
    fn default() -> Self {
        Self { a: 5, b: 6, c: None }
    }
}

#[test]
fn a_struct_with_a_default_gives_those_of_its_fields() {
    let range = "whole number, 0 to 255";
    let expected = [format!("a: {range} = 5"), format!("b: {range} = 7"), format!("c?: {range}")];
    assert_eq!(told::<Whole>(), expected);
    let table: Whole = read("");
    assert_eq!((table.a, table.b, table.c), (5, 7, None));
}

#[config]
#[derive(Debug)]
struct Wrong {
    #[default = "x"]
    address: IpAddr,
}

#[test]
#[should_panic(expected = "the default of `address`: invalid IP address syntax")]
fn a_default_that_cannot_be_read_is_found_by_telling_it() {
    let _ = Wrong::options();
}
