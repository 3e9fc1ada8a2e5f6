//! A plugin's process: an ordinary plugin host with one plugin in it, asked over a socket.
#![allow(unsafe_code)] // loads a library, in a process made for nothing else

mod desk;
mod log;
mod outlet;

use std::future::Future;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, raise};
use rais_sdk::Fault;
use rais_sdk::host::Library;
use tokio::runtime::Builder;

use self::desk::Desk;
use super::frame::{Incoming, Outgoing};
use super::line::{Haste, Line};
use super::wire::{Hello, Order, Report};
use crate::config::Kind;
use crate::host::confine::keep_standard_streams;
use crate::host::lane::Lane;
use crate::host::library::handover::Found;
use crate::host::library::image::loadable;
use crate::host::reactor::Side;
use crate::host::watch::Patience;
use crate::host::{Foreign, PluginHost, Program, Registry, apart, confine};

/// In here nothing is ever late: who started this process knows how long it waits, and ends it.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);
/// How long plugins' destructors may take at the end.
const SETTLING: Duration = Duration::from_secs(1);

/// What a plugin's process does: `rais plugin-host serve`. Returns only where there is nothing to
/// do.
pub fn serve() -> ExitCode {
    let found = match keep_standard_streams().and_then(|()| Found::take()) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("this is for rais itself, which gives a socket as standard input: {error}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = attend(found) {
        eprintln!("cannot serve: {error}");
        return ExitCode::FAILURE;
    }
    // An exit would run destructors of a library, which are foreign code once more.
    let _ = raise(Signal::SIGKILL);
    ExitCode::FAILURE
}

/// Serves until it is told to end, or who started it is gone.
fn attend(found: Found) -> io::Result<()> {
    let Found { mut socket, image, parent } = found;
    let mut heard = Incoming::default();
    let hello = hello(&mut socket, &mut heard)?;
    confine(&hello.limits(), parent)?;
    if hello.open_files.is_none() {
        // As the host itself does; what it cannot have it goes without.
        let _ = getrlimit(Resource::RLIMIT_NOFILE)
            .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    }
    let opened = host(&hello, image);
    let (host, lane) = match opened {
        Ok(opened) => opened,
        Err(why) => {
            say(&mut socket, &Report::Ready(Err(why)))?;
            // Whoever hears that ends this process.
            return io::copy(&mut socket, &mut io::sink()).map(drop);
        }
    };
    on(lane, async move {
        let line = Arc::new(Line::new(socket)?);
        if let Some(level) = hello.log {
            log::start(&line, level.into());
        }
        let writer = Arc::clone(&line);
        tokio::spawn(async move { writer.write().await });
        line.say(&Report::Ready(Ok(())), Haste::Now).map_err(io::Error::other)?;
        orders(Desk::new(host, &hello, &line), &line, &mut heard).await;
        let end = Instant::now() + SETTLING;
        while Instant::now() < end && (apart::under_way() > 0 || line.backlog() > 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    })
}

/// What the other end says first.
fn hello(socket: &mut UnixStream, heard: &mut Incoming) -> io::Result<Hello> {
    let mut piece = [0; 4096];
    loop {
        if let Some(hello) = heard.next().map_err(io::Error::other)? {
            return Ok(hello);
        }
        match socket.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            octets => heard.room().extend(&piece[..octets]),
        }
    }
}

fn say(socket: &mut UnixStream, report: &Report) -> io::Result<()> {
    let mut outgoing = Outgoing::default();
    outgoing.push(report).map_err(io::Error::other)?;
    socket.write_all(outgoing.rest())
}

/// The host of the plugins that this process is for, and the thread that futures of the one asked
/// for run on, if it has any.
fn host(hello: &Hello, image: Option<OwnedFd>) -> Result<(PluginHost, Option<Arc<Lane>>), String> {
    let library = image.map(|image| {
        // SAFETY: a process of ours has loaded these very octets and lived, and they are sealed.
        unsafe { Library::open(&loadable(&image)) }.map_err(|error| error.to_string())
    });
    let library = library.transpose()?;
    let registry = match &library {
        Some(library) => Registry::of_linked(library.plugins()),
        None => Registry::built_in(),
    };
    let registry = registry.map_err(|error| error.to_string())?;
    let patience = Patience { grace: FOREVER, making: FOREVER, ..Patience::default() };
    // Nothing in here is apart from it once more.
    let host = PluginHost::with(registry, Foreign::AsConfigured, Program::this(), patience)
        .map_err(|error| format!("no thread for its plugin: {error}"))?;
    if let Some(library) = library {
        let timers = host.works.watch.handle();
        library.greet(Arc::new(Side::with_timers(&hello.plugin, timers)));
    }
    let kind = Kind::from(hello.kind);
    let lane = match host.registry().get(kind, &hello.plugin) {
        Some(plugin) if kind == Kind::Probe && !plugin.blocks() => {
            Some(host.lane(plugin).map_err(|fault: Fault| fault.to_string())?)
        }
        _ => None,
    };
    Ok((host, lane))
}

/// Has `work` done: where futures of the plugin run, so that a call changes threads no more often
/// than it must, or else on this thread. A plugin that blocks its thread does not answer either
/// way.
fn on(
    lane: Option<Arc<Lane>>,
    work: impl Future<Output = io::Result<()>> + Send + 'static,
) -> io::Result<()> {
    let Some(lane) = lane else {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        return runtime.block_on(work);
    };
    let (done, outcome) = mpsc::sync_channel(1);
    lane.handle().spawn(async move {
        // It is waited for.
        let _ = done.send(work.await);
    });
    outcome.recv().map_err(io::Error::other)?
}

/// Until the end is ordered, or nobody is left to order it.
async fn orders(mut desk: Desk, line: &Line, heard: &mut Incoming) {
    let ended = desk.ended();
    tokio::select! {
        () = ended.notified() => {}
        _ = line.hear(heard, |order: Order| desk.take(order)) => {}
    }
}
