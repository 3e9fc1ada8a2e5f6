//! The side that answers.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use nix::sys::stat::{Mode, fchmod};
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
/// That it cannot answer is said again after so long.
const SAID_AGAIN: Duration = Duration::from_secs(60);

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
    _socket: SocketFile,
    task: tokio::task::JoinHandle<()>,
}

/// A socket's file; removed with this, unless another has come into its place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: Inode,
}

/// Device and number.
type Inode = (u64, u64);

/// For owner and group.
const MODE: u32 = 0o660;

impl Server {
    /// Listens at `path`, readable and writable for owner and group.
    ///
    /// The caller holds the role's lock, so a socket that is there already is a dead process's,
    /// unless it is another state's: then somebody answers, and it is left alone.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::AddrInUse`] where somebody answers there,
    /// [`io::ErrorKind::AlreadyExists`] where something else than a socket is there.
    pub(crate) async fn start(
        path: &Path,
        role: Role,
        asked: mpsc::Sender<Asked>,
    ) -> io::Result<Server> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        }
        make_way(path).await?;
        let (listener, socket) = bind(path)?;
        // The umask has narrowed what it was bound with.
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        let task = tokio::spawn(accept(listener, role, asked));
        Ok(Server { _socket: socket, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|there| there == self.inode) {
            // Gone already is as good.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> io::Result<Inode> {
    fs::symlink_metadata(path).map(|about| (about.dev(), about.ino()))
}

/// Removes the socket of a process that is dead, and nothing else.
async fn make_way(path: &Path) -> io::Result<()> {
    let refused = |kind, why| Err(io::Error::new(kind, why));
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(about) if about.file_type().is_socket() => {}
        Ok(_) => {
            let why = "what is there is not a socket, and is left alone";
            return refused(io::ErrorKind::AlreadyExists, why);
        }
    }
    match UnixStream::connect(path).await.map_err(|error| (error.kind(), error)) {
        Err((io::ErrorKind::ConnectionRefused, _)) => fs::remove_file(path),
        Err((io::ErrorKind::NotFound, _)) => Ok(()),
        // One whose queue is full is there all the same.
        Ok(_) | Err((io::ErrorKind::WouldBlock, _)) => {
            refused(io::ErrorKind::AddrInUse, "another process answers there")
        }
        Err((_, error)) => Err(error),
    }
}

/// A socket that never was open to others: on Linux it is made with the mode that its descriptor
/// has, less the umask.
fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let descriptor = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    fchmod(&descriptor, Mode::from_bits_truncate(MODE))?;
    socket::bind(descriptor.as_raw_fd(), &UnixAddr::new(path)?)?;
    let socket = SocketFile { path: path.to_owned(), inode: inode(path)? };
    socket::listen(&descriptor, Backlog::new(64)?)?;
    Ok((UnixListener::from_std(descriptor.into())?, socket))
}

async fn accept(listener: UnixListener, role: Role, asked: mpsc::Sender<Asked>) {
    let mut said: Option<Instant> = None;
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
                // Nobody is helped by ten lines a second.
                if said.is_none_or(|said| said.elapsed() >= SAID_AGAIN) {
                    tracing::warn!(%error, "the control socket cannot answer");
                    said = Some(Instant::now());
                }
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

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener as StdListener;

    use super::*;

    async fn start(path: &Path) -> io::Result<Server> {
        let (asked, _) = mpsc::channel(1);
        Server::start(path, Role::Binder, asked).await
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test(flavor = "current_thread")]
    async fn only_a_dead_socket_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/binder.sock");
        drop(start(&path).await.unwrap());
        assert!(!path.exists());

        // Dropped without its file being removed, as a crash leaves it.
        drop(StdListener::bind(&path).unwrap());
        let alive = start(&path).await.unwrap();
        assert_eq!(mode(&path), MODE);
        assert_eq!(start(&path).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(alive);

        fs::write(&path, b"content").unwrap();
        let refused = start(&path).await.unwrap_err();
        assert!(refused.to_string().contains("not a socket"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"content");

        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert_eq!(start(&path).await.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn one_that_is_too_busy_to_answer_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("binder.sock");
        let descriptor =
            socket::socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
        let descriptor = descriptor.unwrap();
        socket::bind(descriptor.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        socket::listen(&descriptor, Backlog::new(0).unwrap()).unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = UnixStream::connect(&path).await {
            waiting.push(stream);
        }
        assert_eq!(start(&path).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(path.exists());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_socket_in_its_place_is_not_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("binder.sock");
        let first = start(&path).await.unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        let second = start(&path).await.unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn it_was_never_open_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("binder.sock");
        let _bound = bind(&path).unwrap();
        assert_eq!(mode(&path) & !MODE, 0, "{:o}", mode(&path));
    }
}
