//! What several watchers of one address say.

use std::collections::BTreeMap;

use rais_runtime::status::{MemberStatus, ServiceStatus, WatcherStatus};

use super::plain;
use crate::output::{Side, Table, Tone};

/// A row for each address that several hosts watch; none where there is none.
pub(super) fn votes(services: &[ServiceStatus]) -> Option<Table> {
    let mut table = Table::new(&[
        ("watched", Side::Left),
        ("address", Side::Left),
        ("watch", Side::Left),
        ("up", Side::Left),
        ("said by", Side::Left),
    ]);
    let mut is_empty = true;
    for service in services {
        for member in service.members.iter().filter(|member| member.watchers.len() > 1) {
            is_empty = false;
            table.row([
                plain(&service.service),
                plain(&member.address.to_string()),
                (service.watch.clone(), Tone::Faint),
                plain(&count(member)),
                plain(&said(&member.watchers)),
            ]);
        }
    }
    (!is_empty).then_some(table)
}

/// `2 of 3`: of those whose word counts.
fn count(member: &MemberStatus) -> String {
    let of = |vote: &str| -> Vec<&WatcherStatus> {
        member.watchers.iter().filter(|watcher| watcher.vote == vote).collect()
    };
    let mut votes = of("counts");
    if votes.is_empty() {
        votes = of("reviving");
    }
    let up = votes.iter().filter(|watcher| watcher.state == "up").count();
    format!("{up} of {}", votes.len())
}

/// `up ns1 ns2, down ns3`, and who is silent.
fn said(watchers: &[WatcherStatus]) -> String {
    let mut by_word: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
    for watcher in watchers {
        let word = match watcher.vote.as_str() {
            "counts" => watcher.state.as_str(),
            vote => vote,
        };
        let place = match word {
            "up" => 0,
            "silent" => 2,
            _ => 1,
        };
        by_word.entry((place, word)).or_default().push(&watcher.host);
    }
    let groups: Vec<String> = by_word
        .into_iter()
        .map(|((_, word), mut hosts)| {
            hosts.sort_unstable();
            format!("{word} {}", hosts.join(" "))
        })
        .collect();
    groups.join(", ")
}
