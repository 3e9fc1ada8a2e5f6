//! The table of a load of type `http`.

use std::collections::BTreeMap;

use rais_http::{Keys, Scheme, Size};
use rais_sdk::{Fault, config};
use rais_talk::Pattern;
use rais_tls::TlsOptions;

use crate::Http;
use crate::gauge::{Format, Gauge};

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
    /// Further headers of the request, by name.
    #[default]
    headers: BTreeMap<String, String>,
    /// Where the number stands: "orca" (the header `endpoint-load-metrics`), "json" (a field of the
    /// body) or "text" (the body is a number, or has one). Without it "json" where `field` is
    /// written, "text" where `pattern` is, else "orca".
    format: Option<Format>,
    /// The field of the JSON body, its names joined by dots: "load.cpu". In ORCA: the metric, in
    /// place of application_utilization and cpu_utilization.
    field: Option<String>,
    /// Regular expression with one group, which is the number.
    pattern: Option<Pattern>,
    /// How much is 100 %. Without it 1 in ORCA, else 100.
    full: Option<f64>,
    /// The body may be so long.
    #[default = "64KiB"]
    max_body: Size,
    /// How TLS is spoken, with the scheme "https".
    tls: Option<TlsOptions>,
}

impl Http {
    pub(crate) fn of(config: Config) -> Result<Self, Fault> {
        let Config { url, scheme, path, host, headers, .. } = config;
        let keys = Keys { url, scheme, path, host, method: None, headers };
        let page = keys.page()?;
        let secure = keys.secure(&page, config.tls)?;
        let Config { format, field, pattern, full, max_body, .. } = config;
        let gauge = Gauge::new(format, field, pattern, full, max_body)?;
        Ok(Self { page, secure, gauge })
    }
}
