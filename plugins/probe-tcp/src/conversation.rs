//! What is said once the connection is there.

use std::io;
use std::net::SocketAddr;

use rais_sdk::prelude::*;
use rais_talk::{Expected, Judgement, first_line, message};
use rais_tls::{Tls, TlsStream, within};

use crate::Config;
use crate::looks::Looks;

const SENDING: &str = "sending";
const EXPECTING: &str = "expecting";

/// A server may say so much before what is expected of it.
const MOST: usize = 64 * 1024;
/// Room for each read.
const ROOM: usize = 2048;

/// What a table asks for beside a connection.
#[derive(Debug)]
pub(crate) struct Conversation {
    tls: Option<Tls>,
    message: Option<Vec<u8>>,
    expected: Option<Expected>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Conversation {
    /// `None` for a table that asks for nothing.
    pub(crate) fn new(config: Config) -> Result<Option<Self>, Fault> {
        let Config { tls, send, send_hex, expect, expect_hex } = config;
        let tls = tls.map(|options| Tls::new(&options)).transpose();
        let tls = tls.map_err(|fault| within("tls", fault))?;
        let message = message(send, send_hex)?;
        let expected = Expected::new(expect, expect_hex)?;
        if tls.is_none() && message.is_none() && expected.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { tls, message, expected }))
    }

    /// With the server at `to`.
    pub(crate) async fn hold(
        &self,
        cx: &Cx,
        stream: TcpStream,
        to: SocketAddr,
    ) -> Result<Up, Fault> {
        let mut stream = match &self.tls {
            Some(tls) => {
                let stream = tls.connect(cx, stream, to, &to.ip().into()).await?;
                Stream::Tls(Box::new(stream))
            }
            None => Stream::Plain(stream),
        };
        if let Some(message) = &self.message {
            cx.phase(SENDING);
            stream.write_all(message).await?;
        }
        let mut words = Vec::new();
        if let Some(expected) = &self.expected {
            cx.phase(EXPECTING);
            words.push(stream.hear(expected).await?);
        }
        let took = cx.elapsed();
        if let Stream::Tls(stream) = stream {
            words.extend(stream.notice());
            stream.close(cx).await?;
        }
        Ok(Up::new(took).with_detail(words.join("; ")))
    }
}

impl Stream {
    async fn write_all(&mut self, data: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Plain(stream) => {
                stream.write_all(data).await.map_err(|e| Fault::of_peer(SENDING, &e))
            }
            Self::Tls(stream) => stream.write_all(data).await.map_err(|e| rais_tls::fault(&e)),
        }
    }

    /// 0 is the end, told or untold.
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Fault> {
        match self {
            Self::Plain(stream) => {
                stream.read(into).await.map_err(|e| Fault::of_peer(EXPECTING, &e))
            }
            Self::Tls(stream) => match stream.read(into).await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                read => read.map_err(|error| rais_tls::fault(&error)),
            },
        }
    }

    /// Reads until all is as `expected`; the first line of what has been heard by then.
    async fn hear(&mut self, expected: &Expected) -> Result<String, Fault> {
        let (mut heard, mut looks) = (Vec::new(), Looks::default());
        loop {
            let before = heard.len();
            if before == MOST {
                let line = first_line(&heard);
                return Err(Fault::down(format!("no match within 64 KiB: {line}")));
            }
            heard.resize(MOST.min(before + ROOM), 0);
            let read = self.read(&mut heard[before..]).await?;
            heard.truncate(before + read);
            let is_all = read == 0 || heard.len() == MOST;
            if !looks.is_due(heard.len()) && !is_all {
                continue;
            }
            match expected.judge(&heard) {
                Judgement::Fits => return Ok(first_line(&heard)),
                Judgement::Open if read > 0 => {}
                _ if heard.is_empty() => return Err(Fault::down("closed without an answer")),
                _ => return Err(Fault::down(format!("another answer: {}", first_line(&heard)))),
            }
        }
    }
}
