//! Puts the SDK's source into the binary, which `rais plugins new` gives to the crates that it makes,
//! and has the linker pack the binary's relocations.
//!
//! Of the SDK and of every crate of ours that it needs: the sources as they are, and a manifest
//! that needs no workspace. Writes `sdk.rs`, a list of paths and texts.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Below the workspace's folder. What the SDK needs of ours lies below it, too.
const SDK: &str = "sdk";

/// What of a crate's folder goes along, beside its manifest.
const SOURCES: [&str; 3] = ["build.rs", "README.md", "src"];

/// In force for whoever passes the source on.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// From it on the C library takes packed relocations (DT_RELR).
const PACKED_SINCE: (u32, u32) = (2, 36);

/// Tables of a manifest that are for our own work on the crate.
const OURS: [&str; 5] = ["dev-dependencies", "lints", "test", "bench", "example"];

fn main() -> Outcome<()> {
    let cli = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    if takes_packed_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }

    let mut bundle =
        Bundle { workspace: Workspace::read(&cli.join("../.."))?, files: BTreeMap::new() };
    bundle.add_crate(Path::new(SDK))?;
    for licence in LICENCES {
        bundle.add_source(Path::new(licence), &Path::new(SDK).join(licence))?;
    }
    bundle.write(&out)
}

/// The folder of the workspace, and what its members take from its manifest.
struct Workspace {
    root: PathBuf,
    package: Table,
    dependencies: Table,
}

/// What goes into the binary, by its path in a new crate.
struct Bundle {
    workspace: Workspace,
    files: BTreeMap<PathBuf, Content>,
}

enum Content {
    /// Of this file.
    Source(PathBuf),
    /// Made here.
    Made(String),
}

impl Workspace {
    fn read(root: &Path) -> Outcome<Workspace> {
        let root = root.canonicalize()?;
        let manifest = read_manifest(&root.join("Cargo.toml"))?;
        let shared = table(&manifest, "workspace").ok_or("Cargo.toml: no [workspace]")?;
        let part = |name| table(shared, name).cloned().unwrap_or_default();
        let (package, dependencies) = (part("package"), part("dependencies"));
        Ok(Workspace { package, dependencies, root })
    }

    /// `dependency` as it is without a workspace. Its `path`, if any, counts from the workspace's
    /// folder where `folder`, the crate's own, is in front of it or it was the workspace's.
    fn resolve(&self, folder: &Path, name: &str, dependency: &Value) -> Outcome<Table> {
        let mut own = match dependency {
            Value::String(version) => return Ok(Table::from_iter([version_of(version)])),
            Value::Table(own) => own.clone(),
            _ => return Err(format!("{}: {name} is no dependency", folder.display()).into()),
        };
        if own.remove("workspace").is_none() {
            if let Some(Value::String(path)) = own.get_mut("path") {
                *path = text(&normal(&folder.join(&*path)))?.to_owned();
            }
            return Ok(own);
        }
        let mut whole = match self.dependencies.get(name) {
            Some(Value::String(version)) => Table::from_iter([version_of(version)]),
            Some(Value::Table(shared)) => shared.clone(),
            _ => return Err(format!("Cargo.toml: no workspace dependency {name}").into()),
        };
        // What a member says beside `workspace = true` is added; its features to the shared ones.
        for (key, value) in own {
            match (whole.get_mut(&key), value) {
                (Some(Value::Array(shared)), Value::Array(more)) => shared.extend(more),
                (_, value) => {
                    whole.insert(key, value);
                }
            }
        }
        Ok(whole)
    }
}

impl Bundle {
    /// Adds the crate in `folder`, below the workspace's, and those of ours that it needs.
    fn add_crate(&mut self, folder: &Path) -> Outcome<()> {
        let manifest = folder.join("Cargo.toml");
        if self.files.contains_key(&manifest) {
            return Ok(());
        }
        let mut read = read_manifest(&self.workspace.root.join(&manifest))?;
        for ours in OURS {
            read.remove(ours);
        }
        if let Some(Value::Table(package)) = read.get_mut("package") {
            self.settle_package(package)?;
        }
        if read.contains_key("target") {
            return Err(format!("{}: [target] is not understood here", manifest.display()).into());
        }
        let mut needed = Vec::new();
        for kind in ["dependencies", "build-dependencies"] {
            if let Some(Value::Table(dependencies)) = read.get_mut(kind) {
                needed.extend(self.settle_dependencies(folder, dependencies)?);
            }
        }
        self.files.insert(manifest, Content::Made(manifest_of(&read)?));
        for source in SOURCES {
            let path = folder.join(source);
            self.add_source(&path, &path)?;
        }
        needed.iter().try_for_each(|folder| self.add_crate(folder))
    }

    /// `version.workspace = true` and its like.
    fn settle_package(&self, package: &mut Table) -> Outcome<()> {
        for (key, value) in package.iter_mut() {
            if value.get("workspace").is_some() {
                let shared = self.workspace.package.get(key);
                *value = shared.ok_or(format!("Cargo.toml: no workspace.package.{key}"))?.clone();
            }
        }
        Ok(())
    }

    /// Returns the folders of those that are ours.
    fn settle_dependencies(&self, folder: &Path, all: &mut Table) -> Outcome<Vec<PathBuf>> {
        let mut ours = Vec::new();
        for (name, dependency) in all.iter_mut() {
            let mut settled = self.workspace.resolve(folder, name, dependency)?;
            if let Some(Value::String(path)) = settled.get_mut("path") {
                let needed = PathBuf::from(&*path);
                if !needed.starts_with(SDK) {
                    return Err(format!("{name}: {path} is not below {SDK}").into());
                }
                *path = text(&relative(folder, &needed))?.to_owned();
                ours.push(needed);
            }
            *dependency = Value::Table(settled);
        }
        Ok(ours)
    }

    /// Adds the file or folder `from` as `to`, where it is there.
    fn add_source(&mut self, from: &Path, to: &Path) -> Outcome<()> {
        let source = self.workspace.root.join(from);
        if !source.exists() {
            return Ok(());
        }
        println!("cargo::rerun-if-changed={}", source.display());
        if source.is_file() {
            self.files.insert(to.to_owned(), Content::Source(source));
            return Ok(());
        }
        for entry in fs::read_dir(&source)? {
            let name = entry?.file_name();
            // What editors leave.
            if !text(Path::new(&name))?.starts_with(['.', '#']) {
                self.add_source(&from.join(&name), &to.join(&name))?;
            }
        }
        Ok(())
    }

    fn write(&self, out: &Path) -> Outcome<()> {
        let mut list = "&[\n".to_owned();
        for (path, content) in &self.files {
            match content {
                Content::Source(file) => {
                    writeln!(list, "    ({path:?}, include_str!({file:?})),")?;
                }
                Content::Made(text) => writeln!(list, "    ({path:?}, {text:?}),")?,
            }
        }
        list.push_str("]\n");
        Ok(fs::write(out.join("sdk.rs"), list)?)
    }
}

/// Whether the binary is for this machine's own glibc, and that knows them. They are 20 KiB where
/// those that are not packed are 680, and all of them stay in memory from the start on. Linkers pack
/// them for older ones as well, whose loader then refuses the binary.
fn takes_packed_relocations() -> bool {
    let var = |name| std::env::var(name).unwrap_or_default();
    if var("HOST") != var("TARGET") || var("CARGO_CFG_TARGET_ENV") != "gnu" {
        return false;
    }
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    told.is_ok_and(|told| glibc(&String::from_utf8_lossy(&told.stdout)) >= Some(PACKED_SINCE))
}

/// Of `glibc 2.36`.
fn glibc(told: &str) -> Option<(u32, u32)> {
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn read_manifest(path: &Path) -> Outcome<Table> {
    println!("cargo::rerun-if-changed={}", path.display());
    let told = |error: &dyn Error| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| told(&error))?;
    Ok(text.parse().map_err(|error| told(&error))?)
}

/// As people write them: each dependency on a line.
fn manifest_of(tables: &Table) -> Outcome<String> {
    let mut text = "# From the source of rais, made to build without rais around it.\n".to_owned();
    // The package first, the rest as it comes.
    let (package, rest): (Vec<_>, Vec<_>) = tables.iter().partition(|(name, _)| *name == "package");
    for (name, part) in package.into_iter().chain(rest) {
        let entries = part.as_table().ok_or_else(|| format!("{name} is no table"))?;
        if entries.is_empty() {
            continue;
        }
        writeln!(text, "\n[{name}]")?;
        for (key, value) in entries {
            writeln!(text, "{key} = {value}")?;
        }
    }
    Ok(text)
}

fn table<'a>(of: &'a Table, name: &str) -> Option<&'a Table> {
    of.get(name).and_then(Value::as_table)
}

fn version_of(version: &str) -> (String, Value) {
    ("version".to_owned(), Value::from(version))
}

/// Without `.` and `..`; of paths that lead nowhere out.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// The way from the folder `from` to the folder `to`.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

fn text(path: &Path) -> Outcome<&str> {
    Ok(path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))?)
}
