//! The words for types.

use super::*;

#[config]
struct Table {
    octet: u8,
    word: u16,
    long: u32,
    huge: u64,
    size: usize,
    small: i32,
    signed: i64,
    port: NonZeroU16,
    float: f64,
    truth: bool,
    text: String,
    duration: DurationText,
    path: PathText,
    address: IpAddr,
    socket: SocketAddr,
    list: Vec<SocketAddr>,
    set: BTreeSet<u16>,
    map: BTreeMap<String, DurationText>,
    hash: HashMap<String, Vec<String>>,
    boxed: Box<Inner>,
    optional: Option<Vec<Inner>>,
    far: ::core::option::Option<PathText>,
    none: NoConfig,
    foreign: Foreign,
    maybe_foreign: Option<Foreign>,
    #[option(type = "regular expression")]
    told: Option<Foreign>,
}

#[config]
struct Inner {
    key: Wrapper,
}

#[config]
struct Wrapper(u8);

#[test]
fn types_are_told_in_words() {
    let expected = [
        "octet: whole number, 0 to 255",
        "word: whole number, 0 to 65535",
        "long: whole number, 0 to 4294967295",
        "huge: whole number, 0 or more",
        "size: whole number, 0 or more",
        "small: whole number, -2147483648 to 2147483647",
        "signed: whole number",
        "port: whole number, 1 to 65535",
        "float: number",
        "truth: true or false",
        "text: text",
        "duration: duration",
        "path: path",
        "address: address",
        "socket: socket",
        "list: list of sockets",
        "set: list of whole numbers, 0 to 65535",
        "map: table of durations",
        "hash: table of lists of texts",
        "boxed: table",
        "  key: whole number, 0 to 255",
        "optional?: list of tables",
        "  key: whole number, 0 to 255",
        "far?: path",
        "none: table",
        "foreign: value",
        "maybe_foreign?: value",
        "told?: regular expression",
    ];
    assert_eq!(told::<Table>(), expected);
}
