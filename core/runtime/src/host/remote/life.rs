//! One life of the process of an isolated plugin, from its start to its last words.

use std::io::{self, PipeReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::{Instant, timeout, timeout_at};

use super::about::About;
use super::death::Death;
use super::frame::{Incoming, Outgoing};
use super::line::{Haste, Hush, Line};
use super::link::Link;
use super::output::Printed;
use super::tender::{Event, News};
use super::wire::{Order, Report, WINDOW};
use crate::host::Ended;
use crate::host::lane::Lane;
use crate::host::library::handover::{Process, Started};

/// What a process that ended has left is read for so long: somebody else may still hold its pipe.
const LEFT: Duration = Duration::from_millis(100);
/// What is let go answers its last calls in their time, has so long more for them,
const DRAINING: Duration = Duration::from_secs(2);
/// and then has so long to end by itself.
const ENDING: Duration = Duration::from_secs(2);

/// The number of a life: what one tells is not taken for the next one's.
pub(super) type LifeId = u64;

/// A process that runs, or is about to.
pub(super) struct Life {
    pub(super) id: LifeId,
    pub(super) link: Arc<Link>,
    body: Arc<Body>,
    /// Closed when it has ended.
    ended: mpsc::Sender<()>,
    /// What attends to it until then.
    lane: Arc<Lane>,
}

/// The process itself.
#[derive(Debug)]
struct Body {
    process: Mutex<Process>,
    /// Why it was killed.
    blame: Mutex<Option<String>>,
}

/// Hears what a process says.
struct Hearer {
    id: LifeId,
    about: Arc<About>,
    link: Arc<Link>,
    events: UnboundedSender<Event>,
    /// Datagrams taken of which the process was not told yet.
    taken: u32,
}

impl Life {
    /// Starts a process, from the thread of `lane`, which attends to it; `events` are told of it.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn start(
        id: LifeId,
        about: &Arc<About>,
        lane: &Arc<Lane>,
        events: &UnboundedSender<Event>,
    ) -> io::Result<Life> {
        let Started { socket, output, process } =
            Started::new(&about.program, "serve", about.image())?;
        let death = Death::of(process.id())?;
        greet(&socket, about)?;
        let link = Arc::new(Link::new(Line::new(socket)?));
        let body = Arc::new(Body { process: Mutex::new(process), blame: Mutex::default() });
        let hearer = Hearer {
            id,
            about: Arc::clone(about),
            link: Arc::clone(&link),
            events: events.clone(),
            taken: 0,
        };
        let (ended, ends) = mpsc::channel(1);
        let attended = attend(hearer, Arc::clone(&body), death, output);
        let until_then = Arc::clone(lane);
        tokio::spawn(async move {
            attended.await;
            drop((ends, until_then));
        });
        Ok(Life { id, link, body, ended, lane: Arc::clone(lane) })
    }

    /// Ends it and all that it started; `why` is then how it ended.
    pub(super) fn kill(&self, why: &str) {
        self.body.kill(why);
    }

    /// Lets it answer its last calls and end: soon after the last of them is due at the latest.
    pub(super) fn leave(self) {
        tokio::spawn(async move {
            let now = Instant::now();
            let last = self.link.calls.last_due().unwrap_or(now) + DRAINING;
            let _ = timeout_at(last, self.link.calls.quiet()).await;
            // Where that cannot be told, it is killed.
            let _ = self.link.line.say(&Order::End, Haste::Now);
            if timeout(ENDING, self.ended.closed()).await.is_err() {
                self.body.kill("did not end when it was told to");
                self.ended.closed().await;
            }
            self.link.calls.end("is no longer used");
            drop(self.lane);
        });
    }
}

impl Body {
    fn kill(&self, why: &str) {
        *self.blame() = Some(why.to_owned());
        self.process().kill();
    }

    /// Waits for what has ended, and says how it did.
    fn bury(&self) -> String {
        let status = self.process().end();
        match (status, self.blame().take()) {
            (Ok(status), Some(why)) if status.signal() == Some(Signal::SIGKILL as i32) => why,
            (Ok(status), _) => Ended::from(status).to_string(),
            (Err(error), _) => format!("ended, nobody knows how: {error}"),
        }
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blame(&self) -> MutexGuard<'_, Option<String>> {
        self.blame.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells a process what it is for.
fn greet(mut socket: &UnixStream, about: &About) -> io::Result<()> {
    let mut hello = Outgoing::default();
    hello.push(&about.hello()).map_err(io::Error::other)?;
    match socket.write_all(hello.rest()) {
        // It is dead already, and its status says why.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Attends to a process until it has ended and was waited for.
async fn attend(mut hearer: Hearer, body: Arc<Body>, death: Death, output: PipeReader) {
    let printed = Arc::new(Printed::default());
    let voice = Arc::clone(&hearer.about.voice);
    let mut printing = tokio::spawn(Arc::clone(&printed).read(output, voice));
    let line = Arc::clone(&hearer.link.line);
    let writing = tokio::spawn(async move { line.write().await });

    // What was heard in part stays heard.
    let mut heard = Incoming::default();
    let hush = tokio::select! {
        hush = hearer.hear(&mut heard) => Some(hush),
        () = death.come() => None,
    };
    if let Some(hush) = &hush {
        // One that ends closes its connection a moment before.
        if timeout(LEFT, death.come()).await.is_err() {
            body.kill(&hush.to_string());
            death.come().await;
        }
    }
    let how = body.bury();
    if hush.is_none() {
        // It may have answered before it died.
        let _ = timeout(LEFT, hearer.hear(&mut heard)).await;
    }
    if timeout(LEFT, &mut printing).await.is_err() {
        printing.abort();
    }
    writing.abort();
    let how = format!("{how}{}", printed.words());
    // Nobody hears it where its plugin is no longer used.
    let _ = hearer.events.send(Event::Life(hearer.id, News::Ended(how)));
}

impl Hearer {
    /// Until nothing comes any more.
    async fn hear(&mut self, heard: &mut Incoming) -> Hush {
        let line = Arc::clone(&self.link.line);
        let Err(hush) = line.hear(heard, |report| self.take(report)).await;
        hush
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Ready(outcome) => {
                let _ = self.events.send(Event::Life(self.id, News::Ready(outcome)));
            }
            Report::Answer { id, outcome } => self.link.calls.answered(id, outcome),
            Report::Log { instance, level, text } => {
                self.about.voice.log(instance, level.into(), &text);
            }
            Report::Deliver { instance, datagrams } => {
                self.link.deliver(instance, &datagrams);
                self.credit(datagrams.len());
            }
        }
    }

    /// Lets the process send as many datagrams more.
    fn credit(&mut self, datagrams: usize) {
        self.taken = self.taken.saturating_add(u32::try_from(datagrams).unwrap_or(u32::MAX));
        if self.taken >= WINDOW / 4 {
            let order = Order::Taken { datagrams: std::mem::take(&mut self.taken) };
            // One that does not read need not know.
            let _ = self.link.line.say(&order, Haste::Together);
        }
    }
}
