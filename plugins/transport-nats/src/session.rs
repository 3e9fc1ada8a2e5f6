//! One connection, from the first packet to the last.
//!
//! async-nats would make the next one by itself, but with the credentials of the first, and with what
//! was still in its buffers. So each has a client and a runtime of its own, and both go with it.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, Message, Subscriber,
};
use futures_core::Stream;
use rais_sdk::{Datagram, Fault, Host, Inbox};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, interval, timeout};

use crate::complaints::{self, Complaints};
use crate::config::{Server, Site};
use crate::keeper::LONG_PAUSE;
use crate::link::Link;
use crate::orders::{Wanted, ended};

/// TCP, TLS and the server's word that we may. Some round trips by satellite.
const CONNECTING: Duration = Duration::from_secs(3);
/// With the look-up of a name, and for each of its addresses.
const CONNECTING_AT_ALL: Duration = Duration::from_secs(12);
/// A server that says nothing is asked so often; after three times without an answer it is gone.
const PING: Duration = Duration::from_secs(1);
/// What is under way when we stop.
const DRAINING: Duration = Duration::from_millis(500);
/// Beats that wait while the server reads slowly.
const OUT: usize = 256;
/// Messages that wait for us.
const IN: usize = 4096;
/// Messages handed over at once.
const BATCH: usize = 64;
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// What one connection works with.
pub(crate) struct Session<'a> {
    pub(crate) site: &'a Site,
    pub(crate) server: &'a Server,
    pub(crate) host: &'a Host,
    pub(crate) link: &'a Link,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) text: String,
    pub(crate) patience: Patience,
}

/// How long before it is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It may be there in a moment.
    Little,
    /// Somebody has to do something first.
    Much,
}

/// How a connection ended that there was.
#[derive(Debug)]
pub(crate) enum End {
    Ordered,
    Lost(String),
}

/// What async-nats tells while a connection lasts.
#[derive(Debug)]
struct Events {
    lost: Arc<Notify>,
    /// Nothing will be heard by the subscription that there is.
    denied: Arc<Notify>,
    complaints: mpsc::Receiver<String>,
}

/// A connection.
pub(crate) struct Connected {
    client: Client,
    events: Events,
    /// What is wrong with the files of TLS, of which older ones are used: it is so for as long as this
    /// lasts, and to be said after whatever takes a warning back.
    pub(crate) doubt: Option<String>,
}

impl Session<'_> {
    /// Makes the connection.
    pub(crate) async fn connect(&self) -> Result<Connected, Refusal> {
        let little = |text: String| Refusal { text, patience: Patience::Little };
        let (options, doubt) = self.site.options().map_err(little)?;
        let (options, events) = self.settle(options);
        let refusal = match timeout(CONNECTING_AT_ALL, options.connect(self.server.address())).await
        {
            Ok(Ok(client)) => {
                return Ok(Connected { client, events, doubt: doubt.map(|doubt| doubt.text) });
            }
            Ok(Err(error)) => self.refusal(&error),
            Err(_) => little(format!("no answer within {CONNECTING_AT_ALL:?}")),
        };
        // It may be the reason. Tries are many, so it is said once.
        if let Some(doubt) = doubt.filter(|doubt| doubt.is_news) {
            self.host.warn(&doubt.text);
        }
        Err(refusal)
    }

    fn settle(&self, options: ConnectOptions) -> (ConnectOptions, Events) {
        let (lost, denied) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (complain, complaints) = mpsc::channel(complaints::MOST);
        let (told, deny) = (Arc::clone(&lost), Arc::clone(&denied));
        let has_tried = AtomicBool::new(false);
        let options = options
            .name("rais")
            .connection_timeout(CONNECTING)
            .ping_interval(PING)
            .client_capacity(OUT)
            .subscription_capacity(IN)
            .ignore_discovered_servers()
            // The keeper waits between connections; the second one of this client is never made.
            .reconnect_delay_callback(move |_| {
                if has_tried.swap(true, Ordering::Relaxed) { NEVER } else { Duration::ZERO }
            })
            .event_callback(move |event| {
                match event {
                    Event::Disconnected | Event::Closed => told.notify_one(),
                    // Where many wait to be said, they are all alike.
                    Event::ServerError(error) => {
                        let text = error.to_string();
                        if complaints::is_denial(&text) {
                            deny.notify_one();
                        }
                        let _ = complain.try_send(text);
                    }
                    Event::SlowConsumer(_) => {
                        let _ = complain.try_send("beats come faster than we take them".to_owned());
                    }
                    _ => {}
                }
                std::future::ready(())
            });
        (options, Events { lost, denied, complaints })
    }

    /// Sends and receives, until it is over.
    pub(crate) async fn serve(&self, connected: Connected, wanted: &mut Wanted) -> End {
        let Connected { client, mut events, .. } = connected;
        let mut incoming = Incoming::default();
        let mut complaints = Complaints::default();
        let mut look = interval(PING);
        let mut ending = wanted.clone();
        if let Err(why) = incoming.follow(&client, self.site, wanted).await {
            return End::Lost(why);
        }
        self.link.up(client.clone());
        loop {
            tokio::select! {
                () = ended(&mut ending) => {
                    self.link.down("it has been stopped");
                    drain(&client, &events).await;
                    return End::Ordered;
                }
                () = events.lost.notified() => return End::Lost(lost(&complaints)),
                // Should the event have found no room. And a subscription may be due.
                _ = look.tick() => if client.connection_state() != State::Connected {
                    return End::Lost(lost(&complaints));
                },
                () = events.denied.notified() => incoming.deny(Instant::now()),
                Some(text) = events.complaints.recv() => if complaints.is_news(&text) {
                    self.host.warn(&format!("{} says: {text}", self.server));
                },
                Ok(()) = wanted.changed() => {}
                () = incoming.deliver() => if incoming.again.take().is_some() {
                    complaints.heard();
                    self.host.log(&format!("{} lets beats through to us", self.server));
                },
            }
            if let Err(why) = incoming.follow(&client, self.site, wanted).await {
                return End::Lost(why);
            }
        }
    }

    fn refusal(&self, error: &ConnectError) -> Refusal {
        let little = |text| Refusal { text, patience: Patience::Little };
        match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                let text = self.site.credentials.refused().to_owned();
                Refusal { text, patience: Patience::Much }
            }
            ConnectErrorKind::TimedOut => little(format!("no answer within {CONNECTING:?}")),
            ConnectErrorKind::Dns => little(format!("its name is not found: {}", cause(error))),
            _ => little(cause(error)),
        }
    }
}

/// Behind what async-nats says of it, in words that other plugins use, too.
fn cause(error: &ConnectError) -> String {
    let Some(source) = error.source() else { return error.to_string() };
    let Some(error) = source.downcast_ref::<io::Error>() else { return source.to_string() };
    match error.get_ref() {
        Some(inner) if inner.is::<rais_tls::rustls::Error>() => rais_tls::fault(error).text,
        Some(_) => error.to_string(),
        None => Fault::of_peer("connecting", error).text,
    }
}

/// With what the server said last, which may be the reason.
fn lost(complaints: &Complaints) -> String {
    match complaints.last() {
        Some(text) => format!("the connection was lost; the server had said: {text}"),
        None => "the connection was lost".to_owned(),
    }
}

/// Has the server take what was sent before, a goodbye for one, if it takes anything.
async fn drain(client: &Client, events: &Events) {
    let draining = async {
        if client.drain().await.is_ok() {
            events.lost.notified().await;
        }
    };
    let _ = timeout(DRAINING, draining).await;
}

/// What is received, and by whom.
#[derive(Default)]
struct Incoming {
    from: Option<(Subscriber, Inbox)>,
    batch: Vec<Message>,
    /// Not before that; until something is heard, where a server has denied us the subject.
    again: Option<Instant>,
}

impl Incoming {
    /// Receives if somebody wants to, and does not yet, and may try.
    async fn follow(
        &mut self,
        client: &Client,
        site: &Site,
        wanted: &mut Wanted,
    ) -> Result<(), String> {
        if self.from.is_some() || self.again.is_some_and(|again| Instant::now() < again) {
            return Ok(());
        }
        let inbox = wanted.borrow_and_update().inbox.clone();
        let Some(inbox) = inbox else { return Ok(()) };
        // It waits for room in a queue that a server may have stopped to empty.
        let subscribing = client.subscribe(site.subject.get().to_owned());
        let subscriber = match timeout(CONNECTING, subscribing).await {
            Ok(subscribed) => subscribed.map_err(|error| error.to_string())?,
            Err(_) => return Err("the server takes nothing".to_owned()),
        };
        self.from = Some((subscriber, inbox));
        Ok(())
    }

    /// A server keeps no subscription that it has denied, also when it would allow it later: a new
    /// one is made then. What we send goes on meanwhile.
    fn deny(&mut self, now: Instant) {
        self.from = None;
        self.again = Some(now + LONG_PAUSE);
    }

    /// Hands over what has come, once something has.
    async fn deliver(&mut self) {
        let Self { from: Some((subscriber, inbox)), batch, .. } = self else {
            return std::future::pending().await;
        };
        poll_fn(|task| {
            while batch.len() < BATCH {
                match Pin::new(&mut *subscriber).poll_next(task) {
                    Poll::Ready(Some(message)) => batch.push(message),
                    // The connection is over, and will be told to be.
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            if batch.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        // Who sent it, a server does not tell.
        let datagrams: Vec<Datagram<'_>> =
            batch.iter().map(|message| Datagram::new(None, &message.payload)).collect();
        inbox.deliver(&datagrams);
        batch.clear();
    }
}
