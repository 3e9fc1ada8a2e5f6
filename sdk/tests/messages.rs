//! What an author reads for a mistake. Each file in `fixtures/mistakes` is a plugin with one, and
//! says itself what the compiler must say of it:
//!
//! - `//~ TEXT`: an error says so; `//~ TEXT @ CODE`: and points at this code;
//! - `//! TEXT` below those: nobody says so;
//! - `//= N`: there are so many errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What the compiler said of one file.
#[derive(Default)]
struct Said {
    errors: Vec<Mistake>,
}

struct Mistake {
    /// As it stands on the terminal.
    text: String,
    /// The code that it points at.
    at: Vec<String>,
}

fn sdk() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(sdk().join("tests/fixtures/mistakes")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        paths.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path)).collect();
    files.sort();
    files
}

/// A crate of examples, none of which compiles.
fn package(files: &[(String, PathBuf)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes");
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    let mut manifest = format!(
        "[package]\nname = \"mistakes\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         autoexamples = false\n[workspace]\n[dependencies]\nrais-sdk = {{ path = {:?} }}\n",
        sdk()
    );
    for (name, path) in files {
        manifest +=
            &format!("[[example]]\nname = \"{name}\"\npath = {path:?}\ncrate-type = [\"lib\"]\n");
    }
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The versions that are here already.
    fs::copy(sdk().join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    folder
}

/// All of them in one go.
fn compile(files: &[(String, PathBuf)]) -> BTreeMap<String, Said> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["check", "--offline", "--keep-going", "--examples", "--message-format=json"])
        .current_dir(package(files))
        .env("CARGO_TARGET_DIR", sdk().join("../target/outside"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let mut said: BTreeMap<String, Said> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (name, message) = (&line["target"]["name"], &line["message"]);
        // The last of each file counts them and points nowhere.
        if message["level"] != "error" || message["spans"].as_array().unwrap().is_empty() {
            continue;
        }
        let text = message["rendered"].as_str().unwrap().to_owned();
        let spans = message["spans"].as_array().unwrap().iter();
        let at = spans.filter(|span| span["is_primary"] == true).flat_map(code).collect();
        let of = said.entry(name.as_str().unwrap().to_owned()).or_default();
        of.errors.push(Mistake { text, at });
    }
    assert!(!said.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// The code that a span marks.
fn code(span: &Value) -> Vec<String> {
    let lines = span["text"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let place = |key: &str| usize::try_from(line[key].as_u64().unwrap()).unwrap() - 1;
            let text = line["text"].as_str().unwrap().chars();
            let (from, to) = (place("highlight_start"), place("highlight_end"));
            text.skip(from).take(to - from).collect()
        })
        .collect()
}

/// What is wrong with what was said of `path`.
fn judge(path: &Path, said: &Said) -> Vec<String> {
    let wanted = fs::read_to_string(path).unwrap();
    let all: String = said.errors.iter().map(|error| error.text.as_str()).collect();
    let mut wrong = Vec::new();
    let (_, below) = wanted.split_once('\n').unwrap();
    for line in below.lines().take_while(|line| line.starts_with("//")) {
        let (mark, text) = line.split_at(4);
        let good = match (mark, text.split_once(" @ ")) {
            ("//~ ", Some((text, code))) => said
                .errors
                .iter()
                .any(|error| error.text.contains(text) && error.at.iter().any(|at| at == code)),
            ("//~ ", None) => all.contains(text),
            ("//! ", _) => !all.contains(text),
            ("//= ", _) => text == said.errors.len().to_string(),
            _ => false,
        };
        if !good {
            wrong.push(line.to_owned());
        }
    }
    if !wrong.is_empty() {
        wrong.push(all);
    }
    wrong
}

#[test]
fn each_mistake_is_explained() {
    let files = files();
    let mut said = compile(&files);
    let mut wrong = Vec::new();
    for (name, path) in &files {
        let said = said.remove(name).unwrap_or_default();
        if said.errors.is_empty() {
            wrong.push(format!("{name}: compiles"));
        }
        wrong.extend(judge(path, &said).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(wrong.is_empty(), "not said as it should be:\n{}", wrong.join("\n"));
}
