//! From a datagram to the tables (Fig. 5): authentic, fresh, allowed, and each claim once.

use std::net::IpAddr;

use super::{Arrival, Binder};
use crate::heartbeat::codec;
use crate::heartbeat::refusal::Refusal;
use crate::heartbeat::{Claim, Coverage, Heartbeat, Report, State};
use crate::name::ServiceName;
use crate::table::{Change, Obstacle, Order};

impl Binder {
    /// Takes in one datagram. What is refused changes nothing and is counted.
    pub fn handle_datagram(&mut self, arrival: Arrival, datagram: &[u8]) {
        let opened = match codec::open(datagram, &self.config.trust) {
            Ok(opened) => opened,
            Err(refusal) => return self.counters.refuse(refusal),
        };
        let beat = opened.beat;
        match self.peers.admit(arrival, &beat, self.config.max_skew) {
            Ok(order) => {
                self.counters.accepted += 1;
                if beat.host != self.config.host {
                    self.hear_remote(arrival.now);
                }
                self.take_in(arrival, &beat, order);
                self.publish_due(arrival.now, arrival.wall);
            }
            Err(refusal) => self.counters.refuse(refusal),
        }
    }

    fn take_in(&mut self, arrival: Arrival, beat: &Heartbeat, order: Order) {
        let reports = &beat.reports;
        for (at, report) in reports.iter().enumerate() {
            let earlier = reports.iter().take(at).any(|r| r.service == report.service);
            if !earlier {
                self.take_in_service(arrival, beat, &report.service, order);
            }
        }
    }

    /// All that a beat says of one service.
    fn take_in_service(
        &mut self,
        arrival: Arrival,
        beat: &Heartbeat,
        name: &ServiceName,
        order: Order,
    ) {
        let Ok(index) = self.services.binary_search_by(|s| s.name.cmp(name)) else {
            return; // somebody else's service
        };
        let mut change = Change::None;
        let reports = || beat.reports.iter().filter(|report| &report.service == name);
        for report in reports() {
            change = change.max(self.take_in_report(arrival, beat, index, report, order));
        }
        let Some(service) = self.services.get_mut(index) else { return };
        if order == Order::Newest {
            for claim in [Claim::Own, Claim::Watched] {
                let whole =
                    || reports().filter(|r| r.claim == claim && r.coverage == Coverage::Whole);
                if whole().next().is_some() {
                    let named: Vec<IpAddr> =
                        whole().flat_map(|report| report.addresses.iter().copied()).collect();
                    change = change.max(service.table.omit(beat.host, claim, &named));
                }
            }
        }
        if service.judges_beats() && (change == Change::Standing || service.is_tense()) {
            self.judge(arrival.now, index);
        } else {
            self.wakes.set(index, service.next_wake());
        }
    }

    fn take_in_report(
        &mut self,
        arrival: Arrival,
        beat: &Heartbeat,
        index: usize,
        report: &Report,
        order: Order,
    ) -> Change {
        let Some(service) = self.services.get_mut(index) else { return Change::None };
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
        refused.into_iter().for_each(|refusal| self.counters.refuse(refusal));
        let report = narrowed.as_ref().unwrap_or(report);

        let (change, obstacles) = service.table.apply(arrival.now, beat.host, report, order);
        for (_, obstacle) in &obstacles {
            self.counters.refuse(match obstacle {
                Obstacle::Owner(_) => Refusal::Owned,
                Obstacle::Full => Refusal::TableFull,
            });
        }
        if report.state == State::Up {
            let mine = report.addresses.iter().filter(|a| obstacles.iter().all(|(o, _)| o != *a));
            mine.for_each(|&address| service.note_up(address, report.load));
        }
        service.note_expiry(arrival.now + report.expire);
        if beat.host != self.config.host {
            self.hearing.longest = self.hearing.longest.max(report.expire);
        }
        change
    }
}

/// Unspecified, multicast, broadcast, and loopback unless the beat itself came over it.
fn is_no_servers(address: IpAddr, on_loopback: bool) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    address.is_unspecified()
        || address.is_multicast()
        || broadcast
        || (address.is_loopback() && !on_loopback)
}
