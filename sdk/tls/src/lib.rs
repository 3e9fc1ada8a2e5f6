//! TLS as a client, for plugins that ask servers.
//!
//! [`TlsOptions`] is the table `tls` of a plugin's table, [`Tls`] what has been made of it, once for
//! each table, and [`TlsStream`] one connection. [`Tls::client_config_for`] is for those who block.
//!
//! ```
//! use rais_sdk::prelude::*;
//! use rais_tls::{Tls, TlsOptions};
//!
//! struct Greeting {
//!     tls: Tls,
//! }
//!
//! #[config]
//! struct Table {
//!     /// How the server is spoken to.
//!     #[default]
//!     tls: TlsOptions,
//! }
//!
//! impl Probe for Greeting {
//!     const NAME: &'static str = "greeting";
//!     const SAMPLE: &'static str = "type = \"greeting\"\nport = 993";
//!     type Config = Table;
//!
//!     fn new(table: Table) -> Result<Self, Fault> {
//!         let tls = Tls::new(&table.tls).map_err(|fault| rais_tls::within("tls", fault))?;
//!         Ok(Self { tls })
//!     }
//!
//!     async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
//!         cx.phase("connecting");
//!         let stream = TcpStream::connect(cx.net(), target.address).await?;
//!         let name = target.address.ip().into();
//!         let mut stream = self.tls.connect(cx, stream, target.address, &name).await?;
//!         cx.phase("greeting");
//!         let mut greeting = [0; 4];
//!         stream.read(&mut greeting).await.map_err(|error| rais_tls::fault(&error))?;
//!         let up = Up::new(cx.elapsed()).with_detail(stream.notice().unwrap_or_default());
//!         stream.close(cx).await?;
//!         Ok(up)
//!     }
//! }
//! ```
//!
//! Rustls with *ring* is behind it; one provider in a binary is enough.

mod certificate;
mod files;
mod options;
mod sessions;
mod stream;
mod unverified;
mod words;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_rustls::TlsConnector;
use rais_sdk::net::TcpStream;
use rais_sdk::{Cx, Fault};
pub use rustls;
pub use rustls::ClientConfig;
use rustls::CommonState;
pub use rustls::pki_types::ServerName;

pub use options::TlsOptions;
use sessions::Sessions;
pub use stream::TlsStream;
use stream::{Ends, Socket};
pub use words::fault;

/// The phase of [`Tls::connect`].
pub const HANDSHAKE: &str = "TLS handshake";

/// What has been made of one table of [`TlsOptions`].
#[derive(Debug)]
pub struct Tls {
    sessions: Sessions,
    name: Option<ServerName<'static>>,
    ahead: Duration,
}

impl Tls {
    /// Reads the files that are named, and the system's authorities where they count.
    ///
    /// # Errors
    /// [`Fault::config`] at the key in question, without the name of the table around it: see
    /// [`within`].
    pub fn new(options: &TlsOptions) -> Result<Self, Fault> {
        let name = options.name.as_deref().map(|name| {
            ServerName::try_from(name.to_owned()).map_err(|_| {
                Fault::config("name", format!("`{name}` is neither a host name nor an IP address"))
            })
        });
        Ok(Self {
            name: name.transpose()?,
            sessions: Sessions::new(files::config(options)?, options.resume),
            ahead: options.expires.get(),
        })
    }

    /// The handshake over `stream`, which is connected to `to`, in phase [`HANDSHAKE`]. The
    /// certificate must be for the table's `name`, or else for `default`; where that is no IP
    /// address it is sent too (SNI).
    ///
    /// # Errors
    /// [`FaultKind::Down`](rais_sdk::FaultKind::Down), short and in words for people.
    pub async fn connect(
        &self,
        cx: &Cx,
        stream: TcpStream,
        to: SocketAddr,
        default: &ServerName<'static>,
    ) -> Result<TlsStream, Fault> {
        cx.phase(HANDSHAKE);
        let name = self.name.as_ref().unwrap_or(default).clone();
        let connector = TlsConnector::from(self.sessions.config(to, cx.now()));
        let stream =
            connector.connect(name, Socket(stream)).await.map_err(|error| fault(&error))?;
        let ends = Ends { at: certificate::end(stream.get_ref().1), ahead: self.ahead };
        self.keep_or_forget(to, ends);
        Ok(TlsStream::new(stream, ends))
    }

    /// For those who block: for one connection to `to`, with the sessions of that address. Tell
    /// [`connected`](Self::connected) once its handshake is done.
    #[must_use]
    pub fn client_config_for(&self, to: SocketAddr) -> Arc<ClientConfig> {
        self.sessions.config(to, Instant::now())
    }

    /// The handshake of a connection to `to` is done, and a session of it will be resumed, but for
    /// one whose certificate ends soon.
    pub fn connected(&self, to: SocketAddr, connection: &CommonState) {
        let ends = Ends { at: certificate::end(connection), ahead: self.ahead };
        self.keep_or_forget(to, ends);
    }

    fn keep_or_forget(&self, to: SocketAddr, ends: Ends) {
        if ends.are_near() {
            // A session that is resumed brings its old certificate along, and nobody judges that
            // again. The next handshake is a full one: it shows whether there is a new one.
            self.sessions.forget(to);
        }
    }

    /// The name that the table gives.
    #[must_use]
    pub fn name(&self) -> Option<&ServerName<'static>> {
        self.name.as_ref()
    }
}

/// For those who have a library of their own make connections, with sessions of its own: what
/// `options` say, from the files as they are now.
///
/// # Errors
/// As [`Tls::new`].
pub fn client_config(options: &TlsOptions) -> Result<ClientConfig, Fault> {
    files::config(options)
}

/// `fault` as one of the table `key`: where the plugin's own table names these options so.
#[must_use]
pub fn within(key: &str, mut fault: Fault) -> Fault {
    fault.at = if fault.at.is_empty() { key.to_owned() } else { format!("{key}.{}", fault.at) };
    fault
}
