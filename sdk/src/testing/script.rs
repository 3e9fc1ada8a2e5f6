//! What a fake server does.

use std::time::Duration;

/// What a [`Server`](super::Server) does with each connection, or over UDP with each exchange: step
/// by step, in the order that they are written in. At the end the connection is closed, in order.
///
/// ```
/// use rais_sdk::testing::Script;
///
/// let polite = Script::new().say("220 ready\r\n").hear("QUIT\r\n").say("221 bye\r\n");
/// let hung = Script::new().hang();
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Hear(Vec<u8>),
    HearUntil(Vec<u8>),
    HearAnything,
    Say(Vec<u8>),
    Drip { data: Vec<u8>, every: Duration },
    Wait(Duration),
    Reset,
    Hang,
}

impl Script {
    /// Accepts, and closes at once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for exactly these octets. Others are a [complaint](super::Server::complaints), and the
    /// connection is reset.
    #[must_use]
    pub fn hear(self, data: impl AsRef<[u8]>) -> Self {
        self.and(Step::Hear(data.as_ref().to_vec()))
    }

    /// Waits for octets that end so: `"\r\n\r\n"` is the end of an HTTP header.
    #[must_use]
    pub fn hear_until(self, end: impl AsRef<[u8]>) -> Self {
        self.and(Step::HearUntil(end.as_ref().to_vec()))
    }

    /// Waits until something comes, and takes what is there.
    #[must_use]
    pub fn hear_anything(self) -> Self {
        self.and(Step::HearAnything)
    }

    /// Sends these octets; over UDP as one datagram, to who was heard last.
    #[must_use]
    pub fn say(self, data: impl AsRef<[u8]>) -> Self {
        self.and(Step::Say(data.as_ref().to_vec()))
    }

    /// Sends one octet after each `every`, the first one after the first.
    #[must_use]
    pub fn drip(self, data: impl AsRef<[u8]>, every: Duration) -> Self {
        self.and(Step::Drip { data: data.as_ref().to_vec(), every })
    }

    /// Does nothing for so long.
    #[must_use]
    pub fn wait(self, time: Duration) -> Self {
        self.and(Step::Wait(time))
    }

    /// Ends the connection with a reset. Over UDP nothing.
    #[must_use]
    pub fn reset(self) -> Self {
        self.and(Step::Reset)
    }

    /// Keeps the connection open and says nothing any more.
    #[must_use]
    pub fn hang(self) -> Self {
        self.and(Step::Hang)
    }

    fn and(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}
