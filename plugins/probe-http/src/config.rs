//! The table of a probe of type `http`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rais_http::{Keys, Scheme, Size, StatusRanges};
use rais_sdk::{Fault, config};
use rais_talk::Pattern;
use rais_tls::TlsOptions;

use crate::Http;
use crate::body::Body;

/// The table as it stands in the file. Without `Debug`: values of headers may be secret.
#[config]
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
    body_matches: Option<Pattern>,
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
        let body = Body::new(config.body, config.body_matches)?;
        let Config { url, scheme, path, host, method, headers, .. } = config;
        if body.is_some() && method == "HEAD" {
            let text = "`HEAD` asks for no body, and one is looked at: `body`, `body_matches`";
            return Err(Fault::config("method", text));
        }
        let keys = Keys { url, scheme, path, host, method: Some(method), headers };
        let page = keys.page()?;
        Ok(Self {
            secure: keys.secure(&page, config.tls)?,
            page,
            status: config.status,
            body,
            max_body: config.max_body,
            redirects: config.redirects,
            said: Mutex::default(),
        })
    }
}
