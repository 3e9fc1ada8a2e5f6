//! A datagram and its answer.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use rais_sdk::prelude::*;
use rais_talk::{Expected, Judgement, first_line};

const SENDING: &str = "sending";
const EXPECTING: &str = "expecting";

/// Datagrams get lost: it is sent again after each third of the time.
const SENDINGS: u32 = 3;

/// What fits into one datagram of either family, in octets (RFC 768, RFC 791).
const LONGEST: usize = 65_507;

#[derive(Debug)]
pub(crate) struct Exchange {
    message: Vec<u8>,
    expected: Option<Expected>,
}

impl Exchange {
    /// # Errors
    /// A message that is too long.
    pub(crate) fn new(message: Vec<u8>, expected: Option<Expected>) -> Result<Self, String> {
        match message.len() {
            ..=LONGEST => Ok(Self { message, expected }),
            more => Err(format!("is {more} octets long; a datagram takes {LONGEST}")),
        }
    }

    /// With the server at `to`.
    pub(crate) async fn hold(&self, cx: &Cx, to: SocketAddr) -> Result<Up, Fault> {
        cx.phase(SENDING);
        let socket = UdpSocket::connect(cx.net(), to).map_err(|e| Fault::of_peer(SENDING, &e))?;
        // Where nobody listens on a port that the system gives to clients, this may be that port:
        // the socket would answer itself.
        if socket.local_addr()? == to {
            return Err(Fault::down("connection refused"));
        }
        let part = cx.left() / SENDINGS;
        for sending in 1..=SENDINGS {
            socket.send(&self.message).await.map_err(|e| Fault::of_peer(SENDING, &e))?;
            cx.phase(EXPECTING);
            // After the last one the deadline ends it.
            let limit = if sending < SENDINGS { part } else { Duration::MAX };
            if let Some(words) = self.hear(cx, &socket, limit).await? {
                return Ok(Up::new(cx.elapsed()).with_detail(words));
            }
        }
        Err(Fault::timeout(EXPECTING, "no answer"))
    }

    /// The first line of an answer as expected; `None` where none comes within `limit`.
    async fn hear(
        &self,
        cx: &Cx,
        socket: &UdpSocket,
        limit: Duration,
    ) -> Result<Option<String>, Fault> {
        let mut limit = pin!(cx.sleep(limit));
        poll_fn(|task| {
            // Here and not kept by the future: thousands may wait.
            let mut answer = [0; LONGEST];
            match socket.poll_recv(task, &mut answer) {
                Poll::Ready(Ok(size)) => Poll::Ready(self.judge(&answer[..size]).map(Some)),
                Poll::Ready(Err(error)) => Poll::Ready(Err(Fault::of_peer(EXPECTING, &error))),
                Poll::Pending => limit.as_mut().poll(task).map(|()| Ok(None)),
            }
        })
        .await
    }

    fn judge(&self, answer: &[u8]) -> Result<String, Fault> {
        let words = first_line(answer);
        match &self.expected {
            Some(expected) if expected.judge(answer) != Judgement::Fits => {
                Err(Fault::down(format!("another answer: {words}").trim_end()))
            }
            _ => Ok(words),
        }
    }
}
