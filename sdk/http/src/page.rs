//! A page of a server: where it is, and how it is asked for.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::str::FromStr;

use http::Method;
use http::uri::PathAndQuery;
use rais_sdk::Fault;

use crate::keys::{Scheme, Url};
use crate::request::Request;

/// What [`Keys`](crate::Keys) say, understood.
#[derive(Debug, Clone)]
pub struct Page {
    scheme: Scheme,
    /// Connected to in place of each target's own.
    ip: Option<IpAddr>,
    port: Option<NonZeroU16>,
    request: Request,
}

/// So many octets of where a redirect leads are shown.
const SHOWN: usize = 64;

impl Page {
    pub(crate) fn new(
        scheme: Scheme,
        ip: Option<IpAddr>,
        port: Option<NonZeroU16>,
        request: Request,
    ) -> Self {
        Self { scheme, ip, port, request }
    }

    /// How the server is spoken to.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Where to connect for `target`, whose port is 0 where its table names none: to the address
    /// in `url`, or else to the target's own. No name is ever looked up.
    ///
    /// # Errors
    /// [`FaultKind::Config`](rais_sdk::FaultKind::Config) at `port` where both it and `url` name one.
    pub fn address(&self, mut target: SocketAddr) -> Result<SocketAddr, Fault> {
        let port = match (self.port.map(NonZeroU16::get), target.port()) {
            (Some(ours), 0) => ours,
            (Some(ours), theirs) if ours == theirs => ours,
            (Some(ours), _) => {
                let text = format!("`url` names a port too, {ours}; write it in one of them");
                return Err(Fault::config("port", text));
            }
            (None, 0) => self.scheme.port(),
            (None, theirs) => theirs,
        };
        if let Some(ip) = self.ip {
            target.set_ip(ip);
        }
        target.set_port(port);
        Ok(target)
    }

    /// The octets to send to the server at `address`.
    #[must_use]
    pub fn request(&self, address: SocketAddr) -> Cow<'_, [u8]> {
        self.request.octets(|| self.own_host(address))
    }

    /// The host written, without port and brackets; `None` where it is each target's own address.
    /// A certificate is to be for it.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.request.host.as_ref().map(|host| host.host().trim_matches(['[', ']']))
    }

    /// Whether the answer has a header alone.
    pub(crate) fn is_without_body(&self) -> bool {
        self.request.method == Method::HEAD
    }

    /// The page to which an answer's `Location` leads: of the same scheme and host, at the port
    /// connected to or that of `Host`, since what is asked about is this server at `address`.
    ///
    /// # Errors
    /// [`FaultKind::Down`](rais_sdk::FaultKind::Down) where it leads elsewhere, or nowhere.
    pub fn redirected(
        &self,
        status: u16,
        location: &[u8],
        address: SocketAddr,
    ) -> Result<Self, Fault> {
        let wrong = || {
            if location.contains(&b'@') {
                // It may have a password.
                return Fault::down("redirected to no URL, or to one with a user");
            }
            let shown = &location[..location.len().min(SHOWN)];
            Fault::down(format!("redirected to no URL: {}", shown.escape_ascii()))
        };
        let text = std::str::from_utf8(location).map_err(|_| wrong())?;
        let text = text.split('#').next().unwrap_or_default();
        let path = match self.resolve(text) {
            Location::Here(path) => PathAndQuery::from_str(&path).map_err(|_| wrong())?,
            Location::Absolute(url) => {
                let url = Url::read(&url).map_err(|_| wrong())?;
                if !self.is_at(&url, address) {
                    let (scheme, host) = (url.scheme.as_str(), url.authority.as_str());
                    return Err(Fault::down(format!("redirected to {scheme}://{host:.SHOWN$}")));
                }
                url.path
            }
        };
        // RFC 9110 §15.4: 307 and 308 keep the method; what browsers do with the others.
        let method = match (status, &self.request.method) {
            (307 | 308, method) | (_, method @ &Method::HEAD) => method.clone(),
            _ => Method::GET,
        };
        Ok(Self { request: self.request.with(method, path), ..self.clone() })
    }

    /// RFC 3986 §5.2, but for dots in the path: servers understand them.
    fn resolve(&self, location: &str) -> Location {
        let path = self.request.path.path();
        let first = location.split(['/', '?']).next().unwrap_or_default();
        if first.contains(':') {
            Location::Absolute(location.to_owned())
        } else if location.starts_with("//") {
            Location::Absolute(format!("{}:{location}", self.scheme.as_str()))
        } else if location.starts_with('/') {
            Location::Here(location.to_owned())
        } else if location.is_empty() || location.starts_with('?') {
            Location::Here(format!("{path}{location}"))
        } else {
            let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
            Location::Here(format!("{folder}{location}"))
        }
    }

    fn is_at(&self, url: &Url, address: SocketAddr) -> bool {
        let port = |port: Option<u16>| port.unwrap_or(self.scheme.port());
        let (ours, our_port) = match &self.request.host {
            Some(host) => (host.host().to_owned(), port(host.port_u16())),
            None => (host_of(address.ip()), address.port()),
        };
        url.scheme == self.scheme
            && url.authority.host().eq_ignore_ascii_case(&ours)
            && [our_port, address.port()].contains(&port(url.port.map(NonZeroU16::get)))
    }

    /// As it stands in the header `Host`.
    fn own_host(&self, address: SocketAddr) -> String {
        let host = host_of(address.ip());
        match address.port() {
            port if port == self.scheme.port() => host,
            port => format!("{host}:{port}"),
        }
    }
}

enum Location {
    /// A path of this server.
    Here(String),
    Absolute(String),
}

fn host_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use crate::Keys;

    const AT: &str = "192.0.2.1:80";

    fn redirected(keys: &Keys, status: u16, location: &str) -> Result<String, String> {
        let address = AT.parse().unwrap();
        let page = keys.page().unwrap().redirected(status, location.as_bytes(), address);
        page.map_err(|fault| fault.to_string()).map(|page| {
            let request = String::from_utf8(page.request(address).into_owned()).unwrap();
            request.split(" HTTP/1.1\r\n").next().unwrap().to_owned()
        })
    }

    #[test]
    fn a_redirect_within_the_server_is_followed() {
        let keys = Keys { path: Some("/a/b?q=1".into()), ..Keys::default() };
        let named = Keys { host: Some("www.example".into()), ..keys.clone() };
        for (location, leads_to) in [
            ("/login", "GET /login"),
            ("/login?then=http://x/", "GET /login?then=http://x/"),
            ("c", "GET /a/c"),
            ("c?u=x://y", "GET /a/c?u=x://y"),
            ("?q=2", "GET /a/b?q=2"),
            ("", "GET /a/b"),
            ("/c#top", "GET /c"),
            ("http://192.0.2.1/c", "GET /c"),
            ("http://192.0.2.1:80", "GET /"),
            ("//192.0.2.1/c", "GET /c"),
        ] {
            assert_eq!(redirected(&keys, 302, location).as_deref(), Ok(leads_to), "{location}");
        }
        assert_eq!(redirected(&named, 301, "http://WWW.example/c").unwrap(), "GET /c");
        // By what it knows of itself, or by what it was told.
        let ported = Keys { host: Some("www.example:8080".into()), ..keys };
        for location in ["http://www.example:8080/c", "http://www.example/c"] {
            assert_eq!(redirected(&ported, 301, location).unwrap(), "GET /c");
        }
    }

    #[test]
    fn a_redirect_elsewhere_is_not() {
        let keys = Keys { host: Some("www.example".into()), ..Keys::default() };
        for (location, says) in [
            ("https://www.example/", "redirected to https://www.example"),
            ("http://www.example:81/", "redirected to http://www.example:81"),
            ("http://login.example/x", "redirected to http://login.example"),
            ("//login.example/x", "redirected to http://login.example"),
            ("mailto:me", "redirected to no URL: mailto:me"),
            ("http://me:secret@www.example/", "redirected to no URL, or to one with a user"),
            ("/a b\u{1b}", "redirected to no URL: /a b\\x1b"),
        ] {
            assert_eq!(redirected(&keys, 302, location).unwrap_err(), says);
        }
        let long = "x".repeat(100);
        for (location, says) in [
            (format!("http://{long}/"), format!("redirected to http://{}", &long[..64])),
            (format!("{long} "), format!("redirected to no URL: {}", &long[..64])),
        ] {
            assert_eq!(redirected(&keys, 302, &location).unwrap_err(), says);
        }
    }

    #[test]
    fn some_redirects_keep_the_method() {
        let post = Keys { method: Some("POST".into()), ..Keys::default() };
        for (status, leads_to) in
            [(301, "GET /x"), (302, "GET /x"), (303, "GET /x"), (307, "POST /x"), (308, "POST /x")]
        {
            assert_eq!(redirected(&post, status, "/x").unwrap(), leads_to, "{status}");
        }
        let head = Keys { method: Some("HEAD".into()), ..Keys::default() };
        assert_eq!(redirected(&head, 303, "/x").unwrap(), "HEAD /x");
    }
}
