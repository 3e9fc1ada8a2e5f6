use proptest::prelude::*;

use super::*;

const TTL: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_secs(10);

fn web(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

fn usual() -> Constants {
    Constants::usual(TTL, INTERVAL)
}

fn member(n: u8, units: f64, load: impl Into<Option<f64>>) -> Member {
    Member {
        address: web(n),
        load: load.into().and_then(Load::from_percent),
        capacity: Capacity::from_units(units).unwrap(),
        weight: Weight::USUAL,
    }
}

/// A fleet that is judged every ten seconds.
struct Fleet {
    balance: Balance,
    constants: Constants,
    now: Time,
    shares: Shares,
}

impl Fleet {
    fn new(constants: Constants) -> Fleet {
        Fleet { balance: Balance::default(), constants, now: Time::ZERO, shares: Shares::new() }
    }

    fn judge(&mut self, newcomers: Newcomers, members: &[Member]) {
        self.shares = self.balance.judge(self.now, &self.constants, newcomers, members);
        self.now = self.now + INTERVAL;
    }

    fn found(members: &[Member]) -> Fleet {
        let mut fleet = Fleet::new(usual());
        fleet.judge(Newcomers::Found, members);
        fleet
    }

    /// The share of n over that of m.
    fn ratio(&self, n: u8, m: u8) -> f64 {
        f64::from(self.shares[&web(n)].get()) / f64::from(self.shares[&web(m)].get())
    }

    fn trims<const N: usize>(&self, members: [u8; N]) -> [f64; N] {
        let memory: BTreeMap<IpAddr, MemberMemory> = self.balance.memory().collect();
        members.map(|n| f64::from(memory[&web(n)].trim) / 1e6)
    }

    /// Judges for so long a fleet whose loads follow from the shares: `demand` of what servers of
    /// these units can truly do, told to be of one unit each.
    fn spread(&mut self, secs: u64, demand: f64, truth: &[(u8, f64)]) {
        let can: f64 = truth.iter().map(|(_, units)| units).sum();
        let end = self.now + Duration::from_secs(secs);
        while self.now < end {
            let share =
                |n: u8| self.shares.get(&web(n)).map_or(0.0, |share| f64::from(share.get()));
            let all: f64 = truth.iter().map(|&(n, _)| share(n)).sum();
            let load = |n, units: f64| (100.0 * demand * can * share(n) / all / units).min(100.0);
            let members: Vec<Member> =
                truth.iter().map(|&(n, units)| member(n, 1.0, load(n, units))).collect();
            self.judge(Newcomers::LetIn, &members);
        }
    }
}

#[track_caller]
fn near(value: f64, wanted: f64) {
    assert!((value / wanted - 1.0).abs() < 0.02, "{value} is not {wanted}");
}

/// As near as learning comes: loads that are apart by less than the dead band teach nothing.
#[track_caller]
fn about(value: f64, wanted: f64) {
    assert!((value / wanted - 1.0).abs() < 0.06, "{value} is not about {wanted}");
}

#[test]
fn alike_in_load_they_have_what_they_can_carry() {
    let fleet = Fleet::found(&[member(1, 4.0, 50.0), member(2, 2.0, 50.0), member(3, 1.0, None)]);
    assert_eq!(fleet.shares[&web(1)], Share::MOST);
    near(fleet.ratio(2, 1), 0.5);
    near(fleet.ratio(3, 1), 0.25);
}

#[test]
fn the_more_loaded_has_less_at_once_by_the_root() {
    let fleet = Fleet::found(&[member(1, 1.0, 75.0), member(2, 1.0, 15.0)]);
    near(fleet.ratio(1, 2), f64::sqrt(0.2 / 0.8));
    let idle = Fleet::found(&[member(1, 1.0, 1.0), member(2, 1.0, 0.0)]);
    near(idle.ratio(1, 2), f64::sqrt(0.05 / 0.06));
}

#[test]
fn who_is_told_to_take_half_is_judged_at_twice_its_load() {
    let half = Member { weight: Weight::from_percent(50).unwrap(), ..member(2, 1.0, 30.0) };
    let fleet = Fleet::found(&[member(1, 1.0, 60.0), half]);
    near(fleet.ratio(2, 1), 0.5);
}

#[test]
fn loads_are_smoothed() {
    let mut fleet = Fleet::found(&[member(1, 1.0, 50.0), member(2, 1.0, 50.0)]);
    fleet.judge(Newcomers::LetIn, &[member(1, 1.0, 100.0), member(2, 1.0, 50.0)]);
    let smoothed = 1.0 - 0.5 * f64::exp(-1.0);
    near(fleet.ratio(1, 2), f64::sqrt(0.55 / (smoothed + 0.05)));
}

#[test]
fn what_each_can_truly_carry_is_learned() {
    let mut fleet = Fleet::new(usual());
    fleet.spread(4 * 3600, 0.65, &[(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]);
    about(fleet.ratio(1, 4), 0.25);
    about(fleet.ratio(2, 4), 0.5);
    about(fleet.ratio(3, 4), 0.75);
}

#[test]
fn what_is_learned_has_its_bound() {
    let mut fleet = Fleet::new(Constants { quick: Quick::NONE, ..usual() });
    fleet.spread(48 * 3600, 0.65, &[(1, 1.0), (2, 1.0), (3, 1.0), (4, 100.0)]);
    // Four against the mean of all, which the others are then below.
    let ratio = fleet.ratio(4, 1);
    assert!((4.0..=16.0).contains(&ratio), "{ratio}");
}

#[test]
fn an_unknown_load_moves_nothing_and_is_not_zero() {
    let truth = [(1, 1.0), (2, 4.0)];
    let mut fleet = Fleet::new(usual());
    fleet.spread(4 * 3600, 0.5, &truth);
    about(fleet.ratio(1, 2), 0.25);
    let [learned, other] = fleet.trims([1, 2]);
    for _ in 0..1000 {
        fleet.judge(Newcomers::LetIn, &[member(1, 1.0, None), member(2, 1.0, 50.0)]);
        near(fleet.ratio(1, 2), learned / other);
    }
    fleet.judge(Newcomers::LetIn, &[member(1, 1.0, 50.0), member(2, 1.0, 50.0)]);
    near(fleet.ratio(1, 2), learned / other);
}

#[test]
fn who_is_let_in_comes_to_its_weight_in_a_minute() {
    let all: Vec<Member> = (1..=10).map(|n| member(n, 1.0, 50.0)).collect();
    let mut fleet = Fleet::found(&all[..9]);
    let mut ramp = Vec::new();
    for _ in 0..8 {
        fleet.judge(Newcomers::LetIn, &all);
        ramp.push((fleet.ratio(10, 1) * 100.0).round());
    }
    assert_eq!(ramp, [10.0, 17.0, 33.0, 50.0, 67.0, 83.0, 100.0, 100.0]);
}

#[test]
fn where_many_are_let_in_the_others_are_not_left_with_it_all() {
    let all: Vec<Member> = (1..=10).map(|n| member(n, 1.0, 50.0)).collect();
    let mut fleet = Fleet::found(&all[..5]);
    fleet.judge(Newcomers::LetIn, &all);
    // Each of the five has 1.25 times a tenth of all.
    near(fleet.ratio(10, 1), 0.6);
    let mut alone = Fleet::found(&[]);
    alone.judge(Newcomers::LetIn, &all);
    assert_eq!(alone.shares[&web(1)], Share::MOST);
}

#[test]
fn a_low_load_of_its_own_ramp_is_not_believed() {
    let all: Vec<Member> = (1..=10).map(|n| member(n, 1.0, 50.0)).collect();
    let idle: Vec<Member> = all
        .iter()
        .map(|one| if one.address == web(10) { member(10, 1.0, 5.0) } else { *one })
        .collect();
    let mut fleet = Fleet::found(&all[..9]);
    // The ramp, then the answers that are still kept, then the load that is still measured.
    for _ in 0..10 {
        fleet.judge(Newcomers::LetIn, &idle);
        assert!(fleet.ratio(10, 1) <= 1.0, "{:?}", fleet.shares);
    }
    fleet.judge(Newcomers::LetIn, &idle);
    assert!(fleet.ratio(10, 1) > 2.0, "{:?}", fleet.shares);
}

#[test]
fn what_was_learned_is_kept_through_death_and_return() {
    let truth = [(1, 1.0), (2, 2.0), (3, 4.0)];
    let mut fleet = Fleet::new(usual());
    fleet.spread(4 * 3600, 0.5, &truth);
    let (learned, others) = (fleet.ratio(1, 3), fleet.ratio(2, 3));
    fleet.spread(1800, 0.5, &truth[1..]);
    near(fleet.ratio(2, 3), others);
    fleet.spread(100, 0.5, &truth);
    near(fleet.ratio(1, 3), learned);
    // Of two one alone has nothing to compare itself with.
    fleet.spread(1800, 0.5, &truth[2..]);
    fleet.spread(100, 0.5, &truth[1..]);
    near(fleet.ratio(2, 3), others);
}

#[test]
fn memory_brings_back_what_was_learned_and_where_a_ramp_was() {
    let truth = [(1, 1.0), (2, 2.0), (3, 4.0)];
    let mut fleet = Fleet::new(Constants { quick: Quick::NONE, ..usual() });
    fleet.spread(4 * 3600, 0.5, &truth);
    fleet.spread(INTERVAL.as_secs(), 0.5, &truth[1..]);
    fleet.spread(40, 0.5, &truth);
    let before = fleet.shares.clone();
    let memory: Vec<(IpAddr, MemberMemory)> = fleet.balance.memory().collect();
    assert_eq!(memory[0].1.in_for, Some(Duration::from_secs(30)));

    // Another clock, and nobody was heard yet.
    let mut after = Balance::restore(memory);
    let unheard = truth.map(|(n, _)| member(n, 1.0, None));
    let shares = after.judge(Time::from_secs(7), &usual(), Newcomers::LetIn, &unheard);
    for n in 1..=3 {
        near(f64::from(shares[&web(n)].get()), f64::from(before[&web(n)].get()));
    }
}

#[test]
fn who_is_forgotten_begins_anew() {
    let mut fleet = Fleet::new(usual());
    fleet.spread(4 * 3600, 0.5, &[(1, 1.0), (2, 4.0)]);
    fleet.judge(Newcomers::LetIn, &[]);
    fleet.balance.forget(|address| address == web(2));
    assert_eq!(fleet.balance.memory().map(|(address, _)| address).collect::<Vec<_>>(), [web(2)]);
}

#[test]
fn constants_have_their_limits() {
    assert_eq!(TrimBound::new(0.9), None);
    assert_eq!(TrimBound::new(f64::NAN), None);
    assert_eq!(TrimBound::new(4.0), Some(TrimBound::USUAL));
    assert_eq!(Quick::new(1.0), None);
    assert_eq!(Quick::new(f64::NAN), None);
    assert_eq!(Quick::new(0.5), Some(Quick::USUAL));
    let slow = Constants::usual(Duration::from_secs(60), Duration::from_secs(60));
    assert_eq!(slow.trim_time, Duration::from_secs(720));
    assert_eq!(usual().trim_time, Duration::from_secs(300));
}

/// What may happen between two judgements: time passes, and everybody is as told after it.
fn a_life() -> impl Strategy<Value = Vec<(u64, Vec<Option<Member>>)>> {
    let load = prop_oneof![
        1 => Just(None),
        3 => (0..=100_000_u32).prop_map(|load| Some(Load::from_hundredths(load))),
        3 => (0..=10_000_u32).prop_map(|load| Some(Load::from_hundredths(load))),
    ];
    let capacity = prop_oneof![3 => 1..=64_000_u32, 1 => Just(1), 1 => Just(u32::MAX)];
    let one = prop::option::weighted(0.8, (load, capacity, 1..=1000_u16)).prop_map(|one| {
        one.map(|(load, capacity, weight)| Member {
            address: web(0),
            load,
            capacity: Capacity::from_thousandths(capacity).unwrap(),
            weight: Weight::from_percent(weight).unwrap(),
        })
    });
    let elapsed = prop_oneof![4 => 0..60_000_u64, 1 => Just(0), 1 => 0..u64::MAX / 1_000_000_000];
    prop::collection::vec((elapsed, prop::collection::vec(one, 0..8)), 1..20)
}

fn any_constants() -> impl Strategy<Value = Constants> {
    let time = || prop_oneof![Just(0), 1..1000_u64, Just(u64::MAX)].prop_map(Duration::from_secs);
    let fractions = (1.0..=100.0_f64, 0.0..1.0_f64);
    (time(), time(), time(), time(), fractions).prop_map(
        |(smoothing, trim_time, slow_start, settle, (bound, quick))| Constants {
            smoothing,
            trim_time,
            trim_bound: TrimBound::new(bound).unwrap(),
            quick: Quick::new(quick).unwrap(),
            slow_start,
            settle,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn everybody_has_a_share_and_the_heaviest_all_of_it(
        life in a_life(), constants in any_constants(), found: bool,
    ) {
        let newcomers = if found { Newcomers::Found } else { Newcomers::LetIn };
        let (mut balance, mut backwards) = (Balance::default(), Balance::default());
        let mut now = Time::ZERO;
        for (elapsed, members) in life {
            now = now + Duration::from_millis(elapsed);
            let members: Vec<Member> = (1..)
                .zip(members)
                .filter_map(|(n, member)| Some(Member { address: web(n), ..member? }))
                .collect();
            let shares = balance.judge(now, &constants, newcomers, &members);
            prop_assert!(shares.keys().eq(members.iter().map(|member| &member.address)));
            prop_assert!(members.is_empty() || shares.values().max() == Some(&Share::MOST));
            for (_, memory) in balance.memory() {
                prop_assert!(memory.trim > 0 && memory.trim < u32::MAX);
            }
            // Judged again at the same time, or handed in in another order, it is the same.
            prop_assert_eq!(&balance.judge(now, &constants, newcomers, &members), &shares);
            let reversed: Vec<Member> = members.iter().rev().copied().collect();
            prop_assert_eq!(backwards.judge(now, &constants, newcomers, &reversed), shares);
        }
    }
}
