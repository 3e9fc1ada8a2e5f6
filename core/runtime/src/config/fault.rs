//! What is wrong with a configuration, and where.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use super::place::Place;
use super::render;
use super::role::{Asked, Role};

/// One thing that is wrong, or doubtful.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault(pub(super) Box<Told>);

/// What a fault tells; boxed, so that a result that may be a fault stays small.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) severity: Severity,
    pub(super) site: Site,
    pub(super) key: String,
    pub(super) message: String,
    pub(super) allowed: Option<String>,
    pub(super) meant: Option<String>,
    pub(super) see: Vec<(Place, String)>,
    pub(super) notes: Vec<String>,
}

/// Whether anything can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is started.
    Error,
    /// It is said, and all goes on.
    Warning,
}

/// Where a fault is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Site {
    At(Place),
    /// The file as a whole: it cannot be read, or lacks something.
    File(PathBuf),
}

/// Everything that is wrong with a configuration, in the order of the files.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults(pub Vec<Fault>);

/// Whether what is rendered goes to a terminal that takes colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Text alone.
    Plain,
    /// With ANSI colours.
    Styled,
}

impl Fault {
    /// An error at a place; `key` is the path of the key that is meant.
    pub fn error(place: Place, key: &str, message: impl Into<String>) -> Fault {
        Fault::new(Severity::Error, Site::At(place), key, message.into())
    }

    /// A doubt at a place.
    pub fn warning(place: Place, key: &str, message: impl Into<String>) -> Fault {
        Fault::new(Severity::Warning, Site::At(place), key, message.into())
    }

    /// An error of a file as a whole.
    pub fn in_file(file: &Path, message: impl Into<String>) -> Fault {
        Fault::new(Severity::Error, Site::File(file.to_owned()), "", message.into())
    }

    fn new(severity: Severity, site: Site, key: &str, message: String) -> Fault {
        let key = key.to_owned();
        let see = Vec::new();
        let notes = Vec::new();
        Fault(Box::new(Told {
            severity,
            site,
            key,
            message,
            allowed: None,
            meant: None,
            see,
            notes,
        }))
    }

    /// Says what is allowed there.
    #[must_use]
    pub fn allowed(mut self, allowed: impl Into<String>) -> Fault {
        self.0.allowed = Some(allowed.into());
        self
    }

    /// Asks whether this was meant, where there is something.
    #[must_use]
    pub fn meant(mut self, meant: Option<impl Into<String>>) -> Fault {
        self.0.meant = meant.map(Into::into);
        self
    }

    /// Points to another place that has to do with it.
    #[must_use]
    pub fn see(mut self, place: &Place, why: impl Into<String>) -> Fault {
        self.0.see.push((place.clone(), why.into()));
        self
    }

    /// Adds what may have led to it.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Fault {
        self.0.notes.push(text.into());
        self
    }

    /// The same as a doubt: all goes on.
    #[must_use]
    pub fn as_doubt(mut self) -> Fault {
        self.0.severity = Severity::Warning;
        self
    }

    /// Whether anything can be started.
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// The file it is in.
    pub fn file(&self) -> &Path {
        match &self.0.site {
            Site::At(place) => place.file(),
            Site::File(file) => file,
        }
    }

    /// Where in it; none where the file as a whole is meant.
    pub fn place(&self) -> Option<&Place> {
        match &self.0.site {
            Site::At(place) => Some(place),
            Site::File(_) => None,
        }
    }

    /// The path of the key that is meant: `monitor.service.www.interval`; empty where none is.
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What was probably meant.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.meant.as_deref()
    }

    /// rustc's look: the message, the place, the line with what is wrong marked.
    pub fn render(&self, look: Look) -> String {
        render::render(&self.0, look)
    }
}

impl fmt::Display for Fault {
    /// One line: `file:line:column: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.site {
            Site::At(place) => write!(f, "{place}: {}", self.0.message)?,
            Site::File(file) => write!(f, "{}: {}", file.display(), self.0.message)?,
        }
        if let Some(meant) = &self.0.meant {
            write!(f, "; did you mean {meant}?")?;
        }
        if let Some(allowed) = &self.0.allowed {
            write!(f, " (allowed: {allowed})")?;
        }
        self.0.see.iter().try_for_each(|(place, why)| write!(f, "; {why}: {place}"))?;
        self.0.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

impl Faults {
    /// Each as [`Fault::render`], with an empty line between.
    pub fn render(&self, look: Look) -> String {
        let each: Vec<String> = self.0.iter().map(|fault| fault.render(look)).collect();
        each.join("\n\n")
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// What was noted while reading; reading goes on after a fault, so that all are told at once.
#[derive(Debug)]
pub(super) struct Notes {
    asked: Asked,
    faults: RefCell<Vec<Fault>>,
}

impl Notes {
    /// Of reading for a process of these roles.
    pub(super) fn of(asked: Asked) -> Notes {
        Notes { asked, faults: RefCell::default() }
    }

    /// Whether zones will be published.
    pub(super) fn binds(&self) -> bool {
        self.asked != Asked::Only(Role::Monitor)
    }

    pub(super) fn add(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    /// Whether an error of a key in the table `path` was noted.
    pub(super) fn has_below(&self, path: &str) -> bool {
        let is_in = |key: &str| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        let faults = self.faults.borrow();
        let mut errors = faults.iter().filter(|fault| fault.0.severity == Severity::Error);
        errors.any(|fault| is_in(&fault.0.key))
    }

    /// Errors and warnings apart, each in the order of the files.
    pub(super) fn sorted(self) -> (Vec<Fault>, Vec<Fault>) {
        let mut faults = self.faults.into_inner();
        sort(&mut faults);
        faults.into_iter().partition(|fault| fault.0.severity == Severity::Error)
    }
}

/// As read; what is said of a file as a whole comes first.
pub(super) fn sort(faults: &mut [Fault]) {
    faults.sort_by_key(|fault| fault.place().map(Place::order));
}
