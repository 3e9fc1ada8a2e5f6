//! Files on disk: `conf.d`, paths, headers.

use std::fs;
use std::path::Path;

use crate::config::{Faults, Head, Loaded, Scheme, load};

const MAIN: &str = r#"[cluster]
name = "site"
keys = "keys"
[transport.lan]
type = "udp"
[zone."www.example"]
header = "www.header"
sinks = ["bind"]
[binder.service.www]
zone = "www.example"
[sink.bind]
type = "bind"
"#;
const HEADER: &str = "$TTL 1h\n@ IN SOA ns1.example. hostmaster.example. 7 3h 1h 1w 10\n NS ns1.example.\nmail A 192.0.2.9\n";

fn read(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Loaded, Faults>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let loaded = load(&folder.path().join("rais.toml"));
    (folder, loaded)
}

/// What is told, with the folder cut from every path.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let (folder, loaded) = read(files);
    let folder = format!("{}/", folder.path().display());
    let faults = loaded.unwrap_err().0;
    faults.iter().map(|fault| fault.to_string().replace(&folder, "")).collect()
}

#[test]
fn conf_d_is_read_after_the_file_in_name_order() {
    let (folder, loaded) = read(&[
        ("rais.toml", "[monitor]\nsample = \"2s\"\n"),
        ("conf.d/20-b.toml", "[monitor.service.b]\nprobe = { type = \"exec\" }\n"),
        ("conf.d/10-a.toml", "[monitor.service.a]\nprobe = { type = \"exec\" }\n"),
        ("conf.d/.hidden.toml", "no toml"),
        ("conf.d/README", "no toml"),
    ]);
    let loaded = loaded.unwrap();
    assert_eq!(loaded.config.monitor.services.len(), 2);
    let names: Vec<_> =
        loaded.files.iter().map(|file| file.strip_prefix(folder.path()).unwrap()).collect();
    assert_eq!(
        names,
        [Path::new("rais.toml"), Path::new("conf.d/10-a.toml"), Path::new("conf.d/20-b.toml")]
    );
}

#[test]
fn a_key_in_two_files_names_both_places() {
    let cases = [
        ("[host]\nname = \"b\"\n", "conf.d/a.toml:2:1: `host.name`", "rais.toml:2:1"),
        ("host = { name = \"b\" }\n", "conf.d/a.toml:1:1: `host`", "rais.toml:1:2"),
        ("[sink.a]\nx = { z = 1 }\n", "conf.d/a.toml:2:1: `sink.a.x`", "rais.toml:5:1"),
        ("[sink.a.x]\nz = 1\n", "conf.d/a.toml:1:9: `sink.a.x`", "rais.toml:5:1"),
    ];
    for (second, there, here) in cases {
        let main = "[host]\nname = \"a\"\n[sink.a]\ntype = \"bind\"\nx = { y = 1 }\n";
        let told = told(&[("rais.toml", main), ("conf.d/a.toml", second)]);
        let expected = format!("{there} is given twice; given first here: {here}");
        assert_eq!(told, [expected], "{second}");
    }
}

#[test]
fn faults_of_several_files_stand_in_their_order() {
    let told = told(&[
        ("rais.toml", "[host]\nname = 1\n"),
        ("conf.d/b.toml", "[monitor]\nsample = 1\n"),
        ("conf.d/a.toml", "[control]\nlog = 1\n"),
    ]);
    let places: Vec<_> = told.iter().map(|told| told.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["rais.toml:2:8", "conf.d/a.toml:2:7", "conf.d/b.toml:2:10"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let (_folder, loaded) = read(&[("other.toml", "")]);
    let faults = loaded.unwrap_err().0;
    assert_eq!(faults.len(), 1);
    assert!(faults[0].file().ends_with("rais.toml"), "{faults:?}");
    assert!(faults[0].render(crate::config::Look::Plain).contains("rais.toml"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rais.toml"), b"[host]\nname = \"\xff\"\n").unwrap();
    let faults = load(&folder.path().join("rais.toml")).unwrap_err().0;
    let place = faults[0].place().unwrap();
    assert_eq!((place.line(), place.column()), (2, 9), "{faults:?}");
}

#[test]
fn paths_are_relative_to_the_file_that_says_them() {
    let (folder, loaded) = read(&[
        ("rais.toml", MAIN),
        ("www.header", HEADER),
        ("conf.d/a.toml", "[host]\nstate = \"state\"\n[plugins]\ndirs = [\"/lib\", \"lib\"]\n"),
    ]);
    let config = loaded.unwrap().config;
    let beside = folder.path().join("conf.d");
    assert_eq!(config.host.state, beside.join("state"));
    assert_eq!(config.plugins.dirs, [Path::new("/lib").to_owned(), beside.join("lib")]);
    let Head::File(file) = &config.zones[&"www.example".parse().unwrap()].head else {
        panic!("a file")
    };
    assert_eq!(file.path, folder.path().join("www.header"));
    assert_eq!((file.header.text(), file.scheme), (HEADER, None));
}

#[test]
fn a_header_is_told_with_both_places() {
    let missing = told(&[("rais.toml", MAIN)]);
    assert_eq!(missing.len(), 1);
    assert!(
        missing[0].starts_with("rais.toml:7:10: header www.header: No such file"),
        "{missing:?}"
    );
    let broken = HEADER.replace("mail A 192.0.2.9", "$GENERATE 1-9 a$ A 192.0.2.$");
    let broken = told(&[("rais.toml", MAIN), ("www.header", &broken)]);
    assert_eq!(broken.len(), 1);
    assert!(broken[0].starts_with("rais.toml:7:10: header www.header: line 4"), "{broken:?}");
    assert!(broken[0].ends_with("www.header:4:1"), "{broken:?}");
    let none = told(&[("rais.toml", MAIN), ("www.header", "")]);
    assert!(none[0].contains("no SOA record") && none[0].ends_with("www.header:1:1"), "{none:?}");
}

#[test]
fn a_headers_own_address_cannot_be_bound() {
    let main = MAIN.replace("zone = \"www.example\"", "zone = \"www.example\"\nowner = \"mail\"");
    let told = told(&[("rais.toml", &main), ("www.header", HEADER)]);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("rais.toml:11:9: owner mail.www.example has a record A"),
        "{told:?}"
    );
    assert!(told[0].ends_with("this record: www.header:4:1"), "{told:?}");
}

#[test]
fn a_header_that_no_sink_could_answer_from_is_a_fault() {
    let dns = MAIN.replace("type = \"bind\"", "type = \"dns\"");
    for (main, more, says) in [
        (
            MAIN,
            "mail CNAME x\n",
            "header www.header: line 5, column 1: mail.www.example. has a CNAME",
        ),
        (MAIN, "x NS y\n", ""),
        (MAIN, "loc LOC 1 N 1 E 1m\n", ""),
        (
            &dns,
            "loc LOC 1 N 1 E 1m\n",
            "rais.toml:7:10: the sink `bind` cannot answer from it: the data of a record of type LOC",
        ),
        (&dns, "spf SPF \"v=spf1\"\n", "write it as `TYPE99 \\# LENGTH HEX`"),
    ] {
        let files = [("rais.toml", main), ("www.header", &format!("{HEADER}{more}"))];
        if says.is_empty() {
            read(&files).1.unwrap();
            continue;
        }
        let told = told(&files);
        assert!(told[0].contains(says), "{told:?}");
        assert!(told[0].ends_with("www.header:5:1"), "{told:?}");
    }
    let main = MAIN.replace("zone = \"www.example\"", "zone = \"www.example\"\nowner = \"api\"");
    let told = told(&[("rais.toml", &main), ("www.header", &format!("{HEADER}api NS ns1\n"))]);
    assert!(told[0].contains("owner api.www.example is at or below"), "{told:?}");
    assert!(told[0].ends_with("this record: www.header:5:1"), "{told:?}");
}

#[test]
fn the_headers_scheme_counts_where_no_key_does() {
    let header = format!("; rais: scheme=least-load\n{HEADER}");
    let (_folder, loaded) = read(&[("rais.toml", MAIN), ("www.header", &header)]);
    let config = loaded.unwrap().config;
    assert_eq!(config.binder.services.values().next().unwrap().scheme, Scheme::LeastLoad);
    let main = MAIN.replace("sinks =", "scheme = \"random\"\nsinks =");
    let (_folder, loaded) = read(&[("rais.toml", &main), ("www.header", &header)]);
    let config = loaded.unwrap().config;
    assert_eq!(config.binder.services.values().next().unwrap().scheme, Scheme::Random);
    let header = format!("; rais: scheme=leastload\n{HEADER}");
    let told = told(&[("rais.toml", MAIN), ("www.header", &header)]);
    assert!(
        told[0].contains("unknown scheme \"leastload\"; did you mean `least-load`?"),
        "{told:?}"
    );
    assert!(told[0].ends_with("said here: www.header:1:1"), "{told:?}");
}

#[test]
fn a_headers_scheme_that_no_sink_can_use_is_a_doubt() {
    let header = format!("{HEADER}; rais: scheme=least-load\n");
    let warnings = |main: &str| -> Vec<String> {
        let (_folder, loaded) = read(&[("rais.toml", main), ("www.header", &header)]);
        loaded.unwrap().warnings.iter().map(ToString::to_string).collect()
    };
    let [told] = warnings(MAIN).try_into().unwrap();
    assert!(told.contains("www.header:5:1: `scheme` does nothing"), "{told}");
    assert_eq!(warnings(&MAIN.replace("type = \"bind\"", "type = \"dns\"")), [""; 0]);
    // A key beside it is told at its own place.
    let [told] =
        warnings(&MAIN.replace("sinks =", "scheme = \"random\"\nsinks =")).try_into().unwrap();
    assert!(told.contains("rais.toml:8:1: `scheme` does nothing"), "{told}");
}

#[test]
fn a_signed_header_is_a_doubt_where_a_sink_answers_from_it() {
    let header = format!("{HEADER}x DNSKEY 257 3 13 AAAA\n@ DNSKEY 257 3 13 AAAA\n");
    let warnings = |main: &str| -> Vec<String> {
        let (_folder, loaded) = read(&[("rais.toml", main), ("www.header", &header)]);
        loaded.unwrap().warnings.iter().map(ToString::to_string).collect()
    };
    assert_eq!(warnings(MAIN), [""; 0]);
    let [told] = warnings(&MAIN.replace("type = \"bind\"", "type = \"dns\"")).try_into().unwrap();
    assert!(told.contains("www.header:6:1: the sink `bind` sends no signatures"), "{told}");
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let (folder, loaded) = read(&[("rais.toml", MAIN), ("www.header", HEADER)]);
    loaded.unwrap();
    let pipe = |name: &str| {
        let path = folder.path().join(name);
        let _ = fs::remove_file(&path);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    };
    for (name, place) in
        [("www.header", "rais.toml:7:10: "), ("conf.d/a.toml", ""), ("rais.toml", "")]
    {
        fs::create_dir_all(folder.path().join("conf.d")).unwrap();
        pipe(name);
        let faults = load(&folder.path().join("rais.toml")).unwrap_err().to_string();
        let path = folder.path().join(name).display().to_string();
        let told = faults.lines().find(|line| line.contains(&path)).unwrap();
        assert!(told.contains(place) && told.contains("not a regular file"), "{faults}");
    }
}
