//! `rais key list`: the keys of a folder, also where they are no key ring.

use std::path::Path;

use anyhow::anyhow;
use clap::Args;
use rais_runtime::keys::{self, KeyError, KeyFile, Survey};
use serde::Serialize;

use super::Folder;
use crate::args::Output;
use crate::exit::Stop;
use crate::output::{self, Format, Side, Table, Tone};

/// Arguments of `rais key list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    keys: Folder,
    #[command(flatten)]
    output: Output,
}

/// A key, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    name: String,
    id: String,
    #[serde(rename = "use")]
    usage: &'static str,
    follows: Option<String>,
    created: Option<String>,
    hosts: Option<Vec<String>>,
    services: Option<Vec<String>>,
    addresses: Option<Vec<String>>,
    file: String,
}

/// A key file, as JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Listed {
    Key {
        #[serde(flatten)]
        key: Row,
        wrong: Option<String>,
    },
    /// One that is none.
    File { file: String, wrong: String },
}

/// Lists what is there, and says after that what is wrong with it.
///
/// # Errors
/// No folder, or no key file in it; a folder that is no key ring.
pub(super) fn run(args: &ListArgs) -> Result<(), Stop> {
    let survey = keys::survey(&args.keys.folder).map_err(|error| Stop::Failed(error.into()))?;
    match args.output.format {
        Format::Json => output::json(&listed(&survey))?,
        Format::Human => output::text(&table(&survey).to_string())?,
    }
    if survey.faults.is_empty() {
        return Ok(());
    }
    let faults: Vec<String> = survey.faults.iter().map(ToString::to_string).collect();
    Err(Stop::Failed(anyhow!("{}", faults.join("\n  and "))))
}

fn about<'s>(survey: &'s Survey, path: &Path) -> Option<&'s KeyError> {
    survey.faults.iter().find(|fault| fault.files().contains(&path))
}

/// The files that are no key.
fn no_keys(survey: &Survey) -> impl Iterator<Item = (&Path, &KeyError)> {
    let is_key = |path: &Path| survey.files.iter().any(|file| file.path == path);
    let files = survey
        .faults
        .iter()
        .flat_map(|fault| fault.files().into_iter().map(move |path| (path, fault)));
    files.filter(move |(path, _)| !is_key(path))
}

fn listed(survey: &Survey) -> Vec<Listed> {
    let key = |file: &KeyFile| Listed::Key {
        key: Row::from(file),
        wrong: about(survey, &file.path).map(ToString::to_string),
    };
    let none = |(path, fault): (&Path, &KeyError)| Listed::File {
        file: path.display().to_string(),
        wrong: fault.to_string(),
    };
    survey.files.iter().map(key).chain(no_keys(survey).map(none)).collect()
}

fn table(survey: &Survey) -> Table {
    let names = ["name", "id", "use", "follows", "created", "hosts", "services", "addresses"];
    let last = if survey.faults.is_empty() { "" } else { "wrong" };
    let columns: Vec<_> = names.into_iter().chain([last]).map(|name| (name, Side::Left)).collect();
    let mut table = Table::new(&columns);
    let shown = |list: Option<Vec<String>>| match list {
        Some(list) => (list.join(" "), Tone::Plain),
        None => ("any".to_owned(), Tone::Faint),
    };
    let plain = |text: String| (text, Tone::Plain);
    let mark = |fault: Option<&KeyError>| (fault.map_or("", KeyError::mark).to_owned(), Tone::Bad);
    for file in &survey.files {
        let row = Row::from(file);
        table.row([
            plain(row.name),
            plain(row.id),
            plain(row.usage.to_owned()),
            plain(row.follows.unwrap_or_default()),
            plain(row.created.unwrap_or_default()),
            shown(row.hosts),
            shown(row.services),
            shown(row.addresses),
            mark(about(survey, &file.path)),
        ]);
    }
    for (path, fault) in no_keys(survey) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let none = || plain(String::new());
        let nothing = [none(), none(), none(), none(), none(), none(), none()];
        let [id, usage, follows, created, hosts, services, addresses] = nothing;
        let wrong = mark(Some(fault));
        table.row([plain(name), id, usage, follows, created, hosts, services, addresses, wrong]);
    }
    table
}

impl From<&KeyFile> for Row {
    fn from(file: &KeyFile) -> Row {
        fn texts<T: ToString>(list: Option<&Vec<T>>) -> Option<Vec<String>> {
            list.map(|list| list.iter().map(ToString::to_string).collect())
        }
        let limits = &file.limits;
        Row {
            name: file.name.clone(),
            id: file.id.to_string(),
            usage: file.usage.as_str(),
            follows: file.follows.map(|id| id.to_string()),
            created: file.created.clone(),
            hosts: texts(limits.hosts.as_ref()),
            services: texts(limits.services.as_ref()),
            addresses: texts(limits.addresses.as_ref()),
            file: file.path.display().to_string(),
        }
    }
}
