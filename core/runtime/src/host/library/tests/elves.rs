//! Octets that are no shared library for this machine, and what they are called.

use std::env::consts::ARCH;

use super::super::elf::judge;
use super::*;

fn fault(octets: &[u8]) -> String {
    judge(octets).unwrap_err().to_string()
}

fn octets_of(code: &str, options: &[&str]) -> Vec<u8> {
    let folder = folder();
    fs::read(compile(folder.path(), "out", code, options)).unwrap()
}

fn some_library() -> Vec<u8> {
    octets_of("int x;", &["-shared"])
}

#[test]
fn other_sorts_of_files_are_named() {
    let cases: [(&[u8], &str); 6] = [
        (b"GROUP ( libfoo.so.1 )\n", "a text"),
        ("für später\n".as_bytes(), "a text"),
        (b"#!/bin/sh\n", "a script"),
        (b"!<arch>\nlibfoo.o", "a static library or a package"),
        (b"\xfd7zXZ\0\0\x04", "compressed (xz)"),
        (b"\0\0\0\0", "no ELF file"),
    ];
    for (octets, what) in cases {
        assert_eq!(fault(octets), format!("is {what}, not a shared library"));
    }
}

#[test]
fn other_sorts_of_elf_are_named() {
    let main = "int main(void) { return 0; }";
    let cases: [(&[&str], &str); 3] =
        [(&["-pie"], "a program"), (&["-no-pie"], "a program"), (&["-c"], "an object file")];
    for (options, what) in cases {
        assert_eq!(fault(&octets_of(main, options)), format!("is {what}, not a shared library"));
    }
    assert_eq!(judge(&some_library()), Ok(()));
}

#[test]
fn other_machines_are_named() {
    let ours = some_library();
    // e_machine, in either byte order.
    let with_machine = |number: u8| {
        let mut theirs = ours.clone();
        let low = if cfg!(target_endian = "big") { 19 } else { 18 };
        theirs[low] = number;
        theirs
    };
    let (number, name) = if ARCH == "aarch64" { (62, "x86_64") } else { (183, "aarch64") };
    if cfg!(target_pointer_width = "64") {
        assert_eq!(fault(&with_machine(number)), format!("is for {name}; this is {ARCH}"));
    }
    let unknown = fault(&with_machine(255));
    assert_eq!(unknown, format!("is for the ELF machine 255; this is {ARCH}"));

    let mut swapped = ours.clone();
    swapped[5] ^= 3;
    swapped.swap(18, 19);
    let (theirs, here) = match cfg!(target_endian = "big") {
        true => ("little-endian", "big-endian"),
        false => ("big-endian", "little-endian"),
    };
    assert_eq!(fault(&swapped), format!("is for {theirs} {ARCH}; this is {here} {ARCH}"));
}

#[test]
fn libraries_from_elsewhere_are_refused() {
    let linked = |options: &[&str]| {
        let options = [&["-shared"], options].concat();
        fault(&octets_of("int x;", &options))
    };
    let from =
        |path: &str, by: &str| format!("asks for libraries from {path} ({by}); link them in");
    let run = linked(&["-Wl,-rpath,/tmp/x", "-Wl,--enable-new-dtags"]);
    assert_eq!(run, from("/tmp/x", "RUNPATH"));
    let run = linked(&["-Wl,-rpath,$ORIGIN", "-Wl,--disable-new-dtags"]);
    assert_eq!(run, from("$ORIGIN", "RPATH"));
    assert_eq!(linked(&["-Wl,--audit,/tmp/a.so"]), from("/tmp/a.so", "AUDIT"));
    assert_eq!(linked(&["-Wl,--depaudit,/tmp/a.so"]), from("/tmp/a.so", "DEPAUDIT"));
    assert_eq!(linked(&["-Wl,-f,x.so"]), from("x.so", "AUXILIARY"));

    // A library without a name of its own is asked for by its path.
    let folder = folder();
    let other = compile(folder.path(), "other.so", "int y;", &["-shared"]);
    let other = other.to_str().unwrap();
    assert_eq!(linked(&["-Wl,--no-as-needed", "-x", "none", other]), from(other, "NEEDED"));
}

#[test]
fn a_library_that_lacks_its_end_is_refused_wherever_it_ends() {
    let whole = some_library();
    for length in 0..whole.len() {
        assert!(judge(&whole[..length]).is_err(), "{length} of {}", whole.len());
    }
    let size = whole.len();
    assert_eq!(
        fault(&whole[..size - 1]),
        format!("is cut short: it has {} octets and speaks of {size}", size - 1)
    );
    assert_eq!(fault(b"\x7fELF"), "is cut short: it has 4 octets and speaks of 64");
}

#[test]
fn headers_that_make_no_sense_do_not_matter() {
    let whole = some_library();
    // The header and the segments behind it.
    for place in 4..1024 {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut broken = whole.clone();
            broken[place] = value;
            let _ = judge(&broken);
        }
    }
    let mut none = whole;
    // e_phnum
    none[56..58].fill(0);
    assert_eq!(fault(&none), "is damaged: it has no dynamic section");
}
