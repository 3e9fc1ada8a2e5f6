//! A running rais: the roles, their sockets, and what ends or changes them.
//!
//! Wires: configuration → plugins → roles → control → signals → goodbye.

mod desk;
mod left_out;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rais_proto::name::ZoneName;
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use self::desk::{Asker, Called, Desk, Signals};
use crate::check::{self, Checked};
use crate::clock::Clock;
use crate::config::{Asked, Config, Fault, Faults, HeaderFile, Kind, Look, Role};
use crate::control::{ProcessId, Response, Server, ServerAsked};
use crate::headers::Headers;
use crate::host::{Foreign, PluginHost, Registry};
use crate::roles::{Applying, Ended, Ready, Roles};
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
    /// How the log follows a reload.
    pub relog: Relog,
}

/// Has the log follow the filters of a configuration that is reloaded.
#[derive(Clone)]
pub struct Relog(Arc<PrepareLog>);

type PrepareLog = dyn Fn(&Config) -> Result<Relogging, String> + Send + Sync;

/// A log that is ready to follow: what is done once all of a reload was found sound.
pub type Relogging = Box<dyn FnOnce() + Send>;

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
    /// A sink or a transport does not start.
    #[error("{kind} `{name}` does not start: {why}")]
    Plugin {
        /// Which of both.
        kind: Kind,
        /// Its name.
        name: String,
        /// What it said.
        why: String,
    },
    /// A role has ended and was not asked to; the others said goodbye.
    #[error("the {role} has ended by itself: {why}")]
    Ended {
        /// Which.
        role: Role,
        /// What is known of it.
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

impl Relog {
    /// By `prepare`, which judges a configuration's filters, and gives what makes the log follow.
    pub fn new(
        prepare: impl Fn(&Config) -> Result<Relogging, String> + Send + Sync + 'static,
    ) -> Relog {
        Relog(Arc::new(prepare))
    }
}

impl fmt::Debug for Relog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Relog").finish_non_exhaustive()
    }
}

/// A process, running.
struct Daemon {
    options: Options,
    config: Config,
    host: watch::Sender<PluginHost>,
    roles: Roles,
    headers: Headers,
}

/// Runs the roles of `options` until SIGTERM or SIGINT.
///
/// # Errors
/// Why nothing was started, or what ended it.
pub fn run(options: Options) -> Result<(), DaemonError> {
    take_all_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| DaemonError::io("start the event loop", source))?;
    let result = runtime.block_on(async {
        let registry = Registry::built_in().map_err(io::Error::other);
        let registry = registry.map_err(|source| DaemonError::io("list the plugins", source))?;
        let host = PluginHost::new(registry, Foreign::AsConfigured);
        let host = host.map_err(|source| DaemonError::io("start the plugin host", source))?;
        run_on(options, host).await
    });
    // A plugin that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

/// Thousands of probes are as many sockets; what a shell or systemd gives at first is 1,024.
fn take_all_files() {
    // Where it is refused, what there is must do.
    let _ = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
}

async fn run_on(options: Options, host: PluginHost) -> Result<(), DaemonError> {
    let refused = |faults| DaemonError::Config(faults, options.look);
    let checked = checked(&options, &host, None).await.map_err(refused)?;
    let asked = checked.roles.clone();
    for warning in &checked.warnings {
        warn!("\n{}", warning.render(options.look));
    }
    // Before anything that could end the process is up.
    let mut signals = Signals::new().map_err(|source| DaemonError::io("take signals", source))?;

    let clock = Clock::start();
    let process = ProcessId { pid: std::process::id(), started: clock.wall().as_unix_millis() };
    let config = checked.config.clone();
    // Those of the configuration that runs, for whoever asks of them.
    let (host, plugins) = watch::channel(checked.host.clone());
    let ready = Ready::of(clock, &options.version, checked)?;
    let (to_desk, requests) = mpsc::channel(16);
    let servers = listen(&config, &asked, &to_desk).await?;
    let (ending, ended) = mpsc::unbounded_channel();
    let roles = tokio::select! {
        roles = ready.start(ending) => roles?,
        () = signals.end() => return Ok(()),
    };
    let names: Vec<_> = asked.iter().map(|role| role.as_str()).collect();
    info!(version = %options.version, "rais runs: {}", names.join(" and "));

    let (voices, headers) = (roles.voices(), Headers::of(&config));
    let troubles = headers.troubles();
    let desk = Desk { process, plugins, signals, requests, ended, voices, troubles };
    Daemon { options, config, host, roles, headers }.run(desk, servers).await
}

impl Daemon {
    /// Serves at `desk` until all is to end, then says goodbye.
    async fn run(mut self, mut desk: Desk, servers: Vec<Server>) -> Result<(), DaemonError> {
        let result = self.serve(&mut desk).await;
        match &result {
            Ok(()) => info!("stopping: saying goodbye"),
            Err(why) => error!("{why}; stopping: saying goodbye"),
        }
        drop(servers);
        self.roles.stop().await;
        result
    }

    /// Does what is asked until all is to end.
    ///
    /// # Errors
    /// A role has ended by itself.
    async fn serve(&mut self, desk: &mut Desk) -> Result<(), DaemonError> {
        let mut again = None;
        loop {
            let asker = match again.take() {
                Some(asker) => asker,
                None => {
                    let called = tokio::select! {
                        called = desk.next() => called,
                        headers = self.headers.changed() => {
                            self.take(&headers).await;
                            continue;
                        }
                    };
                    match called {
                        Called::Reload(asker) => asker,
                        Called::Stop => return Ok(()),
                        Called::Ended(ended) => return Err(ended.into()),
                    }
                }
            };
            // A plugin or a disk may keep a reload waiting; nobody else waits with it.
            let mut reload = pin!(self.reload());
            let response = loop {
                let called = tokio::select! {
                    response = &mut reload => break response,
                    called = desk.next() => called,
                };
                match called {
                    // This one may have read what has changed since.
                    Called::Reload(Asker::Signal) => again = Some(Asker::Signal),
                    Called::Reload(asker) => asker.answer(busy()),
                    Called::Stop => return Ok(()),
                    Called::Ended(ended) => return Err(ended.into()),
                }
            };
            asker.answer(response);
        }
    }

    /// Has the zones of these headers published with them.
    async fn take(&mut self, headers: &[(ZoneName, HeaderFile)]) {
        self.config.take_headers(headers);
        self.roles.take_headers(&self.config).await;
        self.headers.taken(headers);
    }

    /// Validated whole, swapped whole, or refused whole.
    async fn reload(&mut self) -> Response {
        let look = Look::Plain;
        let refused = |faults: Vec<Fault>| Response::Refused {
            faults: faults.iter().map(|fault| fault.render(look)).collect(),
        };
        let before = Some(self.roles.instances());
        let host = self.host.borrow().clone();
        let checked = match checked(&self.options, &host, before).await {
            Ok(checked) => checked,
            Err(Faults(faults)) => return refused(faults),
        };
        let fixed = needs_a_restart(&self.config, &checked, self.roles.running());
        if !fixed.is_empty() {
            return refused(fixed);
        }
        let relog = match (self.options.relog.0)(&checked.config) {
            Ok(relog) => relog,
            Err(why) => return refused(vec![checked.config.fault("control.log", why)]),
        };
        let left_out = self.who_is_left_out(&checked).await;
        let warnings = checked.warnings.iter().chain(&left_out);
        let warnings = warnings.map(|warning| warning.render(look)).collect();
        let (config, host) = (checked.config.clone(), checked.host.clone());
        match self.roles.apply(checked).await {
            Ok(()) => {
                relog();
                info!("reloaded");
                self.headers.follow(&config);
                self.config = config;
                self.host.send_replace(host);
                Response::Reloaded { warnings }
            }
            Err(Applying::Config(faults)) => refused(faults),
            Err(Applying::Plugin { at, why }) => {
                refused(vec![config.fault(&at, format!("does not start: {why}"))])
            }
        }
    }
}

impl From<Ended> for DaemonError {
    fn from(Ended { role, why }: Ended) -> DaemonError {
        DaemonError::Ended { role, why }
    }
}

fn busy() -> Response {
    Response::Error { text: "a reload is under way; ask again when it has ended".to_owned() }
}

/// Off the event loop: an author's `new` may take its time.
async fn checked(
    options: &Options,
    host: &PluginHost,
    before: Option<crate::plan::Instances>,
) -> Result<Checked, Faults> {
    let (path, asked, host) = (options.config.clone(), options.roles, host.clone());
    let task = tokio::task::spawn_blocking(move || {
        check::check(&path, asked, &host, &before.unwrap_or_default())
    });
    task.await.unwrap_or_else(|error| {
        let fault = Fault::in_file(&options.config, format!("the check itself failed: {error}"));
        Err(Faults(vec![fault]))
    })
}

/// One socket a role, or none at all.
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

/// What has changed that cannot change under a running process.
fn needs_a_restart(before: &Config, after: &Checked, running: &BTreeSet<Role>) -> Vec<Fault> {
    let restart = "only a restart can change it";
    let config = &after.config;
    let changed = [
        ("host.name", before.host.name != config.host.name),
        ("host.state", before.host.state != config.host.state),
        ("host.user", before.host.user != config.host.user),
        ("host.group", before.host.group != config.host.group),
        ("control.socket", before.control.socket_pattern != config.control.socket_pattern),
        ("control.log_format", before.control.log_format != config.control.log_format),
    ];
    let changed = changed.iter().filter(|(_, changed)| *changed);
    let mut faults: Vec<Fault> = changed
        .map(|(key, _)| config.fault(key, format!("`{key}` is not as at the start: {restart}")))
        .collect();
    if running != &after.roles {
        let names: Vec<_> = running.iter().map(|role| role.as_str()).collect();
        let message = format!("this process runs as {}: {restart}", names.join(" and "));
        faults.push(config.fault("", message));
    }
    faults
}

#[cfg(test)]
mod tests;
