//! Tells the name server that a zone file is new.

use std::io;
use std::path::Path;
use std::time::Duration;

use rais_exec::{Command, Order, RunError, Runs, Values};
use rais_sdk::{Fault, FaultKind};

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
    pub(crate) fn run(
        &self,
        zone: &str,
        file: &Path,
        limit: Duration,
        runs: &Runs,
    ) -> Result<(), Fault> {
        match self {
            Reload::Rndc(rndc) => match rndc.call(&format!("reload {zone}")) {
                Ok(_) => Ok(()),
                Err(RndcError::Failed(text)) if text.contains("dynamic zone") => Err(dynamic(zone)),
                Err(error) => Err(rndc_fault(rndc, &error)),
            },
            Reload::Knot(knot) => knot.reload(zone).map_err(|error| knot_fault(knot, &error)),
            Reload::Command(command) | Reload::PowerDns { reload: command, .. } => {
                carry_out(command, zone, file, limit, runs).map_err(|error| command_fault(&error))
            }
            Reload::None => Ok(()),
        }
    }

    /// What is left to be done when the server has the zone.
    pub(crate) fn settle(
        &self,
        zone: &str,
        file: &Path,
        limit: Duration,
        runs: &Runs,
    ) -> Result<(), Fault> {
        let Reload::PowerDns { purge, .. } = self else { return Ok(()) };
        carry_out(purge, zone, file, limit, runs).map_err(|error| command_fault(&error))
    }

    /// Refuses a zone that the name server calls dynamic: it writes that file itself. Anything
    /// else that goes wrong here will show at the reload.
    pub(crate) fn refuse_dynamic(&self, zone: &str) -> Result<(), Fault> {
        let Reload::Rndc(rndc) = self else { return Ok(()) };
        match rndc.call(&format!("zonestatus {zone}")) {
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
    limit: Duration,
    runs: &Runs,
) -> Result<(), RunError> {
    let file = file.to_string_lossy();
    let values = Values { zone: Some(zone), file: Some(&file), ..Values::default() };
    command.carry_out(&values, &Order { input: None, limit, runs })
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

/// What an error of a socket means to the host.
pub(crate) fn io_kind(error: &io::Error) -> FaultKind {
    Fault::from(io::Error::from(error.kind())).kind
}

fn rndc_fault(rndc: &Rndc, error: &RndcError) -> Fault {
    let text = format!("rndc at {}: {error}", rndc.address);
    match error {
        RndcError::Io(io) => Fault::new(io_kind(io), text),
        RndcError::Timeout(phase) => Fault::timeout(*phase, text),
        RndcError::Closed { .. } | RndcError::Failed(_) | RndcError::Wire(_) => {
            Fault::refused(text)
        }
        RndcError::Mismatch => Fault::refused(text),
    }
}

fn knot_fault(knot: &Knot, error: &KnotError) -> Fault {
    let text = format!("knotd at {}: {error}", knot.socket.display());
    match error {
        // Its socket goes with it.
        KnotError::Io(io) if io.kind() == io::ErrorKind::NotFound => Fault::down(text),
        KnotError::Io(io) => Fault::new(io_kind(io), text),
        KnotError::Timeout(phase) => Fault::timeout(*phase, text),
        KnotError::Failed(_) | KnotError::Malformed => Fault::refused(text),
    }
}
