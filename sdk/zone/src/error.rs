//! What can be wrong with a zone's text, and where.

use std::fmt;

/// A place in a zone's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
}

impl Place {
    /// The place of the octet at `offset` of `text`.
    pub(crate) fn of(text: &str, offset: usize) -> Place {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = before.iter().filter(|octet| **octet == b'\n').count() + 1;
        let start = before.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
        // Octets that continue a UTF-8 character are not counted.
        let column = before[start..].iter().filter(|octet| **octet & 0xC0 != 0x80).count() + 1;
        Place {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A zone's text that cannot be used: what is wrong, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneError {
    place: Option<Place>,
    problem: Problem,
}

/// The same error under the name that fits [`Header::parse`](crate::Header::parse).
pub type HeaderError = ZoneError;

impl ZoneError {
    pub(crate) fn at(text: &str, offset: usize, problem: Problem) -> ZoneError {
        ZoneError { place: Some(Place::of(text, offset)), problem }
    }

    pub(crate) fn in_place(place: Place, problem: Problem) -> ZoneError {
        ZoneError { place: Some(place), problem }
    }

    pub(crate) fn nowhere(problem: Problem) -> ZoneError {
        ZoneError { place: None, problem }
    }

    /// Where it stands; absent for what is missing from the whole text.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// What is wrong, without the place.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{place}: {}", self.problem),
            None => write!(f, "{}", self.problem),
        }
    }
}

impl std::error::Error for ZoneError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.problem)
    }
}

/// What is wrong with a zone's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text holds no SOA record.
    #[error("no SOA record: exactly one is needed, at {zone}.")]
    NoSoa {
        /// The zone's name.
        zone: String,
    },
    /// A second SOA record; a zone has one (RFC 1035 §5.2).
    #[error("a second SOA record: the first stands in line {first}, and a zone has exactly one")]
    SecondSoa {
        /// The line of the first one.
        first: u32,
    },
    /// The SOA's owner is not the zone's name.
    #[error("the SOA record belongs to {owner}., it must belong to the zone's apex, {zone}.")]
    SoaNotAtApex {
        /// Whose SOA it is.
        owner: String,
        /// The zone's name.
        zone: String,
    },
    /// The SOA's serial is not a plain number.
    #[error("the SOA's serial is {0:?}, it must be digits alone, 0 to 4294967295")]
    Serial(String),
    /// The apex has no NS record.
    #[error("no NS record: at least one is needed, at {zone}.")]
    NoNs {
        /// The zone's name.
        zone: String,
    },
    /// `$GENERATE`, which not every name server understands.
    #[error("$GENERATE is not taken here: write its records out")]
    Generate,
    /// `$INCLUDE`: the text has to stand for itself.
    #[error("$INCLUDE is not followed: put the included text here")]
    Include,
    /// Another word behind a dollar sign.
    #[error("unknown directive {0}: $ORIGIN and $TTL are allowed")]
    Directive(String),
    /// A TTL that is not one.
    #[error("{0:?} is not a TTL: seconds up to 2147483647, or weeks to seconds as in 1w2d3h4m5s")]
    Ttl(String),
    /// A class other than IN.
    #[error("class {0}: only IN is allowed")]
    Class(String),
    /// Neither a TTL nor a class nor a record type.
    #[error("{0:?} stands where a TTL, a class or a record type is expected")]
    Type(String),
    /// A name with nothing between two dots, or in front of one.
    #[error("the name {0:?} holds an empty label")]
    Label(String),
    /// A record whose owner lies outside the zone.
    #[error("{owner}. lies outside the zone {zone}.")]
    OutsideZone {
        /// Whose record it is.
        owner: String,
        /// The zone's name.
        zone: String,
    },
    /// The entry cannot be read as a record or directive.
    #[error("not a valid {what}: {why}")]
    Unreadable {
        /// `SOA record`, `$ORIGIN` …
        what: String,
        /// The reader's words.
        why: String,
    },
    /// A CNAME record with another one of its name (RFC 1034 §3.6.2).
    #[error(
        "{owner}. has a CNAME record and a further one, {other} in line {line}: a CNAME stands alone"
    )]
    BesideAlias {
        /// Whose they are.
        owner: String,
        /// The other's type.
        other: String,
        /// The other's line.
        line: u32,
    },
    /// A second DNAME record of a name (RFC 6672 §2.4).
    #[error("{owner}. has a second DNAME record: the first stands in line {first}, one is allowed")]
    SecondDname {
        /// Whose they are.
        owner: String,
        /// The line of the first one.
        first: u32,
    },
    /// A set that no message can hold.
    #[error("the {rtype} records of {owner}. take {octets} octets: {most} fit into a message")]
    LargeSet {
        /// Whose they are.
        owner: String,
        /// Their type.
        rtype: String,
        /// What they take.
        octets: usize,
        /// What they may take.
        most: usize,
    },
    /// Data of a type that is not known here, in words of its own.
    #[error(
        "the data of a record of type {rtype} cannot be read here: write it as `TYPE{number} \\# LENGTH HEX` (RFC 3597)"
    )]
    Opaque {
        /// As it is called.
        rtype: String,
        /// Its number.
        number: u16,
    },
    /// An opening parenthesis without its closing one.
    #[error("the parenthesis opened here is never closed")]
    ParenthesisOpen,
    /// A closing parenthesis without its opening one.
    #[error("a closing parenthesis without an opening one")]
    ParenthesisClosed,
    /// A parenthesis before the first word of an entry, which servers read in different ways.
    #[error("a parenthesis before the owner: put the owner, or a space for the last one, first")]
    ParenthesisFirst,
    /// A quotation mark whose partner is not on its line.
    #[error("the quotation mark opened here is not closed on its line")]
    Quote,
    /// What some editors put in front of a text.
    #[error("a byte order mark stands in front: save the file as UTF-8 without one")]
    ByteOrderMark,
    /// A control character outside comments.
    #[error("control character U+{0:04X}")]
    Control(u32),
    /// A backslash as the last character of a line.
    #[error("a backslash at the end of the line: it must stand before a character or three digits")]
    Backslash,
    /// A comment line `; rais: KEY=…` with a key we do not know, or without value.
    #[error("`rais: {0}` in a comment: allowed is `rais: scheme=WORD`")]
    Remark(String),
    /// A second `; rais: scheme=…`.
    #[error("a second `rais: scheme=`: the first stands in line {first}")]
    SecondScheme {
        /// The line of the first one.
        first: u32,
    },
    /// Not a name that we take for a zone, an owner, a name server or a mailbox.
    #[error(transparent)]
    Name(#[from] crate::NameError),
    /// A record to be rendered names an owner that was not given.
    #[error("a record for owner number {index}, there are {owners}")]
    Owner {
        /// The record's index.
        index: usize,
        /// How many owners there are.
        owners: usize,
    },
}
