//! The clients, and the resolvers between them and the name server.
//!
//! Every session is played once for each rule, with the same clients and at the same times. A request is
//! sent when its time has come, whatever became of those before it, and is late from then on.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, ensure};
use domain::base::Rtype;
use rais_proto::time::Time;
use rais_simulator::crowd::{Client, Crowd, Resolvers};
use rais_simulator::measure::Tally;
use rais_tests::dns;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until, timeout};

use super::rule::Rule;
use super::stage::{WORKERS, address};
use super::works::{HOLD, Totals};

/// Requests of a session: any number of these alike.
pub(super) const REQUESTS: RangeInclusive<u32> = 1..=30;
/// From one request of a session to the next, in the mean.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// Of the answers: the default.
pub(super) const TTL: Duration = Duration::from_secs(10);

/// Beyond what the longest queue takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be played.
#[derive(Debug, Clone)]
pub(super) struct Play {
    /// As a part of what the servers of a rule can do.
    pub(super) demand: f64,
    pub(super) resolvers: Resolvers,
    pub(super) warm_up: Duration,
    pub(super) measured: Duration,
    pub(super) seed: u64,
}

/// What the clients of one rule saw, and what its servers say.
pub(super) struct Seen {
    pub(super) rule: Rule,
    pub(super) tally: Tally,
    /// Questions to the name server while it was measured.
    pub(super) questions: u64,
    /// The part of the time in which a worker of each server was busy.
    pub(super) busy: [f64; WORKERS.len()],
}

/// A client that asks one server for something at these times.
#[derive(Debug, Clone)]
struct Session {
    client: Client,
    requests: Vec<Instant>,
}

/// The clients of one rule, and what stands before them.
struct Side {
    rule: Rule,
    /// Of the name server.
    dns: dns::Client,
    crowd: Crowd,
    random: fastrand::Rng,
    begun: Instant,
    measured: (Instant, Instant),
    tally: Tally,
    questions: u64,
}

impl Play {
    /// Requests a second, for each rule.
    pub(super) fn rate(&self) -> f64 {
        let workers: u16 = WORKERS.iter().sum();
        self.demand * f64::from(workers) / HOLD.as_secs_f64()
    }

    /// To its end, on this thread; `dns` asks the name server, for each rule.
    pub(super) fn run(&self, dns: Vec<(Rule, dns::Client)>) -> anyhow::Result<Vec<Seen>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio::task::LocalSet::new().block_on(&runtime, self.play(dns))
    }

    async fn play(&self, dns: Vec<(Rule, dns::Client)>) -> anyhow::Result<Vec<Seen>> {
        let begun = Instant::now();
        let from = begun + self.warm_up;
        let until = from + self.measured;
        let sides = dns.into_iter().map(|(rule, dns)| {
            let mut random = fastrand::Rng::with_seed(self.seed);
            Rc::new(RefCell::new(Side {
                rule,
                dns,
                crowd: Crowd::new(&self.resolvers, &mut random),
                random,
                begun,
                measured: (from, until),
                tally: Tally::new(WORKERS.map(f64::from).to_vec()),
                questions: 0,
            }))
        });
        let sides: Vec<_> = sides.collect();
        let arriving = spawn_local(arrive(self.clone(), begun, sides.clone()));
        sleep_until(from).await;
        let before = totals(&sides).await?;
        sleep_until(until).await;
        let after = totals(&sides).await?;
        ensure!(!arriving.is_finished(), "the clients have ended");
        arriving.abort();
        // What was asked for in time is answered by then.
        sleep_until(until + PATIENCE + Duration::from_secs(1)).await;
        let mut seen = Vec::new();
        for (side, (before, after)) in sides.iter().zip(before.iter().zip(&after)) {
            let mut side = side.borrow_mut();
            let busy = |which: usize| {
                let busy = (after[which].busy_us - before[which].busy_us) as f64 / 1e6;
                busy / self.measured.as_secs_f64() / f64::from(WORKERS[which])
            };
            let empty = Tally::new(Vec::new());
            let tally = std::mem::replace(&mut side.tally, empty);
            let busy = std::array::from_fn(busy);
            seen.push(Seen { rule: side.rule, tally, questions: side.questions, busy });
        }
        Ok(seen)
    }
}

/// What each server of each rule has done so far.
async fn totals(sides: &[Rc<RefCell<Side>>]) -> anyhow::Result<Vec<Vec<Totals>>> {
    let mut all = Vec::new();
    for side in sides {
        let port = side.borrow().rule.port();
        let mut of_one = Vec::new();
        for which in 0..WORKERS.len() {
            let server = SocketAddr::new(address(which), port);
            let told = timeout(PATIENCE, get(server, "/totals")).await;
            let (_, body) = told.with_context(|| server.to_string())??;
            of_one.push(serde_json::from_slice(&body)?);
        }
        all.push(of_one);
    }
    Ok(all)
}

/// Sessions come, at any time alike.
async fn arrive(play: Play, begun: Instant, sides: Vec<Rc<RefCell<Side>>>) {
    let mut random = fastrand::Rng::with_seed(play.seed);
    let crowd = Crowd::new(&play.resolvers, &mut random);
    let requests = f64::from(*REQUESTS.start() + *REQUESTS.end()) / 2.0;
    let between = requests / play.rate();
    let mut at = begun;
    loop {
        at += exponential(between, &mut random);
        let session = Session::draw(at, &crowd, &mut random);
        sleep_until(at).await;
        for side in &sides {
            spawn_local(live(session.clone(), Rc::clone(side)));
        }
    }
}

impl Session {
    fn draw(at: Instant, crowd: &Crowd, random: &mut fastrand::Rng) -> Session {
        let client = crowd.draw(random);
        let count = random.u32(REQUESTS);
        let mut next = at;
        let mut requests = Vec::new();
        for _ in 0..count {
            requests.push(next);
            next += exponential(PAUSE.as_secs_f64(), random);
        }
        Session { client, requests }
    }
}

/// Resolves, and stays.
async fn live(session: Session, side: Rc<RefCell<Side>>) {
    let Some(found) = side.borrow_mut().resolve(session.client) else { return };
    for at in session.requests {
        sleep_until(at).await;
        let which = side.borrow_mut().server(found);
        spawn_local(request(which, at, Rc::clone(&side)));
    }
}

async fn request(which: usize, at: Instant, side: Rc<RefCell<Side>>) {
    let port = side.borrow().rule.port();
    let got = timeout(PATIENCE, get(SocketAddr::new(address(which), port), "/")).await;
    let answered = got.ok().and_then(Result::ok).is_some_and(|(status, _)| status == 200);
    let mut side = side.borrow_mut();
    let (from, until) = side.measured;
    if at < from || at >= until {
        return;
    }
    side.tally.offer((at - from).as_secs_f64(), which, HOLD.as_secs_f64());
    if answered {
        side.tally.answer(at.elapsed().as_secs_f64());
    } else {
        side.tally.dropped += 1;
    }
}

impl Side {
    /// The first address that the client's resolver hands out, which asks the name server where what it
    /// has is too old.
    fn resolve(&mut self, client: Client) -> Option<u16> {
        let Some(zone) = self.rule.zone() else { return Some(0) };
        let now = Instant::now();
        let measures = (self.measured.0..self.measured.1).contains(&now);
        let (dns, questions) = (&self.dns, &mut self.questions);
        let now = u64::try_from((now - self.begun).as_nanos()).unwrap_or(u64::MAX);
        let found = self.crowd.resolve(
            client,
            Time::from_nanos(now),
            TTL,
            |answer| {
                *questions += u64::from(measures);
                let addresses = dns.addresses(zone, Rtype::A).unwrap_or_default();
                let places = addresses.iter().filter_map(|&one| place(one)).zip(&mut *answer);
                places.map(|(which, place)| *place = which).count()
            },
            |_| true,
        );
        self.tally.nobody += u64::from(found.is_none() && measures);
        found
    }

    /// For the next request of a session that has found this one.
    fn server(&mut self, found: u16) -> usize {
        if self.rule != Rule::Split {
            return usize::from(found);
        }
        let mut at = self.random.u16(..WORKERS.iter().sum::<u16>());
        let has = |&workers: &u16| {
            let here = at < workers;
            at = at.saturating_sub(workers);
            here
        };
        WORKERS.iter().position(has).unwrap_or_default()
    }
}

/// Which server has this address.
fn place(of: std::net::IpAddr) -> Option<u16> {
    (0..WORKERS.len()).position(|which| address(which) == of)?.try_into().ok()
}

fn exponential(mean: f64, random: &mut fastrand::Rng) -> Duration {
    Duration::from_secs_f64(-mean * (1.0 - random.f64()).ln())
}

/// By a connection of its own: the status, and the body.
async fn get(server: SocketAddr, path: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let head = b"\r\n\r\n";
    let end = answer.windows(head.len()).position(|window| window == head);
    let status = answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok());
    let status = status.and_then(|status| status.parse().ok());
    let (Some(end), Some(status)) = (end, status) else {
        return Err(io::Error::other("no whole answer"));
    };
    Ok((status, answer.split_off(end + head.len())))
}
