//! `[control]`: how a running process is spoken to, and how it speaks.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::role::Role;
use super::section::Section;
use super::suggest;
use super::value::Value;

/// `[control]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// The socket, with `{role}` still in it; [`Control::socket`] fills it in.
    pub socket_pattern: PathBuf,
    /// Where metrics and status are served over HTTP.
    pub http: Http,
    /// A level or a filter.
    pub log: String,
    /// How a line of the log looks.
    pub log_format: LogFormat,
}

/// Where HTTP is served, if anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One object a line.
    Json,
    /// Straight to the journal.
    Journald,
}

impl Control {
    /// The socket of one role.
    pub fn socket(&self, role: Role) -> PathBuf {
        PathBuf::from(self.socket_pattern.to_string_lossy().replace("{role}", role.as_str()))
    }
}

impl Control {
    pub(super) fn read(section: &Section<'_>) -> Control {
        let socket = section.get("socket", |value| value.file());
        Control {
            socket_pattern: socket.unwrap_or_else(|| PathBuf::from("/run/rais/{role}.sock")),
            http: section.get("http", Http::read).unwrap_or(Http::Off),
            log: section.get("log", log).unwrap_or_else(|| "info".to_owned()),
            log_format: section
                .get("log_format", |value| {
                    value.word(&[
                        ("human", LogFormat::Human),
                        ("json", LogFormat::Json),
                        ("journald", LogFormat::Journald),
                    ])
                })
                .unwrap_or(LogFormat::Human),
        }
    }
}

impl Http {
    pub(super) fn read(value: &Value<'_>) -> Option<Http> {
        if value.text()? == "off" {
            return Some(Http::Off);
        }
        let allowed = "\"off\", or an address and a port, as in \"127.0.0.1:9090\"";
        value.parsed(allowed).map(Http::At)
    }
}

/// A level, or a filter such as `"info,rais_runtime::binder=debug"`.
pub(super) fn log(value: &Value<'_>) -> Option<String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let text = value.text()?;
    for directive in text.split(',') {
        let (target, level) = match directive.rsplit_once('=') {
            Some((target, level)) => (Some(target), level),
            None => (None, directive),
        };
        if LEVELS.contains(&level) && target.is_none_or(|target| !target.trim().is_empty()) {
            continue;
        }
        let message = format!("`{}` cannot be read at {directive:?}", value.name());
        let meant = suggest::nearest(level, LEVELS).map(|level| format!("`{level}`"));
        let allowed =
            format!("{}, or a filter as in \"info,rais_runtime=debug\"", suggest::one_of(LEVELS));
        value.notes.add(value.fault(message).allowed(allowed).meant(meant));
        return None;
    }
    Some(text.to_owned())
}
