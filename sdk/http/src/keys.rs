//! The keys by which a table says which page is meant.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::str::FromStr;

use http::uri::{Authority, PathAndQuery};
use http::{HeaderName, HeaderValue, Method, Uri};
use rais_sdk::{Fault, config};

use crate::Page;
use crate::request::Request;

/// How the server is spoken to.
#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// As it is, by default at port 80.
    #[default]
    Http,
    /// Over TLS, by default at port 443.
    Https,
}

/// What a table says of its page; what is left out has its default.
#[derive(Clone, Default)]
pub struct Keys {
    /// Scheme, host, port and path in one. Not together with `scheme`, `path` or `host`.
    pub url: Option<String>,
    /// `http`.
    pub scheme: Option<Scheme>,
    /// With its query; `"/"`.
    pub path: Option<String>,
    /// For the header of that name; the target's own address.
    pub host: Option<String>,
    /// `"GET"`.
    pub method: Option<String>,
    /// Beside those that the request has of itself: name and value.
    pub headers: BTreeMap<String, String>,
}

/// They say how long a message is and what becomes of the connection.
const OURS: [&str; 6] =
    ["connection", "content-length", "te", "trailer", "transfer-encoding", "upgrade"];

const METHOD: &str = "a method such as \"GET\", \"HEAD\" or \"POST\", in capitals";

impl Scheme {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Where a server of this scheme listens if nobody says otherwise.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Keys {
    /// The page meant.
    ///
    /// # Errors
    /// [`FaultKind::Config`](rais_sdk::FaultKind::Config) at the key that is wrong.
    pub fn page(&self) -> Result<Page, Fault> {
        let method = self.method.as_deref().map_or(Ok(Method::GET), method)?;
        let headers = headers(&self.headers)?;
        let Some(url) = &self.url else {
            let path = path(self.path.as_deref().unwrap_or("/"))?;
            let host = self.host.as_deref().map(|host| authority("host", host)).transpose()?;
            let request = Request::new(method, host, path, headers);
            return Ok(Page::new(self.scheme.unwrap_or_default(), None, None, request));
        };
        for (key, is_written) in [
            ("scheme", self.scheme.is_some()),
            ("path", self.path.is_some()),
            ("host", self.host.is_some()),
        ] {
            if is_written {
                let text =
                    format!("stands beside `url`, which says that too; write `url` or `{key}`");
                return Err(Fault::config(key, text));
            }
        }
        let url = Url::read(url).map_err(|text| Fault::config("url", text))?;
        let request = Request::new(method, Some(url.authority), url.path, headers);
        Ok(Page::new(url.scheme, url.ip, url.port, request))
    }
}

/// Values of headers may be secret.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("url", &self.url)
            .field("scheme", &self.scheme)
            .field("path", &self.path)
            .field("host", &self.host)
            .field("method", &self.method)
            .field("headers", &self.headers.keys())
            .finish()
    }
}

/// An absolute URL without user and password.
#[derive(Debug)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// Of a literal.
    pub(crate) ip: Option<IpAddr>,
    pub(crate) port: Option<NonZeroU16>,
    pub(crate) path: PathAndQuery,
}

impl Url {
    /// What is wrong where it is none.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        const ALLOWED: &str = "write \"http://host/path\" or \"https://host:port/path\"";
        let uri = Uri::from_str(text).map_err(|error| format!("no URL: {error}; {ALLOWED}"))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(other) => return Err(format!("`{other}` is not spoken; {ALLOWED}")),
            None => return Err(format!("lacks its scheme; {ALLOWED}")),
        };
        let Some(authority) = uri.authority() else {
            return Err(format!("lacks its host; {ALLOWED}"));
        };
        let (ip, port) = host_and_port(authority)?;
        if let Some(why) = ip.and_then(nowhere) {
            return Err(format!("`{}` {why}", authority.host()));
        }
        let path = uri.path_and_query().cloned();
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { scheme, authority: authority.clone(), ip, port, path })
    }
}

/// The address where the host is a literal, and the port where one is written.
fn host_and_port(authority: &Authority) -> Result<(Option<IpAddr>, Option<NonZeroU16>), String> {
    let host = authority.host();
    if authority.as_str().contains('@') {
        return Err("no user and password are taken".to_owned());
    }
    let written = authority.as_str().strip_prefix(host).unwrap_or_default();
    let port = match written.strip_prefix(':') {
        None => None,
        Some(digits) => match port(digits) {
            Some(port) => Some(port),
            None => return Err(format!("`{digits}` is no port; 1 to 65535 are")),
        },
    };
    if let Some(literal) = host.strip_prefix('[') {
        let literal = literal.trim_end_matches(']');
        return match literal.parse::<Ipv6Addr>() {
            Ok(ip) => Ok((Some(ip.into()), port)),
            Err(_) => Err(format!("`{literal}` is no IPv6 address")),
        };
    }
    let of_a_name = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
    if host.is_empty() || !host.bytes().all(of_a_name) {
        return Err(format!("`{host}` is no host; a name or an address is, \"[2001:db8::1]\" too"));
    }
    match host.parse::<IpAddr>() {
        Ok(ip) => Ok((Some(ip), port)),
        // Many programs take what looks like an address for another one: "010.0.0.1", "127.1".
        Err(_) if ends_in_a_number(host) => {
            Err(format!("`{host}` is no IPv4 address; four numbers from 0 to 255 are"))
        }
        Err(_) => Ok((None, port)),
    }
}

fn port(digits: &str) -> Option<NonZeroU16> {
    let is_short = (1..=5).contains(&digits.len());
    let is_plain = is_short && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}

/// The URL Standard's word for hosts that are addresses or wrong, §3.5.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match hex {
        Some(hex) => hex.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|digit| digit.is_ascii_digit()),
    }
}

/// Why nobody listens there.
fn nowhere(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        ip if ip.is_unspecified() => Some("is the address of nobody"),
        ip if ip.is_multicast() => Some("is an address of many (multicast)"),
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some("is an address of many (broadcast)"),
        _ => None,
    }
}

fn authority(key: &str, text: &str) -> Result<Authority, Fault> {
    let authority = Authority::from_str(text).map_err(|error| {
        Fault::config(key, format!("no host: {error}; write \"host\" or \"host:port\""))
    })?;
    host_and_port(&authority).map_err(|text| Fault::config(key, text))?;
    Ok(authority)
}

fn path(text: &str) -> Result<PathAndQuery, Fault> {
    let fault = |text: String| Fault::config("path", text);
    if !text.starts_with('/') {
        return Err(fault(format!("`{text}` does not begin with `/`")));
    }
    if text.contains('#') {
        return Err(fault("what follows a `#` is never sent; leave it out".to_owned()));
    }
    PathAndQuery::from_str(text).map_err(|error| fault(format!("no path: {error}")))
}

fn method(text: &str) -> Result<Method, Fault> {
    let is_upper = text.bytes().all(|octet| octet.is_ascii_uppercase() || octet == b'-');
    match Method::from_str(text) {
        // CONNECT's path is none, and its answer no page.
        Ok(method) if is_upper && method != Method::CONNECT => Ok(method),
        _ => Err(Fault::config("method", format!("`{text}` is not {METHOD}"))),
    }
}

/// The lines of the header that a table adds.
fn headers(written: &BTreeMap<String, String>) -> Result<Vec<(HeaderName, HeaderValue)>, Fault> {
    let mut lines: Vec<(HeaderName, HeaderValue)> = Vec::with_capacity(written.len());
    for (name, value) in written {
        let line = header(name, value)?;
        if lines.iter().any(|(other, _)| *other == line.0) {
            let text = "stands there twice: capitals make no other name";
            return Err(Fault::config(format!("headers.{name}"), text));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Fault> {
    let fault = |text: &str| Fault::config(format!("headers.{name}"), text);
    let parsed = HeaderName::from_str(name).map_err(|_| fault("no name of a header"))?;
    if parsed == http::header::HOST {
        return Err(fault("has a key of its own: `host`, or the host of `url`"));
    }
    if OURS.contains(&parsed.as_str()) {
        return Err(fault("is for the request itself to say"));
    }
    let value = HeaderValue::from_str(value)
        .map_err(|_| fault("no value of a header; visible ASCII, spaces and tabs are"))?;
    Ok((parsed, value))
}

#[cfg(test)]
mod tests;
