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

    /// Who writes the zone's file, by the name server's word; an error where it does not answer.
    pub(crate) fn keeper(&self, zone: &str, settings: &Settings) -> Result<Keeper, Fault> {
        let Reload::Rndc(rndc) = self else { return Ok(Keeper::Us) };
        match rndc.call(&format!("zonestatus {zone}"), settings.limit()) {
            Ok(text) if text.lines().any(|line| line.trim() == "dynamic: yes") => {
                Ok(Keeper::NameServer)
            }
            // Its "no" to this, it will say to the reload as well.
            Ok(_) | Err(RndcError::Failed(_)) => Ok(Keeper::Us),
            Err(error) => Err(rndc_fault(rndc, &error)),
        }
    }
}

/// Who writes a zone's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    Us,
    /// The zone is dynamic: named writes down what updates have made of it.
    NameServer,
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

pub(crate) fn dynamic(zone: &str) -> Fault {
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
