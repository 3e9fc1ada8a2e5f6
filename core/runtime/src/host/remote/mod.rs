//! Plugins in processes of their own, behind the ports of all plugins.
//!
//! What a plugin does there harms its process alone: one that dies or hangs is started again, and
//! nobody waits for it.

#[allow(dead_code)] // until a process speaks it
mod frame;
#[allow(dead_code)] // until there is a process to keep
mod keeper;
#[allow(dead_code)] // until a process speaks it
mod wire;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use rais_sdk::Fault;

use super::library::Library;
use super::policy::Policy;
use super::port::{LoadPort, ProbePort, SinkPort, TransportPort};
use super::program::Program;
use super::state::PluginState;
use crate::config::Kind;

/// The parent's end of all isolated plugins: one thread, with our own code only.
pub(super) struct Remotes {
    program: Program,
}

/// One isolated plugin: its process lives as long as it has instances.
///
/// The process starts with the first instance. Dropping the last port drains and ends it.
pub(super) struct Remote {
    kind: Kind,
    name: String,
}

/// Where the code of an isolated plugin comes from.
#[derive(Debug, Clone)]
pub(super) enum Code {
    /// Linked into this binary.
    BuiltIn,
    /// Loaded from this library's image.
    Library(Arc<Library>),
}

impl Remotes {
    /// Processes are started as `program`.
    ///
    /// # Errors
    /// No thread or reactor to be had.
    pub(super) fn start(program: Program) -> io::Result<Remotes> {
        Ok(Remotes { program })
    }

    /// The plugin `name` of `code`, held by `policy`. Its process is its own: two of these are two
    /// processes, whatever their names.
    pub(super) fn plugin(&self, kind: Kind, name: &str, code: Code, policy: Policy) -> Arc<Remote> {
        let _ = (code, policy, &self.program);
        Arc::new(Remote { kind, name: name.to_owned() })
    }
}

impl Remote {
    /// A probe with the table `json`, as
    /// [`table_with_folder`](rais_sdk::host::table_with_folder) writes it. Blocks until it is made,
    /// for ten seconds at most.
    ///
    /// # Errors
    /// The plugin's verdict on its table (at the key's path), a plugin that takes longer, or why
    /// there is no process for it.
    pub(super) fn probe(self: &Arc<Self>, json: String) -> Result<Arc<dyn ProbePort>, Fault> {
        Err(self.not_yet(&json))
    }

    /// A load; as [`probe`](Remote::probe).
    ///
    /// # Errors
    /// As [`probe`](Remote::probe).
    pub(super) fn load(self: &Arc<Self>, json: String) -> Result<Arc<dyn LoadPort>, Fault> {
        Err(self.not_yet(&json))
    }

    /// A sink; as [`probe`](Remote::probe).
    ///
    /// # Errors
    /// As [`probe`](Remote::probe).
    pub(super) fn sink(self: &Arc<Self>, json: String) -> Result<Arc<dyn SinkPort>, Fault> {
        Err(self.not_yet(&json))
    }

    /// A transport; as [`probe`](Remote::probe).
    ///
    /// # Errors
    /// As [`probe`](Remote::probe).
    pub(super) fn transport(
        self: &Arc<Self>,
        json: String,
    ) -> Result<Arc<dyn TransportPort>, Fault> {
        Err(self.not_yet(&json))
    }

    /// What it does now; [`Unused`](PluginState::Unused) without instances.
    pub(super) fn state(&self) -> PluginState {
        PluginState::Unused
    }

    fn not_yet(&self, _: &str) -> Fault {
        Fault::io(format!("the {} `{}` cannot be isolated yet", self.kind, self.name))
    }
}

/// What a plugin's process does: `rais plugin-host serve`.
pub fn serve() -> ExitCode {
    ExitCode::FAILURE
}
