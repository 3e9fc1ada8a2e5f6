//! The table of a transport `nats`, as it stands there and as it is understood.

use std::fmt;

use async_nats::{ConnectOptions, ServerAddr};
use rais_sdk::{Fault, PathText, config};

use crate::certificates::{Certificates, Doubt};
use crate::credentials::{Credentials, Ways};
use crate::subject::Subject;

/// The table as it stands in the file.
#[config]
#[derive(Debug)]
pub struct NatsTable {
    /// NATS servers of one cluster, "nats://HOST:4222" or "tls://HOST:4222"; beats go by one of them,
    /// the next is taken where that fails. With one "tls://" no connection goes without TLS.
    #[option(type = "list of URLs")]
    servers: Vec<String>,
    /// The subject that beats are sent under, the same for all monitors and binders of a cluster of
    /// rais.
    #[default]
    subject: Subject,
    /// File with a user's JWT and the seed of its nkey, as `nsc` writes it ("rais.creds"); mode 0600.
    credentials: Option<PathText>,
    /// File with the seed of a user's nkey; mode 0600.
    nkey_file: Option<PathText>,
    /// File with a token; mode 0600.
    token_file: Option<PathText>,
    /// Name of a user with a password; needs `password_file`.
    user: Option<String>,
    /// File with the password of `user`; mode 0600.
    password_file: Option<PathText>,
    /// Has every connection go by TLS, and says by which certificates; `{}` is TLS with the system's
    /// authorities.
    tls: Option<TlsTable>,
}

/// Certificates.
#[config]
#[derive(Debug, Clone, Default)]
pub struct TlsTable {
    /// File (PEM) with the certificates of the authorities to be trusted, in place of the system's.
    pub(crate) ca: Option<PathText>,
    /// File (PEM) with the certificate that is shown to the server, and those that lead to its
    /// authority; needs `key`.
    pub(crate) certificate: Option<PathText>,
    /// File (PEM) with the key of `certificate`; nobody but its owner and group may have access.
    pub(crate) key: Option<PathText>,
}

/// Where to, and as whom.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) servers: Vec<Server>,
    pub(crate) subject: Subject,
    pub(crate) credentials: Credentials,
    tls: Security,
}

/// A server's URL, without any secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server(ServerAddr);

#[derive(Debug)]
enum Security {
    /// As the server likes it.
    Either,
    /// TLS or nothing.
    Tls(Box<Certificates>),
}

impl TryFrom<NatsTable> for Site {
    type Error = Fault;

    fn try_from(table: NatsTable) -> Result<Self, Fault> {
        let NatsTable { servers, subject, tls, .. } = table;
        let servers = parsed(&servers)?;
        let is_asked = tls.is_some() || servers.iter().any(|it| it.0.tls_required());
        let tls = match is_asked {
            true => Security::Tls(Box::new(Certificates::open(tls.unwrap_or_default())?)),
            false => Security::Either,
        };
        let NatsTable { credentials, nkey_file, token_file, user, password_file, .. } = table;
        let ways = Ways { credentials, nkey_file, token_file, user, password_file };
        Ok(Self { servers, subject, credentials: Credentials::of(ways)?, tls })
    }
}

impl Site {
    /// How a connection is to be made, from the files as they are now; and what is wrong with those of
    /// TLS.
    pub(crate) fn options(&self) -> Result<(ConnectOptions, Option<Doubt>), String> {
        let options = self.credentials.prove(ConnectOptions::new())?;
        let Security::Tls(certificates) = &self.tls else { return Ok((options, None)) };
        let (config, doubt) = certificates.config();
        Ok((options.require_tls(true).tls_client_config(config), doubt))
    }
}

impl Server {
    pub(crate) fn address(&self) -> ServerAddr {
        self.0.clone()
    }

    /// What is refused may be a secret in the wrong place, and is not repeated then.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains('@') {
            return Err("no user, password or token in a URL: they stand in files of their own \
                        (`credentials`, `nkey_file`, `token_file`, `password_file`)"
                .to_owned());
        }
        let wanted = || format!("`{text}` is no \"nats://HOST:PORT\" and no \"tls://HOST:PORT\"");
        let address: ServerAddr = text.parse().map_err(|_| wanted())?;
        let url = address.clone().into_inner();
        let is_plain = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && !address.host().is_empty();
        if address.is_websocket() || !is_plain || url.port() == Some(0) {
            return Err(wanted());
        }
        Ok(Self(address))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_url_str())
    }
}

fn parsed(texts: &[String]) -> Result<Vec<Server>, Fault> {
    if texts.is_empty() {
        let text = "names none; list a URL such as \"nats://nats.example:4222\"";
        return Err(Fault::config("servers", text));
    }
    let mut servers: Vec<Server> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let at = || format!("servers[{index}]");
        let server = Server::parse(text).map_err(|why| Fault::config(at(), why))?;
        if servers.contains(&server) {
            return Err(Fault::config(at(), format!("{server} is given twice")));
        }
        servers.push(server);
    }
    Ok(servers)
}
