//! Tells the name server that a zone file is new.

use std::io;
use std::path::Path;

use rais_dns::DnsError;
use rais_exec::{Command, Order, RunError, Values};
use rais_sdk::{Fault, FaultKind};

use crate::config::Settings;
use crate::knot::{Knot, KnotError};
use crate::rndc::{Rndc, RndcError};

/// How the name server is told.
#[derive(Debug)]
pub(crate) enum Reload {
    /// By named's command channel.
    Rndc(Box<Rndc>),
    /// By knotd's control socket.
    Knot(Knot),
    /// By commands of PowerDNS's. It caches answers; who asks while it reloads has it keep an old one
    /// for as long as that is good, so its cache is emptied once the new zone is there.
    PowerDns { reload: Command, purge: Command },
    /// By a command.
    Command(Command),
    /// Not at all: it looks for itself.
    None,
}

impl Reload {
    /// Tells the name server to load the zone's file.
    pub(crate) fn run(&self, zone: &str, file: &Path, settings: &Settings) -> Result<(), Fault> {
        match self {
            Reload::Rndc(rndc) => match rndc.call(&format!("reload {zone}"), settings.limit()) {
                Ok(_) => Ok(()),
                Err(RndcError::Failed(text)) if text.contains("dynamic zone") => Err(dynamic(zone)),
                Err(error) => Err(rndc_fault(rndc, &error)),
            },
            Reload::Knot(knot) => {
                knot.reload(zone, settings.limit()).map_err(|error| knot_fault(knot, &error))
            }
            Reload::Command(command) | Reload::PowerDns { reload: command, .. } => {
                carry_out(command, zone, file, settings).map_err(|error| command_fault(&error))
            }
            Reload::None => Ok(()),
        }
    }

    /// What is left to be done when the server has the zone.
    pub(crate) fn settle(&self, zone: &str, file: &Path, settings: &Settings) -> Result<(), Fault> {
        let Reload::PowerDns { purge, .. } = self else { return Ok(()) };
        carry_out(purge, zone, file, settings).map_err(|error| command_fault(&error))
    }

    /// Refuses a zone that the name server calls dynamic: it writes that file itself. Anything
    /// else that goes wrong here will show at the reload.
    pub(crate) fn refuse_dynamic(&self, zone: &str, settings: &Settings) -> Result<(), Fault> {
        let Reload::Rndc(rndc) = self else { return Ok(()) };
        match rndc.call(&format!("zonestatus {zone}"), settings.limit()) {
            Ok(text) if text.lines().any(|line| line.trim() == "dynamic: yes") => {
                Err(dynamic(zone))
            }
            _ => Ok(()),
        }
    }
}

/// Runs a command that is about a zone's file.
pub(crate) fn carry_out(
    command: &Command,
    zone: &str,
    file: &Path,
    settings: &Settings,
) -> Result<(), RunError> {
    let file = file.to_string_lossy();
    let values = Values { zone: Some(zone), file: Some(&file), ..Values::default() };
    command
        .carry_out(&values, &Order { input: None, limit: settings.timeout, runs: &settings.runs })
}

/// What went wrong with a command of ours.
pub(crate) fn command_fault(error: &RunError) -> Fault {
    let kind = match error {
        RunError::Timeout { .. } => FaultKind::Timeout,
        RunError::Failed { .. } => FaultKind::Refused,
        RunError::Unwanted { .. } => FaultKind::Busy,
        _ => FaultKind::Io,
    };
    Fault::new(kind, error)
}

fn dynamic(zone: &str) -> Fault {
    Fault::refused(format!(
        "named holds {zone} as a dynamic zone and writes its file itself: publish it by a sink of \
         type \"nsupdate\", or take allow-update and update-policy out of the zone in named.conf"
    ))
}

/// What went wrong between us and the server at `at`.
pub(crate) fn server_fault(at: &str, error: &DnsError) -> Fault {
    match error {
        DnsError::Io { error, .. } => Fault::new(io_kind(error), format!("{at}: {error}")),
        DnsError::Timeout { phase } => Fault::timeout(*phase, format!("{at}: {error}")),
        DnsError::Ended => Fault::busy(error),
        _ => Fault::refused(format!("{at}: {error}")),
    }
}

/// What an error of a socket means to the host.
fn io_kind(error: &io::Error) -> FaultKind {
    Fault::from(io::Error::from(error.kind())).kind
}

fn rndc_fault(rndc: &Rndc, error: &RndcError) -> Fault {
    let at = format!("rndc at {}", rndc.address);
    match error {
        RndcError::Stream(error) => server_fault(&at, error),
        _ => Fault::refused(format!("{at}: {error}")),
    }
}

fn knot_fault(knot: &Knot, error: &KnotError) -> Fault {
    let at = format!("knotd at {}", knot.socket.display());
    match error {
        // Its socket goes with it.
        KnotError::Stream(DnsError::Io { error, .. })
            if error.kind() == io::ErrorKind::NotFound =>
        {
            Fault::down(format!("{at}: {error}"))
        }
        KnotError::Stream(error) => server_fault(&at, error),
        KnotError::Failed(_) | KnotError::Malformed => Fault::refused(format!("{at}: {error}")),
    }
}
