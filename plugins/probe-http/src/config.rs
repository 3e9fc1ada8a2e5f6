//! The table of a probe of type `http`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rais_http::{Keys, Scheme, Size, StatusRanges};
use rais_sdk::{Fault, config};
use rais_tls::{ServerName, Tls, TlsOptions};

use crate::Http;
use crate::body::Body;

/// The table as it stands in the file.
#[config]
#[derive(Debug)]
pub struct Config {
    /// The page: scheme, host, port and path in one, in place of those keys. A host name is sent to
    /// the server and never looked up; an IP address is connected to in place of each target's own.
    #[option(type = "URL")]
    url: Option<String>,
    /// "http" (at port 80 where none is named) or "https" (at port 443); without it "http".
    scheme: Option<Scheme>,
    /// Path and query; without it "/".
    path: Option<String>,
    /// What is sent as `Host`, and what a certificate must be for. Without it each target's own
    /// address.
    host: Option<String>,
    /// Method of the request, in capitals.
    #[default = "GET"]
    method: String,
    /// Further headers of the request, by name.
    #[default]
    headers: BTreeMap<String, String>,
    /// Status codes that are well.
    #[default = ["200-399"]]
    status: StatusRanges,
    /// Text that must occur in the body.
    body: Option<String>,
    /// Regular expression that the body must match somewhere; it is about octets.
    #[option(type = "regular expression")]
    body_matches: Option<String>,
    /// So much of the body is read at most.
    #[default = "64KiB"]
    max_body: Size,
    /// So many redirects are followed, within the same scheme, host and port.
    #[default]
    redirects: u8,
    /// How TLS is spoken, with the scheme "https".
    tls: Option<TlsOptions>,
}

impl Http {
    pub(crate) fn of(config: Config) -> Result<Self, Fault> {
        let Config { url, scheme, path, host, method, headers, .. } = config;
        let key_of_host = if url.is_some() { "url" } else { "host" };
        let page = Keys { url, scheme, path, host, method: Some(method), headers }.page()?;
        let tls = match (page.scheme(), config.tls) {
            (Scheme::Http, None) => None,
            (Scheme::Http, Some(_)) => {
                let text = "has no meaning without TLS, which the scheme \"https\" is for";
                return Err(Fault::config("tls", text));
            }
            (Scheme::Https, options) => {
                let options = options.unwrap_or_default();
                Some(Tls::new(&options).map_err(|fault| rais_tls::within("tls", fault))?)
            }
        };
        let name = page.host().filter(|_| tls.is_some()).map(|host| {
            ServerName::try_from(host.to_owned()).map_err(|_| {
                Fault::config(key_of_host, format!("`{host}` is no name that a certificate has"))
            })
        });
        Ok(Self {
            name: name.transpose()?,
            tls,
            page,
            status: config.status,
            body: Body::new(config.body.as_deref(), config.body_matches.as_deref())?,
            max_body: config.max_body,
            redirects: config.redirects,
            said: Mutex::default(),
        })
    }
}
