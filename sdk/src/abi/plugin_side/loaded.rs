//! A library's voice where no call of it is under way.
//!
//! A library has a standard library of its own, hence a panic hook of its own: the one that is
//! installed here. The host's is another. Built-in plugins share the host's, so for them nothing
//! here is called.

use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::HostRef;
use crate::abi::guard::{catch, text_of};
use crate::abi::heard::{Heard, Panic, heard};
use crate::host::Level;
use rais_abi::HostBox;

/// Who is told. Never taken away: a library is never unloaded.
static VOICE: Mutex<Option<HostRef>> = Mutex::new(None);

/// See [`PluginRoot`](crate::abi::PluginRoot).
pub(crate) extern "C" fn loaded(host: HostBox) {
    let host = HostRef::new(host);
    // A hook cannot be set while this thread panics, which no host does here.
    let _ = catch(|| {
        let last = VOICE.lock().unwrap_or_else(PoisonError::into_inner).replace(host);
        // After the lock: its end is the host's code.
        drop(last);
        panic::set_hook(Box::new(hook));
    });
}

fn hook(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
    match heard(Panic { text: text_of(info.payload()), place }) {
        Heard::ByGuard => {}
        Heard::ByNobody(Panic { text, place }) => {
            let thread = thread::current();
            let name = thread.name().unwrap_or("without a name");
            say(&format!("thread {name}: panicked: {text}, at {place}"));
        }
        Heard::Last(Panic { text, place }) => {
            let line = format!("panicked where nothing can catch it: {text}, at {place}");
            say(&line);
            // The process ends now, and with it what the host has not yet written.
            let _ = writeln!(std::io::stderr(), "rais plugin: {line}");
        }
    }
}

fn say(line: &str) {
    let host = VOICE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(host) = host {
        host.log(Level::Error, line);
    }
}
