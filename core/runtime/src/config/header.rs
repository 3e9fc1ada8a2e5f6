//! A zone's header file: read, checked, its faults told with both places.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rais_zone::{Header, ZoneName};

use super::dns::Scheme;
use super::fault::Fault;
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

/// Why a header file cannot be used.
#[derive(Debug, Clone)]
struct Unsound {
    message: String,
    /// The same where it is told elsewhere than in the file itself.
    from_afar: Option<String>,
    allowed: Option<String>,
    meant: Option<String>,
    /// Where in the file, and how that is pointed to from elsewhere.
    place: Option<(Place, &'static str)>,
}

impl Unsound {
    fn of(message: String) -> Unsound {
        Unsound { message, from_afar: None, allowed: None, meant: None, place: None }
    }
}

impl HeaderFile {
    pub(super) fn read(value: &Value<'_>, zone: &ZoneName) -> Option<HeaderFile> {
        let path = value.file()?;
        let why = match HeaderFile::open_at(&path, zone) {
            Ok(header) => return Some(header),
            Err(why) => why,
        };
        let Unsound { message, from_afar, allowed, meant, place } = *why;
        let message = from_afar.unwrap_or(message);
        let mut fault = value.fault(format!("header {}: {message}", path.display())).meant(meant);
        if let Some(allowed) = allowed {
            fault = fault.allowed(allowed);
        }
        if let Some((place, pointed)) = place {
            fault = fault.see(&place, pointed);
        }
        value.notes.add(fault);
        None
    }

    /// Reads the header of a zone, wherever it is named.
    ///
    /// # Errors
    /// What is wrong with it, at its place in the file.
    pub fn open(path: &Path, zone: &ZoneName) -> Result<HeaderFile, Fault> {
        HeaderFile::open_at(path, zone).map_err(|why| {
            let Unsound { message, allowed, meant, place, .. } = *why;
            let fault = match place {
                Some((place, _)) => Fault::error(place, "", message),
                None => Fault::in_file(path, message),
            };
            match allowed {
                Some(allowed) => fault.allowed(allowed).meant(meant),
                None => fault,
            }
        })
    }

    fn open_at(path: &Path, zone: &ZoneName) -> Result<HeaderFile, Box<Unsound>> {
        let read = read_regular(path).and_then(|octets| {
            String::from_utf8(octets).map_err(|_| io::Error::other("it is no UTF-8"))
        });
        let text = match read {
            Ok(text) => text,
            Err(why) => return Err(Box::new(Unsound::of(why.to_string()))),
        };
        let header = match Header::of(&text, zone) {
            Ok(header) => header,
            Err(why) => {
                let place = why.place().unwrap_or(rais_zone::Place { line: 1, column: 1 });
                let place = (place_in(path.to_owned(), text, place), "in this header");
                let from_afar = Some(why.to_string());
                let unsound = Unsound::of(why.problem().to_string());
                return Err(Box::new(Unsound { from_afar, place: Some(place), ..unsound }));
            }
        };
        let scheme = match header.scheme() {
            None => None,
            Some(word) => match Scheme::ALL.into_iter().find(|scheme| scheme.as_str() == word) {
                Some(scheme) => Some(scheme),
                None => {
                    let words = || Scheme::ALL.into_iter().map(Scheme::as_str);
                    let meant = suggest::nearest(word, words()).map(|word| format!("`{word}`"));
                    let message = format!("unknown scheme {word:?}");
                    let place = (scheme_line(path.to_owned(), text, word), "said here");
                    let allowed = Some(suggest::one_of(words()));
                    let unsound = Unsound::of(message);
                    return Err(Box::new(Unsound {
                        allowed,
                        meant,
                        place: Some(place),
                        ..unsound
                    }));
                }
            },
        };
        Ok(HeaderFile { path: path.to_owned(), header, scheme })
    }

    /// A place of it, to be shown with its line.
    pub(crate) fn place(&self, place: rais_zone::Place) -> Place {
        place_in(self.path.clone(), self.header.text().to_owned(), place)
    }

    /// A doubt, where the zone's keys stand in it and `sink` is to answer for the zone itself.
    pub(crate) fn signed(&self, sink: &str) -> Option<Fault> {
        let message = format!(
            "the sink `{sink}` sends no signatures: whoever validates takes none of its answers where the \
             zone above has a DS record"
        );
        Some(Fault::warning(self.place(self.header.key()?), "", message))
    }

    /// Where its line `; rais: scheme=…` is.
    pub(crate) fn scheme_place(&self) -> Option<Place> {
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
