//! The binder's shell: datagrams in, publications out, its memory on disk.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rais_proto::binder::snapshot::Snapshot;
use rais_proto::binder::{Arrival, Binder, DrainTarget, Output, Publication, TransportId};
use rais_proto::heartbeat::State;
use rais_proto::name::{HostId, ZoneName};
use rais_proto::policy::Verdict;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{info, warn};

use super::Facts;
use super::alarm::Alarm;
use super::memory::{Keepers, Memory, Part, Stored};
use super::monitor::NEIGHBOUR;
use super::operator::{self, Done, Order};
use super::publisher::{Job, PublishCounters, Publisher};
use super::report::{self, Told};
use crate::host::Arrived;
use crate::plan::binder::BinderPlan;
use crate::state::journal::{self, Journal};
use crate::status::{BinderStatus, SinkState, SinkStatus};

/// How often epochs and windows are stored while beats come in (design: replay).
const STORE_EVERY: Duration = Duration::from_secs(1);

/// And how soon after a publication, which has made the set later than what is stored of who is in it.
const STORE_AFTER: Duration = Duration::from_millis(100);

/// At the end, sinks are waited for so long.
const SETTLING: Duration = Duration::from_millis(800);

/// So many datagrams are taken in before time and outputs are looked at again.
const BATCH: usize = 256;

/// What a binder's task is told.
#[derive(Debug)]
pub enum Event {
    /// Take this configuration, and say when it runs.
    Apply(Box<BinderPlan>, oneshot::Sender<()>),
    /// Do what an operator orders, and say so when it is published.
    Order(Order, operator::Answer),
    /// Say how it stands.
    Status(oneshot::Sender<BinderStatus>),
    /// Whether a part of its memory is stored, or why not.
    Stored(Part, Stored),
    /// Store what is to be remembered, and end.
    Stop,
}

/// An order that is carried out, and who is told so once it is published, or at the latest then.
struct Ordered {
    done: Done,
    answer: operator::Answer,
    until: Instant,
}

/// The task that runs a binder.
pub struct BinderShell {
    facts: Facts,
    machine: Binder,
    plan: BinderPlan,
    memory: Memory,
    told: mpsc::UnboundedReceiver<Event>,
    inbox: mpsc::Receiver<Arrived>,
    /// The numbers by which the machine tells transports apart.
    transports: BTreeMap<Arc<str>, TransportId>,
    publishers: BTreeMap<(ZoneName, String), Publisher>,
    /// The last publication of each zone: for a sink that joins by a reload.
    published: BTreeMap<ZoneName, Arc<Publication>>,
    counters: Arc<PublishCounters>,
    journal: Journal,
    /// When what was heard is stored, after a publication.
    store_by: Option<Instant>,
    /// Orders that are carried out, while their zones wait for the end of a gap.
    ordered: Vec<Ordered>,
}

impl BinderShell {
    /// A binder that runs `plan`, remembers `snapshot` and has what comes to be kept, takes in what comes by `inbox` and writes down
    /// in `journal` what it does; and how to tell it things.
    pub fn new(
        facts: Facts,
        plan: BinderPlan,
        snapshot: Option<Snapshot>,
        keepers: Keepers,
        journal: Journal,
        inbox: mpsc::Receiver<Arrived>,
    ) -> (BinderShell, mpsc::UnboundedSender<Event>) {
        let (events, told) = mpsc::unbounded_channel();
        let (clock, config) = (facts.clock, plan.config.clone());
        let now = clock.now();
        let machine = match snapshot {
            Some(snapshot) => Binder::restore(now, config, snapshot),
            None => Binder::new(now, config),
        };
        let mut shell = BinderShell {
            facts,
            machine,
            plan,
            memory: Memory::new(keepers, events.clone()),
            told,
            inbox,
            transports: BTreeMap::new(),
            publishers: BTreeMap::new(),
            published: BTreeMap::new(),
            counters: Arc::new(PublishCounters::noting(journal.pen(), clock)),
            journal,
            store_by: None,
            ordered: Vec::new(),
        };
        shell.match_publishers();
        (shell, events)
    }

    /// What it runs.
    pub fn plan(&self) -> &BinderPlan {
        &self.plan
    }

    /// Runs until it is told to stop; its memory is on disk then.
    pub async fn run(mut self) {
        let version = self.facts.version.clone();
        self.note(journal::Event::Started { version });
        let mut store = tokio::time::interval(STORE_EVERY);
        let mut alarm = Alarm::new();
        loop {
            self.act();
            self.answer_orders();
            let timeout = self.facts.clock.instant(self.machine.poll_timeout());
            let answer_by = self.ordered.iter().map(|ordered| ordered.until.into_std());
            let store_by = self.store_by.map(Instant::into_std);
            let timeout = answer_by.chain(store_by).fold(timeout, std::time::Instant::min);
            tokio::select! {
                event = self.told.recv() => match event {
                    Some(Event::Stop) | None => break,
                    Some(event) => self.take(event),
                },
                Some(arrived) = self.inbox.recv() => self.hear(&arrived),
                _ = store.tick() => self.store_if_heard(),
                () = alarm.at(Some(timeout)) => {}
            }
            if self.store_by.is_some_and(|by| by <= Instant::now()) {
                self.store_if_heard();
            }
            let (now, wall) = (self.facts.clock.now(), self.facts.clock.wall());
            if self.machine.poll_timeout() <= now {
                self.machine.handle_timeout(now, wall);
            }
        }
        self.machine.handle_shutdown(self.facts.clock.now(), self.facts.clock.wall());
        self.act();
        self.settle().await;
        self.note(journal::Event::Stopped {});
        let snapshot = self.machine.snapshot(self.facts.clock.now());
        let BinderShell { memory, journal, .. } = self;
        // Both wait for the disk, at the same time.
        let journal = tokio::task::spawn_blocking(move || journal.finish());
        memory.finish(snapshot).await;
        // It waits within limits of its own, and never panics.
        let _ = journal.await;
    }

    fn hear(&mut self, first: &Arrived) {
        self.take_in(first);
        for _ in 1..BATCH {
            let Ok(arrived) = self.inbox.try_recv() else { return };
            self.take_in(&arrived);
        }
    }

    fn take_in(&mut self, arrived: &Arrived) {
        // No host has that address, and here it stands for a message bus.
        if arrived.from.is_some_and(|from| from.ip().to_canonical().is_unspecified()) {
            return;
        }
        #[allow(clippy::cast_possible_truncation)] // no file names 65,536 transports
        let next = TransportId(self.transports.len() as u16);
        let transport = match self.transports.get(&arrived.transport) {
            Some(&id) => id,
            None => *self.transports.entry(Arc::clone(&arrived.transport)).or_insert(next),
        };
        // What comes from this very process comes over loopback; a message bus has no source.
        let nowhere = match &*arrived.transport {
            NEIGHBOUR => IpAddr::V6(Ipv6Addr::LOCALHOST),
            _ => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let arrival = Arrival {
            now: self.facts.clock.now(),
            wall: self.facts.clock.wall(),
            source: arrived.from.unwrap_or(SocketAddr::new(nowhere, 0)),
            transport,
        };
        self.machine.handle_datagram(arrival, &arrived.data);
    }

    fn note(&self, event: journal::Event) {
        self.journal.pen().note(self.facts.clock.wall(), event);
    }

    /// Says what an operator ordered, and whether it was done.
    fn note_order(&self, order: String, carried_out: &Result<Done, String>) {
        let (places, refused) = match carried_out {
            Ok(done) => {
                info!("ordered by an operator: {order}");
                (done.places.iter().map(journal::Place::from).collect(), None)
            }
            Err(why) => {
                warn!("refused to an operator: {order}: {why}");
                (Vec::new(), Some(why.clone()))
            }
        };
        self.note(journal::Event::Ordered { order, places, refused });
    }

    /// A host as people know it; two machines from one image have one name.
    fn called(&self, host: HostId) -> String {
        match self.machine.host_name(host) {
            Some(name) => format!("{name} ({host})"),
            None => host.to_string(),
        }
    }

    /// What is drained, as people call it.
    fn target_name(&self, target: &DrainTarget) -> String {
        match target {
            DrainTarget::Host(host) => {
                self.machine.host_name(*host).map_or_else(|| host.to_string(), ToString::to_string)
            }
            DrainTarget::Service(name) => name.to_string(),
            DrainTarget::Address(address) => address.to_string(),
        }
    }

    /// Does all that the machine asks for. What is published waits for nothing that is only said.
    fn act(&mut self) {
        let (mut publications, mut others) = (Vec::new(), Vec::new());
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Publish(publication) => publications.push(Arc::new(publication)),
                other => others.push(other),
            }
        }
        if !publications.is_empty() {
            self.publish(&publications);
        }
        others.into_iter().for_each(|output| self.say(output));
        for publication in publications {
            self.note(journal::Event::Published {
                zone: publication.zone.to_string(),
                serial: publication.serial.0,
                reason: publication.reason.clone(),
                addresses: publication.services.iter().map(|(_, all)| all.len()).sum(),
            });
        }
    }

    /// Hands them to their sinks, once their serials are on disk: before anybody sees them.
    fn publish(&mut self, publications: &[Arc<Publication>]) {
        let mut handles = Vec::new();
        for publication in publications {
            let zone = &publication.zone;
            if let Some(plan) = self.plan.zones.get(zone) {
                let job = Job { publication: Arc::clone(publication), zone: Arc::clone(plan) };
                let later = |(_, publisher): (&str, &Publisher)| publisher.later(job.clone());
                handles.extend(self.publishers_of(zone).map(later));
            }
            self.published.insert(zone.clone(), Arc::clone(publication));
        }
        let publish = move || handles.into_iter().for_each(|publish| publish());
        self.memory.keep_before(self.machine.decided(self.facts.clock.now()), publish);
        self.store_by.get_or_insert_with(|| Instant::now() + STORE_AFTER);
    }

    /// Tells people, by the log and the journal.
    fn say(&self, output: Output) {
        match output {
            Output::Heard { service, address, host, state, reason } => {
                self.note(journal::Event::Heard {
                    service: service.to_string(),
                    address,
                    host: self.called(host),
                    state: state.to_string(),
                    reason: reason.to_string(),
                });
            }
            Output::Judged { service, address, verdict, reason, state } => {
                let word = verdict.map_or("forgotten", Verdict::as_str);
                let apart = if reason.is_empty() { "" } else { ": " };
                match verdict {
                    // Nobody is left who is well: the worst there is, unless all said goodbye.
                    Some(Verdict::LastResort) if state != Some(State::Leaving) => {
                        warn!(%service, %address, "{word}{apart}{reason}");
                    }
                    _ => info!(%service, %address, "{word}{apart}{reason}"),
                }
                self.note(journal::Event::Decided {
                    service: service.to_string(),
                    address,
                    verdict: word.to_owned(),
                    reason,
                });
            }
            Output::Unpublished { zone } => warn!(%zone, "{}", report::UNPUBLISHED),
            Output::Refused { refusal, source, cause } => {
                let word = refusal.as_str();
                let why = cause.map_or_else(|| refusal.to_string(), |cause| cause.to_string());
                match source.ip().is_unspecified() {
                    // A message bus has no source.
                    true => warn!("beats are refused ({word}): {why}"),
                    false => warn!(%source, "beats from there are refused ({word}): {why}"),
                }
            }
            Output::DrainOver { target, reason, places } => {
                let target = self.target_name(&target);
                info!("the drain of {target} is over: {reason}");
                let places = places.iter().map(journal::Place::from).collect();
                self.note(journal::Event::DrainOver { target, reason, places });
            }
            _ => {}
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Apply(plan, applied) => {
                let mut plan = *plan;
                plan.carry_on(&self.plan);
                let before = std::mem::replace(&mut self.plan, plan);
                // What was published of another zone is no start for a new sink: the machine
                // publishes such a zone anew.
                self.published.retain(|zone, _| {
                    before
                        .zones
                        .get(zone)
                        .is_some_and(|plan| Some(plan) == self.plan.zones.get(zone))
                });
                self.machine.handle_config(self.facts.clock.now(), self.plan.config.clone());
                self.match_publishers();
                self.note(journal::Event::Reloaded {});
                // Whoever asked may have gone; it has happened all the same.
                let _ = applied.send(());
            }
            Event::Order(order, answer) => match self.carry_out(order) {
                Ok(done) => {
                    let until = Instant::now() + operator::PATIENCE;
                    self.ordered.push(Ordered { done, answer, until });
                }
                // Who asked may have hung up.
                Err(why) => drop(answer.send(Err(why))),
            },
            Event::Status(answer) => drop(answer.send(self.status())),
            Event::Stored(part, stored) => self.memory.note(part, stored),
            Event::Stop => {}
        }
    }

    fn carry_out(&mut self, order: Order) -> Result<Done, String> {
        // What is no line stands nowhere.
        order.judge()?;
        let text = order.to_string();
        let carried_out = order.carry_out(self.facts.clock.now(), &mut self.machine);
        self.note_order(text, &carried_out);
        if carried_out.is_ok() {
            self.memory.keep_decided(self.machine.decided(self.facts.clock.now()));
        }
        carried_out
    }

    /// Tells who ordered something that it has happened, once the sinks have answered to what was
    /// published for it.
    fn answer_orders(&mut self) {
        let now = Instant::now();
        let waits = |ordered: &Ordered| {
            let mut zones = ordered.done.zones.iter();
            ordered.until > now && zones.any(|zone| self.machine.is_due(zone))
        };
        let (waiting, handed_over): (Vec<_>, _) =
            std::mem::take(&mut self.ordered).into_iter().partition(waits);
        self.ordered = waiting;
        for Ordered { mut done, answer, until } in handed_over {
            let mut settled = Vec::new();
            for zone in &done.zones {
                if self.machine.is_due(zone) {
                    let waits = format!("{zone}: it waits for the end of `gap`");
                    done.drained.unpublished.push(waits);
                    continue;
                }
                settled.extend(
                    self.publishers_of(zone).map(|(sink, publisher)| {
                        (format!("{zone} by {sink}"), publisher.settled())
                    }),
                );
            }
            tokio::spawn(async move {
                for (what, settled) in settled {
                    let trouble = match tokio::time::timeout_at(until, settled).await {
                        Ok(status) if status.state == SinkState::Ok => continue,
                        Ok(status) => status.error.unwrap_or_else(|| "failed".to_owned()),
                        Err(_) => "it does not answer; it is tried further".to_owned(),
                    };
                    done.drained.unpublished.push(format!("{what}: {trouble}"));
                }
                // Who asked may have hung up; it has happened all the same.
                let _ = answer.send(Ok(done.drained));
            });
        }
    }

    /// Waits, within limits, until the sinks have what was decided; one that fails is not waited for.
    async fn settle(&self) {
        let deadline = tokio::time::Instant::now() + SETTLING;
        for publisher in self.publishers.values() {
            if tokio::time::timeout_at(deadline, publisher.settled()).await.is_err() {
                return;
            }
        }
    }

    /// Those of a zone, with their sinks.
    fn publishers_of<'a>(
        &'a self,
        zone: &'a ZoneName,
    ) -> impl Iterator<Item = (&'a str, &'a Publisher)> {
        let from = self.publishers.range((zone.clone(), String::new())..);
        let of_zone = from.take_while(move |((name, _), _)| name == zone);
        of_zone.map(|((_, sink), publisher)| (sink.as_str(), publisher))
    }

    /// One publisher for every zone and sink of the plan, and no others.
    fn match_publishers(&mut self) {
        let mut before = std::mem::take(&mut self.publishers);
        for (zone, plan) in &self.plan.zones {
            for name in &plan.sinks {
                let Some(sink) = self.plan.sinks.get(name) else { continue };
                let key = (zone.clone(), name.clone());
                let kept = before.remove(&key).filter(|publisher| publisher.is_of(sink));
                let publisher = kept.unwrap_or_else(|| {
                    let counters = Arc::clone(&self.counters);
                    let publisher = Publisher::start(zone.as_str(), name, sink.clone(), counters);
                    if let Some(publication) = self.published.get(zone) {
                        let (publication, zone) = (Arc::clone(publication), Arc::clone(plan));
                        publisher.publish(Job { publication, zone });
                    }
                    publisher
                });
                self.publishers.insert(key, publisher);
            }
        }
    }

    fn store_if_heard(&mut self) {
        self.store_by = None;
        let heard = self.machine.counters().accepted;
        if self.memory.wants(heard) {
            self.memory.keep(self.machine.snapshot(self.facts.clock.now()), heard);
        }
    }

    fn status(&self) -> BinderStatus {
        let sinks_of = |zone: &ZoneName| -> Vec<SinkStatus> {
            self.publishers_of(zone).map(|(_, publisher)| publisher.status()).collect()
        };
        let view = self.machine.view(self.facts.clock.now());
        let told = Told {
            facts: &self.facts,
            plan: &self.plan,
            view: &view,
            counters: &self.counters,
            store_error: self.memory.trouble(),
        };
        told.status(sinks_of)
    }
}
