//! TLS to the servers of a page.

use std::net::IpAddr;

use rais_sdk::Fault;
use rais_tls::{ServerName, Tls, TlsOptions};

use crate::{Keys, Page, Scheme};

/// How TLS is spoken, and whom a certificate is to be for.
#[derive(Debug)]
pub struct Secure {
    tls: Tls,
    /// The page's host; `None` where it is each target's own address.
    host: Option<ServerName<'static>>,
}

impl Keys {
    /// TLS by the table `tls`, for the `page` that these keys say; `None` without TLS.
    ///
    /// # Errors
    /// [`FaultKind::Config`](rais_sdk::FaultKind::Config) at the key that is wrong, below `tls` or
    /// of the page's host.
    pub fn secure(&self, page: &Page, tls: Option<TlsOptions>) -> Result<Option<Secure>, Fault> {
        let options = match (page.scheme(), tls) {
            (Scheme::Https, options) => options.unwrap_or_default(),
            (Scheme::Http, None) => return Ok(None),
            (Scheme::Http, Some(_)) => {
                let text = match self.url {
                    Some(_) => "`tls` needs a `url` that begins with \"https://\"",
                    None => "`tls` needs scheme = \"https\"",
                };
                return Err(Fault::config("tls", text));
            }
        };
        let tls = Tls::new(&options).map_err(|fault| rais_tls::within("tls", fault))?;
        let host = page.host().map(|host| {
            ServerName::try_from(host.to_owned()).map_err(|_| {
                let key = if self.url.is_some() { "url" } else { "host" };
                Fault::config(key, format!("`{host}` is no name that a certificate has"))
            })
        });
        Ok(Some(Secure { tls, host: host.transpose()? }))
    }
}

impl Secure {
    /// Of the table.
    #[must_use]
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Whom the certificate of the server at `address` is to be for, where the table names nobody.
    #[must_use]
    pub fn name(&self, address: IpAddr) -> ServerName<'static> {
        self.host.clone().unwrap_or_else(|| address.into())
    }
}
