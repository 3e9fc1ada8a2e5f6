//! `rais demo kill web2` and `rais demo revive web2`, from a second terminal.
//!
//! One line of JSON each way over a socket at a place that is the user's alone. The answer comes
//! when it has happened.

use std::fs::{self, DirBuilder};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream as AsyncStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::show::Input;
use super::which::Which;
use crate::exit::Stop;
use crate::output;

/// What is done to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", content = "server", rename_all = "lowercase")]
pub(super) enum Order {
    /// SIGKILL.
    Kill(Which),
    /// Start it again.
    Revive(Which),
}

/// What became of an order, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "text", rename_all = "lowercase")]
pub(super) enum Answer {
    /// It has happened.
    Done(String),
    /// It has not.
    Failed(String),
}

/// Where orders come in; gone with it.
#[derive(Debug)]
pub(super) struct Counter {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

/// An order is no longer than this, in octets.
const LONGEST_ORDER: u64 = 256;
/// Who connects and says nothing is let go after this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longer than the demo itself waits for a change.
const CLIENT_PATIENCE: Duration = Duration::from_secs(30);

impl Counter {
    /// Listens at the user's own place. Needs a reactor around it.
    ///
    /// # Errors
    /// Another demo of this user listens there; what the file system says.
    pub(super) fn open(inputs: UnboundedSender<Input>) -> anyhow::Result<Counter> {
        let path = places().into_iter().find_map(Place::prepare);
        let path = path.context("there is no folder that is yours alone for a socket")?;
        if UnixStream::connect(&path).is_ok() {
            return Err(anyhow!("another demo listens to them"));
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| path.display().to_string());
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).with_context(|| path.display().to_string())?;
        Ok(Counter { path, task: tokio::spawn(serve(listener, inputs)) })
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.task.abort();
        // Gone already is as good; a folder that others use stays.
        let _ = fs::remove_file(&self.path);
        if let Some(folder) = self.path.parent().filter(|folder| *folder == own_folder()) {
            let _ = fs::remove_dir(folder);
        }
    }
}

async fn serve(listener: UnixListener, inputs: UnboundedSender<Input>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let inputs = inputs.clone();
                // Who hangs up early needs no answer.
                tokio::spawn(async move { converse(stream, &inputs).await });
            }
            // Out of descriptors, most likely: a moment later there may be some.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn converse(stream: AsyncStream, inputs: &UnboundedSender<Input>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(read).take(LONGEST_ORDER);
    tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Err(error) => Answer::Failed(format!("not an order: {error}")),
        Ok(order) => {
            let (answer, answered) = oneshot::channel();
            // Where the demo ends first the client is told by the end of the stream.
            let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
            inputs.send(Input::Order(order, answer)).map_err(|_| gone(()))?;
            answered.await.map_err(|_| gone(()))?
        }
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await?;
    write.shutdown().await
}

/// Has the running demo carry out `order`, and waits until it has happened.
///
/// # Errors
/// No demo runs; it did not happen.
pub(super) fn send(order: Order) -> Result<(), Stop> {
    let places: Vec<PathBuf> = places().into_iter().map(Place::into_path).collect();
    let private = |path: &&PathBuf| path.parent().is_some_and(is_private);
    let stream = places.iter().filter(private).find_map(|path| UnixStream::connect(path).ok());
    let stream = stream.ok_or_else(|| {
        let places: Vec<_> = places.iter().map(|path| path.display().to_string()).collect();
        anyhow!(
            "no demo runs (nobody answers at {}): start one with `rais demo`",
            places.join(" or ")
        )
    })?;
    match ask(&stream, order).context("the demo")? {
        Some(Answer::Done(text)) => output::text(&text),
        Some(Answer::Failed(text)) => Err(Stop::Failed(anyhow!(text))),
        None => Err(Stop::Failed(anyhow!("the demo ended before it had happened"))),
    }
}

/// No answer where the other side is gone first.
fn ask(mut stream: &UnixStream, order: Order) -> io::Result<Option<Answer>> {
    stream.set_read_timeout(Some(CLIENT_PATIENCE))?;
    stream.set_write_timeout(Some(CLIENT_PATIENCE))?;
    let mut line = serde_json::to_string(&order)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    line.clear();
    BufReader::new(stream).read_line(&mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

/// Where the socket may be.
#[derive(Debug)]
enum Place {
    /// In the user's folder for sockets, which the system makes.
    Runtime(PathBuf),
    /// In a folder that is made for it.
    Own(PathBuf),
}

/// The better one first.
fn places() -> Vec<Place> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.filter(|folder| folder.is_absolute()).map(Place::Runtime);
    runtime.into_iter().chain([Place::Own(own_folder())]).collect()
}

fn own_folder() -> PathBuf {
    PathBuf::from(format!("/tmp/rais-demo-{}", geteuid()))
}

impl Place {
    /// The socket's path, if its folder is the user's alone.
    fn prepare(self) -> Option<PathBuf> {
        if let Place::Own(folder) = &self {
            // Is there already after a demo that was killed.
            let _ = DirBuilder::new().mode(0o700).create(folder);
        }
        let path = self.into_path();
        is_private(path.parent()?).then_some(path)
    }

    fn into_path(self) -> PathBuf {
        match self {
            Place::Runtime(folder) => folder.join("rais-demo.sock"),
            Place::Own(folder) => folder.join("demo.sock"),
        }
    }
}

/// A folder itself and no link to one, which nobody else can enter.
fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|about| {
        about.is_dir() && about.uid() == geteuid().as_raw() && about.mode() & 0o077 == 0
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn orders_and_answers_read_back() {
        let line = serde_json::to_string(&Order::Kill(Which::Web2)).unwrap();
        assert_eq!(line, r#"{"command":"kill","server":"web2"}"#);
        assert_eq!(serde_json::from_str::<Order>(&line).unwrap(), Order::Kill(Which::Web2));
        serde_json::from_str::<Order>(r#"{"command":"kill","server":"web4"}"#).unwrap_err();
        let answer = Answer::Done("web2 is out of the answers".to_owned());
        let line = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), answer);
    }

    #[test]
    fn only_a_folder_of_ones_own_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        DirBuilder::new().mode(0o700).create(&own).unwrap();
        assert!(is_private(&own));
        let link = folder.path().join("link");
        symlink(&own, &link).unwrap();
        assert!(!is_private(&link));
        fs::set_permissions(&own, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(!is_private(&own));
        assert!(!is_private(&folder.path().join("nothing")));
    }

    #[test]
    fn one_who_ends_without_an_answer_is_told_from_one_who_answers() {
        let (near, far) = UnixStream::pair().unwrap();
        let demo = std::thread::spawn(move || {
            let mut line = String::new();
            BufReader::new(far).read_line(&mut line).map(|_| line)
        });
        assert_eq!(ask(&near, Order::Revive(Which::Web1)).unwrap(), None);
        assert_eq!(demo.join().unwrap().unwrap(), "{\"command\":\"revive\",\"server\":\"web1\"}\n");
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"{\"answer\":\"failed\",\"text\":\"too early\"}\n").unwrap();
        let answer = ask(&near, Order::Revive(Which::Web1)).unwrap();
        assert_eq!(answer, Some(Answer::Failed("too early".to_owned())));
    }
}
