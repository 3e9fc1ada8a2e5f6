//! A zone's header file: read, checked, its faults told with both places.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rais_zone::{Header, ZoneName};

use super::dns::Scheme;
use super::place::{Place, Source};
use super::regular::read_regular;
use super::suggest;
use super::value::Value;

/// A header as it was read and found sound.
#[derive(Debug, Clone, PartialEq)]
pub struct HeaderFile {
    /// Where it was read.
    pub path: PathBuf,
    /// What it says.
    pub header: Header,
    /// The word of its line `; rais: scheme=…`.
    pub scheme: Option<Scheme>,
}

impl HeaderFile {
    pub(super) fn read(value: &Value<'_>, zone: &ZoneName) -> Option<HeaderFile> {
        let path = value.file()?;
        let read = read_regular(&path).and_then(|octets| {
            String::from_utf8(octets).map_err(|_| io::Error::other("it is no UTF-8"))
        });
        let text = match read {
            Ok(text) => text,
            Err(why) => {
                value.notes.add(value.fault(format!("header {}: {why}", path.display())));
                return None;
            }
        };
        let header = match Header::of(&text, zone) {
            Ok(header) => header,
            Err(why) => {
                let fault = value.fault(format!("header {}: {why}", path.display()));
                let place = why.place().unwrap_or(rais_zone::Place { line: 1, column: 1 });
                value.notes.add(fault.see(&place_in(path, text, place), "in this header"));
                return None;
            }
        };
        let scheme = match header.scheme() {
            None => None,
            Some(word) => match Scheme::ALL.into_iter().find(|scheme| scheme.as_str() == word) {
                Some(scheme) => Some(scheme),
                None => {
                    let words = || Scheme::ALL.into_iter().map(Scheme::as_str);
                    let meant = suggest::nearest(word, words()).map(|word| format!("`{word}`"));
                    let message = format!("header {}: unknown scheme {word:?}", path.display());
                    let place = scheme_line(path, text, word);
                    let fault = value.fault(message).allowed(suggest::one_of(words())).meant(meant);
                    value.notes.add(fault.see(&place, "said here"));
                    return None;
                }
            },
        };
        Some(HeaderFile { path, header, scheme })
    }

    /// A place of it, to be shown with its line.
    pub(super) fn place(&self, place: rais_zone::Place) -> Place {
        place_in(self.path.clone(), self.header.text().to_owned(), place)
    }

    /// Where its line `; rais: scheme=…` is.
    pub(super) fn scheme_place(&self) -> Option<Place> {
        let word = self.header.scheme()?;
        Some(scheme_line(self.path.clone(), self.header.text().to_owned(), word))
    }
}

fn place_in(path: PathBuf, text: String, place: rais_zone::Place) -> Place {
    let line_before = usize::try_from(place.line).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
    let line_start: usize = text.split_inclusive('\n').take(line_before).map(str::len).sum();
    let line = text[line_start..].lines().next().unwrap_or("");
    let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    let span = line_start + at..line_start + line.len();
    Place::new(&Arc::new(Source { path, text, order: Source::NAMED }), span)
}

/// The header's reader keeps the word and not its place.
fn scheme_line(path: PathBuf, text: String, word: &str) -> Place {
    let said = |line: &str| {
        let comment = line.trim_start();
        comment.starts_with(';') && comment.contains("rais:") && comment.contains(word)
    };
    let line = text.lines().position(said).map_or(1, |line| line + 1);
    let line = u32::try_from(line).unwrap_or(u32::MAX);
    place_in(path, text, rais_zone::Place { line, column: 1 })
}
