//! Zones that stand in files: every `NAME.zone` of a folder, served as it is.

mod contents;
mod entry;
mod file;
mod folder;
mod rests;
mod tray;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use crate::name::to_wire;
use contents::Contents;
use entry::{Entry, zone_name};
use file::twin_of;
pub(crate) use folder::{Brought, Folder, Found, Haste};

/// The zones that a folder has files for, sound or not.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn named(folder: &Path) -> io::Result<BTreeSet<Vec<u8>>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if entry::is_named_so(&path)
            && let Ok(name) = zone_name(&path)
        {
            names.insert(to_wire(name.as_str()));
        }
    }
    Ok(names)
}

/// What is to be told of a folder's zone files before any is served: what is unsound or not as it may be
/// meant, with file and line. As long as it `goes_on`.
pub(crate) fn judge(folder: &Path, goes_on: &dyn Fn() -> bool) -> Vec<String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return vec![told(folder, &error.to_string())],
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> =
        paths.filter(|path| matches!(Entry::of(path), Entry::File(_) | Entry::Unknown)).collect();
    paths.sort();
    let (mut faults, mut first) = (Vec::new(), BTreeMap::new());
    for (number, path) in paths.iter().enumerate() {
        let name = zone_name(path);
        if let Ok(name) = &name {
            let holder = first.entry(to_wire(name.as_str())).or_insert(path);
            if *holder != path {
                faults.push(told(path, &twin_of(holder)));
                continue;
            }
        }
        let octets = fs::read(path).map_err(|error| error.to_string());
        match octets.and_then(|octets| Contents::read(octets, &name?, goes_on)) {
            Ok(Some(contents)) => faults.extend(contents.doubts.iter().map(|why| told(path, why))),
            Ok(None) => {
                let left = paths.len() - number;
                let text = format!("{left} zone files are not judged before the start: too long");
                faults.push(told(folder, &text));
                break;
            }
            Err(why) => faults.push(told(path, &why)),
        }
    }
    faults
}

fn told(path: &Path, why: &str) -> String {
    format!("{}: {why}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_known_by_their_names_before_they_are_read() {
        let bed = tempfile::tempdir().unwrap();
        for name in
            ["A.example.zone", "b.example.zone", "c.example.db", ".d.example.zone", "-..zone"]
        {
            fs::write(bed.path().join(name), "whatever it is").unwrap();
        }
        let names = BTreeSet::from(["a.example", "b.example"].map(to_wire));
        assert_eq!(named(bed.path()).unwrap(), names);
        assert!(named(&bed.path().join("nowhere")).is_err());
    }

    #[test]
    fn what_is_judged_ends_in_the_midst_of_a_file() {
        let bed = tempfile::tempdir().unwrap();
        let sound = "$TTL 60\n@ SOA ns h 1 1 1 1 1\n NS ns\nns A 192.0.2.53\n";
        for (name, text) in [("a.zone", sound), ("b.zone", "@ A x\n"), ("c.zone", sound)] {
            fs::write(bed.path().join(name), text).unwrap();
        }
        let told = |most: usize| {
            let asked = std::cell::Cell::new(0);
            let goes_on = || {
                asked.set(asked.get() + 1);
                asked.get() <= most
            };
            judge(bed.path(), &goes_on)
        };
        let [broken] = &told(100)[..] else { panic!() };
        assert!(broken.starts_with(&format!("{}: line 1", bed.path().join("b.zone").display())));
        let [same, left] = &told(4)[..] else { panic!() };
        assert!(same == broken && left.contains(": 1 zone files are not judged"), "{left}");
        assert!(told(1).concat().contains(": 3 zone files are not judged"));
    }
}
