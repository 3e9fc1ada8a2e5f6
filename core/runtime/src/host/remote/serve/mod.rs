//! A plugin's process: an ordinary plugin host with one plugin in it, asked over a socket.
#![allow(unsafe_code)] // loads a library, in a process made for nothing else

mod desk;
mod log;
mod outlet;

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, raise};
use rais_sdk::host::Library;
use tokio::runtime::Builder;

use self::desk::Desk;
use super::frame::Incoming;
use super::line::{Haste, Line};
use super::wire::{Hello, Order, Report};
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
    let found = match Found::take() {
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
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let line = Arc::new(Line::new(socket)?);
        if let Some(level) = hello.log {
            log::start(&line, level.into());
        }
        let writer = Arc::clone(&line);
        tokio::spawn(async move { writer.write().await });
        let said = match host(&hello, image) {
            Ok(host) => {
                let desk = Desk::new(host, &hello, &line);
                line.say(&Report::Ready(Ok(())), Haste::Now).map_err(io::Error::other)?;
                attend_to(desk, &line, &mut heard).await;
                Ok(())
            }
            Err(why) => line.say(&Report::Ready(Err(why)), Haste::Now),
        };
        let end = Instant::now() + SETTLING;
        while Instant::now() < end && (apart::under_way() > 0 || line.backlog() > 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        said.map_err(io::Error::other)
    })
}

/// What the other end says first.
fn hello(socket: &mut impl Read, heard: &mut Incoming) -> io::Result<Hello> {
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

/// The host of the plugins that this process is for.
fn host(hello: &Hello, image: Option<OwnedFd>) -> Result<PluginHost, String> {
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
    Ok(host)
}

/// Until the end is ordered, or nobody is left to order it.
async fn attend_to(mut desk: Desk, line: &Line, heard: &mut Incoming) {
    let ended = desk.ended();
    tokio::select! {
        () = ended.notified() => {}
        _ = line.hear(heard, |order: Order| desk.take(order)) => {}
    }
}
