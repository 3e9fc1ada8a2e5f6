//! What is found in folders, and what is known of it already.

use std::fs::OpenOptions;
use std::sync::Arc;

use rais_sdk::host::Kind;

use super::*;

/// As a program, finds in every library a plugin that is called after it, and writes that down;
/// one that ends in `!` is refused. Does nothing as a test.
#[test]
fn finder() {
    if !is_for("vet") {
        return;
    }
    let mut log = OpenOptions::new().append(true).open(given()).unwrap();
    let mut given = Given::take().unwrap();
    // What a library of this test has as its text.
    let octets = fs::read(image::loadable(&given.image)).unwrap();
    let text = String::from_utf8_lossy(&octets);
    let name = text.split("NAME:").nth(1).unwrap().split('\0').next().unwrap();
    // In one piece: two may write at a time.
    log.write_all(format!("{name}\n").as_bytes()).unwrap();
    let answer = if name.ends_with('!') {
        Answer::Refused("is not wanted".into())
    } else {
        Answer::Vetted(Vetted {
            abi: "1.0".into(),
            sdk: "0.1.0".into(),
            rustc: "1.95.0".into(),
            panic: PanicStrategy::Unwind,
            plugins: vec![VettedPlugin {
                name: name.into(),
                version: "0.1.0".into(),
                sample: String::new(),
                kinds: vec![Kind::Probe],
                options: Vec::new(),
                options_fault: None,
            }],
            load_time: Duration::ZERO,
        })
    };
    let mut line = serde_json::to_vec(&answer).unwrap();
    line.push(b'\n');
    given.socket.write_all(&line).unwrap();
}

struct Site {
    folder: tempfile::TempDir,
    log: PathBuf,
    libraries: Libraries,
}

impl Site {
    fn new() -> Site {
        let folder = folder();
        let log = file(folder.path(), "log", b"");
        for name in ["one", "two"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            mode(&folder.path().join(name), 0o755);
        }
        let libraries = Libraries::new(program("caching::finder", &[&log]));
        Site { folder, log, libraries }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, path: &str, name: &str) -> PathBuf {
        library(self.folder.path(), path, &format!("{MANIFEST} char text[] = \"NAME:{name}\";"))
    }

    fn scan(&self) -> Scan {
        self.libraries.scan(&["one", "none", "two"].map(|name| self.folder(name)))
    }

    /// Names of what was vetted since the last time, in order.
    fn vetted(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_to_string(&self.log).unwrap().lines().map(str::to_owned).collect();
        names.sort();
        fs::write(&self.log, "").unwrap();
        names
    }
}

/// File and plugin of each.
fn found(scan: &Scan) -> Vec<(String, String)> {
    let name = |library: &Arc<Library>| library.image.name().to_str().unwrap().to_owned();
    scan.libraries.iter().map(|one| (name(one), one.vetted.plugins[0].name.clone())).collect()
}

fn pair(file: &str, plugin: &str) -> (String, String) {
    (file.to_owned(), plugin.to_owned())
}

#[test]
fn folders_in_order_and_names_in_order_and_the_same_content_once() {
    let site = Site::new();
    site.put("two/a.so", "alpha");
    let second = site.put("one/b.so", "beta");
    site.put("one/z.so", "zeta");
    fs::copy(&second, site.folder("two/copy.so")).unwrap();
    site.put("one/bad.so", "bad!");
    fs::write(site.folder("one/text.so"), "text").unwrap();
    for passed_over in ["one/.hidden.so", "one/c.so.1", "one/d.txt"] {
        fs::write(site.folder(passed_over), "text").unwrap();
    }
    let scan = site.scan();
    assert_eq!(found(&scan), [pair("b.so", "beta"), pair("z.so", "zeta"), pair("a.so", "alpha")]);
    let mut refused = scan.refused.iter().map(|(path, fault)| (path.clone(), fault.to_string()));
    let (path, fault) = refused.next().unwrap();
    assert_eq!(path, site.folder("one/text.so"));
    assert_eq!(fault, "is a text, not a shared library");
    let (path, fault) = refused.next().unwrap();
    assert_eq!(path, site.folder("one/bad.so"));
    assert!(fault.starts_with("is not wanted"), "{fault}");
    assert_eq!(refused.next(), None);
    assert_eq!(site.vetted(), ["alpha", "bad!", "beta", "zeta"]);
}

#[test]
fn what_has_not_changed_is_not_tried_again() {
    let site = Site::new();
    let path = site.put("one/a.so", "alpha");
    site.put("one/b.so", "beta");
    let first = site.scan();
    assert_eq!(site.vetted(), ["alpha", "beta"]);

    let second = site.scan();
    let pairs = first.libraries.iter().zip(&second.libraries);
    assert!(pairs.into_iter().all(|(first, second)| Arc::ptr_eq(first, second)));
    assert!(Arc::ptr_eq(&site.libraries.open(&path).unwrap(), &first.libraries[0]));
    assert!(site.vetted().is_empty());

    // The same content in another file is known too, and stands where it is found.
    fs::rename(&path, site.folder("one/c.so")).unwrap();
    let moved = site.scan();
    assert_eq!(found(&moved), [pair("b.so", "beta"), pair("c.so", "alpha")]);
    assert!(site.vetted().is_empty());

    // Renamed over it, as an upgrade is done.
    fs::rename(site.put("new", "gamma"), site.folder("one/c.so")).unwrap();
    assert_eq!(found(&site.scan()), [pair("b.so", "beta"), pair("c.so", "gamma")]);
    assert_eq!(site.vetted(), ["gamma"]);
}

#[test]
fn what_nobody_has_any_more_is_forgotten() {
    let site = Site::new();
    let path = site.put("one/a.so", "alpha");
    drop(site.libraries.open(&path).unwrap());
    site.libraries.open(&path).unwrap();
    assert_eq!(site.vetted(), ["alpha", "alpha"]);
}

#[test]
fn a_refused_library_is_tried_again_once_it_is_touched() {
    let site = Site::new();
    let path = site.put("one/a.so", "no!");
    for _ in 0..2 {
        let fault = site.libraries.open(&path).unwrap_err();
        assert!(matches!(fault, LibraryFault::Refused { .. }), "{fault:?}");
        assert_eq!(site.scan().refused, [(path.clone(), fault)]);
    }
    assert_eq!(site.vetted(), ["no!"]);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    site.libraries.open(&path).unwrap_err();
    assert_eq!(site.vetted(), ["no!"]);
}

#[test]
fn folders_that_cannot_be_read_are_told() {
    let site = Site::new();
    let scan = site.libraries.scan(&[site.log.clone(), site.folder("none")]);
    assert!(scan.libraries.is_empty());
    let fault = LibraryFault::Unreadable { why: "Not a directory (os error 20)".into() };
    assert_eq!(scan.refused, [(site.log, fault)]);
}
