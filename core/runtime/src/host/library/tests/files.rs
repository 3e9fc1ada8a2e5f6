//! What is wrong with a file, and what it says.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileTypeExt, chown, symlink};

use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};

use super::super::place::Found;
use super::*;

fn fault(path: &Path) -> String {
    Image::read(path).unwrap_err().to_string()
}

#[test]
fn what_is_not_there_or_not_a_file() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    assert_eq!(fault(&at("gone.so")), "cannot be read: No such file or directory (os error 2)");
    assert_eq!(fault(&at("gone/lib.so")), "cannot be read: No such file or directory (os error 2)");
    fs::create_dir(at("dir.so")).unwrap();
    assert_eq!(fault(&at("dir.so")), "is a folder; a library is a regular file");
    assert_eq!(fault(&at("dir.so/..")), "is a folder; a library is a regular file");
    mkfifo(&at("pipe.so"), Mode::S_IRWXU).unwrap();
    assert_eq!(fault(&at("pipe.so")), "is a pipe; a library is a regular file");
    let _socket = std::os::unix::net::UnixListener::bind(at("s.so")).unwrap();
    assert!(fs::metadata(at("s.so")).unwrap().file_type().is_socket());
    assert_eq!(fault(&at("s.so")), "is a socket; a library is a regular file");
    assert_eq!(fault(Path::new("/dev/null")), "is a device; a library is a regular file");
}

#[test]
fn what_belongs_to_others() {
    let folder = folder();
    let path = file(folder.path(), "lib.so", b"x");
    let its = folder.path().display();
    let own = geteuid().as_raw();
    let fault = |us| Found::at_as(&path, us).unwrap_err().to_string();
    if !geteuid().is_root() {
        let us = own + 1;
        let must = format!("must belong to root or to user {us}, as whom rais runs");
        assert_eq!(fault(us), format!("its folder {its} belongs to user {own}; it {must}"));
        return;
    }
    let must = "must belong to root or to user 12, as whom rais runs";
    chown(&path, Some(4711), None).unwrap();
    assert_eq!(fault(0), "the file belongs to user 4711; it must belong to root");
    assert_eq!(fault(12), format!("the file belongs to user 4711; it {must}"));
    Found::at_as(&path, 4711).unwrap();
    chown(folder.path(), Some(4711), None).unwrap();
    assert_eq!(fault(12), format!("its folder {its} belongs to user 4711; it {must}"));
}

#[test]
fn who_owns_a_folder_above() {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    mode(&inner, 0o755);
    let path = file(&inner, "lib.so", b"some text\n");
    chown(folder.path(), Some(4711), None).unwrap();
    let its = folder.path().canonicalize().unwrap();
    let says = format!("its folder {} belongs to user 4711; it must belong to root", its.display());
    assert_eq!(fault(&path), says);
    mode(folder.path(), 0o1755);
    assert_eq!(fault(&path), "is a text, not a shared library");
}

#[test]
fn a_date_is_believed_once_it_is_old() {
    let folder = folder();
    let stamp = Found::at(&file(folder.path(), "lib.so", b"x")).unwrap().stamp();
    let now = std::time::SystemTime::now();
    assert!(!stamp.is_settled(now));
    assert!(stamp.is_settled(now + LONG));
}

#[test]
fn what_changes_while_it_is_read() {
    let folder = folder();
    let path = file(folder.path(), "lib.so", b"octets");
    let found = Found::at(&path).unwrap();
    fs::write(&path, b"more than before").unwrap();
    assert_eq!(
        found.read().unwrap_err().to_string(),
        "changed while it was read; put a new library beside it and rename it over the old one"
    );
}

#[test]
fn what_others_can_write() {
    let folder = folder();
    let path = file(folder.path(), "lib.so", b"x");
    let cases = [
        (0o664, "its group or an ACL (mode 0664); chmod g-w"),
        (0o646, "everybody (mode 0646); chmod o-w"),
        (0o4777, "its group or an ACL and everybody (mode 4777); chmod go-w"),
    ];
    for (bits, text) in cases {
        mode(&path, bits);
        assert_eq!(fault(&path), format!("the file can be written by {text}"));
    }
    mode(&path, 0o755);
    for (bits, text) in [
        (0o775, "its group or an ACL (mode 0775); chmod g-w"),
        // Sticky is no excuse here: who adds a file to a folder of plugins adds a plugin.
        (0o1777, "its group or an ACL and everybody (mode 1777); chmod go-w"),
    ] {
        mode(folder.path(), bits);
        let its = folder.path().display();
        assert_eq!(fault(&path), format!("its folder {its} can be written by {text}"));
    }
}

#[test]
fn a_folder_above_that_everybody_can_write_to() {
    let folder = folder();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    mode(&inner, 0o755);
    let path = file(&inner, "lib.so", b"some text\n");
    let judged = "is a text, not a shared library";
    // A group's own is nobody else's; and with the sticky bit nobody renames what is another's.
    for bits in [0o755, 0o775, 0o1777] {
        mode(folder.path(), bits);
        assert_eq!(fault(&path), judged);
    }
    mode(folder.path(), 0o757);
    let its = folder.path().canonicalize().unwrap();
    assert_eq!(
        fault(&path),
        format!("its folder {} can be written by everybody (mode 0757); chmod o-w", its.display())
    );
}

#[test]
fn links_are_followed_through_safe_folders_only() {
    let folder = folder();
    let [one, two] = ["one", "two"].map(|name| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        mode(&path, 0o755);
        path
    });
    file(&two, "lib.so.1", b"some text\n");
    symlink("lib.so.1", two.join("lib.so")).unwrap();
    symlink("../two/lib.so", one.join("lib.so")).unwrap();
    assert_eq!(fault(&one.join("lib.so")), "is a text, not a shared library");
    mode(&two, 0o777);
    assert!(fault(&one.join("lib.so")).starts_with("its folder "));

    symlink("loop.so", one.join("loop.so")).unwrap();
    assert_eq!(fault(&one.join("loop.so")), "stands behind more than 8 symbolic links");
}

#[test]
fn what_has_no_size_of_a_library() {
    let folder = folder();
    assert_eq!(fault(&file(folder.path(), "empty.so", b"")), "is empty");
    let path = file(folder.path(), "large.so", b"");
    File::create(&path).unwrap().set_len((256 << 20) + 1).unwrap();
    assert_eq!(fault(&path), "has 268435457 octets; at most 268435456 are allowed");
}

#[test]
fn is_copied_and_stays_whatever_happens_to_the_file() {
    let folder = folder();
    let path = library(folder.path(), "lib.so", "int x = 1;");
    let octets = fs::read(&path).unwrap();
    let image = Image::read(&path).unwrap();
    assert_eq!((image.path(), image.name()), (path.as_path(), "lib.so".as_ref()));
    assert_eq!(image.digest(), Digest::of(&octets));

    // In place, as cp does it.
    let mut file = OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
    file.write_all(b"overwritten").unwrap();
    assert_eq!(fs::read(image.loadable().unwrap()).unwrap(), octets);
    assert_eq!(fault(&path), "is a text, not a shared library");
}

#[test]
fn a_name_for_the_loader_is_never_given_again() {
    let folder = folder();
    let [one, two] = [1, 2].map(|x| {
        let path = library(folder.path(), &format!("{x}.so"), &format!("int x = {x};"));
        Image::read(&path).unwrap()
    });
    let first = one.loadable().unwrap();
    assert_eq!(one.found_at(Path::new("elsewhere.so")).loadable().unwrap(), first);
    let octets = fs::read(&first).unwrap();
    drop(one);
    assert_ne!(two.loadable().unwrap(), first);
    assert_eq!(fs::read(&first).unwrap(), octets);
}
