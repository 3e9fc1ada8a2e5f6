//! Reads the entries of a zone's text as records, each checked by the `domain` library.

use domain::base::iana::{Class, Rtype};
use domain::base::name::{ToLabelIter, ToName};
use domain::base::rdata::ParseRecordData;
use domain::base::{Name, ParsedName};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{ScannedRecord, Zonefile};

use crate::error::{Place, Problem, ZoneError};
use crate::name::ZoneName;
use crate::scan::{Comment, Entry, Form, Indent, Item, Scanner, Word};
use crate::word::{empty_label, push, serial, ttl};

/// Reads one zone's text from front to back.
pub(crate) struct Reader<'a> {
    text: &'a str,
    zone: &'a ZoneName,
    apex: Name<Vec<u8>>,
    scanner: Scanner<'a>,
    /// Is fed entry by entry, so that a fault is known to lie in the last one.
    checker: Zonefile,
    line: String,
    /// An offset and its line.
    counted: (usize, u32),
}

/// What the reader met.
pub(crate) enum Met<'a> {
    Record(Box<Read<'a>>),
    Comment(Comment<'a>),
}

/// One record with the words it was written in.
pub(crate) struct Read<'a> {
    pub(crate) record: ScannedRecord,
    /// The record's first word.
    pub(crate) start: usize,
    /// The words of the data.
    pub(crate) data: Vec<Word<'a>>,
    /// Whether the owner is the zone's name.
    pub(crate) owner: Position,
}

/// Where an owner stands in the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Apex,
    Below,
}

/// Whether the checker reads the data of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Readable,
    Opaque,
}

impl Read<'_> {
    /// The owner in lower case, absolute, without the last dot.
    pub(crate) fn owner_text(&self) -> String {
        self.record.owner().to_string().to_ascii_lowercase()
    }

    /// Whether the record holds the data that was written. That of a type which the checker does
    /// not know is there only where it was written as RFC 3597 has it.
    pub(crate) fn content(&self) -> Data {
        if self.is_generic() {
            return Data::Readable;
        }
        data_of(self.record.rtype())
    }

    /// Whether the data was written as octets (RFC 3597 §5), whatever its type.
    pub(crate) fn is_generic(&self) -> bool {
        self.data.first().is_some_and(is_generic)
    }
}

/// The words of a record by their meaning.
struct Parts<'a> {
    ttl: Option<u32>,
    rtype: Rtype,
    rtype_text: &'a str,
    data: Vec<Word<'a>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, zone: &'a ZoneName) -> Result<Reader<'a>, ZoneError> {
        if text.starts_with('\u{feff}') {
            return Err(ZoneError::at(text, 0, Problem::ByteOrderMark));
        }
        let unreadable = |why: String| {
            ZoneError::nowhere(Problem::Unreadable { what: "zone name".to_owned(), why })
        };
        let apex: Name<Vec<u8>> =
            zone.as_str().parse().map_err(|error| unreadable(format!("{error}")))?;
        // Capacity is what the checker's buffer grows by whenever it is used up.
        let mut checker = Zonefile::with_capacity(64 * 1024);
        checker.set_origin(apex.to_name());
        checker.set_default_class(Class::IN);
        Ok(Reader {
            text,
            zone,
            apex,
            scanner: Scanner::new(text),
            checker,
            line: String::new(),
            counted: (0, 1),
        })
    }

    pub(crate) fn error(&self, at: usize, problem: Problem) -> ZoneError {
        ZoneError::at(self.text, at, problem)
    }

    /// The place of an offset; offsets are asked for in rising order, so that long texts are
    /// counted through once.
    pub(crate) fn place(&mut self, at: usize) -> Place {
        let (from, line) = self.counted;
        let Some(between) = self.text.as_bytes().get(from..at) else {
            return Place::of(self.text, at);
        };
        let lines = between.iter().filter(|octet| **octet == b'\n').count();
        let line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.counted = (at, line);
        let start = self.text[..at].rfind('\n').map_or(0, |found| found + 1);
        let place = Place::of(&self.text[start..], at - start);
        Place { line, ..place }
    }

    /// The next record or comment line; directives act and are not shown.
    pub(crate) fn next(&mut self) -> Result<Option<Met<'a>>, ZoneError> {
        loop {
            match self.scanner.next()? {
                None => return Ok(None),
                Some(Item::Comment(comment)) => return Ok(Some(Met::Comment(comment))),
                Some(Item::Entry(entry)) => {
                    let directive = entry.indent == Indent::None
                        && entry.words.first().is_some_and(|first| {
                            first.form == Form::Plain && first.text.starts_with('$')
                        });
                    if directive {
                        self.directive(&entry)?;
                    } else if let Some(read) = self.record(&entry)? {
                        return Ok(Some(Met::Record(Box::new(read))));
                    }
                }
            }
        }
    }

    fn directive(&mut self, entry: &Entry<'a>) -> Result<(), ZoneError> {
        let Some((first, rest)) = entry.words.split_first() else { return Ok(()) };
        let name = first.text.to_ascii_uppercase();
        self.line.clear();
        match (name.as_str(), rest) {
            ("$GENERATE", _) => return Err(self.error(first.start, Problem::Generate)),
            ("$INCLUDE", _) => return Err(self.error(first.start, Problem::Include)),
            ("$TTL", [value]) => {
                let Some(seconds) = ttl(value) else {
                    let problem = Problem::Ttl(value.text.to_owned());
                    return Err(self.error(value.start, problem));
                };
                self.line = format!("$TTL {seconds}\n");
            }
            ("$ORIGIN", [value]) if empty_label(value.text) => {
                return Err(self.error(value.start, Problem::Label(value.text.to_owned())));
            }
            ("$ORIGIN", [_]) => {
                for word in &entry.words {
                    push(&mut self.line, word);
                }
                self.line.push('\n');
            }
            ("$TTL" | "$ORIGIN", _) => {
                let why = "exactly one value stands behind it".to_owned();
                return Err(self.error(first.start, Problem::Unreadable { what: name, why }));
            }
            _ => {
                let problem = Problem::Directive(first.text.to_owned());
                return Err(self.error(first.start, problem));
            }
        }
        self.checker.extend_from_slice(self.line.as_bytes());
        match self.checker.next_entry() {
            Ok(_) => Ok(()),
            Err(error) => {
                let why = reason(&error);
                Err(self.error(first.start, Problem::Unreadable { what: name, why }))
            }
        }
    }

    fn record(&mut self, entry: &Entry<'a>) -> Result<Option<Read<'a>>, ZoneError> {
        let Some(first) = entry.words.first() else { return Ok(None) };
        let parts = self.parts(entry)?;
        self.refuse_empty_labels(entry, &parts)?;
        if let (Rtype::SOA, Some(word)) = (parts.rtype, parts.data.get(2))
            && serial(word).is_none()
        {
            return Err(self.error(word.start, Problem::Serial(word.text.to_owned())));
        }
        self.compose(entry, &parts);
        self.checker.extend_from_slice(self.line.as_bytes());
        let unreadable = |why| Problem::Unreadable {
            what: format!("{} record", parts.rtype_text.to_ascii_uppercase()),
            why,
        };
        let record = match self.checker.next_entry() {
            Ok(Some(domain::zonefile::inplace::Entry::Record(record))) => record,
            Ok(_) => return Err(self.error(first.start, unreadable("no record".to_owned()))),
            Err(error) => return Err(self.error(first.start, unreadable(reason(&error)))),
        };
        if !record.owner().ends_with(&self.apex) {
            let owner = record.owner().to_string();
            let zone = self.zone.to_string();
            return Err(self.error(first.start, Problem::OutsideZone { owner, zone }));
        }
        let owner =
            if record.owner().name_eq(&self.apex) { Position::Apex } else { Position::Below };
        Ok(Some(Read { record, start: first.start, data: parts.data, owner }))
    }

    /// Tells TTL, class, type and data of a record apart; TTL and class stand in any order.
    fn parts(&self, entry: &Entry<'a>) -> Result<Parts<'a>, ZoneError> {
        let skip = if entry.indent == Indent::Space { 0 } else { 1 };
        let mut seconds = None;
        let mut class = None;
        let mut words = entry.words.iter().skip(skip);
        let mut last = entry.words.first().map_or(0, |word| word.start);
        for word in words.by_ref() {
            last = word.start;
            let unknown = || self.error(word.start, Problem::Type(word.text.to_owned()));
            if word.form == Form::Quoted || !word.text.is_ascii() || word.text.contains('\\') {
                return Err(unknown());
            }
            if word.text.starts_with(|c: char| c.is_ascii_digit()) && seconds.is_none() {
                let bad = || self.error(word.start, Problem::Ttl(word.text.to_owned()));
                seconds = Some(ttl(word).ok_or_else(bad)?);
            } else if let Ok(rtype) = word.text.parse::<Rtype>() {
                // Types of questions and of messages (RFC 6895 §3.1) have no place in a zone.
                if rtype == Rtype::OPT || (128..=255).contains(&rtype.to_int()) {
                    return Err(unknown());
                }
                let data = words.copied().collect();
                return Ok(Parts { ttl: seconds, rtype, rtype_text: word.text, data });
            } else if let (Ok(found), None) = (word.text.parse::<Class>(), class) {
                if found != Class::IN {
                    let problem = Problem::Class(word.text.to_owned());
                    return Err(self.error(word.start, problem));
                }
                class = Some(found);
            } else {
                return Err(unknown());
            }
        }
        let why = "it ends before the record type".to_owned();
        Err(self.error(last, Problem::Unreadable { what: "record".to_owned(), why }))
    }

    /// The checker takes `a..b` for a name; servers do not.
    fn refuse_empty_labels(&self, entry: &Entry<'a>, parts: &Parts<'a>) -> Result<(), ZoneError> {
        let owner = entry.words.first().filter(|_| entry.indent == Indent::None);
        let data = match parts.rtype {
            Rtype::SOA
            | Rtype::NS
            | Rtype::CNAME
            | Rtype::DNAME
            | Rtype::MX
            | Rtype::PTR
            | Rtype::SRV => parts.data.as_slice(),
            _ => &[],
        };
        match owner.into_iter().chain(data).find(|word| empty_label(word.text)) {
            Some(word) => Err(self.error(word.start, Problem::Label(word.text.to_owned()))),
            None => Ok(()),
        }
    }

    /// Writes the record on one line, in the words that the checker knows.
    fn compose(&mut self, entry: &Entry<'a>, parts: &Parts<'a>) {
        self.line.clear();
        match entry.words.first() {
            Some(owner) if entry.indent == Indent::None => push(&mut self.line, owner),
            _ => self.line.push(' '),
        }
        if let Some(seconds) = parts.ttl {
            self.line.push_str(&format!(" {seconds}"));
        }
        self.line.push_str(" IN ");
        self.line.push_str(parts.rtype_text);
        let generic = parts.data.first().is_some_and(is_generic);
        if !generic && data_of(parts.rtype) == Data::Opaque {
            // Such data is the name server's to judge.
            self.line.push_str(" \\# 0\n");
            return;
        }
        for (index, word) in parts.data.iter().enumerate() {
            // The SOA's four times may be written with units, which the checker does not know.
            match (parts.rtype, index, ttl(word)) {
                (Rtype::SOA, 3..=6, Some(seconds)) => {
                    self.line.push_str(&format!(" {seconds}"));
                }
                _ => push(&mut self.line, word),
            }
        }
        self.line.push('\n');
    }
}

/// Whether the checker knows more of a type than its number: empty data is then an error or a
/// record of its own, else unknown data.
fn data_of(rtype: Rtype) -> Data {
    type Checked<'a> = ZoneRecordData<&'a [u8], ParsedName<&'a [u8]>>;
    let empty: &[u8] = &[];
    match Checked::parse_rdata(rtype, &mut Parser::from_ref(empty)) {
        Ok(Some(ZoneRecordData::Unknown(_)) | None) => Data::Opaque,
        Ok(Some(_)) | Err(_) => Data::Readable,
    }
}

/// Whether data that begins with this word is written as that of any type may be (RFC 3597 §5).
fn is_generic(word: &Word<'_>) -> bool {
    word.text == "\\#"
}

/// The checker's words without its position, which is that of our own single line.
fn reason(error: &domain::zonefile::inplace::Error) -> String {
    let text = error.to_string();
    text.splitn(3, ':').nth(2).map_or(text.clone(), |words| words.trim().to_owned())
}
