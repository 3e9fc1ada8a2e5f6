//! The octets that ask for a page.

use std::borrow::Cow;
use std::fmt;

use http::uri::{Authority, PathAndQuery};
use http::{HeaderName, HeaderValue, Method, header};

/// Written once; where the host is the target's own address, that alone is filled in for each.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) host: Option<Authority>,
    pub(crate) path: PathAndQuery,
    headers: Vec<(HeaderName, HeaderValue)>,
    octets: Vec<u8>,
    /// Of the host in `octets`, which is empty there where it is not known.
    host_at: usize,
}

const USER_AGENT: &[u8] = concat!("rais/", env!("CARGO_PKG_VERSION")).as_bytes();

impl Request {
    pub(crate) fn new(
        method: Method,
        host: Option<Authority>,
        path: PathAndQuery,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Self {
        let mut request =
            Self { method, host, path, headers, octets: Vec::with_capacity(256), host_at: 0 };
        request.write();
        request
    }

    /// The same for another page of the same server.
    pub(crate) fn with(&self, method: Method, path: PathAndQuery) -> Self {
        Self::new(method, self.host.clone(), path, self.headers.clone())
    }

    /// For a server at `own`, which is the host where none was written.
    pub(crate) fn octets(&self, own: impl FnOnce() -> String) -> Cow<'_, [u8]> {
        if self.host.is_some() {
            return Cow::Borrowed(&self.octets);
        }
        let (before, behind) = self.octets.split_at(self.host_at);
        Cow::Owned([before, own().as_bytes(), behind].concat())
    }

    fn write(&mut self) {
        let octets = &mut self.octets;
        let mut put =
            |parts: &[&[u8]]| parts.iter().for_each(|part| octets.extend_from_slice(part));
        let method = self.method.as_str().as_bytes();
        put(&[method, b" ", self.path.as_str().as_bytes(), b" HTTP/1.1\r\nHost: "]);
        self.host_at = method.len() + 1 + self.path.as_str().len() + b" HTTP/1.1\r\nHost: ".len();
        put(&[self.host.as_ref().map_or("", |host| host.as_str()).as_bytes(), b"\r\n"]);
        for (name, value) in &self.headers {
            put(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
        if !self.headers.iter().any(|(name, _)| name == header::USER_AGENT) {
            put(&[b"User-Agent: ", USER_AGENT, b"\r\n"]);
        }
        // RFC 9110 §8.6: these methods expect a body, so that there is none is said.
        if [Method::POST, Method::PUT, Method::PATCH].contains(&self.method) {
            put(&[b"Content-Length: 0\r\n"]);
        }
        put(&[b"Connection: close\r\n\r\n"]);
    }
}

/// Values of headers may be secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
