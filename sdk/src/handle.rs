//! The host, as sinks and transports hold it.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::abi::guard::catch;
use crate::abi::plugin_side::HostRef;
use crate::host::Level;

/// The host of a sink or transport. Clones are cheap and may go to any thread.
#[derive(Clone)]
pub struct Host(HostRef);

/// What becomes of a thread whose work has panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// The work is called again, after a pause that grows from 10 ms to 1 s.
    Restart,
    /// The thread ends.
    Once,
}

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Host {
    pub(crate) fn new(host: HostRef) -> Self {
        Self(host)
    }

    /// A line in the host's log.
    pub fn log(&self, text: &str) {
        self.0.log(Level::Info, text);
    }

    /// A line in the host's log that an operator should see.
    pub fn warn(&self, text: &str) {
        self.0.log(Level::Warn, text);
    }

    /// Starts a thread of the plugin's own. It ends when `work` returns; a panic in it is logged
    /// and ends or restarts this thread alone.
    ///
    /// # Errors
    /// The operating system's, when it gives no thread, or `InvalidInput` for a name with a NUL.
    pub fn spawn(
        &self,
        name: &str,
        again: Again,
        mut work: impl FnMut() + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        if name.contains('\0') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a thread name with a NUL"));
        }
        let host = self.0.clone();
        let thread = name.to_owned();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut pause = FIRST_PAUSE;
            while let Err(text) = catch(&mut work) {
                host.log(Level::Error, &format!("thread {thread}: panicked: {text}"));
                if again == Again::Once {
                    break;
                }
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            // The work's own destructor belongs to the author too.
            if let Err(text) = catch(move || drop(work)) {
                host.log(Level::Error, &format!("thread {thread}: panicked at its end: {text}"));
            }
        })
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}
