//! What a plugin can be made as.

use clap::ValueEnum;
use rais_runtime::config::Kind;

/// What a new plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PluginKind {
    /// Says whether an address is up; asynchronous, so that thousands wait at once
    Probe,
    /// The same, for what blocks: files, libraries of others
    BlockingProbe,
    /// Measures load
    Load,
    /// Publishes zones
    Sink,
    /// Carries heartbeats
    Transport,
}

impl PluginKind {
    /// As which a table names it.
    pub(super) fn of_table(self) -> Kind {
        match self {
            Self::Probe | Self::BlockingProbe => Kind::Probe,
            Self::Load => Kind::Load,
            Self::Sink => Kind::Sink,
            Self::Transport => Kind::Transport,
        }
    }

    /// For a sentence.
    pub(super) fn with_article(self) -> &'static str {
        match self {
            Self::Probe => "a probe",
            Self::BlockingProbe => "a blocking probe",
            Self::Load => "a load",
            Self::Sink => "a sink",
            Self::Transport => "a transport",
        }
    }
}
