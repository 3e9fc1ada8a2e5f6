//! Trials: all of a service's probes of one target, once.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, anyhow};
use rais_proto::monitor::advertise::{self, Interface};
use rais_proto::name::ServiceName;
use rais_runtime::config::{self, Call, Config, MonitorService};
use rais_runtime::plan::Instances;
use rais_runtime::plan::monitor::selection;
use rais_sdk::{Fault, Subject, Target, Up};
use tokio::task::JoinSet;

use super::verdict::{self, Verdict};
use crate::exit::Stop;

/// What is probed as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: IpAddr,
    /// Of the machine.
    name: String,
}

/// All of a service's probes of one place, and what they came to.
pub(super) struct Trial<'a> {
    pub(super) name: &'a ServiceName,
    pub(super) service: &'a MonitorService,
    pub(super) place: Place,
    /// In the order of the service's calls; none before it has come.
    answers: Vec<Option<Result<Up, Fault>>>,
    /// As soon as no further answer can change it.
    pub(super) verdict: Option<Verdict>,
}

/// What a monitor here would probe, each as one.
pub(super) fn places(
    config: &Config,
    service: &MonitorService,
    interfaces: &[Interface],
) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    if !service.targets.is_empty() {
        for config::Target { address, name, .. } in &service.targets {
            if !places.iter().any(|place| place.address == *address) {
                let name = name.clone().unwrap_or_else(|| address.to_string());
                places.push(Place { address: *address, name });
            }
        }
        return places;
    }
    let which = selection(&service.addresses);
    let own = advertise::advertised(interfaces, &which, &config.monitor.exclude);
    let name = config.host.name.to_string();
    places.extend(own.into_iter().map(|address| Place { address, name: name.clone() }));
    // Where every probe has an address of its own, one trial speaks for all.
    let written: Option<Vec<IpAddr>> =
        service.probe.calls().iter().map(|call| call.address).collect();
    if let Some(&address) = written.as_ref().and_then(|written| written.first()) {
        places.truncate(1);
        places.iter_mut().for_each(|place| place.address = address);
    }
    places
}

/// Tries each once, all at the same time.
///
/// # Errors
/// An instance that was not made.
pub(super) async fn run(trials: &mut [Trial<'_>], instances: &Instances) -> Result<(), Stop> {
    let mut probing = JoinSet::new();
    for (at, trial) in trials.iter().enumerate() {
        let service = trial.service;
        for (part, call) in service.probe.calls().into_iter().enumerate() {
            let port = instances.probe(call).ok_or_else(missing)?;
            let own = call.timeout.unwrap_or(service.timeout);
            let answer = port.probe(trial.target(call), own.min(service.timeout));
            probing.spawn(async move { (at, part, answer.await) });
        }
    }
    while let Some(ended) = probing.join_next().await {
        let (at, part, answer) = ended.context("a probe")?;
        trials[at].take(part, answer);
    }
    Ok(())
}

/// What should have been made with the rest.
pub(super) fn missing() -> Stop {
    Stop::Failed(anyhow!("a plugin's instance is missing"))
}

impl<'a> Trial<'a> {
    pub(super) fn new(name: &'a ServiceName, service: &'a MonitorService, place: Place) -> Self {
        let answers = vec![None; service.probe.calls().len()];
        Trial { name, service, place, answers, verdict: None }
    }

    /// Where a call really goes.
    pub(super) fn target(&self, call: &Call) -> Target {
        let address = call.address.unwrap_or(self.place.address);
        let address = SocketAddr::new(address, call.port.unwrap_or_default());
        Target::new(address, self.place.name.clone(), self.name.as_str())
    }

    /// Each probe, and what it said.
    pub(super) fn answers(&self) -> impl Iterator<Item = (&'a Call, &Result<Up, Fault>)> {
        let calls = self.service.probe.calls().into_iter();
        calls.zip(&self.answers).filter_map(|(call, answer)| Some((call, answer.as_ref()?)))
    }

    fn take(&mut self, part: usize, answer: Result<Up, Fault>) {
        self.answers[part] = Some(answer);
        if self.verdict.is_none() {
            let said: Vec<Option<Verdict>> =
                self.answers.iter().map(|answer| answer.as_ref().map(Verdict::of)).collect();
            self.verdict = verdict::judge(&self.service.probe, &said);
        }
    }

    /// What a load is asked of this place: with what the trial found, where it was a success.
    pub(super) fn subject(&self, call: &Call) -> Subject {
        let subject = Subject::new(self.name.as_str()).with_target(self.target(call));
        let Some(Verdict::Up { took, load }) = self.verdict else { return subject };
        let last = Up::new(took);
        subject.with_last(match load {
            Some(load) => last.with_load(load.as_percent()),
            None => last,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use rais_proto::monitor::advertise::{InterfaceAddress, InterfaceKind, Lifetime, Link};

    use super::super::row::shown;
    use super::*;

    fn config(service: &str) -> Config {
        let text = format!(
            "[host]\nname = \"h\"\n[monitor]\nexclude = [\"192.0.2.0/24\"]\n\
             [monitor.service.s]\n{service}\n"
        );
        let loaded = config::parse(Path::new("rais.toml"), &text);
        loaded.unwrap_or_else(|faults| panic!("{faults}")).config
    }

    fn eth0() -> Interface {
        let addresses = ["198.51.100.1", "192.0.2.1", "2001:db8::1"].map(|ip| InterfaceAddress {
            ip: ip.parse().unwrap(),
            prefix_len: 24,
            scope: advertise::Scope::Global,
            lifetime: Lifetime::Lasting,
        });
        let (kind, link) = (InterfaceKind::Ethernet, Link::Up);
        Interface { name: "eth0".to_owned(), kind, link, addresses: addresses.to_vec() }
    }

    fn trials(config: &Config) -> Vec<Trial<'_>> {
        let (name, service) = config.monitor.services.first_key_value().unwrap();
        let places = places(config, service, &[eth0()]);
        places.into_iter().map(|place| Trial::new(name, service, place)).collect()
    }

    /// Where the probes go, and then the loads.
    fn asked(service: &str) -> [Vec<String>; 2] {
        let config = config(service);
        let (mut probed, mut sampled) = (Vec::new(), Vec::new());
        for trial in trials(&config) {
            let loads = trial.service.load.iter().flat_map(|load| load.calls());
            probed.extend(trial.service.probe.calls().iter().map(|it| shown(&trial.target(it))));
            sampled.extend(loads.map(|call| shown(&trial.target(call))));
        }
        [probed, sampled]
    }

    #[test]
    fn every_address_that_is_announced_is_probed() {
        let asked = asked("probe = { type = \"tcp\", port = 80 }\nload = { type = \"x\" }");
        let [probed, sampled] = asked;
        assert_eq!(probed, ["198.51.100.1:80", "[2001:db8::1]:80"]);
        assert_eq!(sampled, ["198.51.100.1", "2001:db8::1"]);
    }

    #[test]
    fn where_every_probe_has_an_address_one_trial_and_sample_speak_for_all() {
        let here = "{ type = \"tcp\", port = 80, address = \"127.0.0.1\" }";
        let there = "{ type = \"tcp\", port = 81, address = \"127.0.0.2\" }";
        let load = "load = { type = \"x\", port = 9 }";
        let [probed, sampled] = asked(&format!("probe = {{ all = [{here}, {there}] }}\n{load}"));
        assert_eq!(probed, ["127.0.0.1:80", "127.0.0.2:81"]);
        assert_eq!(sampled, ["127.0.0.1:9"]);
        // No longer where one of them has none.
        let each = "{ type = \"tcp\", port = 81 }";
        let [probed, _] = asked(&format!("probe = {{ all = [{here}, {each}] }}"));
        let expected = ["127.0.0.1:80", "198.51.100.1:81", "127.0.0.1:80", "[2001:db8::1]:81"];
        assert_eq!(probed, expected);
    }

    #[test]
    fn targets_take_the_place_of_own_addresses() {
        let targets = "targets = [\"203.0.113.7\", { address = \"203.0.113.8\", name = \"db\" }]";
        let config = config(&format!("{targets}\nprobe = {{ type = \"x\" }}"));
        let trials = trials(&config);
        let places = trials.iter().map(|trial| (trial.place.name.as_str(), trial.place.address));
        let [one, other] = ["203.0.113.7", "203.0.113.8"].map(|ip| ip.parse().unwrap());
        assert_eq!(places.collect::<Vec<_>>(), [("203.0.113.7", one), ("db", other)]);
    }

    #[test]
    fn only_a_success_of_all_together_is_handed_to_a_load() {
        let x = "{ type = \"tcp\", port = 80 }";
        let load = "load = { type = \"x\" }";
        let up = |millis| Ok(Up::new(Duration::from_millis(millis)).with_load(40.0));
        let down = || Err(Fault::down("refused"));
        for (rule, answers, took) in [
            ("all", [up(1), up(7)], Some(7)),
            ("all", [up(1), down()], None),
            ("any", [down(), up(5)], Some(5)),
            // The first of them to answer decides.
            ("any", [up(1), up(7)], Some(1)),
            ("any", [down(), Err(Fault::unknown("?"))], None),
        ] {
            let config = config(&format!("probe = {{ {rule} = [{x}, {x}] }}\n{load}"));
            let mut trials = trials(&config);
            for (part, answer) in answers.into_iter().enumerate() {
                trials[0].take(part, answer);
            }
            let call = trials[0].service.load.as_ref().unwrap().calls()[0];
            let last = trials.iter().map(|trial| trial.subject(call).last);
            let expected = took.map(|took| Up::new(Duration::from_millis(took)).with_load(40.0));
            assert_eq!(last.collect::<Vec<_>>(), [expected, None], "{rule} {took:?}");
        }
    }
}
