//! Files that are no library, or a bad one, and what is said of each.

use std::path::Path;

use rais_tests::library::{self, Part, compile, octets, patched, place_of, write};

/// A file, and what is said of it.
pub(crate) struct Bad {
    /// Its name without `.so`.
    pub(crate) name: &'static str,
    /// Makes it.
    pub(crate) make: fn(&Path),
    /// Why it is refused.
    pub(crate) says: &'static str,
}

/// Of what a library holds: whoever loads it finds out, or dies.
pub(crate) const CONTENTS: &[Bad] = &[
    Bad { name: "empty", make: |at| write(at, b""), says: "is empty" },
    Bad {
        name: "text",
        make: |at| write(at, b"#!/bin/sh\nexit 0\n"),
        says: "is a script, not a shared library",
    },
    Bad {
        name: "cut-in-its-first-header",
        make: |at| cut(at, |_| 40),
        says: "is cut short: it has 40 octets and speaks of 64",
    },
    Bad {
        name: "cut-after-its-first-header",
        make: |at| cut(at, |_| 64),
        says: "is cut short: it has 64 octets",
    },
    Bad { name: "cut-to-a-quarter", make: |at| cut(at, |whole| whole / 4), says: "is cut short" },
    Bad { name: "cut-to-a-half", make: |at| cut(at, |whole| whole / 2), says: "is cut short" },
    Bad { name: "cut-by-one", make: |at| cut(at, |whole| whole - 1), says: "is cut short" },
    Bad { name: "other-magic", make: |at| with(at, 0, &[0x7e]), says: "not a shared library" },
    Bad { name: "32-bits", make: |at| with(at, 4, &[1]), says: "is for " },
    Bad { name: "other-endian", make: |at| with(at, 5, &[2]), says: "is for " },
    Bad { name: "an-object", make: |at| with(at, 16, &[1, 0]), says: "not a shared library" },
    Bad { name: "other-machine", make: |at| with(at, 18, &other_machine()), says: "is for " },
    Bad {
        name: "headers-beyond-its-end",
        make: |at| with(at, 32, &[0xff; 8]),
        says: "is cut short",
    },
    Bad { name: "headers-of-no-size", make: |at| with(at, 54, &[0, 0]), says: "is damaged: " },
    Bad {
        name: "no-headers",
        make: |at| with(at, 56, &[0, 0]),
        says: "is damaged: it has no dynamic section",
    },
    Bad {
        name: "dynamic-gone",
        make: |at| filled(at, Part::Dynamic, 0x00),
        says: "died by SIGSEGV",
    },
    Bad {
        name: "dynamic-garbled",
        make: |at| filled(at, Part::Dynamic, 0x5a),
        says: "died by SIGSEGV",
    },
    Bad { name: "code-garbled", make: |at| filled(at, Part::Text, 0xcc), says: "died by SIG" },
    Bad {
        name: "no-plugins",
        make: |at| compile("int nothing;", at),
        says: "is no rais plugin: it lacks the symbol `rais_plugin_manifest`",
    },
    Bad {
        name: "libz",
        make: |at| library::install(&library::of_the_system("libz.so.1"), at),
        says: "is no rais plugin: it lacks the symbol `rais_plugin_manifest`",
    },
    Bad {
        name: "constructor-aborts",
        make: |at| constructor(at, "fputs(\"out of luck\\n\", stderr); abort();"),
        says: "its constructors or the loader died by SIGABRT (signal 6); its last words: out of luck",
    },
    Bad {
        name: "constructor-crashes",
        make: |at| constructor(at, "*(volatile char *)8 = 0;"),
        says: "died by SIGSEGV (signal 11)",
    },
    Bad {
        name: "constructor-exits",
        make: |at| constructor(at, "exit(0);"),
        says: "exited with 0",
    },
    Bad {
        name: "symbol-missing-behind",
        make: |at| compile("extern int nowhere; int f(void) { return nowhere; }", at),
        says: "cannot be loaded: ",
    },
    Bad {
        name: "manifest-alone",
        make: |at| manifest(at, "abi=1.0\\nsdk=0.1.0\\nrustc=1.95.0\\npanic=unwind\\n"),
        says: "does not tell its plugins: it has a manifest and no root",
    },
    Bad {
        name: "manifest-short",
        make: |at| manifest(at, "abi=1.0\\n"),
        says: "has a manifest that cannot be read: it lacks `sdk=`",
    },
    Bad {
        name: "manifest-nonsense",
        make: |at| manifest(at, "abi=one\\nsdk=0.1.0\\nrustc=1.95.0\\npanic=unwind\\n"),
        says: "has a manifest that cannot be read: `abi=one` is no version",
    },
    Bad {
        name: "next-abi",
        make: |at| renamed(at, "abi=1.0\nsdk", "abi=2.0\nsdk"),
        says: "is built for ABI 2.0; this rais has ABI 1.",
    },
    Bad {
        name: "abi-of-two-minds",
        make: |at| renamed(at, "abi=1.0\nsdk", "abi=1.9\nsdk"),
        says: "has a manifest that cannot be read: `abi=1.9`, and its root says 1.0",
    },
    Bad {
        name: "abi-before",
        make: |at| renamed(at, "abi=1.0\nsdk", "abi=0.9\nsdk"),
        says: "is built for ABI 0.9; this rais has ABI 1.",
    },
    Bad {
        name: "other-layouts",
        make: |at| library::install(&library::with_other_layouts(), at),
        says: "is laid out otherwise than ABI 1.",
    },
];

/// The library that is well.
pub(crate) fn good() -> Vec<u8> {
    octets(&library::probe_tcp())
}

fn cut(at: &Path, to: fn(usize) -> usize) {
    let whole = good();
    write(at, &whole[..to(whole.len())]);
}

fn with(at: &Path, place: usize, new: &[u8]) {
    let mut octets = good();
    octets[place..place + new.len()].copy_from_slice(new);
    write(at, &octets);
}

fn renamed(at: &Path, old: &str, new: &str) {
    write(at, &patched(good(), old.as_bytes(), new.as_bytes()));
}

fn filled(at: &Path, part: Part, with: u8) {
    let mut octets = good();
    let place = place_of(&octets, part);
    octets[place].fill(with);
    write(at, &octets);
}

/// Of ELF: x86-64 is 62, AArch64 183.
fn other_machine() -> [u8; 2] {
    let machine: u16 = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    machine.to_le_bytes()
}

fn constructor(at: &Path, body: &str) {
    let source = format!(
        "#include <stdio.h>\n#include <stdlib.h>\n\
         __attribute__((constructor)) static void at_load(void) {{ {body} }}\n"
    );
    compile(&source, at);
}

fn manifest(at: &Path, text: &str) {
    compile(&format!("const char rais_plugin_manifest[512] = \"{text}\";\n"), at);
}
