//! A publisher beside a sink that does as it is told, in virtual time.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rais_proto::binder::{PublicationChange, Published};
use rais_proto::heartbeat::{Capacity, Weight};
use rais_proto::policy::weights::Share;
use rais_sdk::{Change, Fault as PluginFault, FaultKind, Owner, Record, Served};
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber, span};

use super::worker::share;
use super::*;
use crate::config::MaxAddresses;
use crate::convert;
use crate::host::{self, Answer, SinkPort};
use crate::plan::binder::OwnerPlan;

/// What the sink answers next, and what it was asked.
#[derive(Default)]
struct Fake {
    answers: Mutex<VecDeque<Result<u32, PluginFault>>>,
    served: Mutex<Option<Served>>,
    asked: Mutex<Vec<(Instant, Arc<host::Publication>)>>,
    looked: Mutex<Vec<Instant>>,
    /// How long a publication takes.
    takes: Duration,
    /// What is served cannot be seen.
    blind: AtomicBool,
}

impl SinkPort for Fake {
    fn assign(&self, _zones: Arc<[String]>, _limit: Duration) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }

    fn publish(&self, what: Arc<host::Publication>, _limit: Duration) -> Answer<u32> {
        let serial = what.head.serial;
        self.asked.lock().unwrap().push((Instant::now(), what));
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok(serial));
        let takes = self.takes;
        Box::pin(async move {
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            answer
        })
    }

    fn served(&self, _zone: &str, _limit: Duration) -> Answer<Option<Served>> {
        self.looked.lock().unwrap().push(Instant::now());
        let served = match self.blind.load(Ordering::Relaxed) {
            true => Err(PluginFault::io("no answer")),
            false => Ok(self.served.lock().unwrap().clone()),
        };
        Box::pin(async move { served })
    }

    fn stop(&self, _limit: Duration) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }
}

impl Fake {
    fn answering(answers: impl IntoIterator<Item = Result<u32, PluginFault>>) -> Arc<Fake> {
        let answers = Mutex::new(answers.into_iter().collect());
        Arc::new(Fake { answers, ..Fake::default() })
    }

    fn hanging(takes: Duration) -> Arc<Fake> {
        Arc::new(Fake { takes, ..Fake::default() })
    }

    fn serials(&self) -> Vec<u32> {
        self.asked.lock().unwrap().iter().map(|(_, what)| what.head.serial).collect()
    }
}

const VERIFY: Duration = Duration::from_secs(60);

fn start(sink: &Arc<Fake>) -> (Publisher, Arc<PublishCounters>) {
    start_for("www.example", sink)
}

fn start_for(zone: &str, sink: &Arc<Fake>) -> (Publisher, Arc<PublishCounters>) {
    let counters = counters();
    (Publisher::start(zone, "files", plan(sink), Arc::clone(&counters)), counters)
}

fn counters() -> Arc<PublishCounters> {
    Arc::new(PublishCounters::noting(Pen::default(), Clock::start()))
}

fn plan(sink: &Arc<Fake>) -> SinkPlan {
    let port: Arc<dyn SinkPort> = Arc::clone(sink) as _;
    let (retry, works_again) = (Duration::from_secs(1), watch::Sender::default());
    SinkPlan { port, retry, verify_interval: VERIFY, works_again }
}

/// What the log is told on this thread.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn listen(&self) -> DefaultGuard {
        tracing::subscriber::set_default(self.clone())
    }

    /// Since the last look.
    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Subscriber for Said {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }

    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

fn job(serial: u32, hosts: &[u8]) -> Job {
    let published = |&host: &u8| Published {
        address: IpAddr::from([192, 0, 2, host]),
        load: None,
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        share: Share::MOST,
    };
    let service: rais_proto::name::ServiceName = "http".parse().unwrap();
    let publication = Publication {
        zone: "www.example".parse().unwrap(),
        serial: Serial(serial),
        change: PublicationChange::Sets,
        services: vec![(service.clone(), hosts.iter().map(published).collect())],
        pending: BTreeSet::new(),
        reason: String::new(),
    };
    let owner = OwnerPlan { service, name: "@".to_owned(), ttl: 10, scheme: None };
    let zone = ZonePlan {
        header: None,
        max_addresses: MaxAddresses { a: 28, aaaa: 16 },
        file: "www.example.zone".to_owned(),
        owners: vec![owner],
        sinks: vec!["files".to_owned()],
    };
    Job { publication: Arc::new(publication), zone: Arc::new(zone) }
}

fn ips(records: &[Record]) -> Vec<IpAddr> {
    records.iter().map(|record| record.ip).collect()
}

#[tokio::test(start_paused = true)]
async fn each_publication_is_told_by_its_difference_to_the_one_confirmed_before() {
    let sink = Fake::answering([Ok(1), Err(PluginFault::io("full")), Ok(3)]);
    let (publisher, _) = start(&sink);
    for (serial, hosts) in [(1, &[1, 2][..]), (2, &[2, 3]), (3, &[3])] {
        publisher.publish(job(serial, hosts));
        publisher.settled().await;
    }
    let asked = sink.asked.lock().unwrap();
    let last = &asked.last().unwrap().1;
    assert_eq!(ips(&last.added), ["192.0.2.3".parse::<IpAddr>().unwrap()]);
    assert_eq!(
        ips(&last.removed),
        ["192.0.2.1", "192.0.2.2"].map(|a| a.parse::<IpAddr>().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_ever_more_seldom_and_said_as_failed() {
    let fault = || Err(PluginFault::io("no such server"));
    let sink = Fake::answering([fault(), fault(), fault()]);
    let (publisher, counters) = start(&sink);
    let begin = Instant::now();
    publisher.publish(job(1, &[1]));
    publisher.settled().await;
    let status = publisher.status();
    assert_eq!(
        (status.state, status.error.as_deref()),
        (SinkState::Failed, Some("no such server"))
    );
    tokio::time::sleep(Duration::from_secs(30)).await;
    let status = publisher.status();
    assert_eq!((status.state, status.serial, status.error), (SinkState::Ok, Some(1), None));
    let times: Vec<u64> =
        sink.asked.lock().unwrap().iter().map(|(at, _)| (*at - begin).as_secs()).collect();
    assert_eq!(times, [0, 1, 3, 7]);
    assert_eq!(counters.failed.load(Ordering::Relaxed), 3);
    assert_eq!(counters.published.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn an_older_publication_never_overtakes_a_newer_one() {
    let sink = Fake::answering([]);
    let (publisher, _) = start(&sink);
    let (older, newer) = (publisher.later(job(1, &[1])), publisher.later(job(2, &[2])));
    newer();
    older();
    publisher.settled().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.serials(), [2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_decided_and_not_handed_over_yet_is_waited_for() {
    let sink = Fake::answering([]);
    let (publisher, _) = start(&sink);
    publisher.publish(job(1, &[1]));
    let second = publisher.later(job(2, &[2]));
    let early = tokio::time::timeout(Duration::from_secs(5), publisher.settled()).await;
    assert!(early.is_err(), "the first answer is not the last");
    assert_eq!(publisher.status().state, SinkState::Pending);
    second();
    publisher.settled().await;
    assert_eq!(sink.serials(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn drift_is_repaired_and_a_server_that_counts_ahead_is_left_alone() {
    let sink = Fake::answering([Ok(7)]);
    let (publisher, _) = start(&sink);
    publisher.publish(job(5, &[1]));
    publisher.settled().await;
    let serve = |serial: u32, hosts: &[u8]| {
        let records = hosts.iter().map(|&host| Record::new(0, IpAddr::from([192, 0, 2, host])));
        let owners = vec![Owner::new("@", 10)];
        *sink.served.lock().unwrap() = Some(Served::new(Some(serial), owners, records.collect()));
    };
    serve(7, &[1]);
    // Halfway between two looks from now on.
    tokio::time::sleep(VERIFY.mul_f64(share("www.example")) + VERIFY / 2).await;
    for serial in [7, 12] {
        serve(serial, &[1]);
        tokio::time::sleep(VERIFY * 3).await;
        assert_eq!(sink.serials(), [5], "served under {serial}");
    }
    serve(7, &[1, 66]);
    tokio::time::sleep(VERIFY).await;
    assert_eq!(sink.serials(), [5, 5], "somebody else's address");
    serve(4, &[1]);
    tokio::time::sleep(VERIFY).await;
    assert_eq!(sink.serials().len(), 3, "an old zone");
    serve(7, &[1]);
    let served = sink.served.lock().unwrap().take().unwrap();
    *sink.served.lock().unwrap() = Some(served.differing("its file was changed"));
    tokio::time::sleep(VERIFY).await;
    assert_eq!(sink.serials().len(), 4, "anything else");
}

#[tokio::test(start_paused = true)]
async fn zones_are_looked_at_in_turn() {
    let mut looks = Vec::new();
    for zone in 0..64 {
        let zone = format!("z{zone}.example");
        let sink = Fake::answering([]);
        let (publisher, _) = start_for(&zone, &sink);
        let begin = Instant::now();
        publisher.publish(job(5, &[1]));
        tokio::time::sleep(VERIFY * 3).await;
        let times: Vec<Duration> =
            sink.looked.lock().unwrap().iter().map(|at| *at - begin).collect();
        // Neither at once nor late, and then in even steps.
        assert!(times[0] >= VERIFY / 2 && times[0] <= VERIFY + VERIFY / 2, "{zone}: {times:?}");
        assert!(times.windows(2).all(|two| two[1] - two[0] == VERIFY), "{zone}: {times:?}");
        looks.push(times[0]);
    }
    looks.sort();
    let widest = looks.windows(2).map(|two| two[1] - two[0]).max().unwrap();
    assert!(widest < VERIFY / 4, "{widest:?} without a look");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_works_again_for_one_zone_is_tried_for_the_others() {
    let down = || Err(PluginFault::down("connection refused"));
    let sink = Fake::answering(std::iter::repeat_with(down).take(18));
    let plan = plan(&sink);
    let counters = counters();
    let [first, second] = ["a.example", "b.example"]
        .map(|zone| Publisher::start(zone, "files", plan.clone(), Arc::clone(&counters)));
    first.publish(job(1, &[1]));
    // Out of step, and both at the longest pause by then.
    tokio::time::sleep(Duration::from_secs(20)).await;
    second.publish(job(1, &[1]));
    let states = || [first.status().state, second.status().state];
    while states() == [SinkState::Failed; 2] || states().contains(&SinkState::Pending) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(states(), [SinkState::Ok; 2]);
    assert_eq!(sink.serials().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_said_once_whatever_words_it_finds() {
    let said = Said::default();
    let _told = said.listen();
    let faults = [
        PluginFault::io("full"),
        PluginFault::io("full"),
        // Other words of the same kind, then another kind.
        PluginFault::io("full: file 2"),
        PluginFault::down("refused"),
        PluginFault::down("refused"),
    ];
    let sink = Fake::answering(faults.into_iter().map(Err));
    let (publisher, _) = start(&sink);
    publisher.publish(job(1, &[1]));
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(publisher.status().state, SinkState::Ok);
    let wanted = ["not published: full", "not published: refused", "published again: 1 record; "];
    assert_eq!(said.lines(), wanted);

    // The next failure is news, and after a minute other words are.
    let words = (0..12).map(|number| Err(PluginFault::io(format!("full: file {number}"))));
    sink.answers.lock().unwrap().extend(words);
    publisher.publish(job(2, &[1]));
    publisher.settled().await;
    assert_eq!(said.lines(), ["not published: full: file 0"]);
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(said.lines(), [""; 0]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(said.lines().len(), 1);
}

/// Shares of the same set, each time others.
fn weighed(serial: u32, hosts: &[u8]) -> Job {
    let mut job = job(serial, hosts);
    let publication = Arc::make_mut(&mut job.publication);
    publication.change = PublicationChange::Shares;
    for one in &mut publication.services[0].1 {
        one.share = Share::new(7).unwrap();
    }
    job
}

#[tokio::test(start_paused = true)]
async fn what_is_soon_to_change_is_answered_for_a_short_time() {
    let sink = Fake::answering([]);
    let (publisher, _) = start(&sink);
    let mut held = job(2, &[1, 2]);
    let services = held.publication.services.iter().map(|(name, _)| name.clone()).collect();
    Arc::make_mut(&mut held.publication).pending = services;
    for job in [job(1, &[1, 2]), held, weighed(3, &[1, 2])] {
        publisher.publish(job);
        publisher.settled().await;
    }
    let asked = sink.asked.lock().unwrap();
    let told = asked.iter().map(|(_, what)| {
        let ttls = what.head.owners.iter().map(|owner| owner.ttl).collect::<Vec<_>>();
        (ttls, what.head.change, what.added.len(), what.removed.len())
    });
    let told: Vec<_> = told.skip(1).collect();
    // Another TTL is more than other weights, and none of its addresses is new.
    assert_eq!(told, [(vec![1], Change::Set, 0, 0), (vec![10], Change::Set, 0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_published_all_the_time_is_looked_at_as_often_as_any() {
    let sink = Fake::answering([]);
    let (publisher, _) = start(&sink);
    let begin = Instant::now();
    for serial in 1..600 {
        publisher.publish(job(serial, &[1, 2 + u8::try_from(serial % 2).unwrap()]));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let looks: Vec<_> = sink.looked.lock().unwrap().iter().map(|at| *at - begin).collect();
    assert!((9..=10).contains(&looks.len()), "{looks:?}");
    assert!(looks.windows(2).all(|two| two[1] - two[0] == VERIFY), "{looks:?}");
}

#[tokio::test(start_paused = true)]
async fn who_may_have_missed_a_set_is_given_all_of_it() {
    let fault = || Err(PluginFault::new(FaultKind::Timeout, "it did not answer"));
    let sink = Fake::answering([Ok(1), fault(), Ok(3), Ok(4)]);
    let (publisher, _) = start(&sink);
    for job in [job(1, &[1, 2]), job(2, &[1]), weighed(3, &[1, 2]), weighed(4, &[1, 2])] {
        publisher.publish(job);
        publisher.settled().await;
    }
    let told: Vec<_> =
        sink.asked.lock().unwrap().iter().map(|(_, what)| what.head.change).collect();
    // The third is what was confirmed first, but for what may have become of the second.
    assert_eq!(told, [Change::Set, Change::Set, Change::Set, Change::Weights]);
    // Where another set is found there, too.
    *sink.served.lock().unwrap() =
        Some(Served::new(Some(4), vec![Owner::new("@", 10)], Vec::new()));
    tokio::time::sleep(VERIFY * 2).await;
    let asked = sink.asked.lock().unwrap();
    assert_eq!((asked.len() > 4, asked[4].1.head.change), (true, Change::Set));
}

#[tokio::test(start_paused = true)]
async fn other_shares_alone_do_not_hurry_a_sink_that_fails() {
    let fault = || Err(PluginFault::down("connection refused"));
    let sink = Fake::answering(std::iter::repeat_with(fault).take(100));
    let (publisher, _) = start(&sink);
    publisher.publish(job(1, &[1, 2]));
    let begin = Instant::now();
    for serial in 2..30 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        publisher.publish(weighed(serial, &[1, 2]));
    }
    let tries: Vec<_> =
        sink.asked.lock().unwrap().iter().map(|(at, _)| (*at - begin).as_secs()).collect();
    assert_eq!(tries, [0, 1, 3, 7, 15]);
    // Another set is worth a try at once, also where shares alone came after it.
    publisher.publish(job(30, &[1]));
    publisher.publish(weighed(31, &[1]));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(sink.serials().last(), Some(&31));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_that_of_what_was_tried() {
    let sink = Fake::hanging(Duration::from_secs(4));
    sink.answers.lock().unwrap().push_back(Err(PluginFault::io("killed")));
    let (publisher, _) = start(&sink);
    publisher.publish(job(1, &[1, 2]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    publisher.publish(job(2, &[1]));
    let status = publisher.settled().await;
    assert_eq!((status.state, status.serial, status.error), (SinkState::Ok, Some(2), None));
}

#[tokio::test(start_paused = true)]
async fn that_a_call_must_wait_is_no_news() {
    let said = Said::default();
    let _told = said.listen();
    let busy = || Err(PluginFault::busy("an earlier call has not returned yet"));
    let late = || Err(PluginFault::new(FaultKind::Timeout, "it did not answer"));
    let sink = Fake::answering([late(), busy(), late(), busy(), busy()]);
    let (publisher, _) = start(&sink);
    publisher.publish(job(1, &[1]));
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert_eq!(sink.serials().len(), 5);
    assert_eq!(publisher.status().error.as_deref(), Some("it did not answer"));
    assert_eq!(said.lines(), ["not published: it did not answer"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_is_not_said_to_be_unpublished() {
    let said = Said::default();
    let _told = said.listen();
    let sink = Fake::answering([]);
    let (publisher, counters) = start(&sink);
    publisher.publish(job(1, &[1]));
    publisher.settled().await;
    sink.blind.store(true, Ordering::Relaxed);
    while sink.looked.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let told = said.lines();
    assert_eq!(told[1], "what is served cannot be seen: no answer");
    assert_eq!(counters.failed.load(Ordering::Relaxed), 0);
    // Publishing confirms it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((publisher.status().state, sink.serials()), (SinkState::Ok, vec![1, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_recovery_is_heard_also_by_who_is_about_to_fail() {
    let sink = Fake::hanging(Duration::from_secs(4));
    let down = || Err(PluginFault::down("connection refused"));
    sink.answers.lock().unwrap().extend(std::iter::repeat_with(down).take(4));
    let plan = plan(&sink);
    let publisher = Publisher::start("a.example", "files", plan.clone(), counters());
    publisher.publish(job(1, &[1]));
    // Tries begin at 0, 5, 11 and 19 and take 4 s; the next would be at 31.
    tokio::time::sleep(Duration::from_secs(21)).await;
    plan.works_again.send_replace(());
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!((publisher.status().state, sink.serials().len()), (SinkState::Ok, 5));
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_that_is_not_ours_is_drift_where_there_is_anything() {
    let sink = Fake::answering([]);
    let (publisher, _) = start(&sink);
    publisher.publish(job(5, &[1]));
    publisher.settled().await;
    let serve = |ttl: u32, hosts: &[u8]| {
        let records = hosts.iter().map(|&host| Record::new(0, IpAddr::from([192, 0, 2, host])));
        let owners = vec![Owner::new("@", ttl)];
        *sink.served.lock().unwrap() = Some(Served::new(Some(5), owners, records.collect()));
    };
    serve(10, &[1]);
    tokio::time::sleep(VERIFY * 2).await;
    assert_eq!(sink.serials(), [5]);
    serve(86_400, &[1]);
    tokio::time::sleep(VERIFY).await;
    assert_eq!(sink.serials(), [5, 5], "resolvers would keep it for a day");
    publisher.publish(job(6, &[]));
    publisher.settled().await;
    *sink.served.lock().unwrap() = Some(Served::new(Some(6), vec![Owner::new("@", 0)], Vec::new()));
    tokio::time::sleep(VERIFY * 2).await;
    assert_eq!(sink.serials(), [5, 5, 6], "nothing has no lifetime");
}

#[tokio::test(start_paused = true)]
async fn a_large_zone_is_put_together_beside_the_loop_and_is_the_same() {
    let sink = Fake::answering([]);
    let (publisher, _) = start(&sink);
    let mut large = job(1, &[1]);
    let publication = Arc::make_mut(&mut large.publication);
    let one = publication.services[0].1[0];
    publication.services[0].1 = (0..5_000)
        .map(|n| Published { address: std::net::Ipv4Addr::from(n).into(), ..one })
        .collect();
    publisher.publish(large);
    publisher.settled().await;
    let asked = sink.asked.lock().unwrap();
    assert_eq!((asked[0].1.records.len(), asked[0].1.added.len()), (5_000, 5_000));
}

#[test]
fn weights_alone_are_told_only_to_who_has_all_else() {
    let told = |job: &Job, before: Option<&host::Publication>| {
        let told = convert::publication(&job.publication, &job.zone, before);
        (told.head.change, told.records[0].weight)
    };
    let (old, new) = (job(1, &[1, 2]), weighed(2, &[1, 2]));
    let old = convert::publication(&old.publication, &old.zone, None);
    assert_eq!((old.head.change, old.records[0].weight), (Change::Set, u16::MAX));
    assert_eq!(told(&new, Some(&old)), (Change::Weights, 7));
    assert_eq!(told(&new, None), (Change::Set, 7));
    assert_eq!(told(&weighed(2, &[1, 3]), Some(&old)), (Change::Set, 7), "it missed a change");
    let headed = host::Publication {
        head: {
            let mut head = old.head.clone();
            head.header = Some("$TTL 1".to_owned());
            head
        },
        ..old
    };
    assert_eq!(told(&new, Some(&headed)), (Change::Set, 7));
}
