//! The thread that keeps a connection.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rais_sdk::Host;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

use crate::config::{Server, Site};
use crate::link::Link;
use crate::orders::{Wanted, ended};
use crate::session::{End, Patience, Refusal, Session};

/// Before all servers are tried again. It doubles up to the longest; half of it is by chance, so that
/// a thousand hosts do not come at once.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Where somebody has to do something first: each try is a line in the server's log.
pub(crate) const LONG_PAUSE: Duration = Duration::from_secs(5);
/// A connection that ends within that was of no use.
const BRIEF: Duration = Duration::from_secs(1);
/// For a name that is being looked up while everything else has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Connects, and again whenever a connection is lost.
pub(crate) struct Keeper {
    site: Arc<Site>,
    host: Host,
    link: Arc<Link>,
    wanted: Wanted,
    /// Of the servers, the one whose turn it is.
    turn: usize,
    outage: Outage,
}

/// What has been said since there was a connection.
#[derive(Debug, Default)]
struct Outage {
    /// Of this round over the servers.
    reasons: Vec<String>,
    said: BTreeSet<String>,
    /// Tries in this round, and those after which another in a moment is of no use.
    tried: usize,
    hopeless: usize,
    pause: Duration,
    /// Connections in a row that lasted no time.
    brief: u32,
}

impl Keeper {
    pub(crate) fn new(site: Arc<Site>, host: Host, link: Arc<Link>, wanted: Wanted) -> Self {
        // Hosts spread over the servers.
        let turn = fastrand::usize(..site.servers.len());
        Self { site, host, link, wanted, turn, outage: Outage::default() }
    }

    /// Until it is ordered to end.
    pub(crate) fn run(&mut self) {
        while !self.wanted.borrow().ended {
            let runtime = match runtime() {
                Ok(runtime) => runtime,
                Err(error) => {
                    self.host.warn(&format!("no connection can be made: {error}"));
                    std::thread::sleep(LONGEST_PAUSE);
                    continue;
                }
            };
            runtime.block_on(self.one());
            // Whatever that connection had goes here.
            runtime.shutdown_timeout(LAST_WORDS);
        }
        self.link.down("it has been stopped");
    }

    /// One try, and the connection where there is one.
    async fn one(&mut self) {
        let site = Arc::clone(&self.site);
        let server = &site.servers[self.turn % site.servers.len()];
        let mut wanted = self.wanted.clone();
        tokio::select! {
            () = ended(&mut wanted) => return,
            () = sleep(self.outage.wait()) => {}
        }
        let (host, link) = (self.host.clone(), Arc::clone(&self.link));
        let session = Session { site: &site, server, host: &host, link: &link };
        let connected = tokio::select! {
            () = ended(&mut wanted) => return,
            connected = session.connect() => connected,
        };
        match connected {
            Ok(connected) => {
                self.host.log(&format!("connected to {server}{}", self.outage.over()));
                if let Some(doubt) = &connected.doubt {
                    self.host.warn(doubt);
                }
                let begun = Instant::now();
                if let End::Lost(why) = session.serve(connected, &mut self.wanted).await {
                    self.link.down(why.clone());
                    self.outage = self.outage.next(format!("{server}: {why}"), begun.elapsed());
                    // Another one, where there is one.
                    self.turn += 1;
                }
            }
            Err(refusal) => self.refused(server, &refusal),
        }
    }

    fn refused(&mut self, server: &Server, refusal: &Refusal) {
        self.turn += 1;
        let Some(reasons) = self.outage.refused(server, refusal, self.site.servers.len()) else {
            return;
        };
        self.link.down(reasons.all);
        if let Some(text) = reasons.to_say {
            self.host.warn(&format!("not connected: {text}"));
        }
    }
}

/// Of a whole round.
#[derive(Debug, PartialEq, Eq)]
struct Reasons {
    all: String,
    /// Where there is one that was not said before.
    to_say: Option<String>,
}

impl Outage {
    /// The one that begins where a connection ends that has lasted so long.
    fn next(&self, reason: String, lasted: Duration) -> Self {
        // A server that lets us in and throws us out is not to be asked all the time.
        let brief = if lasted < BRIEF { self.brief + 1 } else { 0 };
        let pause = match brief {
            0 => Duration::ZERO,
            times => FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(times)).min(LONG_PAUSE),
        };
        Self { reasons: vec![reason], pause, brief, ..Self::default() }
    }

    fn wait(&self) -> Duration {
        if self.tried > 0 || self.pause.is_zero() {
            return Duration::ZERO;
        }
        self.pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// One more server has none for us; the reasons once all have been tried.
    fn refused(&mut self, server: &Server, refusal: &Refusal, servers: usize) -> Option<Reasons> {
        self.reasons.push(format!("{server}: {}", refusal.text));
        self.tried += 1;
        self.hopeless += usize::from(refusal.patience == Patience::Much);
        if self.tried < servers {
            return None;
        }
        self.pause = if self.hopeless == servers {
            LONG_PAUSE
        } else {
            (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE)
        };
        (self.tried, self.hopeless) = (0, 0);
        let reasons = std::mem::take(&mut self.reasons);
        let (all, is_first) = (reasons.join("; "), self.said.is_empty());
        let new: Vec<String> =
            reasons.into_iter().filter(|reason| self.said.insert(reason.clone())).collect();
        let rest = if is_first { "; beats are lost until it is" } else { "" };
        let to_say = (!new.is_empty()).then(|| format!("{}{rest}", new.join("; ")));
        Some(Reasons { all, to_say })
    }

    /// What is added where the end of it is told: the loss, if that was not told yet.
    fn over(&self) -> String {
        match self.reasons.first() {
            Some(reason) if self.said.is_empty() => format!("; before that, {reason}"),
            _ => String::new(),
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    // Threads of its own it has for names that are looked up, and for files with certificates.
    let mut builder = Builder::new_current_thread();
    builder.enable_io().enable_time().thread_name("rais-nats-files").max_blocking_threads(2);
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        Server::parse(url).unwrap()
    }

    fn refusal(text: &str, patience: Patience) -> Refusal {
        Refusal { text: text.to_owned(), patience }
    }

    #[test]
    fn each_reason_is_said_once_and_a_round_at_a_time() {
        let (a, b) = (server("nats://a"), server("nats://b"));
        let mut outage = Outage::default();
        assert_eq!(outage.refused(&a, &refusal("gone", Patience::Little), 2), None);
        let said = outage.refused(&b, &refusal("gone", Patience::Little), 2).unwrap();
        assert_eq!(said.all, "nats://a: gone; nats://b: gone");
        assert_eq!(said.to_say, Some(format!("{}; beats are lost until it is", said.all)));
        for _ in 0..3 {
            assert_eq!(outage.refused(&b, &refusal("gone", Patience::Little), 2), None);
            let again = outage.refused(&a, &refusal("gone", Patience::Little), 2).unwrap();
            assert_eq!(again.to_say, None);
        }
        assert_eq!(outage.refused(&a, &refusal("no", Patience::Much), 2), None);
        let said = outage.refused(&b, &refusal("gone", Patience::Little), 2).unwrap();
        assert_eq!(said.all, "nats://a: no; nats://b: gone");
        assert_eq!(said.to_say.as_deref(), Some("nats://a: no"));
        // Told already, with what came of it.
        assert_eq!(outage.over(), "");
    }

    #[test]
    fn pauses_grow_and_are_long_where_nobody_lets_us_in() {
        let (a, mut outage) = (server("nats://a"), Outage::default());
        assert_eq!(outage.wait(), Duration::ZERO);
        for pause in [50, 100, 200, 400, 500, 500].map(Duration::from_millis) {
            outage.refused(&a, &refusal("gone", Patience::Little), 1);
            assert_eq!(outage.pause, pause);
            assert!((pause / 2..=pause).contains(&outage.wait()));
        }
        outage.refused(&a, &refusal("no", Patience::Much), 1);
        assert_eq!(outage.pause, LONG_PAUSE);
        outage.refused(&a, &refusal("gone", Patience::Little), 1);
        assert_eq!(outage.pause, LONGEST_PAUSE);
        // One of two is enough to hope.
        outage.refused(&a, &refusal("no", Patience::Much), 2);
        assert_eq!(outage.wait(), Duration::ZERO, "the other one is asked at once");
        outage.refused(&a, &refusal("gone", Patience::Little), 2);
        assert_eq!(outage.pause, LONGEST_PAUSE);
    }

    #[test]
    fn a_lost_connection_is_made_again_at_once_but_for_one_that_never_lasts() {
        let (mut outage, long, brief) = (Outage::default(), BRIEF, BRIEF / 2);
        outage.pause = LONGEST_PAUSE;
        outage = outage.next("lost".to_owned(), long);
        assert_eq!((outage.wait(), outage.over()), (Duration::ZERO, "; before that, lost".into()));
        for pause in [100, 200, 400, 800, 1600, 3200, 5000, 5000].map(Duration::from_millis) {
            outage = outage.next("lost".to_owned(), brief);
            assert_eq!(outage.pause, pause);
        }
        assert_eq!(outage.next("lost".to_owned(), long).pause, Duration::ZERO);
    }
}
