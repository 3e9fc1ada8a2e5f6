//! Probe `udp`: a port that a process listens on, or that answers, is up.

mod bound;
mod exchange;
mod host;
mod kernel;
mod listener;
mod netlink;
mod shared;
mod table;

use rais_sdk::prelude::*;
use rais_talk::{Expected, HexText, Pattern, message};

use exchange::Exchange;

/// Asks the kernel who listens; or the server itself, where the table says what to send.
#[derive(Debug)]
pub struct Udp {
    exchange: Option<Exchange>,
}

/// The table of a probe of type `udp`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// Text that is sent to the server, which then has to answer. Without `send` and `send_hex`
    /// nothing is sent, and the kernel is asked whether a process listens on the port.
    send: Option<String>,
    /// Octets that are sent to the server.
    send_hex: Option<HexText>,
    /// Regular expression, over octets, that the answer must match. Without it any will do.
    expect: Option<Pattern>,
    /// Octets with which the answer must begin.
    expect_hex: Option<HexText>,
}

impl Probe for Udp {
    const NAME: &'static str = "udp";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        let Config { send, send_hex, expect, expect_hex } = config;
        let sent_by = if send.is_some() { "send" } else { "send_hex" };
        let expected_by = if expect.is_some() { "expect" } else { "expect_hex" };
        let message = message(send, send_hex)?;
        let expected = Expected::new(expect, expect_hex)?;
        let exchange = match (message, expected) {
            (Some(message), expected) => {
                let exchange = Exchange::new(message, expected);
                Some(exchange.map_err(|text| Fault::config(sent_by, text))?)
            }
            (None, None) => None,
            (None, Some(_)) => {
                let text = "has no meaning without `send` or `send_hex`: nobody would answer";
                return Err(Fault::config(expected_by, text));
            }
        };
        Ok(Self { exchange })
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        let to = target.address;
        if to.port() == 0 {
            return Err(Fault::config("port", "missing; a udp probe needs one, from 1 to 65535"));
        }
        match &self.exchange {
            Some(exchange) => exchange.hold(cx, to).await,
            None => listener::find(cx, to).await,
        }
    }
}

rais_sdk::plugin!(probe Udp);
