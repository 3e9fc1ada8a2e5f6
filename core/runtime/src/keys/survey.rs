//! The files of a folder one by one, also where they are no key ring.

use std::path::Path;

use rais_proto::heartbeat::key::Key;

use super::file::read;
use super::{KeyError, KeyFile, credentials, key_files, others, settle, signer, unchanged};

/// The key files of a folder, and what is wrong with them.
#[derive(Debug)]
pub struct Survey {
    /// Those that can be read, by path. Where nobody can say which of them signs, each is for what it
    /// says itself.
    pub files: Vec<KeyFile>,
    pub(super) keys: Vec<Key>,
    /// What keeps the folder from being a key ring.
    pub faults: Vec<KeyError>,
}

/// Looks at each key of `folder`.
///
/// # Errors
/// No folder, or no key file in it.
pub fn survey(folder: &Path) -> Result<Survey, KeyError> {
    let mut survey = unchanged(folder, || Survey::of(folder, credentials().as_deref()))?;
    match signer(&survey.files) {
        Ok(signer) => settle(&mut survey.files, signer),
        Err(fault) => survey.faults.push(fault),
    }
    Ok(survey)
}

impl Survey {
    /// Without a look at who signs.
    pub(super) fn of(folder: &Path, credentials: Option<&Path>) -> Result<Survey, KeyError> {
        let mut survey = Survey { files: Vec::new(), keys: Vec::new(), faults: Vec::new() };
        for path in key_files(folder)? {
            match read(path, credentials) {
                Ok((file, key)) => survey.add(file, key),
                Err(fault) => survey.faults.push(fault),
            }
        }
        if survey.files.is_empty() && survey.faults.is_empty() {
            return Err(KeyError::Empty { folder: folder.to_owned(), others: others(folder) });
        }
        Ok(survey)
    }

    fn add(&mut self, file: KeyFile, key: Key) {
        if let Some(first) = self.files.iter().find(|first| first.id == file.id) {
            let (first, second) = (first.path.clone(), file.path.clone());
            self.faults.push(KeyError::Twice { first, second });
        }
        self.files.push(file);
        self.keys.push(key);
    }
}
