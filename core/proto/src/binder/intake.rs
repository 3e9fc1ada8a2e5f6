//! From a datagram to the tables (Fig. 5): authentic, fresh, allowed, and each claim once.

use std::net::IpAddr;

use super::conflicts::Conflict;
use super::peers::Terms;
use super::service::Service;
use super::{Arrival, Binder, Output};
use crate::heartbeat::codec::{self, Opened};
use crate::heartbeat::key::{KeyId, KeyLimits};
use crate::heartbeat::refusal::Refusal;
use crate::heartbeat::trust::Policy;
use crate::heartbeat::{Claim, Coverage, Heartbeat, Report, State};
use crate::name::{HostId, ServiceName};
use crate::table::{Applied, Obstacle, Order, Speaker, Standing};
use crate::time::Time;

/// A beat that is believed, and what is known of it beyond what it says.
struct Admitted {
    beat: Heartbeat,
    /// The key that vouches for it; none where none does.
    key: Option<KeyId>,
    order: Order,
}

impl Binder {
    /// Takes in one datagram. What is refused changes nothing and is counted.
    pub fn handle_datagram(&mut self, arrival: Arrival, datagram: &[u8]) {
        match self.admit(arrival, datagram) {
            Ok(admitted) => {
                self.counters.accepted += 1;
                // Whoever was stopped for a while has not heard anybody for as long.
                self.check_deafness(arrival.now);
                if admitted.beat.host != self.config.host {
                    self.hear_remote(arrival.now);
                }
                self.take_in(arrival, &admitted);
                self.publish_due(arrival.now, arrival.wall);
            }
            Err(refusal) => self.refuse(arrival, datagram, refusal),
        }
    }

    /// After a restart: who is remembered and claims nothing had left.
    pub(super) fn presume_left(&mut self) {
        let services = &self.services;
        self.peers.presume_left(|host| owns_any(services, host));
    }

    fn admit(&mut self, arrival: Arrival, datagram: &[u8]) -> Result<Admitted, Refusal> {
        // What a message bus carries has no source, and no rate of one host.
        let source = arrival.source.ip();
        if !source.is_unspecified() && !self.rations.allow(arrival.now, source) {
            return Err(Refusal::Rate);
        }
        let Opened { mut beat, key } = codec::open(datagram, &self.config.trust)?;
        let limits = self.config.trust.limits(key);
        let bound = limits.is_some_and(KeyLimits::is_bound_to_source);
        if bound && !names_source(&beat, arrival.source.ip(), self.config.host) {
            return Err(Refusal::NotAllowed); // another copy may be in order
        }
        let services = &self.services;
        let owns = |host| owns_any(services, host);
        let terms = Terms { max_skew: self.config.max_skew, key, limits, owns: &owns };
        let order = self.peers.admit(arrival, &beat, terms)?;
        let is_rolled_out = matches!(self.config.trust.policy, Policy::Permissive(_));
        self.counters.unsigned += u64::from(is_rolled_out && key.is_none());
        if let Some(limits) = limits.filter(|_| bound) {
            let beyond = beat.reports.iter().filter(|report| !limits.allow_claim(report.claim));
            let beyond = beyond.flat_map(|report| &report.addresses);
            let refused = beyond.inspect(|_| self.counters.refuse(Refusal::NotAllowed)).count();
            if refused > 0 {
                self.peers.mishear(beat.host, arrival.now);
            }
            beat.reports.retain(|report| limits.allow_claim(report.claim));
        }
        Ok(Admitted { beat, key, order })
    }

    fn take_in(&mut self, arrival: Arrival, admitted: &Admitted) {
        let reports = &admitted.beat.reports;
        for (at, report) in reports.iter().enumerate() {
            let earlier = reports.iter().take(at).any(|r| r.service == report.service);
            if !earlier {
                self.take_in_service(arrival, admitted, &report.service);
            }
        }
    }

    /// All that a beat says of one service.
    fn take_in_service(&mut self, arrival: Arrival, admitted: &Admitted, name: &ServiceName) {
        let beat = &admitted.beat;
        let Ok(index) = self.services.binary_search_by(|s| s.name.cmp(name)) else {
            return; // somebody else's service
        };
        let mut changed = Vec::new();
        let reports = || beat.reports.iter().filter(|report| &report.service == name);
        for report in reports() {
            changed.extend(self.take_in_report(arrival, admitted, index, report));
        }
        let Some(service) = self.services.get_mut(index) else { return };
        if admitted.order == Order::Newest {
            for claim in [Claim::Own, Claim::Watched] {
                let whole =
                    || reports().filter(|r| r.claim == claim && r.coverage == Coverage::Whole);
                if whole().next().is_some() {
                    let named: Vec<IpAddr> =
                        whole().flat_map(|report| report.addresses.iter().copied()).collect();
                    changed.extend(service.table.omit(beat.host, claim, &named));
                }
            }
        }
        let is_to_judge = service.judges_beats() && (!changed.is_empty() || service.is_tense());
        for address in changed {
            self.outputs.extend(heard(service, address, beat.host));
        }
        if is_to_judge {
            self.judge_soon(arrival.now, index);
        } else {
            self.reschedule(index);
        }
    }

    fn take_in_report(
        &mut self,
        arrival: Arrival,
        &Admitted { ref beat, key, order }: &Admitted,
        index: usize,
        report: &Report,
    ) -> Vec<IpAddr> {
        let Some(service) = self.services.get_mut(index) else { return Vec::new() };
        let on_loopback = arrival.source.ip().is_loopback();
        let refusal = |address: &IpAddr| {
            if is_no_servers(*address, on_loopback) {
                Some(Refusal::Address)
            } else if !service.policy.allows(*address) {
                Some(Refusal::NotAllowed)
            } else {
                None
            }
        };
        let refused: Vec<Refusal> = report.addresses.iter().filter_map(refusal).collect();
        let narrowed = (!refused.is_empty()).then(|| {
            let allowed = report.addresses.iter().filter(|a| refusal(a).is_none());
            Report { addresses: allowed.copied().collect(), ..report.clone() }
        });
        if !refused.is_empty() {
            self.peers.mishear(beat.host, arrival.now);
        }
        refused.into_iter().for_each(|refusal| self.counters.refuse(refusal));
        let report = narrowed.as_ref().unwrap_or(report);

        let speaker = Speaker { host: beat.host, key };
        let Applied { changed, obstacles } =
            service.table.apply(arrival.now, speaker, report, order);
        for &(address, obstacle) in &obstacles {
            self.counters.refuse(match obstacle {
                Obstacle::Owner(owner) => {
                    let conflict = Conflict { owner, claimant: beat.host, at: arrival.now };
                    self.conflicts.note(&service.name, address, conflict);
                    Refusal::Owned
                }
                Obstacle::Full => Refusal::TableFull,
            });
        }
        if !service.judges_beats() {
            let taken = report.addresses.iter().filter(|a| obstacles.iter().all(|(o, _)| o != *a));
            taken
                .for_each(|&address| note(service, arrival.now, beat.host, report, address, order));
        }
        service.note_expiry(arrival.now + report.expire);
        if beat.host != self.config.host {
            self.hearing.longest = self.hearing.longest.max(report.expire);
        }
        changed
    }
}

/// That of `address` something else is said, by `host`.
pub(super) fn heard(service: &Service, address: IpAddr, host: HostId) -> Option<Output> {
    let claimed = service.table.latest_by(host, address)?;
    Some(Output::Heard {
        service: service.name.clone(),
        address,
        host,
        state: claimed.state,
        reason: claimed.reason.clone(),
    })
}

/// What one address of a report is to the paper's current list (Fig. 5).
fn note(
    service: &mut Service,
    now: Time,
    host: HostId,
    report: &Report,
    address: IpAddr,
    order: Order,
) {
    let claimed = service.table.claim_of(host, address, report.claim);
    match (report.state, report.claim, order) {
        (State::Up, Claim::Watched, _) if service.table.has_live_owner(address, now) => {}
        // The others say something else.
        (State::Up, Claim::Watched, _)
            if matches!(service.table.standing_of(address, now), Some(Standing::Out(_))) => {}
        (State::Up, _, Order::Newest) => service.note_up(address, report.load),
        (State::Up, _, Order::Overtaken) => match claimed {
            Some(claimed) if claimed.state == State::Leaving => {}
            // Its load is that of the beat that overtook it.
            Some(claimed) => service.note_alive(address, claimed.load),
            None => service.note_alive(address, report.load),
        },
        (State::Leaving, Claim::Own, Order::Newest) if claimed.is_some() => {
            service.note_left(address);
        }
        _ => {}
    }
}

fn owns_any(services: &[Service], host: HostId) -> bool {
    services.iter().any(|service| service.table.knows(host))
}

/// Whether `source` is an address that the beat's host says is its own, or the beat came from this
/// very machine; so is a beat that claims nothing.
fn names_source(beat: &Heartbeat, source: IpAddr, this_host: HostId) -> bool {
    let source = source.to_canonical();
    let own = beat.reports.iter().filter(|report| report.claim == Claim::Own);
    let here = source.is_loopback() && beat.host == this_host;
    let mut own = own.flat_map(|report| &report.addresses);
    beat.reports.is_empty() || own.any(|&address| here || address == source)
}

/// Unspecified, multicast, broadcast, and loopback unless the beat itself came over it.
fn is_no_servers(address: IpAddr, on_loopback: bool) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    address.is_unspecified()
        || address.is_multicast()
        || broadcast
        || (address.is_loopback() && !on_loopback)
}
