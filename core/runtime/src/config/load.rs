//! From files to a configuration.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::binder::Binder;
use super::bound::BinderService;
use super::cluster::Cluster;
use super::control::Control;
use super::cross;
use super::fault::{Fault, Faults, Notes};
use super::host::Host;
use super::monitor::Monitor;
use super::path;
use super::place::{Place, Places, Source};
use super::plugins::Plugins;
use super::regular::read_regular;
use super::role::Asked;
use super::section::{Section, is_table};
use super::service;
use super::sink::Sink;
use super::syntax;
use super::transport::Transport;
use super::tree::Table;
use super::zones::Zones;
use super::{Config, value};

/// A configuration that can be used, and what is doubtful in it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Doubts, in the order of the files.
    pub warnings: Vec<Fault>,
    /// The files it was read from, in that order.
    pub files: Vec<PathBuf>,
}

/// Reads `path` and the `conf.d/*.toml` beside it, in the order of their names.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn load(path: &Path) -> Result<Loaded, Faults> {
    load_for(path, Asked::All)
}

/// As [`load`], for a process of these roles: one file may serve a whole site, and a host that only
/// monitors has none of the zones' header files.
///
/// # Errors
/// As [`load`].
pub fn load_for(path: &Path, asked: Asked) -> Result<Loaded, Faults> {
    let notes = Notes::of(asked);
    let mut files = vec![path.to_owned()];
    match beside(path) {
        Ok(more) => files.extend(more),
        Err((folder, why)) => notes.add(Fault::in_file(&folder, format!("cannot be read: {why}"))),
    }
    let sources = files.iter().enumerate().filter_map(|(order, file)| match read(file, order) {
        Ok(source) => Some(Arc::new(source)),
        Err(fault) => {
            notes.add(fault);
            None
        }
    });
    let sources: Vec<_> = sources.collect();
    configuration(path, &files, &sources, notes)
}

/// The configuration that is `text`, as though `path` held it and nothing stood beside it.
///
/// # Errors
/// As [`load`].
pub fn parse(path: &Path, text: &str) -> Result<Loaded, Faults> {
    let source = Arc::new(Source { path: path.to_owned(), text: text.to_owned(), order: 0 });
    configuration(path, &[path.to_owned()], &[source], Notes::of(Asked::All))
}

fn configuration(
    main: &Path,
    files: &[PathBuf],
    sources: &[Arc<Source>],
    notes: Notes,
) -> Result<Loaded, Faults> {
    let whole = sources.len() == files.len();
    let tables: Vec<Option<Table>> =
        sources.iter().map(|source| syntax::table(source, &notes)).collect();
    let table = tables.into_iter().collect::<Option<Vec<Table>>>().filter(|_| whole);
    let config = table.and_then(|tables| {
        let mut tables = tables.into_iter();
        let mut table = tables.next().unwrap_or_default();
        tables.for_each(|other| table.merge("", other, &notes));
        typed(main, &table, &Place::new(sources.first()?, 0..0), &notes)
    });
    let (errors, warnings) = notes.sorted();
    match config {
        Some(config) if errors.is_empty() => Ok(Loaded { config, warnings, files: files.to_vec() }),
        _ => Err(Faults(errors)),
    }
}

/// None where something is wrong, all of which is then noted.
fn typed(main: &Path, table: &Table, start: &Place, notes: &Notes) -> Option<Config> {
    let mut places = Places { main: main.to_owned(), ..Places::default() };
    places.collect("", table, path::join);
    let root = Section::root(table, start, notes);
    let host = Host::read(&root.section("host", "host"), main, notes);
    let transports = root.named("transport");
    let first = transports.iter().map(|(_, place, _)| *place).min_by_key(|place| place.span.start);
    let cluster = Cluster::read(&root.section("cluster", "cluster"), first, notes);
    let plugins = Plugins::read(&root.section_with("plugins", "plugins", is_table));
    let monitor = Monitor::read(&root.section("monitor", "monitor"));
    let binder = root.section("binder", "binder");
    let mut sinks = BTreeMap::new();
    let written = root.named("sink");
    for (name, place, value) in &written {
        if let (Some(name), Some(sink)) = (given(name, place, value), Sink::read(value)) {
            sinks.insert(name, sink);
        }
    }
    let known: Vec<&str> = written.iter().map(|(name, _, _)| *name).collect();
    let transports = transports.iter().filter_map(|(name, place, value)| {
        Some((given(name, place, value)?, Transport::read(value)?))
    });
    let transports = transports.collect();
    let mut bound = Binder::read(&binder, notes);
    let zones = Zones::read(&root, &bound, &sinks, &known);
    for (name, place, value) in binder.named("service") {
        let name = service::name(name, place, &value);
        if let (Some(name), Some(service)) = (name, BinderService::read(&value, &zones)) {
            bound.services.insert(name, service);
        }
    }
    let zones = zones.sound;
    let control = Control::read(&root.section("control", "control"));
    let config = Config {
        host: host?,
        cluster,
        transports,
        plugins,
        monitor,
        zones,
        binder: bound,
        sinks,
        control,
        places,
    };
    cross::check(&config, notes);
    Some(config)
}

/// The name of a table that becomes part of paths and messages.
fn given(name: &str, place: &Place, value: &value::Value<'_>) -> Option<String> {
    let odd = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.contains(odd) {
        let fault = Fault::error(place.clone(), &value.path, format!("{name:?} is no name"));
        value.notes.add(fault.allowed("letters, digits, '-', '_' and '.'"));
        return None;
    }
    Some(name.to_owned())
}

fn read(file: &Path, order: usize) -> Result<Source, Fault> {
    let path = file.to_owned();
    let octets =
        read_regular(file).map_err(|why| Fault::in_file(file, format!("cannot be read: {why}")))?;
    match String::from_utf8(octets) {
        Ok(text) => Ok(Source { path, text, order }),
        Err(error) => {
            let sound = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let place = Place::new(&Arc::new(Source { path, text, order }), sound..sound);
            let message = "this octet is no UTF-8, which a configuration is written in";
            Err(Fault::error(place, "", message))
        }
    }
}

/// The files of `conf.d` beside `path`.
fn beside(path: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let folder = path.parent().unwrap_or(Path::new("")).join("conf.d");
    let list = match std::fs::read_dir(&folder) {
        Ok(list) => list,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err((folder, why)),
    };
    let mut files = Vec::new();
    for entry in list {
        let file = entry.map_err(|why| (folder.clone(), why))?.path();
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if file.extension().is_some_and(|end| end == "toml") && !hidden {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
