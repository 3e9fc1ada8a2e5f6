//! A host's reports in as few datagrams as hold them, split at a service where that can be.

use std::net::IpAddr;

use super::codec::{MAX_OF_A_FAMILY, address_len, len_around, report_len};
use super::key::TAG_LEN;
use super::{Coverage, MAX_DATAGRAM, Report};
use crate::name::{ClusterName, HostName};

/// How many octets of a host's datagrams are for reports: 811 at least, and no report without its
/// addresses takes more than 155.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room(usize);

impl Room {
    /// What is left beside these names. A tag's octets are always set aside, so that signing may
    /// start at any time.
    pub fn beside(host_name: &HostName, cluster: &ClusterName) -> Room {
        Room(MAX_DATAGRAM - TAG_LEN - len_around(host_name, cluster))
    }

    /// In octets.
    pub const fn octets(self) -> usize {
        self.0
    }
}

/// The reports of each datagram, in order.
///
/// What a service and claim have together stays together and moves to the place of its first
/// report. Only what no datagram holds is split, and every piece is then [`Coverage::Part`]: no
/// piece is all there is. A report without an address says nothing and is left out.
pub fn pack(reports: Vec<Report>, room: Room) -> Vec<Vec<Report>> {
    let mut packing =
        Packing { room: room.octets(), done: Vec::new(), open: Vec::new(), left: room.octets() };
    for group in groups(reports) {
        packing.add(group);
    }
    packing.finish()
}

/// What stands together: one service's reports of one claim. In order of the first.
fn groups(reports: Vec<Report>) -> Vec<Vec<Report>> {
    let mut groups: Vec<Vec<Report>> = Vec::new();
    for report in reports.into_iter().filter(|report| !report.addresses.is_empty()) {
        let alike =
            |group: &Vec<Report>| group.first().is_some_and(|first| are_together(first, &report));
        // A host has few services; those of one stand in a row.
        match groups.iter().rposition(alike) {
            Some(at) => groups[at].push(report),
            None => groups.push(vec![report]),
        }
    }
    groups
}

fn are_together(one: &Report, other: &Report) -> bool {
    one.claim == other.claim && one.service == other.service
}

struct Packing {
    room: usize,
    done: Vec<Vec<Report>>,
    /// The datagram that is being filled, and how many octets it has left.
    open: Vec<Report>,
    left: usize,
}

impl Packing {
    fn add(&mut self, group: Vec<Report>) {
        let len: usize = group.iter().map(report_len).sum();
        if len > self.left && len <= self.room {
            self.close();
        }
        let countable =
            group.iter().all(|report| fitting(report, usize::MAX) == report.addresses.len());
        if len <= self.left && countable {
            self.left -= len;
            self.open.extend(group);
        } else {
            group.into_iter().for_each(|report| self.add_split(report));
        }
    }

    /// `report` in pieces, from what is left of this datagram on.
    fn add_split(&mut self, mut report: Report) {
        report.coverage = Coverage::Part;
        let head = report_len(&report) - report.addresses.iter().map(address_len).sum::<usize>();
        while !report.addresses.is_empty() {
            let fit = fitting(&report, self.left.saturating_sub(head));
            if fit == 0 {
                if self.open.is_empty() {
                    // Not with a Room: it has space for a report and one address.
                    return;
                }
                self.close();
                continue;
            }
            let rest = report.addresses.split_off(fit);
            let piece = Report {
                addresses: std::mem::replace(&mut report.addresses, rest),
                ..report.clone()
            };
            self.left -= report_len(&piece);
            self.open.push(piece);
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.done.push(std::mem::take(&mut self.open));
        }
        self.left = self.room;
    }

    fn finish(mut self) -> Vec<Vec<Report>> {
        self.close();
        self.done
    }
}

/// How many of the report's addresses, from the first, `octets` hold and its counts can count.
fn fitting(report: &Report, octets: usize) -> usize {
    let (mut left, mut v4, mut v6) = (octets, 0, 0);
    let mut fits = |address: &IpAddr| {
        let of_its_family = if address.is_ipv4() { &mut v4 } else { &mut v6 };
        *of_its_family += 1;
        let len = address_len(address);
        let fit = len <= left && *of_its_family <= MAX_OF_A_FAMILY;
        left = left.saturating_sub(len);
        fit
    };
    report.addresses.iter().take_while(|address| fits(address)).count()
}
