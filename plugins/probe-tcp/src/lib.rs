//! Probe `tcp`: a server that takes a connection, and says what it is expected to, is up.

mod conversation;
mod looks;

use rais_sdk::prelude::*;
use rais_talk::{HexText, Pattern};
use rais_tls::TlsOptions;

use conversation::Conversation;

/// Connects, and where the table says no more, closes at once.
#[derive(Debug)]
pub struct Tcp {
    conversation: Option<Conversation>,
}

/// The table of a probe of type `tcp`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// How TLS is spoken, from the first octet on; `{}` for all of its defaults. Without it it is
    /// not.
    tls: Option<TlsOptions>,
    /// Text that is sent first.
    send: Option<String>,
    /// Octets that are sent first.
    send_hex: Option<HexText>,
    /// Regular expression, over octets, that what the server says must match.
    expect: Option<Pattern>,
    /// Octets with which what the server says must begin.
    expect_hex: Option<HexText>,
}

const CONNECTING: &str = "connecting";

impl Probe for Tcp {
    const NAME: &'static str = "tcp";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self { conversation: Conversation::new(config)? })
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        let to = target.address;
        if to.port() == 0 {
            return Err(Fault::config("port", "missing; a tcp probe needs one, from 1 to 65535"));
        }
        cx.phase(CONNECTING);
        let stream =
            TcpStream::connect(cx.net(), to).await.map_err(|e| Fault::of_peer(CONNECTING, &e))?;
        let took = cx.elapsed();
        // Where nobody listens on a port that the system gives to clients, a connect within the
        // host may meet itself: simultaneous open, RFC 9293 §3.5.
        if stream.local_addr()? == to {
            return Err(Fault::down("connection refused"));
        }
        match &self.conversation {
            None => Ok(Up::new(took)),
            // Boxed: a probe that only connects, and they may be thousands, has no room for it.
            Some(conversation) => Box::pin(conversation.hold(cx, stream, to)).await,
        }
    }
}

rais_sdk::plugin!(probe Tcp);
