//! Load `http`: a server tells its own, in a page.

mod config;
mod fetch;
mod gauge;
mod orca;

use rais_http::{Page, Secure};
use rais_sdk::prelude::*;

use config::Config;
use gauge::Gauge;

/// Fetches a page at each sample and takes a number in it for the load of the address.
#[derive(Debug)]
pub struct Http {
    page: Page,
    secure: Option<Secure>,
    gauge: Gauge,
}

impl Load for Http {
    const NAME: &'static str = "http";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    const SCOPE: Scope = Scope::Target;
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        Self::of(config)
    }

    fn sample(&self, of: &Subject) -> Result<Reading, Fault> {
        let Some(target) = &of.target else {
            return Err(Fault::unknown("there is no address to ask"));
        };
        let address = self.page.address(target.address)?;
        let answer = self.fetch(address, of.timeout)?;
        match answer.status() {
            200..=299 => self.gauge.read(&answer),
            status => Err(Fault::down(format!("status {status}"))),
        }
    }
}

rais_sdk::plugin!(load Http);
