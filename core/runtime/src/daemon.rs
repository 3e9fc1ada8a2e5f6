//! A running rais: the roles, their sockets, and what ends or changes them.
//!
//! Wires: configuration → plugins → roles → control → signals → goodbye.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::check::{self, Checked};
use crate::clock::Clock;
use crate::config::{Asked, Config, Fault, Faults, Look, Role};
use crate::control::{Request, Response, Server, ServerAsked};
use crate::host::{PluginHost, Registry};
use crate::roles::{Applying, Roles};
use crate::state::StateError;

/// What a process is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The configuration.
    pub config: PathBuf,
    /// Which of its roles.
    pub roles: Asked,
    /// Of rais, for status.
    pub version: String,
    /// How faults are shown.
    pub look: Look,
}

/// Why a process does not start, or ended otherwise than asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The configuration is at fault; nothing was started.
    #[error("{}", .0.render(*.1))]
    Config(Faults, Look),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A transport does not start.
    #[error("transport `{name}` does not start: {why}")]
    Transport {
        /// Its name.
        name: String,
        /// What it said.
        why: String,
    },
    /// A socket, a signal, a thread.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

impl DaemonError {
    /// 2 for the configuration, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            DaemonError::Config(..) => 2,
            _ => 1,
        }
    }

    pub(crate) fn io(doing: impl fmt::Display, source: io::Error) -> DaemonError {
        DaemonError::Io { doing: doing.to_string(), source }
    }
}

/// A process, running.
struct Daemon {
    options: Options,
    config: Config,
    host: Arc<PluginHost>,
    roles: Roles,
}

/// How long the goodbye may take: three beats, 20 ms apart, and the transports' end.
const GOODBYE: Duration = Duration::from_millis(1500);

/// Runs the roles of `options` until SIGTERM or SIGINT.
///
/// # Errors
/// Why nothing was started, or what ended it.
pub fn run(options: Options) -> Result<(), DaemonError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| DaemonError::io("start the event loop", source))?;
    let result = runtime.block_on(async {
        let registry = Registry::built_in().map_err(io::Error::other);
        let registry = registry.map_err(|source| DaemonError::io("list the plugins", source))?;
        let host = PluginHost::new(registry);
        let host = host.map_err(|source| DaemonError::io("start the plugin host", source))?;
        Daemon::start(options, Arc::new(host)).await
    });
    // A plugin that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

impl Daemon {
    async fn start(options: Options, host: Arc<PluginHost>) -> Result<(), DaemonError> {
        let refused = |faults| DaemonError::Config(faults, options.look);
        let checked = checked(&options, &host, None).await.map_err(refused)?;
        let asked = checked.roles.clone();
        warn_of(&checked.warnings, options.look);
        // Before anything that could end the process is up.
        let mut signals =
            Signals::new().map_err(|source| DaemonError::io("take signals", source))?;

        let (requests, mut control) = mpsc::channel(16);
        let config = checked.config.clone();
        let clock = Clock::start();
        let roles = Roles::start(clock, &options.version, checked, &asked).await?;
        let servers = listen(&config, &asked, &requests).await?;
        let names: Vec<_> = asked.iter().map(|role| role.as_str()).collect();
        info!(version = %options.version, "rais runs: {}", names.join(" and "));

        let mut daemon = Daemon { options, config, host, roles };
        loop {
            tokio::select! {
                Some(asked) = control.recv() => daemon.answer(asked).await,
                Some(()) = signals.hangup.recv() => {
                    if let Response::Refused { faults } = daemon.reload().await {
                        error!("reload refused, the old configuration goes on:\n{}", faults.join("\n"));
                    }
                }
                Some(()) = signals.terminate.recv() => break,
                Some(()) = signals.interrupt.recv() => break,
            }
        }
        info!("stopping: saying goodbye");
        drop(servers);
        if tokio::time::timeout(GOODBYE, daemon.roles.stop()).await.is_err() {
            warn!("not everything ended in time");
        }
        Ok(())
    }

    async fn answer(&mut self, asked: ServerAsked) {
        let ServerAsked { role, request, answer } = asked;
        let response = match request {
            Request::Status => match self.roles.status(role).await {
                Some(status) => Response::Status(Box::new(status)),
                None => Response::Error { text: format!("the {role} does not answer") },
            },
            Request::Reload => self.reload().await,
        };
        // Who asked may have hung up; what it asked for has happened.
        let _ = answer.send(response);
    }

    /// Validated whole, swapped whole, or refused whole.
    async fn reload(&mut self) -> Response {
        let look = Look::Plain;
        let refused = |faults: Faults| Response::Refused {
            faults: faults.0.iter().map(|fault| fault.render(look)).collect(),
        };
        let before = Some(self.roles.instances());
        let checked = match checked(&self.options, &self.host, before).await {
            Ok(checked) => checked,
            Err(faults) => return refused(faults),
        };
        if let Some(fault) = needs_a_restart(&self.config, &checked, self.roles.running()) {
            return refused(Faults(vec![fault]));
        }
        let warnings = checked.warnings.iter().map(|warning| warning.render(look)).collect();
        let config = checked.config.clone();
        match self.roles.apply(checked).await {
            Ok(()) => {
                info!("reloaded");
                self.config = config;
                Response::Reloaded { warnings }
            }
            Err(Applying::Config(faults)) => refused(Faults(faults)),
            Err(Applying::Transport { name, why }) => {
                let fault =
                    config.fault(&format!("transport.{name}"), format!("does not start: {why}"));
                refused(Faults(vec![fault]))
            }
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Off the event loop: an author's `new` may take its time.
async fn checked(
    options: &Options,
    host: &Arc<PluginHost>,
    before: Option<crate::plan::Instances>,
) -> Result<Checked, Faults> {
    let (path, asked, host) = (options.config.clone(), options.roles, Arc::clone(host));
    let task = tokio::task::spawn_blocking(move || {
        check::check(&path, asked, &host, &before.unwrap_or_default())
    });
    task.await.unwrap_or_else(|error| {
        let fault = Fault::in_file(&options.config, format!("the check itself failed: {error}"));
        Err(Faults(vec![fault]))
    })
}

async fn listen(
    config: &Config,
    roles: &BTreeSet<Role>,
    requests: &mpsc::Sender<ServerAsked>,
) -> Result<Vec<Server>, DaemonError> {
    let mut servers = Vec::new();
    for &role in roles {
        let path = config.control.socket(role);
        let server = Server::start(&path, role, requests.clone()).await;
        servers.push(
            server.map_err(|source| {
                DaemonError::io(format!("listen at {}", path.display()), source)
            })?,
        );
    }
    Ok(servers)
}

/// What cannot change under a running process; none where nothing of it did.
fn needs_a_restart(before: &Config, after: &Checked, running: &BTreeSet<Role>) -> Option<Fault> {
    let restart = "only a restart can change it";
    let config = &after.config;
    if before.host.state != config.host.state {
        return Some(config.fault("host.state", restart));
    }
    if before.control.socket_pattern != config.control.socket_pattern {
        return Some(config.fault("control.socket", restart));
    }
    (running != &after.roles).then(|| {
        let names: Vec<_> = running.iter().map(|role| role.as_str()).collect();
        config.fault("", format!("this process runs as {}: {restart}", names.join(" and ")))
    })
}

fn warn_of(warnings: &[Fault], look: Look) {
    for warning in warnings {
        warn!("\n{}", warning.render(look));
    }
}
