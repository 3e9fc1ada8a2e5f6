//! A monitor beside real plugins, some of them stuck: heard as the binder of its own process would.

use std::future::pending;
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::Path;
use std::sync::{Condvar, Mutex};

use rais_proto::heartbeat::key::KeyLimits;
use rais_proto::heartbeat::packing::Room;
use rais_proto::heartbeat::trust::{Policy, Trust};
use rais_proto::heartbeat::{Capacity, Report, Weight, default_expire};
use rais_proto::monitor::advertise::{
    self, InterfaceAddress, InterfaceKind, Lifetime, Link, Scope,
};
use rais_proto::monitor::{
    Members, MonitorConfig, OnFlapping, Probes, ServiceConfig, WatchedTarget,
};
use rais_proto::name::{ClusterName, Epoch, HostId, HostName};
use rais_proto::time::WallTime;
use rais_sdk::prelude::*;
use serde_json::Map;

use super::*;
use crate::clock::Clock;
use crate::host::{Foreign, PluginHost, ProbePort, Registry};
use crate::keys;
use crate::plan::trust::Membership;
use crate::status::SecurityStatus;

/// Holds up those who come while it is shut.
struct Turnstile {
    shut: Mutex<bool>,
    changed: Condvar,
}

impl Turnstile {
    const fn open() -> Turnstile {
        Turnstile { shut: Mutex::new(false), changed: Condvar::new() }
    }

    fn set_shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let shut = self.shut.lock().unwrap();
        drop(self.changed.wait_while(shut, |shut| *shut).unwrap());
    }
}

/// Finds its target up, or blocks in a poll, as no probe may.
struct Jams;

static JAMS: Turnstile = Turnstile::open();

impl Probe for Jams {
    const NAME: &'static str = "jams";
    const SAMPLE: &'static str = "type = \"jams\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Jams, Fault> {
        Ok(Jams)
    }

    async fn probe(&self, cx: &Cx, _: &rais_sdk::Target) -> Result<Up, Fault> {
        JAMS.pass();
        Ok(Up::new(cx.elapsed()))
    }
}

/// Finds its target up, or does not return.
struct Stays;

static STAYS: Turnstile = Turnstile::open();

impl BlockingProbe for Stays {
    const NAME: &'static str = "stays";
    const SAMPLE: &'static str = "type = \"stays\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Stays, Fault> {
        Ok(Stays)
    }

    fn probe(&self, cx: &Cx, _: &rais_sdk::Target) -> Result<Up, Fault> {
        STAYS.pass();
        Ok(Up::new(cx.elapsed()))
    }
}

/// Finds that its target says nothing.
struct Listens;

impl Probe for Listens {
    const NAME: &'static str = "listens";
    const SAMPLE: &'static str = "type = \"listens\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Listens, Fault> {
        Ok(Listens)
    }

    async fn probe(&self, cx: &Cx, _: &rais_sdk::Target) -> Result<Up, Fault> {
        cx.phase("reading");
        pending().await
    }
}

rais_sdk::plugin!(probe Jams);
rais_sdk::plugin!(blocking_probe Stays);
rais_sdk::plugin!(probe Listens);

/// The shell of a monitor that watches one machine, and what is heard of it.
struct Watching {
    events: mpsc::UnboundedSender<Event>,
    beats: mpsc::Receiver<Arrived>,
    running: tokio::task::JoinHandle<()>,
    trust: Trust,
}

impl Watching {
    fn by(port: Arc<dyn ProbePort>, timeout: Duration) -> Watching {
        let (facts, plan) = (facts(), plan(port, timeout));
        let trust = plan.membership.trust.clone();
        let (neighbour, beats) = mpsc::channel(1000);
        let (shell, events) = MonitorShell::new(facts, plan, Outlets::default(), Some(neighbour));
        Watching { events, beats, running: tokio::spawn(shell.run()), trust }
    }

    /// Listens until it is said to be in the state `wanted`; what it was said to be on the way.
    async fn until(&mut self, wanted: State) -> Vec<Report> {
        let mut said = Vec::new();
        loop {
            let arrived = self.beats.recv().await.unwrap();
            said.extend(codec::open(&arrived.data, &self.trust).unwrap().beat.reports);
            if said.last().is_some_and(|report| report.state == wanted) {
                return said;
            }
        }
    }

    async fn stop(self) {
        self.events.send(Event::Stop).unwrap();
        self.running.await.unwrap();
    }
}

fn facts() -> Facts {
    Facts {
        clock: Clock::start(),
        version: "1".to_owned(),
        host: HostId([1; 16]),
        host_name: "web1".to_owned(),
    }
}

fn plan(port: Arc<dyn ProbePort>, timeout: Duration) -> MonitorPlan {
    let cluster: ClusterName = "site".parse().unwrap();
    let host_name: HostName = "web1".parse().unwrap();
    let interval = Duration::from_millis(50);
    let target = WatchedTarget { address: "192.0.2.20".parse().unwrap(), name: None, weight: None };
    let service = ServiceConfig {
        name: "www".parse().unwrap(),
        interval,
        timeout,
        fast_interval: Duration::from_millis(10),
        rise: NonZeroU16::new(2).unwrap(),
        fall: NonZeroU16::new(2).unwrap(),
        on_flapping: OnFlapping::Hold,
        jitter_percent: 10,
        expire: default_expire(interval),
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        probes: Probes::one(ProbeKey(1)),
        load: None,
        members: Members::Watched(vec![target]),
    };
    MonitorPlan {
        config: MonitorConfig {
            host: HostId([1; 16]),
            room: Room::beside(&host_name, &cluster),
            host_name,
            epoch: Epoch(1),
            seed: 1,
            sample: Duration::from_secs(10),
            concurrency: NonZeroUsize::new(100).unwrap(),
            loads: Vec::new(),
            services: vec![service],
        },
        probes: BTreeMap::from([(
            ProbeKey(1),
            ProbeBinding { port, address: None, at_port: 80, timeout: None },
        )]),
        loads: BTreeMap::new(),
        addresses: BTreeMap::new(),
        exclude: Vec::new(),
        membership: Membership {
            trust: Trust { cluster, policy: Policy::Insecure },
            security: SecurityStatus::Insecure,
            signer: None,
        },
    }
}

fn host() -> PluginHost {
    PluginHost::new(Registry::built_in().unwrap(), Foreign::AsConfigured).unwrap()
}

fn probe(host: &PluginHost, name: &str) -> Arc<dyn ProbePort> {
    host.probe(name, &Map::new(), Path::new("")).unwrap()
}

/// What is said of a machine that is up, from when its probe gets stuck.
async fn said_while_stuck(name: &str, turnstile: &Turnstile) -> Vec<Report> {
    let host = host();
    // Long enough for a busy machine to find it up.
    let mut watching = Watching::by(probe(&host, name), Duration::from_secs(1));
    watching.until(State::Up).await;
    turnstile.set_shut(true);
    let said = watching.until(State::Unknown).await;
    turnstile.set_shut(false);
    watching.stop().await;
    said
}

#[track_caller]
fn never_down(said: &[Report]) {
    assert!(said.iter().all(|report| report.state != State::Down), "{said:?}");
    assert!(!said.last().unwrap().reason.as_str().is_empty());
}

#[tokio::test]
async fn a_probe_that_blocks_its_thread_finds_nobody_down() {
    never_down(&said_while_stuck("jams", &JAMS).await);
}

#[tokio::test]
async fn a_blocking_probe_that_does_not_return_finds_nobody_down() {
    never_down(&said_while_stuck("stays", &STAYS).await);
}

#[tokio::test]
async fn a_machine_that_says_nothing_is_down_by_the_phase_of_its_probe() {
    let host = host();
    let mut watching = Watching::by(probe(&host, "listens"), Duration::from_millis(20));
    let said = watching.until(State::Down).await;
    assert_eq!(said.last().unwrap().reason.as_str(), "timeout at reading");
    watching.stop().await;
}

#[tokio::test]
async fn own_addresses_are_missed_where_a_service_announces_them() {
    let host = host();
    let mut plan = plan(probe(&host, "jams"), Duration::from_secs(1));
    assert!(!plan.announces(&AddressSet::Host), "all its services watch others");
    let members = Members::Own { addresses: AddressSet::Host, probe_at: None };
    plan.config.services[0].members = members;
    assert!(plan.announces(&AddressSet::Host));
    let other = AddressSet::Service("www".parse().unwrap());
    assert!(!plan.announces(&other));
}

#[tokio::test]
async fn an_address_that_the_key_may_not_speak_of_is_in_status_while_it_is_announced() {
    let host = host();
    let mut plan = plan(probe(&host, "jams"), Duration::from_secs(1));
    plan.config.services[0].members = Members::Own { addresses: AddressSet::Host, probe_at: None };
    plan.addresses.insert(AddressSet::Host, advertise::Advertise::Auto);
    let folder = tempfile::tempdir().unwrap();
    let limits = KeyLimits {
        addresses: Some(vec!["192.0.2.0/28".parse().unwrap()]),
        ..KeyLimits::default()
    };
    keys::create(folder.path(), "web1", None, &limits, WallTime::from_unix_millis(1)).unwrap();
    plan.membership.signer = keys::load(folder.path()).unwrap().files.pop();
    let (mut shell, _events) = MonitorShell::new(facts(), plan, Outlets::default(), None);
    let has = |last: u8| {
        let address = InterfaceAddress {
            ip: IpAddr::from([192, 0, 2, last]),
            prefix_len: 24,
            scope: Scope::Global,
            lifetime: Lifetime::Lasting,
        };
        vec![Interface {
            name: "eth0".to_owned(),
            kind: InterfaceKind::Ethernet,
            link: Link::Up,
            addresses: vec![address],
        }]
    };
    for (last, alarms) in [(1, 0), (99, 1), (1, 0)] {
        shell.take(Event::Interfaces(has(last)));
        let told = shell.status().alarms;
        assert_eq!(told.len(), alarms, "{told:?}");
        for alarm in told {
            assert_eq!(alarm.kind, "key-limit");
            assert!(
                alarm.text.contains("192.0.2.99") && alarm.text.contains("web1.key"),
                "{alarm:?}"
            );
        }
    }
}
