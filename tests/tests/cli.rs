//! The command line: what the other tests do not use in passing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;

use rais_tests::binary::{self, Output, run_in};

/// Runs `rais ARGS` in an empty folder.
fn rais(args: &[&str]) -> Output {
    run_in(tempfile::tempdir().unwrap().path(), args)
}

const BUILT_IN: [(&str, &str); 15] = [
    ("probe", "exec"),
    ("probe", "http"),
    ("probe", "tcp"),
    ("probe", "udp"),
    ("load", "agent"),
    ("load", "average"),
    ("load", "cpu"),
    ("load", "exec"),
    ("load", "http"),
    ("load", "memory"),
    ("load", "pressure"),
    ("load", "response-time"),
    ("sink", "bind"),
    ("sink", "nsupdate"),
    ("transport", "udp"),
];

#[test]
fn help_names_every_command() {
    let help = rais(&["--help"]).expect_code(0).stdout;
    for command in [
        "run", "monitor", "binder", "check", "plugins", "probe", "status", "reload", "key",
        "import", "demo",
    ] {
        assert!(help.contains(command), "{command} in\n{help}");
        let own = rais(&[command, "--help"]).expect_code(0).stdout;
        assert!(own.contains("Usage"), "{own}");
    }
    assert!(rais(&["--version"]).expect_code(0).stdout.starts_with("rais "));
}

#[test]
fn wrong_usage_is_2_and_a_failure_is_1() {
    for args in [&["frobnicate"][..], &["check", "--frobnicate"], &["key", "frobnicate"], &[]] {
        rais(args).expect_code(2);
    }
    // A file that is not there is a fault of the configuration; a rais that does not run is not.
    let out = rais(&["check", "-c", "nowhere.toml"]).expect_code(2);
    assert!(out.stderr.contains("nowhere.toml"), "{}", out.stderr);
    let out = rais(&["status", "--socket", "nowhere.sock"]).expect_code(1);
    assert!(out.stderr.contains("nowhere.sock"), "{}", out.stderr);
    rais(&["reload", "--socket", "nowhere.sock"]).expect_code(1);
    rais(&["plugins", "info", "nothing"]).expect_code(1);
}

#[test]
fn every_built_in_plugin_is_linked() {
    let rows = rais(&["plugins", "list", "--output", "json"]).expect_code(0).json();
    let rows = rows.as_array().unwrap();
    for (kind, name) in BUILT_IN {
        let row = rows.iter().find(|r| r["kind"] == kind && r["name"] == name);
        let row = row.unwrap_or_else(|| panic!("no {kind} {name} in {rows:?}"));
        assert_eq!(row["origin"], "built-in");
        for key in ["version", "abi", "isolation", "state"] {
            assert!(row.get(key).is_some(), "{key} of {row}");
        }
    }
    let table = rais(&["plugins", "list"]).expect_code(0).stdout;
    for (kind, name) in BUILT_IN {
        let row = table.lines().any(|l| l.contains(kind) && l.contains(name));
        assert!(row, "{kind} {name} in\n{table}");
    }
}

#[test]
fn a_plugin_shows_itself_and_its_sample() {
    for (kind, name) in BUILT_IN {
        // Several kinds have a name in common.
        let info = rais(&["plugins", "info", name, "--kind", kind]).expect_code(0).stdout;
        assert!(info.contains(kind) && info.contains(name), "{info}");
        let sample = rais(&["plugins", "sample", name, "--kind", kind]).expect_code(0).stdout;
        let folder = format!("{}/../plugins/{kind}-{name}", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read_to_string(format!("{folder}/sample.toml")).unwrap();
        assert_eq!(sample.trim(), file.trim(), "{kind} {name}");
    }
}

#[test]
fn a_new_key_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let new = |args: &[&str]| {
        let all = [&["key", "new", "--keys", "keys"], args].concat();
        run_in(folder.path(), &all).expect_code(0)
    };
    let said = [new(&[]), new(&["--host", "web3", "--allow", "198.51.100.3/32"])];
    let files: Vec<_> = std::fs::read_dir(folder.path().join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    let mut texts = Vec::new();
    for file in &files {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        texts.push(std::fs::read_to_string(file).unwrap());
    }
    assert_ne!(texts[0], texts[1]);
    assert!(texts.iter().any(|t| t.contains("web3") && t.contains("198.51.100.3")), "no limits");
    // Never in what it prints.
    for text in &texts {
        for word in text.split(|c: char| c.is_whitespace() || c == '"').filter(|w| w.len() >= 40) {
            let shown = said.iter().any(|o| o.stdout.contains(word) || o.stderr.contains(word));
            assert!(!shown, "a secret is printed");
        }
    }
}

#[test]
fn a_new_key_says_where_it_belongs() {
    let folder = tempfile::tempdir().unwrap();
    let new = |keys: &str, args: &[&str]| {
        let all = [&["key", "new", "--keys", keys], args].concat();
        run_in(folder.path(), &all).expect_code(0).stdout
    };
    let first = new("own", &["--host", "web1"]);
    assert!(
        first.contains("must be that of web1 itself") && first.contains("`--use accept`"),
        "{first}"
    );
    let binders = new("binders", &["--host", "web1", "--use", "accept"]);
    assert!(binders.contains("to the binders as it is, and to web1, where"), "{binders}");
    // The file's name is as good as the key's.
    assert!(new("own", &["--name", "web2.key"]).starts_with("own/web2.key\n"));
    assert!(!folder.path().join("own/web2.key.key").exists());
}

#[test]
fn a_plugin_that_is_not_found_is_told_with_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let info = |more: &[&str]| {
        let all = [&["plugins", "info", "nats-of-nobody"], more].concat();
        run_in(folder.path(), &all).expect_code(1).stderr
    };
    let told = info(&[]);
    assert!(told.contains("/usr/lib/rais/plugins") && told.contains("`-c FILE`"), "{told}");
    std::fs::write(folder.path().join("rais.toml"), "[plugins]\ndirs = [\"here\"]\n").unwrap();
    let told = info(&["-c", "rais.toml"]);
    assert!(told.contains("here; the path of a library"), "{told}");
}

#[test]
fn a_key_is_rotated_in_three_steps_and_no_secret_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let key = |words: &[&str], code: i32| {
        let keys = ["--keys", "keys"];
        run_in(folder.path(), &[&["key"], words, &keys].concat()).expect_code(code)
    };
    let said = [
        key(&["new"], 0),
        key(&["rotate", "end"], 1),
        key(&["rotate", "switch"], 1),
        key(&["rotate", "begin"], 0),
        key(&["rotate", "begin"], 1),
        key(&["rotate", "end"], 1),
        key(&["rotate", "switch"], 0),
        key(&["rotate", "switch"], 0),
        key(&["rotate", "switch", "nobody"], 1),
    ];
    let shown = [
        "cluster.key",
        "followed by another",
        "rais key rotate begin",
        "cluster-2.key",
        "rais key rotate switch",
        "cluster signs here",
        "cluster-2.key",
        "as before",
        "there are: cluster-2, cluster",
    ];
    for (said, shown) in said.iter().zip(shown) {
        assert!(said.stdout.contains(shown) || said.stderr.contains(shown), "{shown} in {said:?}");
    }
    let mut secrets = Vec::new();
    for name in ["cluster", "cluster-2"] {
        let file = folder.path().join(format!("keys/{name}.key"));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
        let text = std::fs::read_to_string(file).unwrap();
        let secret = text.lines().find_map(|line| line.strip_prefix("secret = ")).unwrap();
        secrets.push(secret.trim_matches('"').to_owned());
    }
    for said in &said {
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(secrets.iter().all(|secret| !all.contains(secret)), "a secret is printed");
    }

    let list = key(&["list", "--output", "json"], 0).json();
    let uses: Vec<_> = list.as_array().unwrap().iter().map(|row| &row["use"]).collect();
    assert_eq!(uses, ["sign", "accept"]);
    assert_eq!(list[0]["follows"], list[1]["id"]);
    assert!(key(&["list"], 0).stdout.contains(list[1]["id"].as_str().unwrap()));
    let done = key(&["rotate", "switch", "--output", "json"], 0).json();
    assert_eq!(done["changed"], false);
    assert_eq!(done["key"]["name"], "cluster-2");
    let alone = "[host]\nname = \"h\"\n[monitor.service.s]\nprobe = { type = \"tcp\", port = 1 }\n";
    let text = format!("{alone}[control]\nsocket = \"{{role}}.sock\"\n");
    std::fs::write(folder.path().join("monitor.toml"), text).unwrap();
    let done = key(&["rotate", "end", "-c", "monitor.toml", "--output", "json"], 0).json();
    assert_eq!(done["removed"][0]["name"], "cluster");
    assert_eq!(done["asked"], false);
    assert!(!folder.path().join("keys/cluster.key").exists());
    // Where a binder is named it has to be there.
    key(&["rotate", "begin"], 0);
    key(&["rotate", "switch"], 0);
    let out = key(&["rotate", "end", "--socket", "nowhere.sock"], 1);
    let says = ["nowhere.sock", "nobody says whether", "`--force`"];
    assert!(says.iter().all(|says| out.stderr.contains(says)), "{}", out.stderr);
    key(&["rotate", "end", "--socket", "nowhere.sock", "--force"], 0);
    key(&["rotate"], 2);

    // What was not named signs on, and what is changed with what was named is listed.
    key(&["rotate", "begin"], 0);
    let next = key(&["list", "--output", "json"], 0).json()[1]["name"].as_str().unwrap().to_owned();
    let done = key(&["accept", &next, "--output", "json"], 0).json();
    assert_eq!((&done["changed"], &done["with_them"]), (&false.into(), &serde_json::json!([])));
    let signer = done["signs"]["name"].as_str().unwrap();
    assert_ne!(signer, next);
    let file = folder.path().join(format!("keys/{next}.key"));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"accept\"", "\"sign\"")).unwrap();
    let told = key(&["accept", &next], 0).stdout;
    let says = [&format!("{signer}.key"), "does not begin again", "no key here signs"];
    assert!(says.iter().all(|says| told.contains(says)), "{told}");
}

#[test]
fn keys_that_all_sign_are_listed_and_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let key = |words: &[&str], code: i32| {
        run_in(folder.path(), &[&["key"], words, &["--keys", "keys"]].concat()).expect_code(code)
    };
    for name in ["web1", "web2"] {
        key(&["new", "--host", name, "--use", "accept"], 0);
        let file = folder.path().join(format!("keys/{name}.key"));
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, text.replace("\"accept\"", "\"sign\"")).unwrap();
    }
    let list = key(&["list"], 1);
    assert_eq!(list.stdout.matches("another signs too").count(), 2, "{}", list.stdout);
    for said in [list, key(&["new"], 1), key(&["rotate", "switch", "web1"], 1)] {
        for word in ["web1.key", "web2.key", "`rais key accept NAME --keys keys`"] {
            assert!(said.stderr.contains(word), "{word} in {}", said.stderr);
        }
    }
    let rows = key(&["list", "--output", "json"], 1).json();
    assert!(rows[1]["wrong"].as_str().unwrap().contains("rais key accept"), "{rows}");

    let done = key(&["accept", "web1", "--output", "json"], 0).json();
    assert_eq!((&done["changed"], &done["signs"]["name"]), (&true.into(), &"web2".into()));
    let said = key(&["accept", "web1.key", "web2"], 0).stdout;
    assert!(said.contains("no key here signs"), "{said}");
    let list = key(&["list"], 0).stdout;
    assert!(list.matches("accept").count() == 2 && !list.contains("wrong"), "{list}");
    std::fs::write(folder.path().join("keys/bad.key"), "").unwrap();
    let list = key(&["list"], 1);
    assert!(list.stdout.contains("bad") && list.stdout.contains("web2"), "{}", list.stdout);
}

#[test]
fn probe_shows_each_once_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().port();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let config = format!(
        r#"
[host]
state = "state"
[monitor]
advertise = ["127.0.0.1"]
[monitor.service.up]
probe = {{ type = "tcp", port = {open}, address = "127.0.0.1" }}
load = {{ type = "cpu" }}
[monitor.service.down]
probe = {{ type = "tcp", port = {closed}, address = "127.0.0.1" }}
"#
    );
    std::fs::write(folder.path().join("rais.toml"), config).unwrap();
    let up = run_in(folder.path(), &["probe", "-c", "rais.toml", "up"]).expect_code(0);
    assert!(up.stdout.contains("up") && up.stdout.contains("cpu"), "{}", up.stdout);
    let all = run_in(folder.path(), &["probe", "-c", "rais.toml"]).expect_code(1);
    assert!(all.stdout.contains("down") && all.stdout.contains("refused"), "{}", all.stdout);
    run_in(folder.path(), &["probe", "-c", "rais.toml", "nothing"]).expect_code(2);
    assert!(!folder.path().join("state").exists(), "a probe leaves no state");
}

#[test]
fn import_refuses_a_line_it_does_not_know_by_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in rais_tests::site::paper_files() {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("monitor.conf"), "service 60 http 80\nservise 1 2 3\n")
        .unwrap();
    let args =
        ["import", "--monitor", "monitor.conf", "--binder", "binder.conf", "--dns", "named.boot"];
    let out = binary::run_in(folder.path(), &args).expect_code(2);
    assert!(out.stderr.contains("monitor.conf:2"), "{}", out.stderr);
    assert_eq!(out.stdout, "");
}

#[test]
fn an_import_replaces_no_file_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("monitor.conf", "service 60 http 80\n");
    write("binder.conf", "dns-update 120 http www.header www.cache 1 60\n");
    write("named.boot", "www.example www.cache RR\n");
    write("rais.toml", "# keys and more\n");
    let mut import = ["import", "--monitor", "monitor.conf", "--binder", "binder.conf"].to_vec();
    import.extend(["--dns", "named.boot", "-o", "rais.toml"]);
    let written = || std::fs::read_to_string(folder.path().join("rais.toml")).unwrap();
    let out = run_in(folder.path(), &import).expect_code(2);
    assert!(out.stderr.contains("--force"), "{}", out.stderr);
    assert_eq!(written(), "# keys and more\n");
    import.push("--force");
    run_in(folder.path(), &import).expect_code(0);
    assert!(written().contains("[binder.service.http]"), "{}", written());
}
