//! Speaks to name servers, for sinks.
//!
//! A [`Conversation`] with a [`Server`] asks [`Question`]s and sends whatever [`Request`] one makes,
//! by UDP and TCP, within a time limit; with a [`Key`], everything is signed and every answer is
//! checked (TSIG, RFC 8945). A [`Stream`] is for what is not DNS: a server's command channel. Nothing here holds a thread longer than that limit, or than a moment
//! once the sink is stopped.

mod conversation;
mod deadline;
mod error;
mod file;
mod key;
mod question;
mod request;
mod stream;

pub use conversation::{Conversation, Life, Server, Way};
pub use deadline::Deadline;
pub use error::DnsError;
pub use file::{Access, KeyFile, KeyFileError};
pub use key::{Algorithm, Key, KeyError};
pub use question::{Answered, Question};
pub use request::{Builder, Request};
pub use stream::{Limit, Stream};
