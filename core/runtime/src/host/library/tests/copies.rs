//! Copies that nobody can change.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use super::super::image::loadable;
use super::super::seal::Sealed;
use super::*;

fn refused(_: &OsStr, _: &[u8]) -> io::Result<OwnedFd> {
    Err(io::Error::from_raw_os_error(1))
}

#[test]
fn in_memory_is_sealed_and_has_a_name() {
    let long = "n".repeat(300);
    for name in ["lib.so", &long] {
        let copy = Sealed::new(name.as_ref(), b"octets".to_vec()).unwrap().copy().unwrap();
        let path = loadable(&copy);
        assert_eq!(fs::read(&path).unwrap(), b"octets");
        let shown = fs::read_link(&path).unwrap();
        let shown = shown.to_str().unwrap();
        assert!(shown.starts_with(&format!("/memfd:rais:{}", &name[..6])), "{shown}");

        let not_permitted = |error: io::Error| assert_eq!(error.raw_os_error(), Some(1));
        // Whoever opens it once more can write no more than this process.
        let mut again = OpenOptions::new();
        not_permitted(again.write(true).open(&path).and_then(|mut it| it.write(b"x")).unwrap_err());
        not_permitted(again.truncate(true).open(&path).unwrap_err());
        let mut file = File::from(copy.try_clone().unwrap());
        not_permitted(file.write(b"x").unwrap_err());
        not_permitted(file.set_len(0).unwrap_err());
        not_permitted(file.set_len(100).unwrap_err());
        assert_eq!(fs::read(&path).unwrap(), b"octets");
    }
}

#[test]
fn in_a_folder_where_memory_is_refused() {
    let folder = folder();
    let none = folder.path().join("none");
    let path = library(folder.path(), "lib.so", "int x;");
    let octets = fs::read(path).unwrap();
    let sealed =
        Sealed::by(refused, &[&none, folder.path()], "lib.so".as_ref(), octets.clone()).unwrap();
    let copy = sealed.copy().unwrap();
    let found = fs::metadata(loadable(&copy)).unwrap();
    assert_eq!((found.nlink(), found.mode() & 0o777), (0, 0o444));
    assert_eq!(fs::read(loadable(&copy)).unwrap(), octets);
    File::from(copy.try_clone().unwrap()).write_all(b"x").unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    // What its owner can do with what he was given to read.
    fs::set_permissions(loadable(&copy), Permissions::from_mode(0o600)).unwrap();
    OpenOptions::new().write(true).truncate(true).open(loadable(&copy)).unwrap();
    assert_eq!(fs::read(loadable(&copy)).unwrap(), b"");
    assert_eq!(fs::read(loadable(&sealed.copy().unwrap())).unwrap(), octets);
}

#[test]
fn says_what_was_tried() {
    let folder = folder();
    let none = folder.path().join("none");
    let fault = Sealed::by(refused, &[&none], "lib.so".as_ref(), b"octets".to_vec()).unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!(
            "cannot be copied to where nobody can change it: \
             a sealed memory file: Operation not permitted (os error 1); \
             a file in {}: No such file or directory (os error 2)",
            none.display()
        )
    );
}
