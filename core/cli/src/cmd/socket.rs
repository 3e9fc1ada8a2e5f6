//! Which running rais is spoken to.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use rais_runtime::config::{self, Asked, Role};
use rais_runtime::control::client::{self, ClientError};
use rais_runtime::control::{Request, Response};

use crate::args::DEFAULT_CONFIG;
use crate::exit::Stop;

/// Names a running rais.
#[derive(Debug, Args)]
pub(super) struct SocketArgs {
    /// The control socket of one role
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The configuration whose control sockets are tried [default: /etc/rais/rais.toml; without it
    /// /run/rais/monitor.sock and /run/rais/binder.sock]
    #[arg(short = 'c', long = "config", value_name = "FILE", conflicts_with = "socket")]
    config: Option<PathBuf>,
}

impl SocketArgs {
    /// Asks the role that is named, else every one that runs; in the order of the sockets.
    ///
    /// # Errors
    /// Nobody is there, or does not answer as rais does; a configuration that is at fault.
    pub(super) fn ask(&self, request: &Request) -> Result<Vec<(PathBuf, Response)>, Stop> {
        if let Some(path) = &self.socket {
            let response = client::ask(path, request).map_err(|why| Stop::Failed(why.into()))?;
            return Ok(vec![(path.clone(), response)]);
        }
        let mut answers = Vec::new();
        let mut absent = Vec::new();
        for path in self.sockets()? {
            match client::ask(&path, request) {
                Ok(response) => answers.push((path, response)),
                Err(error) if is_absent(&error) => absent.push(error.to_string()),
                Err(error) => return Err(Stop::Failed(error.into())),
            }
        }
        if answers.is_empty() {
            return Err(Stop::Failed(anyhow!("{}", absent.join("\n  and "))));
        }
        Ok(answers)
    }

    fn sockets(&self) -> Result<Vec<PathBuf>, Stop> {
        // What a monitor needs is enough to know the sockets: headers may be elsewhere.
        let load = |path: &Path| config::load_for(path, Asked::Only(Role::Monitor));
        match &self.config {
            Some(path) => Ok(client::sockets(Some(&load(path)?.config))),
            // A file that is at fault now says nothing of the process that read it before.
            None => {
                let loaded = load(Path::new(DEFAULT_CONFIG)).ok();
                Ok(client::sockets(loaded.as_ref().map(|loaded| &loaded.config)))
            }
        }
    }
}

/// Whether nobody is there, and nothing worse.
fn is_absent(error: &ClientError) -> bool {
    let ClientError::Nobody { source, .. } = error else { return false };
    matches!(source.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}
