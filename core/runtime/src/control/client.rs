//! The side that asks: `rais status`, `rais reload`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Request, Response};
use crate::config::{Config, Role};

/// A reload may have to make plugins; nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody is there.
    #[error("{}: no rais answers there", .path.display())]
    Nobody {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody may be there, whom this user may not ask.
    #[error("{}: this user may not ask the rais there", .path.display())]
    Forbidden {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The conversation broke.
    #[error("{}: the conversation broke", .path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else answers.
    #[error("{}: not an answer of rais: {why}", .path.display())]
    Foreign {
        /// The socket.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// The sockets of a configuration's roles; of both where there is none.
pub fn sockets(config: Option<&Config>) -> Vec<(Role, PathBuf)> {
    match config {
        Some(config) => {
            let roles = config.roles().into_iter();
            roles.map(|role| (role, config.control.socket(role))).collect()
        }
        None => {
            let roles = [Role::Monitor, Role::Binder];
            roles.map(|role| (role, PathBuf::from(format!("/run/rais/{role}.sock")))).to_vec()
        }
    }
}

/// Asks the role that listens at `path`, and waits until it has answered.
///
/// # Errors
/// Nobody is there, or what is there is no rais.
pub fn ask(path: &Path, request: &Request) -> Result<Response, ClientError> {
    let broken = |source| ClientError::Broken { path: path.to_owned(), source };
    let stream = UnixStream::connect(path).map_err(|source| not_connected(path, source))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(broken)?;
    let foreign = |error: serde_json::Error| ClientError::Foreign {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let mut text = serde_json::to_string(request).map_err(foreign)?;
    text.push('\n');
    (&stream).write_all(text.as_bytes()).map_err(broken)?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).map_err(broken)?;
    serde_json::from_str(&line).map_err(foreign)
}

fn not_connected(path: &Path, source: io::Error) -> ClientError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::PermissionDenied => ClientError::Forbidden { path, source },
        _ => ClientError::Nobody { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_ask_is_not_told_that_nobody_is_there() {
        let told =
            |kind: io::ErrorKind| not_connected(Path::new("x.sock"), kind.into()).to_string();
        assert_eq!(
            told(io::ErrorKind::PermissionDenied),
            "x.sock: this user may not ask the rais there"
        );
        assert_eq!(told(io::ErrorKind::NotFound), "x.sock: no rais answers there");
    }
}
