//! The monitor's shell: probes, samples and addresses in, datagrams out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rais_proto::heartbeat::{Claim, Heartbeat, State, codec};
use rais_proto::load::Load;
use rais_proto::monitor::advertise::Interface;
use rais_proto::monitor::{
    AddressSet, LoadKey, LoadSubject, Monitor, Output, ProbeId, ProbeKey, ProbeOutcome,
    ProbeTarget, Remembered, SampleId,
};
use rais_proto::name::ServiceName;
use rais_proto::time::Time;
use rais_sdk::{Fault, FaultKind, Reading, Subject, Target};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::Facts;
use super::agent::{self, Question};
use super::alarm::Alarm;
use super::recorder::Recorder;
use super::transports::Outlets;
use crate::convert;
use crate::host::Arrived;
use crate::plan::monitor::{MonitorPlan, ProbeBinding};
use crate::status::{AlarmStatus, MonitorCounters, MonitorStatus, ServiceHealth, in_words};

/// So late a busy machine may be at any time.
const PUNCTUAL: Duration = Duration::from_millis(50);
/// What is known is written down at most so often, and what was sent looked after at least so often.
const LOOK: Duration = Duration::from_secs(1);
/// And so often though it does not change: it is told by its age, too.
const RECORD_ANYWAY: Duration = Duration::from_secs(60);

/// What a monitor's task is told.
#[derive(Debug)]
pub enum Event {
    /// A probe ended.
    Probed(ProbeId, ProbeOutcome),
    /// A sample came in.
    Sampled(SampleId, Asked, Result<Reading, Fault>),
    /// The host's interfaces are now these.
    Interfaces(Vec<Interface>),
    /// Take this configuration, and say when it runs.
    Apply(Box<MonitorPlan>, Outlets, oneshot::Sender<()>),
    /// Say what HAProxy is to be told; the answer is dropped where that is nothing.
    Agent(Question, oneshot::Sender<String>),
    /// Say how it stands.
    Status(oneshot::Sender<MonitorStatus>),
    /// Say goodbye and end.
    Stop,
}

/// Of whom a sample is: of which source, and of which address of a service; none: of the host.
type Asked = (LoadKey, Option<(ServiceName, IpAddr)>);

/// The task that runs a monitor.
pub struct MonitorShell {
    facts: Facts,
    machine: Monitor,
    plan: MonitorPlan,
    outlets: Outlets,
    /// The binder of this very process, which needs no transport.
    neighbour: Option<mpsc::Sender<Arrived>>,
    events: mpsc::UnboundedSender<Event>,
    inbox: mpsc::UnboundedReceiver<Event>,
    interfaces: Vec<Interface>,
    in_flight: BTreeMap<ProbeId, AbortHandle>,
    /// Loads that give nothing, and what was said of it.
    failing: BTreeMap<Asked, FaultKind>,
    recorder: Option<Recorder>,
    recorded: Time,
    /// Whether anything changed since.
    unrecorded: bool,
    /// Addresses that are announced and that the key may not speak of, in a sentence.
    beyond_key: Option<String>,
    counters: MonitorCounters,
}

impl MonitorShell {
    /// A monitor that runs `plan` and sends by `outlets`; and how to tell it things.
    pub fn new(
        facts: Facts,
        plan: MonitorPlan,
        outlets: Outlets,
        neighbour: Option<mpsc::Sender<Arrived>>,
    ) -> (MonitorShell, mpsc::UnboundedSender<Event>) {
        let (events, inbox) = mpsc::unbounded_channel();
        let shell = MonitorShell {
            machine: Monitor::new(facts.clock.now(), plan.config.clone()),
            facts,
            plan,
            outlets,
            neighbour,
            events: events.clone(),
            inbox,
            interfaces: Vec::new(),
            in_flight: BTreeMap::new(),
            failing: BTreeMap::new(),
            recorder: None,
            recorded: Time::ZERO,
            unrecorded: false,
            beyond_key: None,
            counters: MonitorCounters::default(),
        };
        (shell, events)
    }

    /// With what an earlier life knew; what this one knows is kept by `recorder`.
    #[must_use]
    pub fn remembering(mut self, healths: Vec<Remembered>, recorder: Recorder) -> MonitorShell {
        self.machine.remember(self.facts.clock.now(), healths);
        self.recorder = Some(recorder);
        self
    }

    /// Runs until it was told to stop and has said goodbye.
    pub async fn run(mut self) {
        let first = tokio::time::Instant::now() + LOOK;
        let mut second = tokio::time::interval_at(first, LOOK);
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut alarm = Alarm::new();
        while self.act().await {
            let timeout = self.machine.poll_timeout().map(|at| self.facts.clock.instant(at));
            let event = tokio::select! {
                biased;
                event = self.inbox.recv() => event,
                () = alarm.at(timeout) => None,
                _ = second.tick() => {
                    self.outlets.settle();
                    self.record_if_due();
                    None
                }
            };
            // All results first: by the time's word an unanswered probe has no opinion.
            if let Some(event) = event {
                self.take(event);
            }
            while let Ok(event) = self.inbox.try_recv() {
                self.take(event);
            }
            self.keep_time().await;
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.finish().await;
        }
    }

    /// Tells the machine the time, where it waits for it. Who was kept from its turn first hears the
    /// answers that came meanwhile and wait in tasks of their own.
    async fn keep_time(&mut self) {
        let due =
            |shell: &MonitorShell, now: Time| shell.machine.poll_timeout().filter(|&at| at <= now);
        let Some(at) = due(self, self.facts.clock.now()) else { return };
        if self.facts.clock.now().since(at) > PUNCTUAL {
            tokio::task::yield_now().await;
            while let Ok(event) = self.inbox.try_recv() {
                self.take(event);
            }
        }
        let now = self.facts.clock.now();
        if due(self, now).is_some() {
            self.machine.handle_timeout(now);
        }
    }

    /// Does all that the machine asks for; false when it has finished.
    async fn act(&mut self) -> bool {
        loop {
            let (now, wall) = (self.facts.clock.now(), self.facts.clock.wall());
            let Some(output) = self.machine.poll_output(now, wall) else { return true };
            match output {
                Output::StartProbe { id, probe, service, target, timeout } => {
                    self.start_probe(id, probe, &service, &target, timeout);
                }
                Output::CancelProbe { id } => {
                    if let Some(probe) = self.in_flight.remove(&id) {
                        probe.abort();
                    }
                }
                Output::SampleLoad { id, source, of } => self.sample(id, source, &of),
                Output::Send(beat) => self.send(&beat),
                Output::Changed(change) => {
                    let from = change.from.map_or("new", State::as_str);
                    let (service, address, reason) =
                        (&change.service, change.address, &change.reason);
                    let why = if reason.as_str().is_empty() { "" } else { ": " };
                    info!(%service, %address, "{from} -> {}{why}{reason}", change.to);
                    self.unrecorded = true;
                }
                Output::Finished => {
                    // The goodbye must be out before the transports are stopped.
                    tokio::task::yield_now().await;
                    return false;
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, event: Event) {
        let now = self.facts.clock.now();
        match event {
            Event::Probed(id, outcome) => {
                self.in_flight.remove(&id);
                self.machine.handle_probe_result(now, id, outcome);
            }
            Event::Sampled(id, of, answer) => {
                self.tell_load(of, &answer);
                self.machine.handle_load(now, id, convert::reading(&answer));
            }
            Event::Interfaces(interfaces) => {
                self.interfaces = interfaces;
                self.tell_addresses();
            }
            Event::Apply(plan, outlets, applied) => {
                self.plan = *plan;
                self.failing.retain(|(source, _), _| self.plan.loads.contains_key(source));
                self.outlets.replace(outlets);
                self.machine.handle_config(now, self.plan.config.clone());
                self.tell_addresses();
                // Whoever asked may have gone; it has happened all the same.
                let _ = applied.send(());
            }
            Event::Agent(question, answer) => {
                if let Some(line) = agent::line(&question, &self.machine.own_view(now)) {
                    // Who has gone need not hear.
                    let _ = answer.send(line);
                }
            }
            Event::Status(answer) => {
                self.outlets.settle();
                drop(answer.send(self.status()));
            }
            Event::Stop => {
                // Whatever the disk has not taken yet: this is the last word.
                if let Some(recorder) = &mut self.recorder {
                    recorder.record(self.machine.healths(now));
                }
                self.machine.handle_shutdown(now);
            }
        }
    }

    fn record_if_due(&mut self) {
        let age = self.facts.clock.now().since(self.recorded);
        if self.unrecorded || age >= RECORD_ANYWAY {
            self.record();
        }
    }

    /// Has what is known written down; nothing once the goodbye is being said, when nothing is.
    fn record(&mut self) {
        let now = self.facts.clock.now();
        let Some(recorder) = self.recorder.as_mut().filter(|_| !self.machine.is_leaving()) else {
            return;
        };
        if recorder.is_ready() {
            recorder.record(self.machine.healths(now));
            (self.recorded, self.unrecorded) = (now, false);
        }
    }

    fn tell_addresses(&mut self) {
        let now = self.facts.clock.now();
        let advertised = self.plan.advertised(&self.interfaces);
        self.judge_by_key(&advertised);
        for (set, addresses) in advertised {
            let is_missed = addresses.is_empty() && self.plan.announces(&set);
            if is_missed && !self.interfaces.is_empty() {
                warn!(set = ?set, "no address of this host is left to announce: see [monitor] advertise and exclude");
            }
            self.machine.handle_addresses(now, set, &addresses);
        }
    }

    /// Says once which addresses the key that signs may not speak of.
    fn judge_by_key(&mut self, advertised: &[(AddressSet, Vec<IpAddr>)]) {
        let announced = advertised.iter().filter(|(set, _)| self.plan.announces(set));
        let mut announced: Vec<IpAddr> = announced.flat_map(|(_, all)| all).copied().collect();
        announced.sort_unstable();
        announced.dedup();
        let beyond = self.plan.membership.beyond(&announced).map(|(beyond, key)| {
            let beyond: Vec<String> = beyond.iter().map(ToString::to_string).collect();
            format!(
                "every binder refuses the beats that name {}: the key that signs here, {}, may not speak \
                 of it; `[monitor] advertise` and `exclude` say what is announced, `rais key new --allow` \
                 makes a key for it",
                beyond.join(", "),
                key.path.display()
            )
        });
        if let Some(text) = beyond.as_ref().filter(|_| beyond != self.beyond_key) {
            warn!("{text}");
        }
        self.beyond_key = beyond;
    }

    fn start_probe(
        &mut self,
        id: ProbeId,
        key: ProbeKey,
        service: &ServiceName,
        target: &ProbeTarget,
        timeout: Duration,
    ) {
        let Some(binding) = self.plan.probes.get(&key) else { return };
        self.counters.probes_started += 1;
        let ProbeBinding { port, timeout: own, .. } = binding;
        let limit = own.map_or(timeout, |own| own.min(timeout));
        let at = binding.target(target.address);
        let answer = port.probe(Target::new(at, &*target.name, service.as_str()), limit);
        let events = self.events.clone();
        let probe = tokio::spawn(async move {
            // A monitor that has ended wants no results.
            let _ = events.send(Event::Probed(id, convert::outcome(answer.await)));
        });
        self.in_flight.insert(id, probe.abort_handle());
    }

    fn sample(&mut self, id: SampleId, source: LoadKey, of: &LoadSubject) {
        let events = self.events.clone();
        let binding = self.plan.loads.get(&source);
        let (whom, subject) = match (of, binding) {
            (LoadSubject::Target { service, target, last }, Some(binding)) => {
                let at =
                    Target::new(binding.target(target.address), &*target.name, service.as_str());
                let subject = Subject::new(service.as_str()).with_target(at);
                let last = last.as_ref().map(convert::up);
                let subject = last.into_iter().fold(subject, Subject::with_last);
                (Some((service.clone(), target.address)), subject)
            }
            _ => (None, Subject::new("")),
        };
        let asked = binding.map(|binding| (Arc::clone(&binding.port), binding.limit));
        tokio::spawn(async move {
            let answer = match asked {
                Some((port, limit)) => port.sample(subject, limit).await,
                None => Err(Fault::unknown("there is no such load any more")),
            };
            let _ = events.send(Event::Sampled(id, (source, whom), answer));
        });
    }

    /// Says once that a load is at fault; the heartbeat only lacks it.
    fn tell_load(&mut self, of: Asked, answer: &Result<Reading, Fault>) {
        let Some(binding) = self.plan.loads.get(&of.0) else { return };
        let load = match &of.1 {
            Some((service, address)) => format!("{} of {service} at {address}", binding.plugin),
            None => binding.plugin.clone(),
        };
        match answer {
            Ok(_) => {
                if self.failing.remove(&of).is_some() {
                    info!(load, "it is known again");
                }
            }
            Err(fault) => {
                if self.failing.insert(of, fault.kind) != Some(fault.kind) {
                    warn!(load, "not known: {}", convert::describe(fault));
                }
            }
        }
    }

    fn send(&mut self, beat: &Heartbeat) {
        self.counters.beats_sent += 1;
        let membership = &self.plan.membership;
        let datagram: Arc<[u8]> =
            match codec::encode(beat, membership.cluster(), membership.signing()) {
                Ok(datagram) => datagram.into(),
                Err(error) => return warn!("a beat cannot be sent: {error}"),
            };
        if let Some(neighbour) = &self.neighbour {
            let arrived =
                Arrived { transport: NEIGHBOUR.into(), from: None, data: (&*datagram).into() };
            // A full queue loses a beat, as a network would.
            let _ = neighbour.try_send(arrived);
        }
        self.outlets.send(&datagram);
    }

    fn alarms(&self) -> Vec<AlarmStatus> {
        let beyond_key = self.beyond_key.iter().map(|text| AlarmStatus::of("key-limit", text));
        let transports = self.outlets.troubles().map(|(name, trouble)| {
            let time = in_words(trouble.since.elapsed());
            AlarmStatus::of_transport(
                name,
                &format!("has sent nothing for {time}: {}", trouble.why),
            )
        });
        beyond_key.chain(transports).collect()
    }

    fn status(&self) -> MonitorStatus {
        let now = self.facts.clock.now();
        let services = self.machine.view(now).into_iter().map(|view| ServiceHealth {
            service: view.service.to_string(),
            address: view.address,
            claim: claim_word(view.claim).to_owned(),
            state: view.state.unwrap_or(State::Unknown).to_string(),
            since_ms: millis(now.since(view.since)),
            reason: view.reason.to_string(),
            load: view.load.map(Load::as_percent),
            took_ms: view.last_took.map(|took| took.as_secs_f64() * 1000.0),
            detail: view.detail.to_string(),
            weight: view.weight.as_percent(),
        });
        MonitorStatus {
            version: self.facts.version.clone(),
            host: self.facts.host_status(),
            uptime_ms: self.facts.uptime_ms(),
            security: self.plan.membership.security,
            alarms: self.alarms(),
            services: services.collect(),
            plugins: Vec::new(),
            counters: MonitorCounters {
                send_failed: self.outlets.failed(),
                probes_waiting: self.machine.waiting() as u64,
                ..self.counters
            },
        }
    }
}

/// The transport between the two roles of one process, in its queue.
pub const NEIGHBOUR: &str = "(this process)";

pub(super) fn claim_word(claim: Claim) -> &'static str {
    match claim {
        Claim::Own => "own",
        Claim::Watched => "watched",
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Never, where there is no time.
pub(super) async fn sleep_until(time: Option<std::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
