//! What holds of every judgement, whatever is known: the design's section 7 as properties.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use rais_proto::heartbeat::{Capacity, Claim, Reason, State, Weight};
use rais_proto::load::Load;
use rais_proto::name::HostId;
use rais_proto::policy::at_once::{self, Hearing, LoadTimer, Memory, Turns};
use rais_proto::policy::drained::{Drained, Force};
use rais_proto::policy::prune::Overloaded;
use rais_proto::policy::silence::Holds;
use rais_proto::policy::weights::Constants;
use rais_proto::policy::{
    AddressSet, Balance, Decision, MinServers, Percent, ServicePolicy, Verdict, WhenNone,
};
use rais_proto::table::{Claimed, Revival, Row, Standing};
use rais_proto::time::Time;

const NOW: Time = Time::from_secs(1000);
/// So many addresses there are.
const ALL: u8 = 8;

/// All that a judgement is made of.
#[derive(Debug, Clone)]
struct Case {
    policy: ServicePolicy,
    known: Vec<(IpAddr, Standing, Claimed)>,
    hearing: Hearing,
    timer: LoadTimer,
    set: AddressSet,
    last: AddressSet,
    drained: Drained,
}

/// What it keeps.
#[derive(Debug, Clone, Default, PartialEq)]
struct Kept {
    last: AddressSet,
    healthy: AddressSet,
    holds: Holds,
    overloaded: Overloaded,
    turns: Turns,
}

impl Case {
    /// Judges, with the rows in an order.
    fn judge(
        &self,
        order: &[usize],
        set: &AddressSet,
        kept: &mut Kept,
        timer: LoadTimer,
    ) -> Decision {
        let rows: Vec<Row<'_>> = order
            .iter()
            .map(|&at| {
                let (address, standing, claimed) = &self.known[at];
                let standing =
                    if self.drained.contains(*address) { Standing::Draining } else { *standing };
                Row { address: *address, standing, claimed }
            })
            .collect();
        if !set.is_empty() {
            kept.last.clone_from(set);
        }
        let mut memory = Memory {
            set,
            healthy: &mut kept.healthy,
            last: &kept.last,
            holds: &mut kept.holds,
            overloaded: &mut kept.overloaded,
            turns: &mut kept.turns,
            drained: &self.drained,
        };
        at_once::judge(NOW, &self.policy, &rows, self.hearing, timer, &mut memory)
    }

    fn kept(&self) -> Kept {
        Kept { last: self.last.clone(), healthy: self.set.clone(), ..Kept::default() }
    }

    fn order(&self) -> Vec<usize> {
        (0..self.known.len()).collect()
    }

    fn standing(&self, address: IpAddr) -> Option<Standing> {
        self.known.iter().find(|(one, ..)| *one == address).map(|(_, standing, _)| *standing)
    }

    /// Whether there is somebody to be held, or to be brought back by `all`.
    fn has_anybody_left(&self) -> bool {
        let has_left = |standing: &Standing| {
            matches!(standing, Standing::Draining | Standing::Out(State::Leaving))
        };
        let is_brought_back = self.policy.when_none == WhenNone::All
            && !self
                .known
                .iter()
                .all(|(one, standing, _)| has_left(standing) || self.drained.contains(*one));
        !self.last.is_empty() || !self.set.is_empty() || is_brought_back
    }
}

fn address(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

fn addresses() -> impl Strategy<Value = AddressSet> {
    let addresses = btree_set((1..=ALL).prop_map(address), 0..=usize::from(ALL));
    addresses.prop_map(AddressSet::from_iter)
}

prop_compose! {
    fn claimed(n: u8)(
        standing in select(vec![
            Standing::Up, Standing::Up, Standing::Up, Standing::Reviving, Standing::Silent,
            Standing::Out(State::Down), Standing::Out(State::Maintenance),
            Standing::Out(State::Leaving), Standing::Draining,
        ]),
        load in proptest::option::of(0_u32..12_000),
        units in 1_u32..8,
        host in 1_u8..5,
        heard_ms in 0_u64..3000,
    ) -> (IpAddr, Standing, Claimed) {
        let state = match standing {
            Standing::Up | Standing::Reviving | Standing::Silent => State::Up,
            Standing::Out(state) => state,
            Standing::Draining => State::Draining,
        };
        let claimed = Claimed {
            host: HostId([host; 16]),
            claim: Claim::Own,
            state,
            reason: Reason::default(),
            load: load.map(Load::from_hundredths),
            capacity: Capacity::from_thousandths(units * 1000).unwrap(),
            weight: Weight::USUAL,
            interval: Duration::from_secs(1).into(),
            expire: Duration::from_secs(3).into(),
            heard: NOW - Duration::from_millis(heard_ms),
            revival: Revival::Done,
            key: None,
        };
        (address(n), standing, claimed)
    }
}

prop_compose! {
    fn policy()(
        balance in select(vec![
            Balance::None,
            Balance::Prune,
            Balance::DutyCycle(Constants::usual(Duration::from_secs(10), Duration::from_secs(2))),
            Balance::Weights(Constants::usual(Duration::from_secs(10), Duration::from_secs(10))),
        ]),
        max_load in proptest::option::of(2000_u32..9000),
        min_servers in prop_oneof![
            (1_u32..6).prop_map(MinServers::Count),
            (1_u8..=100).prop_map(|percent| MinServers::Percent(Percent(percent))),
        ],
        panic in proptest::option::of((1_u8..=100).prop_map(Percent)),
        tiers in select(vec![Vec::new(), vec![vec!["192.0.2.0/30"], vec!["192.0.2.4/31"]]]),
        max_servers in proptest::option::of(1_u32..6),
        when_none in select(vec![WhenNone::Hold, WhenNone::All, WhenNone::Empty]),
    ) -> ServicePolicy {
        let max_load = max_load.map(Load::from_hundredths);
        let net = |text: &&str| text.parse().unwrap();
        ServicePolicy {
            balance,
            max_load,
            return_load: max_load.map(|max| Load::from_hundredths(max.as_hundredths() / 10 * 9)),
            min_servers,
            panic,
            tiers: tiers.iter().map(|tier: &Vec<&str>| tier.iter().map(net).collect()).collect(),
            max_servers: max_servers.and_then(NonZeroU32::new),
            when_none,
            ..ServicePolicy::usual("www.example".parse().unwrap())
        }
    }
}

prop_compose! {
    fn case()(
        members in btree_set(1..=ALL, 0..=usize::from(ALL)),
    )(
        known in members.into_iter().map(claimed).collect::<Vec<_>>(),
        policy in policy(),
        hearing in select(vec![Hearing::Clear, Hearing::Clear, Hearing::Listening, Hearing::Deaf]),
        timer in select(vec![LoadTimer::Due, LoadTimer::Running]),
        set in addresses(),
        last in addresses(),
        drained in vec((1..=ALL, select(vec![Force::Withheld, Force::Given])), 0..3),
    ) -> Case {
        let drained = drained.into_iter().map(|(n, force)| (address(n), force)).collect();
        Case { policy, known, hearing, timer, set, last, drained }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_set_is_never_empty_unless_somebody_asked_for_it(case in case()) {
        let decision = case.judge(&case.order(), &case.set, &mut case.kept(), case.timer);
        if decision.set.is_empty() {
            let frozen = case.hearing == Hearing::Deaf && case.set.is_empty();
            prop_assert!(
                case.policy.when_none == WhenNone::Empty
                    || case.drained.may_empty()
                    || !case.has_anybody_left()
                    || frozen
            );
        }
    }

    #[test]
    fn whoever_is_dead_is_in_by_panic_hold_or_all_alone(case in case()) {
        let decision = case.judge(&case.order(), &case.set, &mut case.kept(), case.timer);
        for &one in &decision.set {
            let verdict = decision.verdicts.get(&one).copied();
            let as_asked = matches!(
                verdict,
                Some(Verdict::Panic | Verdict::LastResort | Verdict::Frozen)
            );
            match case.standing(one) {
                Some(Standing::Out(_) | Standing::Draining) => prop_assert!(as_asked, "{verdict:?}"),
                Some(Standing::Silent) => prop_assert!(
                    as_asked || matches!(verdict, Some(Verdict::Held | Verdict::Stored)),
                    "{verdict:?}"
                ),
                // Once heard it is not taken out, nor brought back.
                Some(Standing::Reviving) => {
                    prop_assert!(as_asked || case.set.contains(&one), "{verdict:?}");
                }
                Some(Standing::Up) | None => {}
            }
        }
    }

    #[test]
    fn whom_an_operator_has_drained_is_in_only_where_nobody_else_is(case in case()) {
        let decision = case.judge(&case.order(), &case.set, &mut case.kept(), case.timer);
        let drained: BTreeSet<_> =
            decision.set.iter().filter(|&&one| case.drained.contains(one)).collect();
        if !drained.is_empty() {
            prop_assert!(!case.drained.may_empty());
            prop_assert_eq!(drained.len(), decision.set.len());
            prop_assert!(decision.verdicts.values().all(|v| *v != Verdict::In));
        }
    }

    #[test]
    fn every_address_that_is_known_or_in_has_a_verdict_that_fits(case in case()) {
        let decision = case.judge(&case.order(), &case.set, &mut case.kept(), case.timer);
        for (one, ..) in &case.known {
            prop_assert!(decision.verdicts.contains_key(one));
        }
        let is_in = |verdict: Verdict| matches!(
            verdict,
            Verdict::In | Verdict::Stored | Verdict::Held | Verdict::Frozen | Verdict::Panic
                | Verdict::LastResort
        );
        for (one, &verdict) in &decision.verdicts {
            prop_assert_eq!(decision.set.contains(one), is_in(verdict), "{}: {}", one, verdict);
        }
        prop_assert!(decision.set.iter().all(|one| decision.verdicts.contains_key(one)));
    }

    #[test]
    fn the_order_in_which_addresses_are_told_is_nothing(case in case(), seed in any::<u64>()) {
        let mut order = case.order();
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        let (mut one, mut other) = (case.kept(), case.kept());
        let decision = case.judge(&case.order(), &case.set, &mut one, case.timer);
        prop_assert_eq!(decision, case.judge(&order, &case.set, &mut other, case.timer));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn judged_again_at_once_it_is_the_same(case in case()) {
        let mut kept = case.kept();
        let first = case.judge(&case.order(), &case.set, &mut kept, case.timer);
        let second = case.judge(&case.order(), &first.set, &mut kept, LoadTimer::Running);
        // Who is held once is held on: the last set is another then.
        if first.verdicts.values().all(|verdict| *verdict != Verdict::LastResort) {
            prop_assert_eq!(&first.set, &second.set);
        }
        let third = case.judge(&case.order(), &second.set, &mut kept, LoadTimer::Running);
        prop_assert_eq!(second.set, third.set);
    }

    #[test]
    fn load_leaves_as_many_as_are_to_stay(case in case()) {
        let decision = case.judge(&case.order(), &case.set, &mut case.kept(), case.timer);
        let pruned = decision.verdicts.values().filter(|verdict| **verdict == Verdict::Pruned).count();
        let is_cut = decision.verdicts.values().any(|verdict| *verdict == Verdict::Surplus);
        if pruned > 0 && !is_cut {
            let known = case.known.iter().filter(|(one, standing, _)| {
                !case.drained.contains(*one)
                    && !matches!(standing, Standing::Draining | Standing::Out(State::Leaving))
            });
            prop_assert!(decision.set.len() >= case.policy.min_servers.of(known.count()));
        }
        if let Some(max) = case.policy.max_servers
            && !decision.verdicts.values().any(|verdict| matches!(
                verdict,
                Verdict::Panic | Verdict::LastResort | Verdict::Frozen
            ))
            && case.policy.panic.is_none()
        {
            prop_assert!(decision.set.len() <= max.get() as usize);
        }
    }
}
