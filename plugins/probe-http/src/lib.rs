//! Probe `http`: a server is up that answers with the page that it should.

mod body;
mod config;
mod connection;
mod times;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use rais_http::{Keep, Limits, Page, Progress, Reader, Secure, Size, StatusRanges};
use rais_sdk::prelude::*;

use body::Body;
use config::Config;
use connection::Connection;
use times::Times;

/// Fetches a page, each time over a connection of its own.
#[derive(Debug)]
pub struct Http {
    page: Page,
    secure: Option<Secure>,
    status: StatusRanges,
    body: Option<Body>,
    max_body: Size,
    redirects: u8,
    /// Whose certificate ends soon, which was said.
    said: Mutex<BTreeSet<SocketAddr>>,
}

/// Of `target`'s connections: what the last one was, and when.
struct Fetched {
    reader: Reader,
    times: Times,
    notice: Option<String>,
}

const CONNECTING: &str = "connecting";
const FIRST_BYTE: &str = "first byte";
const BODY: &str = "body";

impl Probe for Http {
    const NAME: &'static str = "http";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        Self::of(config)
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        let address = self.page.address(target.address)?;
        let mut page = Cow::Borrowed(&self.page);
        let mut fetched = self.fetch(cx, &page, address).await?;
        let mut followed = 0;
        while let Some(location) = self.redirection(&fetched.reader) {
            if followed == self.redirects {
                return Err(Fault::down("one redirect more than `redirects` allows"));
            }
            followed += 1;
            page = Cow::Owned(page.redirected(fetched.reader.status(), location, address)?);
            fetched = self.fetch(cx, &page, address).await?;
        }
        if self.secure.is_some() {
            self.say_once(cx, address, fetched.notice.as_deref());
        }
        self.judge(&fetched)
    }
}

impl Http {
    /// One page over one connection, all of it that is wanted.
    async fn fetch(&self, cx: &Cx, page: &Page, address: SocketAddr) -> Result<Fetched, Fault> {
        cx.phase(CONNECTING);
        let stream = TcpStream::connect(cx.net(), address).await;
        let stream = stream.map_err(|error| Fault::of_peer(CONNECTING, &error))?;
        let mut times = Times { connect: cx.elapsed(), ..Times::default() };
        let mut connection = match &self.secure {
            None => Connection::Plain(stream),
            Some(secure) => {
                let name = secure.name(address.ip());
                let stream = secure.tls().connect(cx, stream, address, &name).await?;
                times.tls = Some(cx.elapsed());
                Connection::Tls(Box::new(stream))
            }
        };
        cx.phase(FIRST_BYTE);
        connection.write_all(&page.request(address)).await?;
        let mut reader = Reader::new(page, self.limits());
        let mut progress = connection.read(&mut reader).await?;
        times.first_byte = cx.elapsed();
        cx.phase(BODY);
        while progress != Progress::Done {
            progress = connection.read(&mut reader).await?;
        }
        times.total = cx.elapsed();
        Ok(Fetched { reader, times, notice: connection.notice() })
    }

    fn limits(&self) -> Limits {
        Limits {
            body: self.max_body.octets(),
            keep: if self.body.is_some() { Keep::Body } else { Keep::Nothing },
            header: (self.redirects > 0).then_some("location"),
        }
    }

    /// Where the answer sends its client on, if that is followed.
    fn redirection<'r>(&self, reader: &'r Reader) -> Option<&'r [u8]> {
        let is_one = matches!(reader.status(), 301 | 302 | 303 | 307 | 308);
        reader.header().filter(|_| is_one)
    }

    /// Until the server has a new certificate.
    fn say_once(&self, cx: &Cx, address: SocketAddr, notice: Option<&str>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match notice {
            Some(notice) if said.insert(address) => cx.log(&format!("{address}: {notice}")),
            Some(_) => {}
            None => drop(said.remove(&address)),
        }
    }

    fn judge(&self, fetched: &Fetched) -> Result<Up, Fault> {
        let status = fetched.reader.status();
        if !self.status.contain(status) {
            return Err(Fault::down(format!("status {status}")));
        }
        if let Some(body) = &self.body {
            body.judge(&fetched.reader, self.max_body)?;
        }
        let reason = rais_http::reason(status);
        let space = if reason.is_empty() { "" } else { " " };
        let mut detail = format!("{status}{space}{reason}, {}", fetched.times);
        if let Some(notice) = &fetched.notice {
            detail = format!("{detail}, {notice}");
        }
        Ok(Up::new(fetched.times.total).with_detail(detail))
    }
}

rais_sdk::plugin!(probe Http);
