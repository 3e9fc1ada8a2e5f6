//! The way out, as those who send see it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use async_nats::Client;
use async_nats::client::PublishErrorKind;
use rais_sdk::Fault;

use crate::waiting::Waiting;

/// What becomes of a datagram now. The keeper's thread changes it, any thread sends by it.
#[derive(Debug)]
pub(crate) struct Link {
    subject: async_nats::Subject,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// The first connection is being made: the newest beats of a start wait for it.
    Begun(Waiting),
    Up(Client),
    /// A beat that came late would say what was, so none waits.
    Down(String),
}

impl Link {
    pub(crate) fn new(subject: &str) -> Self {
        Self { subject: subject.into(), state: Mutex::new(State::Begun(Waiting::default())) }
    }

    /// Sends or loses it, at once.
    pub(crate) fn send(&self, data: &[u8]) -> Result<(), Fault> {
        match &mut *self.state() {
            State::Begun(waiting) => {
                waiting.push(data, Instant::now());
                Ok(())
            }
            State::Up(client) => self.publish(client, data.to_vec()),
            State::Down(why) => Err(Fault::io(format_args!("not connected: {why}"))),
        }
    }

    pub(crate) fn begin(&self) {
        *self.state() = State::Begun(Waiting::default());
    }

    pub(crate) fn up(&self, client: Client) {
        let mut state = self.state();
        if let State::Begun(waiting) = &mut *state {
            for data in std::mem::take(waiting).fresh(Instant::now()) {
                // Lost, as any datagram may be.
                let _ = self.publish(&client, data);
            }
        }
        *state = State::Up(client);
    }

    pub(crate) fn down(&self, why: impl Into<String>) {
        *self.state() = State::Down(why.into());
    }

    /// There is room in the client's queue, or there is not: one look says.
    fn publish(&self, client: &Client, data: Vec<u8>) -> Result<(), Fault> {
        let publishing = pin!(client.publish(self.subject.clone(), data.into()));
        match publishing.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(error)) => Err(match error.kind() {
                PublishErrorKind::Send => Fault::io("not connected: the connection was lost"),
                _ => Fault::refused(error),
            }),
            Poll::Pending => {
                Err(Fault::busy("the server does not take beats as fast as they come"))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
