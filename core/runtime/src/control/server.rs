//! The side that answers.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Request, Response};
use crate::config::Role;

/// A request is no longer than this, in octets.
const LONGEST_REQUEST: u64 = 4096;
/// A client that says nothing is let go after this.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request of one role, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) role: Role,
    pub(crate) request: Request,
    pub(crate) answer: oneshot::Sender<Response>,
}

/// One role's socket; gone with it.
#[derive(Debug)]
pub(crate) struct Server {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Listens at `path`, readable and writable for owner and group.
    ///
    /// The caller holds the role's lock, so a socket that is there already is a dead process's,
    /// unless it is another state's: then somebody answers, and it is left alone.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::AddrInUse`] where somebody answers there.
    pub(crate) fn start(path: &Path, role: Role, asked: mpsc::Sender<Asked>) -> io::Result<Server> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers there"));
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o660))?;
        let task = tokio::spawn(accept(listener, role, asked));
        Ok(Server { path: path.to_owned(), task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        // Gone already is as good.
        let _ = fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, role: Role, asked: mpsc::Sender<Asked>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let asked = asked.clone();
                tokio::spawn(async move {
                    // Who hangs up early needs no answer.
                    let _ = timeout(PATIENCE * 12, serve(stream, role, asked)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "control socket");
                // Out of descriptors, most likely: a moment later there may be some.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: UnixStream, role: Role, asked: mpsc::Sender<Asked>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read).take(LONGEST_REQUEST);
    timeout(PATIENCE, reader.read_line(&mut line)).await??;
    let response = match serde_json::from_str::<Request>(&line) {
        Ok(request) => ask(role, request, &asked).await,
        Err(error) => Response::Error { text: format!("not a request: {error}") },
    };
    let mut text = serde_json::to_string(&response)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await?;
    write.shutdown().await
}

async fn ask(role: Role, request: Request, asked: &mpsc::Sender<Asked>) -> Response {
    let (answer, answered) = oneshot::channel();
    let stopping = || Response::Error { text: "rais is stopping".to_owned() };
    if asked.send(Asked { role, request, answer }).await.is_err() {
        return stopping();
    }
    answered.await.unwrap_or_else(|_| stopping())
}
