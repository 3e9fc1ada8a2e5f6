//! Every class of fault, with its exact place and what is said.

use super::{SOUND, faulty, read, sound, with};
use crate::config::{Balance, Fault, Faults, Look};

const MONITOR: &str = "[monitor.service.www]";
const BINDER: &str = "[binder.service.www]";
const ZONE: &str = "[zone.\"www.example\"]";

/// The table below which a line is put in, the line, the column of the fault in it, what it says.
const LINES: &[(&str, &str, usize, &str)] = &[
    // unknown keys and words, with what was meant
    (MONITOR, "intervall = \"1s\"", 1, "unknown key `intervall`"),
    (MONITOR, "max_load = 60", 1, "it is one of [binder.service.NAME]"),
    (BINDER, "fall = 2", 1, "it is one of [monitor.service.NAME]"),
    ("[cluster]", "axcept = \"enforce\"", 1, "did you mean `accept`?"),
    ("[cluster]", "accept = \"enforced\"", 10, "did you mean `enforce`?"),
    (BINDER, "react = \"ontimer\"", 9, "did you mean `on-timer`?"),
    (BINDER, "when_none = \"keep\"", 13, "(allowed: `hold`, `all` or `empty`)"),
    (BINDER, "watch = \"all\"", 9, "unknown `watch`"),
    (BINDER, "balance = \"wieghts\"", 11, "did you mean `weights`?"),
    (ZONE, "scheme = \"roundrobin\"", 10, "did you mean `round-robin`?"),
    (ZONE, "max_addresses = { a = 28, aaa = 16 }", 27, "did you mean `aaaa`?"),
    ("[binder]", "[control]\nlog_format = \"jsn\"", 14, "did you mean `json`?"),
    // wrong types
    (MONITOR, "interval = true", 12, "`interval` must be a duration, not true or false"),
    (MONITOR, "rise = \"2\"", 8, "`rise` must be a whole number, not a string"),
    (MONITOR, "rise = 2.5", 8, "no whole number"),
    (MONITOR, "load = \"cpu\"", 8, "`load` must be a table, not a string"),
    (MONITOR, "targets = \"192.0.2.20\"", 11, "`targets` must be a list"),
    (
        BINDER,
        "max_load = \"60%\"",
        12,
        "`max_load` must be a number, not a string; did you mean `60`?",
    ),
    (BINDER, "max_load = \"much\"", 12, "`max_load` must be a number, not a string (allowed"),
    (BINDER, "allow = \"192.0.2.0/24\"", 9, "`allow` must be a list"),
    ("[cluster]", "accept = 1", 10, "`accept` must be a string, not a number"),
    // durations
    (MONITOR, "interval = 60", 12, "`interval` has no unit"),
    (MONITOR, "interval = \"60\"", 12, "\"60\" has no unit"),
    (MONITOR, "interval = \"-1s\"", 12, "negative"),
    (MONITOR, "interval = \"0s\"", 12, "zero"),
    (MONITOR, "interval = \"0ms\"", 12, "zero"),
    (MONITOR, "interval = \"1.5s\"", 12, "whole number"),
    (MONITOR, "interval = \"8d\"", 12, "longer than seven days"),
    (MONITOR, "interval = \"5sec\"", 12, "did you mean `\"5s\"`?"),
    (BINDER, "hold = \"5 min\"", 8, "did you mean `\"5m\"`?"),
    (
        ZONE,
        "ttl = \"0s\"",
        7,
        "`ttl` is zero: resolvers would ask for each use (allowed: whole seconds",
    ),
    (ZONE, "ttl = \"1500ms\"", 7, "finer than the DNS has it"),
    // numbers out of range
    (BINDER, "max_load = 1000.01", 12, "out of range"),
    (BINDER, "max_load = -1", 12, "out of range"),
    (BINDER, "max_load = nan", 12, "out of range"),
    (BINDER, "max_load = 60.005", 12, "finer than a load"),
    (BINDER, "min_servers = 0", 15, "out of range"),
    (BINDER, "min_servers = \"101%\"", 15, "no percentage"),
    (BINDER, "panic = \"half\"", 9, "no percentage"),
    (MONITOR, "capacity = 0", 12, "out of range"),
    (MONITOR, "weight = 99999999999999999999", 10, "does not fit 64 bits"),
    (MONITOR, "weight = 0", 10, "a whole number from 1 to 1000"),
    (MONITOR, "jitter = 51", 10, "from 0 to 50"),
    (BINDER, "weights = { quick = 1.0 }", 21, "below 1"),
    // addresses, ranges, names, paths
    (
        MONITOR,
        "targets = [\"web1.example.com\"]",
        12,
        "names are never looked up (allowed: its address, or",
    ),
    (MONITOR, "targets = [{ address = \"web1\" }]", 24, "names are never looked up"),
    (
        MONITOR,
        "targets = [\"127.0.0.2:18080\"]",
        12,
        "belongs to the probe, as its `port`; did you mean `\"127.0.0.2\"`?",
    ),
    (MONITOR, "targets = [\"127.0.0\"]", 12, "an IPv4 or IPv6 address"),
    (MONITOR, "addresses = [\"192.0.2.300\"]", 14, "no address"),
    (MONITOR, "addresses = [\"a/b\"]", 14, "no address"),
    (MONITOR, "addresses = [\"an interface\"]", 14, "no interface's name"),
    (MONITOR, "addresses = []", 13, "is empty"),
    (MONITOR, "addresses = \"all\"", 13, "`\"auto\"`"),
    (
        MONITOR,
        "targets = [\"192.0.2.20\", \"web2\"]",
        26,
        "\"web2\" is a name, and names are never looked up",
    ),
    (MONITOR, "targets = [{ name = \"web2\" }]", 12, "`address` is missing"),
    (MONITOR, "targets = [\"192.0.2.2\", { address = \"192.0.2.2\" }]", 25, "given twice"),
    (BINDER, "allow = [\"192.0.2.1/24\"]", 10, "did you mean `\"192.0.2.0/24\"`?"),
    (BINDER, "tiers = [[\"192.0.2.0/24\"], []]", 28, "is empty"),
    ("[binder]", "[monitor]\nagent = \"5370\"", 9, "an address and a port"),
    ("[binder]", "[monitor]\nexclude = [\"10.0.0.0/33\"]", 12, "no range"),
    ("[binder]", "[control]\nhttp = \"on\"", 8, "\"off\", or an address and a port"),
    ("[binder]", "[control]\nlog = \"inof\"", 7, "did you mean `info`?"),
    ("[binder]", "[control]\nlog = \"info,rais=\"", 7, "cannot be read at \"rais=\""),
    ("[binder]", "[host]\nname = \"web 1\"", 8, "' ' is none of them"),
    ("[binder]", "[host]\nstate = \"\"", 9, "is empty"),
    ("[binder]", "[plugins.tcp]\nmemory = \"64MB\"", 10, "KiB or MiB"),
    ("[binder]", "[plugins.tcp]\nisolation = \"thread\"", 13, "`process` or `none`"),
    ("[binder]", "[plugins]\nisolation = \"none\"", 1, "it is one of [plugins.NAME]"),
    (BINDER, "owner = \"a b\"", 9, "bad owner"),
    (BINDER, "owner = \"www.other.example.\"", 9, "outside the zone"),
    (BINDER, "owner = [\"api\", \"API\"]", 17, "given twice"),
    (ZONE, "file = \"../x\"", 8, "no name of a zone file"),
    (ZONE, "file = \"{name}.zone\"", 8, "no name of a zone file"),
    // one key against another
    (MONITOR, "expire = \"500ms\"", 10, "not above `interval` (500ms)"),
    (MONITOR, "fast_interval = \"600ms\"", 17, "above `interval`"),
    (BINDER, "max_load = 60\nreturn_load = 60", 15, "not below `max_load`"),
    (BINDER, "min_servers = 3\nmax_servers = 2", 15, "below `min_servers` (3)"),
    (BINDER, "balance = \"weights\"", 11, "the sink `bind` of its zone carries no weights"),
    (BINDER, "react = \"on-timer\"\nhold = \"5m\"", 1, "`hold` does not act with"),
    (BINDER, "react = \"on-timer\"\ntiers = [[\"10.0.0.0/8\"]]", 1, "`tiers` does not act with"),
    (BINDER, "react = \"on-timer\"\nbalance = \"weights\"", 11, "(allowed: `prune` or `none`)"),
    (
        "[binder]",
        "[monitor.service.a]\nprobe = { type = \"x\", timeout = \"2s\" }",
        33,
        "probe `x`: its `timeout` (2s) is above the service's (400ms)",
    ),
    (
        "[binder]",
        "[monitor.service.a]\ntimeout = \"1s\"\nprobe = { all = [{ type = \"x\", timeout = \"1s\" }, { type = \"x\", timeout = \"1001ms\" }] }",
        74,
        "its `timeout` (1001ms) is above the service's (1s)",
    ),
    // plugin tables
    (MONITOR, "load = { typ = \"cpu\" }", 8, "`type` is missing"),
    (MONITOR, "load = { type = \"\" }", 17, "is empty"),
    (MONITOR, "load = { type = \"cpu\", every = 5 }", 32, "`every` has no unit"),
    (MONITOR, "load = { type = \"http\", port = 0 }", 32, "from 1 to 65535"),
    (MONITOR, "load = { type = \"http\", port = 65536 }", 32, "from 1 to 65535"),
    (MONITOR, "load = { type = \"cpu\", x = [{ y = inf }] }", 35, "a finite number"),
    (
        MONITOR,
        "load = { type = \"http\", url = \"http://a/\", port = 80 }",
        51,
        "`url` says the port: write it there",
    ),
    (
        MONITOR,
        "load = { type = \"http\", url = \"http://[::1]/\", address = \"::2\" }",
        58,
        "`url` says the address",
    ),
    (MONITOR, "load = { max = [], mean = [] }", 16, "is empty"),
    (MONITOR, "load = { max = [{ type = \"cpu\" }], port = 1 }", 36, "unknown key `port`"),
    ("[sink.bind]", "retry = \"1\"", 9, "has no unit"),
];

fn gist(fault: &Fault) -> String {
    fault.to_string()
}

#[test]
fn each_line_is_refused_at_its_place() {
    let mut missed = Vec::new();
    for (below, line, column, says) in LINES {
        let text = with(below, line);
        let end = text.find(line).unwrap() + line.len();
        let expected = text[..end].matches('\n').count() + 1;
        let faults = faulty(&text);
        let hit = faults.iter().any(|fault| {
            let place = fault.place().unwrap();
            (place.line(), place.column()) == (expected, *column) && gist(fault).contains(says)
        });
        if !hit {
            missed.push(format!("{line}: not {expected}:{column} {says:?} but {}", Faults(faults)));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn the_name_of_a_table_is_refused_at_the_name() {
    let cases = [
        ("[monitor.service.\"a b\"]\nprobe = { type = \"exec\" }", 18, "a service name is made of"),
        ("[sink.\"a/b\"]\ntype = \"bind\"", 7, "\"a/b\" is no name"),
        ("[zone.\"a..b\"]\nsinks = [\"bind\"]", 7, "bad zone name"),
        ("[zone.\"WWW.example.\"]\nsinks = [\"bind\"]", 7, "zone www.example is given twice"),
        ("[plugin]\ndirs = []", 2, "did you mean `plugins`?"),
        ("[binder.services.a]\nzone = \"www.example\"", 9, "did you mean `service`?"),
    ];
    for (table, column, says) in cases {
        let faults = faulty(&with("[cluster]", table));
        let place = faults[0].place().unwrap();
        let line = SOUND.lines().count() + 1;
        assert_eq!((place.line(), place.column()), (line, column), "{table}: {faults:?}");
        assert!(gist(&faults[0]).contains(says), "{table}: {faults:?}");
    }
}

#[test]
fn the_sound_one_is_sound() {
    assert_eq!(read(SOUND).unwrap().warnings, []);
}

/// What is replaced in the sound one, by what, and the faults: place and gist of each, no others.
type Change<'a> = (&'a str, &'a str, &'a [(usize, usize, &'a str)]);

const CHANGES: &[Change<'_>] = &[
    ("name = \"site\"\n", "", &[(1, 1, "`name` of [cluster] is missing")]),
    ("insecure = true\n", "", &[(1, 1, "`keys` of [cluster] is missing")]),
    ("insecure = true", "insecure = false", &[(1, 1, "`keys` of [cluster] is missing")]),
    (
        "[cluster]\nname = \"site\"\ninsecure = true\n",
        "",
        &[(1, 12, "`name` of [cluster]"), (1, 12, "`keys` of [cluster]")],
    ),
    ("insecure = true", "insecure = 1", &[(3, 12, "`insecure` must be true or false")]),
    ("type = \"udp\"", "", &[(4, 1, "`type` is missing: it names the transport plugin")]),
    ("probe =", "# probe =", &[(6, 1, "`probe` is missing: monitor.service.www needs it")]),
    (", port = 80", "", &[(7, 9, "`port` is missing: probe `tcp` needs it")]),
    ("port = 80", "port = 0", &[(7, 32, "from 1 to 65535")]),
    ("port = 80", "port = 80, every = \"2s\"", &[(7, 44, "`every` has no effect on a probe")]),
    ("port = 80", "port = 80, every = 2", &[(7, 44, "`every` has no effect on a probe")]),
    (
        "\"tcp\", port = 80",
        "\"http\", url = \"https://www.example/\", port = 443",
        &[(7, 63, "probe `http`: `url` says the port: write it there")],
    ),
    (
        "\"tcp\", port = 80",
        "\"http\", url = \"http://192.0.2.20:80/a\", address = \"127.0.0.1\"",
        &[(7, 68, "`url` says the address: leave this out, or have a host name")],
    ),
    (
        "\"tcp\", port = 80",
        "\"http\", url = \"http://a/\", port = 0",
        &[(7, 52, "from 1 to 65535")],
    ),
    ("port = 80", "prot = 80", &[(7, 25, "probe `tcp`: unknown field `prot`, expected `port`")]),
    (
        "{ type = \"tcp\", port = 80 }",
        "{ of = 3, in = [{ type = \"exec\" }, { type = \"exec\" }] }",
        &[(7, 16, "a whole number from 1 to 2")],
    ),
    (
        "{ type = \"tcp\", port = 80 }",
        "{ in = [{ type = \"exec\" }] }",
        &[(7, 9, "`of` is missing")],
    ),
    (
        "{ type = \"tcp\", port = 80 }",
        "{ all = [{ type = \"exec\" }], any = [{ type = \"exec\" }] }",
        &[(7, 9, "several ways to combine probes")],
    ),
    ("mailbox = \"hostmaster.example\"\n", "", &[(10, 1, "has no header and none can be made")]),
    ("ns = [\"ns1.example\"]\n", "", &[(10, 1, "has no header and none can be made")]),
    ("hostmaster.example", "host master", &[(10, 11, "not a mailbox")]),
    ("sinks = [\"bind\"]\n", "", &[(11, 1, "`sinks` is missing")]),
    ("[\"bind\"]", "[\"bnid\"]", &[(12, 10, "unknown sink \"bnid\"; did you mean `bind`?")]),
    ("[\"bind\"]", "[\"bind\", \"bind\"]", &[(12, 18, "\"bind\" is given twice")]),
    ("zone = \"www.example\"\n", "", &[(13, 1, "`zone` is missing")]),
    (
        "zone = \"www.example\"",
        "zone = \"ww.example\"",
        &[(14, 8, "unknown zone \"ww.example\"; did you mean `\"www.example\"`?")],
    ),
    (
        "[sink.bind]",
        "[binder.service.ftp]\nzone = \"www.example\"\nowner = [\"ftp\", \"@\"]\n[sink.bind]",
        &[(17, 17, "given twice; given first here: rais.toml:13:17")],
    ),
    (
        "[sink.bind]",
        "[zone.\"b.example\"]\nsinks = [\"bind\"]\nfile = \"www.example.zone\"\n[sink.bind]",
        &[(17, 8, "\"www.example.zone\" is another zone's too")],
    ),
    ("[sink.bind]\ntype = \"bind\"\n", "", &[(12, 10, "since no [sink.NAME] is written")]),
    ("[zone.", "[zones.", &[(11, 2, "did you mean `zone`?"), (14, 8, "no [zone.\"NAME\"]")]),
];

#[test]
fn each_change_is_refused_for_what_it_is_and_nothing_else() {
    let mut missed = Vec::new();
    for (from, to, expected) in CHANGES {
        assert!(SOUND.contains(from), "{from}");
        let faults = faulty(&SOUND.replacen(from, to, 1));
        let fits = |(fault, (line, column, says)): (&Fault, &(usize, usize, &str))| {
            let place = fault.place().unwrap();
            (place.line(), place.column()) == (*line, *column) && gist(fault).contains(says)
        };
        if faults.len() != expected.len() || !faults.iter().zip(*expected).all(fits) {
            missed.push(format!("{from} -> {to}: not {expected:?} but\n{}", Faults(faults)));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_url_with_an_address_is_doubtful_beside_several_targets() {
    let doubts = |probe: &str, more: &str| {
        let text = SOUND.replacen("type = \"tcp\", port = 80", probe, 1);
        let text = text.replacen(MONITOR, &format!("{MONITOR}\n{more}"), 1);
        let loaded = read(&text).unwrap_or_else(|faults| panic!("{text}\n{faults}"));
        let told = loaded.warnings.iter();
        told.map(|fault| (fault.place().unwrap().column(), gist(fault))).collect::<Vec<_>>()
    };
    const TWO: &str = "targets = [\"192.0.2.20\", \"192.0.2.21\"]";
    const ONE: &str = "targets = [\"192.0.2.20\"]";
    for (url, address) in [
        ("http://192.0.2.9", "192.0.2.9"),
        ("https://192.0.2.9:8443/a?b", "192.0.2.9"),
        ("http://[2001:db8::9]:80/", "2001:db8::9"),
    ] {
        let probe = format!("type = \"http\", url = \"{url}\"");
        let told = doubts(&probe, TWO);
        let [(32, gist)] = told.as_slice() else { panic!("{url}: {told:?}") };
        assert!(gist.contains(&format!("judged by the one address {address};")), "{gist}");
        assert_eq!(doubts(&probe, ONE), []);
        assert_eq!(doubts(&probe, ""), []);
        let load = format!("{TWO}\nload = {{ {probe} }}");
        assert_eq!(doubts("type = \"tcp\", port = 80", &load).len(), 1, "{url}");
    }
    // A host name leaves each target its own address, or that of the table; what another type
    // calls `url` is its own business.
    for probe in [
        "type = \"http\", url = \"http://www.example:80/192.0.2.9\"",
        "type = \"http\", url = \"http://www.example/\", address = \"127.0.0.1\"",
        "type = \"other\", url = \"http://192.0.2.9/\", port = 1, address = \"127.0.0.1\"",
    ] {
        assert_eq!(doubts(probe, TWO), [], "{probe}");
    }
}

/// `SOUND` with a second sink, and the tables of both as given.
fn two_sinks(one: &str, two: &str, rest: &str) -> String {
    let sinks = SOUND.replacen("[\"bind\"]", "[\"bind\", \"b\"]", 1);
    format!("{sinks}{one}\n[sink.b]\n{two}\n{rest}")
}

#[test]
fn two_sinks_never_write_one_file() {
    let site = tempfile::tempdir().unwrap();
    std::fs::create_dir(site.path().join("zones")).unwrap();
    std::os::unix::fs::symlink("zones", site.path().join("link")).unwrap();
    let at = |folder: &str| format!("directory = {:?}", site.path().join(folder).to_str().unwrap());
    let bind = |directory: &str| format!("type = \"bind\"\n{directory}");
    let same = [
        ("directory = \"zones\"".to_owned(), "directory = \"./zones//\"".to_owned()),
        (at("zones"), at("zones/../link")),
        (at("gone"), at("gone/.")),
    ];
    for (one, two) in &same {
        let faults = faulty(&two_sinks(one, &bind(two), ""));
        assert_eq!(faults.len(), 1, "{one}, {two}: {}", Faults(faults));
        let told = faults[0].to_string();
        assert!(told.starts_with("rais.toml:12:18: "), "{told}");
        assert!(told.contains("\"bind\" and \"b\" have the same `directory`"), "{told}");
        assert!(told.ends_with("the first of them: rais.toml:12:10"), "{told}");
    }
    let other = "[zone.\"b.example\"]\nsinks = [\"b\"]\nfile = \"www.example.zone\"\n";
    let one_each = |two: &str| {
        let text = two_sinks(&at("zones"), &bind(two), other);
        text.replacen("[\"bind\", \"b\"]", "[\"bind\"]", 1)
    };
    let told = faulty(&one_each(&at("link")))[0].to_string();
    assert!(told.contains("\"www.example.zone\" is another zone's too"), "{told}");
    // Their tables' own business, where they are told apart or are of another type.
    sound(&one_each(&at("other")));
    sound(&two_sinks(&at("zones"), &bind(&at("other")), ""));
    sound(&two_sinks(&at("zones"), "type = \"dns\"\ndirectory = \"zones\"", ""));
}

#[test]
fn no_toml_is_placed() {
    let cases = [
        ("[cluster]\nname = \"is", 2, 11, "invalid basic string"),
        ("[clus", 1, 6, "unclosed table"),
        ("a = [1,\n", 1, 8, "unclosed array"),
        ("[monitor]\nsample 5\n", 2, 8, "expected"),
        ("[host]\nname = 08:00 x\n", 2, 8, "invalid datetime"),
    ];
    for (text, line, column, says) in cases {
        let faults = faulty(text);
        let place = faults[0].place().unwrap();
        assert!(faults[0].message().contains(says), "{text}: {faults:?}");
        assert_eq!((place.line(), place.column()), (line, column), "{text}: {faults:?}");
    }
}

#[test]
fn a_key_given_twice_names_both_places() {
    let cases = [
        ("[host]\nname = \"a\"\nname = \"b\"\n", "rais.toml:3:1", "rais.toml:2:1"),
        ("[host]\n\"name\" = \"a\"\n[control]\n[host]\n", "rais.toml:4:2", "rais.toml:1:2"),
        ("[sink.a]\nx = { y = 1, y = 2 }\n", "rais.toml:2:14", "rais.toml:2:7"),
        ("[[a]]\nb = 1\n[[a]]\nb = 1\n'b' = 2\n", "rais.toml:5:1", "rais.toml:4:1"),
    ];
    for (text, second, first) in cases {
        let told = faulty(text)[0].to_string();
        assert!(told.starts_with(&format!("{second}: ")), "{told}");
        assert!(told.ends_with(&format!("given first here: {first}")), "{told}");
    }
}

#[test]
fn all_faults_are_told_at_once_in_their_order() {
    let text =
        "[moniter]\n[monitor.service.a]\nrise = 0\n[host]\nname = 5\n[control]\nlog = \"x\"\n";
    let lines: Vec<_> = faulty(text).iter().map(|fault| fault.place().unwrap().line()).collect();
    assert_eq!(lines, [1, 2, 3, 5, 7]);
}

#[test]
fn rendered_as_rustc_does() {
    let text = with(MONITOR, "intervall = \"1s\"");
    let shown = faulty(&text)[0].render(Look::Plain);
    let expected = "\
error: unknown key `intervall` in [monitor.service.NAME]
 --> rais.toml:7:1
  |
7 | intervall = \"1s\"
  | ^^^^^^^^^
  |";
    assert!(shown.starts_with(expected), "{shown}");
    assert!(shown.contains("did you mean `interval`?"), "{shown}");
    let styled = faulty(&text)[0].render(Look::Styled);
    assert!(styled.contains('\u{1b}') && !shown.contains('\u{1b}'));
}

#[test]
fn a_secret_is_not_shown() {
    let text = with("[sink.bind]", "api_token = \"hunter2\"\nretry = 1");
    let text = text.replace("retry = 1", "retry = 1 # password = \"hunter2\"");
    let shown = faulty(&text)[0].render(Look::Plain);
    assert!(shown.contains("retry = 1"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// The monitor's table with a load.
fn measured(load: &str) -> String {
    format!("{MONITOR}\nload = {{ type = \"{load}\" }}")
}

#[test]
fn what_is_said_of_load_and_does_nothing_is_doubtful() {
    for (lines, expected) in [
        ("max_load = 60\ninterval = \"2s\"", &[][..]),
        ("max_load = 60", &[("max_load", "every 10s, too seldom for `prune`")]),
        ("max_load = 60\ninterval = \"3s\"", &[("interval", "every 3s, too seldom")]),
        ("react = \"on-timer\"\nmax_load = 60\ninterval = \"120s\"", &[]),
        ("balance = \"duty-cycle\"", &[("balance", "too seldom for `duty-cycle`")]),
        ("balance = \"duty-cycle\"\ninterval = \"2s\"\nslow_start = \"5s\"", &[]),
        (
            "balance = \"none\"\nmax_load = 60",
            &[(
                "max_load",
                "takes nobody out here: `balance` is `none`; from 85 % of 60% on there is a warning",
            )],
        ),
        ("balance = \"prune\"", &[("balance", "nobody is pruned without `max_load`")]),
        ("return_load = 60", &[("return_load", "no effect where nobody is pruned")]),
        ("slow_start = \"9s\"", &[("slow_start", "no effect where `balance` is `none`")]),
        ("weights = { quick = 0.4 }", &[("weights", "no effect where `balance` is `none`")]),
    ] {
        let text = with(BINDER, lines).replacen(MONITOR, &measured("cpu"), 1);
        let loaded = read(&text).unwrap_or_else(|faults| panic!("{lines}\n{faults}"));
        let fits = |(fault, (key, says)): (&Fault, &(&str, &str))| {
            fault.key() == format!("binder.service.www.{key}") && gist(fault).contains(says)
        };
        let told = &loaded.warnings;
        assert_eq!(told.len(), expected.len(), "{lines}: {told:?}");
        assert!(told.iter().zip(expected).all(fits), "{lines}: {told:?}");
    }
}

/// Balance.md, scenario 11: where answers carry weights, nothing takes members out for load.
#[test]
fn prune_on_top_of_weights_is_refused() {
    let dns = SOUND.replace("type = \"bind\"", "type = \"dns\"");
    let under = |lines: &str| dns.replacen(BINDER, &format!("{BINDER}\nmax_load = 60\n{lines}"), 1);
    const WHY: &str = "prune on top of weights spreads load worse than either alone";
    for (lines, key, says) in [
        (
            "react = \"on-timer\"\nbalance = \"weights\"",
            "balance",
            "`balance = \"weights\"` does not go with `react = \"on-timer\"` (allowed: `prune` or `none`)",
        ),
        (
            "react = \"on-timer\"\nbalance = \"duty-cycle\"",
            "balance",
            "`balance = \"duty-cycle\"` does not go with",
        ),
        (
            "balance = \"prune\"\nscheme = \"weighted\"",
            "scheme",
            "`scheme = \"weighted\"` does not go with `balance = \"prune\"` (allowed: another scheme, or `balance = \"weights\"`",
        ),
        (
            "react = \"on-timer\"\nscheme = \"weighted\"",
            "scheme",
            "`scheme = \"weighted\"` does not go with",
        ),
    ] {
        let faults = faulty(&under(lines));
        let [fault] = &faults[..] else { panic!("{lines}: {faults:?}") };
        assert_eq!(fault.key(), format!("binder.service.www.{key}"), "{lines}");
        assert!(gist(fault).contains(says) && gist(fault).contains(WHY), "{}", gist(fault));
    }
    // No second way to say it, and what is left of `max_load` is said.
    let faults = faulty(&under("react = \"on-timer\"\nweights = { quick = 0.4 }"));
    assert!(gist(&faults[0]).contains("`weights` does not act with"), "{faults:?}");
    let faults = faulty(&under("balance = [\"prune\", \"weights\"]"));
    assert!(gist(&faults[0]).contains("`balance` must be a string"), "{faults:?}");
    let loaded = read(&under("")).unwrap();
    let bound = &loaded.config.binder.services[&"www".parse().unwrap()];
    assert_eq!((bound.balance, bound.prune_above()), (Balance::Weights, None));
    let told = gist(&loaded.warnings[0]);
    assert!(told.contains("takes nobody out here: `balance` is `weights`"), "{told}");
}

#[test]
fn one_that_may_be_left_alone_by_load_is_doubtful_where_many_are_known() {
    const TARGETS: &str = "targets = [\"192.0.2.1\", \"192.0.2.2\", \"192.0.2.3\", \"192.0.2.4\"]";
    let doubts = |targets: &str, lines: &str| {
        let text = with(BINDER, lines).replacen(
            MONITOR,
            &format!("{}\n{targets}", measured("response-time")),
            1,
        );
        read(&text).unwrap_or_else(|faults| panic!("{text}\n{faults}")).warnings.len()
    };
    let pruned = "max_load = 60\ninterval = \"2s\"";
    assert_eq!(doubts(TARGETS, pruned), 1);
    assert_eq!(doubts(TARGETS, &format!("{pruned}\nmin_servers = \"50%\"")), 0);
    assert_eq!(doubts(&TARGETS.replace(", \"192.0.2.4\"", ""), pruned), 0);
    assert_eq!(doubts(TARGETS, "when_none = \"all\""), 0);
}

#[test]
fn a_name_at_a_server_that_takes_updates_is_one_zones_alone() {
    let site = |zone: &str, updates: &str| {
        format!(
            r#"[binder.service.web]
zone = "test"
owner = "www"
[binder.service.other]
zone = "www.test"
[zone."test"]
sinks = ["one"]
[zone."www.test"]
sinks = ["{zone}"]
[sink.one]
type = "nsupdate"
server = "127.0.0.1:53"
zone = "test"
[sink.two]
type = "nsupdate"
server = "{updates}"
"#
        )
    };
    let told = |text: &str| {
        faulty(text)
            .iter()
            .map(|fault| (fault.place().unwrap().line(), gist(fault)))
            .collect::<Vec<_>>()
    };
    // One sink, or two of one server.
    for zone in ["one", "two"] {
        let told = told(&site(zone, "127.0.0.1:53"));
        let [(4, gist)] = told.as_slice() else { panic!("{told:?}") };
        let says = "owner www.test is zone test's too, and both are updates to 127.0.0.1:53";
        assert!(gist.contains(says), "{gist}");
    }
    read(&site("two", "127.0.0.2:53")).unwrap();
    let outside = told(
        &site("two", "127.0.0.2:53").replace("zone = \"test\"\n[sink", "zone = \"example\"\n[sink"),
    );
    let [(3, gist)] = outside.as_slice() else { panic!("{outside:?}") };
    assert!(gist.contains("owner www.test is not in example, the server's zone"), "{gist}");
}
