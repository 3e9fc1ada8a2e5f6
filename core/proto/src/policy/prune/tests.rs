use proptest::prelude::*;

use super::*;

fn web(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

fn limits() -> Limits {
    Limits {
        max_load: Load::from_percent(60.0).unwrap(),
        return_load: Load::from_percent(54.0).unwrap(),
        min_servers: 1,
        max_servers: None,
        interval: Duration::from_secs(10),
    }
}

/// A service whose members are judged as its binder does: who is in stood.
struct Pool {
    overloaded: Overloaded,
    limits: Limits,
    capacity: fn(u8) -> Capacity,
    set: AddressSet,
    /// What was judged out last.
    out: AddressSet,
}

impl Pool {
    /// With all of `members` in.
    fn of<const N: usize>(members: [u8; N]) -> Pool {
        Pool {
            overloaded: Overloaded::default(),
            limits: limits(),
            capacity: |_| Capacity::ONE,
            set: members.map(web).into(),
            out: AddressSet::new(),
        }
    }

    /// Members of these loads, below 0 unknown.
    fn candidates(&self, loads: &[(u8, f64)]) -> Vec<Candidate> {
        let candidates = loads.iter().map(|&(n, load)| Candidate {
            address: web(n),
            load: (load >= 0.0).then(|| Load::from_percent(load).unwrap()),
            capacity: (self.capacity)(n),
            stood: self.set.contains(&web(n)),
        });
        candidates.collect()
    }

    /// Judges members of these loads at so many seconds; who is in.
    fn judge(&mut self, secs: u64, occasion: Occasion, loads: &[(u8, f64)]) -> Vec<u8> {
        let candidates = self.candidates(loads);
        let now = Time::from_secs(secs);
        self.out = self.overloaded.judge(now, occasion, &self.limits, &candidates);
        let within = loads.iter().map(|&(n, _)| n).filter(|&n| !self.out.contains(&web(n)));
        let within: Vec<u8> = within.collect();
        self.set = within.iter().map(|&n| web(n)).collect();
        within
    }

    fn timer(&mut self, secs: u64, loads: &[(u8, f64)]) -> Vec<u8> {
        self.judge(secs, Occasion::Timer, loads)
    }
}

#[test]
fn the_overloaded_leaves_and_returns_through_the_band() {
    let mut pool = Pool::of([1, 2, 3]);
    assert_eq!(pool.timer(10, &[(1, 20.0), (2, 30.0), (3, 60.0)]), [1, 2, 3], "at it it stays");
    assert_eq!(pool.timer(20, &[(1, 20.0), (2, 30.0), (3, 60.01)]), [1, 2]);
    assert_eq!(pool.timer(30, &[(1, 40.0), (2, 40.0), (3, 59.0)]), [1, 2], "within the band");
    assert_eq!(pool.timer(40, &[(1, 40.0), (2, 40.0), (3, 54.0)]), [1, 2, 3]);
}

/// Step 8 leaves out who is surplus: they carry nothing, before and after.
#[test]
fn who_would_be_cut_plays_no_part_in_what_the_rest_can_carry() {
    let loads = [(1, 61.0), (2, 20.0), (3, 20.0), (4, 90.0), (5, 90.0)];
    let mut pool = Pool::of([1, 2, 3]);
    assert_eq!(pool.timer(10, &loads), [1, 2, 3, 4, 5], "all five together carry too much");
    let mut pool = Pool::of([1, 2, 3]);
    pool.limits.max_servers = NonZeroU32::new(3);
    assert_eq!(pool.timer(10, &loads), [2, 3], "2 and 3 can carry what 1 does");
    // Nobody is brought in for relief who would be cut again.
    assert_eq!(pool.timer(20, &[(1, 0.0), (2, 99.0), (3, 99.0), (4, 70.0), (5, 70.0)]), [1, 2, 3]);
}

#[test]
fn between_timers_nobody_leaves_and_an_arrival_above_waits() {
    let mut pool = Pool::of([1, 2]);
    let loads = [(1, 30.0), (2, 90.0), (3, 80.0)];
    assert_eq!(pool.judge(1, Occasion::Other, &loads), [1, 2], "2 stays, 3 waits");
    assert_eq!(pool.judge(2, Occasion::Other, &[(1, 30.0), (2, 90.0), (3, 10.0)]), [1, 2]);
    assert_eq!(pool.timer(10, &[(1, 10.0), (2, 90.0), (3, 10.0)]), [1, 3]);
    let mut alone = Pool::of([]);
    assert_eq!(alone.judge(1, Occasion::Other, &[(3, 80.0)]), [3], "there is nobody else");
}

#[test]
fn only_what_the_rest_can_carry_is_taken_out() {
    let mut pool = Pool::of([1, 2, 3]);
    let loads = [(1, 50.0), (2, 55.0), (3, 90.0)];
    assert_eq!(pool.timer(10, &loads), [1, 2, 3], "195 % on two would be too much");
    assert_eq!(pool.timer(20, &[(1, 10.0), (2, 15.0), (3, 90.0)]), [1, 2]);
    // Two above: the worse goes, the other would be too much.
    let mut pool = Pool::of([1, 2, 3]);
    assert_eq!(pool.timer(10, &[(1, 0.0), (2, 62.0), (3, 58.0)]), [1, 3]);
    let mut pool = Pool::of([1, 2, 3]);
    assert_eq!(pool.timer(10, &[(1, 5.0), (2, 70.0), (3, 65.0)]), [1, 2, 3]);
}

#[test]
fn the_minimum_stays_and_is_filled_at_once() {
    let mut pool = Pool::of([1, 2, 3]);
    pool.limits.min_servers = 2;
    assert_eq!(pool.timer(10, &[(1, 10.0), (2, 10.0), (3, 90.0)]), [1, 2]);
    assert_eq!(pool.judge(11, Occasion::Departure, &[(2, 10.0), (3, 90.0)]), [2, 3]);
    let mut pool = Pool::of([1, 2, 3]);
    pool.limits.min_servers = 3;
    assert_eq!(pool.timer(10, &[(1, 1.0), (2, 1.0), (3, 90.0)]), [1, 2, 3]);
}

#[test]
fn who_is_out_comes_to_the_relief_of_those_who_are_worse_off() {
    let mut pool = Pool::of([1, 2, 3]);
    assert_eq!(pool.timer(10, &[(1, 10.0), (2, 10.0), (3, 90.0)]), [1, 2]);
    assert_eq!(pool.timer(20, &[(1, 80.0), (2, 70.0), (3, 72.0)]), [1, 2, 3]);
}

#[test]
fn all_who_are_better_off_come_back_where_the_rest_are_full() {
    let mut pool = Pool::of([1, 2, 3, 4, 5]);
    let loads = [(1, 10.0), (2, 10.0), (3, 10.0), (4, 70.0), (5, 70.0)];
    assert_eq!(pool.timer(10, &loads), [1, 2, 3]);
    // By what is measured one of the two would do.
    let full = [(1, 61.0), (2, 61.0), (3, 61.0), (4, 56.0), (5, 56.0)];
    assert_eq!(pool.timer(20, &full), [1, 2, 3, 4, 5]);
}

#[test]
fn an_unknown_load_never_leaves_and_comes_back() {
    let mut pool = Pool::of([1, 2]);
    assert_eq!(pool.timer(10, &[(1, -1.0), (2, 30.0)]), [1, 2]);
    assert_eq!(pool.timer(20, &[(1, 10.0), (2, 90.0)]), [1, 2], "too much for one");
    assert_eq!(pool.timer(30, &[(1, 0.0), (2, 60.5)]), [1, 2]);
    let mut pool = Pool::of([1, 2, 3]);
    assert_eq!(pool.timer(10, &[(1, 10.0), (2, 10.0), (3, 80.0)]), [1, 2]);
    assert_eq!(pool.timer(20, &[(1, 10.0), (2, 10.0), (3, -1.0)]), [1, 2, 3]);
}

#[test]
fn who_leaves_again_soon_waits_twice_as_long_and_ten_minutes_at_most() {
    let mut pool = Pool::of([1, 2, 3]);
    let (calm, busy) = ([(1, 10.0), (2, 10.0), (3, 10.0)], [(1, 10.0), (2, 10.0), (3, 90.0)]);
    let mut waits = Vec::new();
    let mut now = 0;
    for _ in 0..9 {
        now += 10;
        assert_eq!(pool.timer(now, &busy), [1, 2]);
        let out = now;
        loop {
            now += 10;
            if pool.timer(now, &calm).contains(&3) {
                break;
            }
        }
        waits.push(now - out);
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    // Long enough in peace, and it is as new.
    now += 2400;
    assert_eq!(pool.timer(now, &busy), [1, 2]);
    assert_eq!(pool.timer(now + 10, &calm), [1, 2, 3]);
}

#[test]
fn an_interval_above_ten_minutes_is_the_longest_wait_too() {
    let mut pool = Pool::of([1, 2, 3]);
    pool.limits.interval = Duration::from_secs(900);
    let (calm, busy) = ([(1, 10.0), (2, 10.0), (3, 10.0)], [(1, 10.0), (2, 10.0), (3, 90.0)]);
    assert_eq!(pool.timer(900, &busy), [1, 2]);
    assert_eq!(pool.timer(1800, &calm), [1, 2, 3]);
    assert_eq!(pool.timer(1900, &busy), [1, 2]);
    assert_eq!(pool.timer(2799, &calm), [1, 2], "not sooner than the first time");
    assert_eq!(pool.timer(2800, &calm), [1, 2, 3]);
}

#[test]
fn who_leaves_together_is_carried_together() {
    let mut pool = Pool::of([1, 2, 3, 4, 5, 6]);
    let loads = [(1, 0.0), (2, 0.0), (3, 0.0), (4, 0.0), (5, 150.0), (6, 150.0)];
    assert_eq!(pool.timer(10, &loads), [1, 2, 3, 4, 5], "300 % on five, but not on four");
}

#[test]
fn work_is_load_times_capacity() {
    let mut pool = Pool::of([1, 2, 3]);
    pool.capacity = |n| Capacity::from_units(if n == 1 { 4.0 } else { 1.0 }).unwrap();
    let loads = [(1, 40.0), (2, 50.0), (3, 90.0)];
    assert_eq!(pool.timer(10, &loads), [1, 2], "300 % on five units");
    let loads = [(1, 50.0), (2, 90.0), (3, 10.0)];
    let mut pool =
        Pool { set: [1, 2, 3].map(web).into(), overloaded: Overloaded::default(), ..pool };
    assert_eq!(pool.timer(10, &loads), [1, 3], "300 % on five units");
    assert_eq!(pool.timer(20, &[(1, 80.0), (2, 59.0), (3, 10.0)]), [1, 2, 3], "66 % on average");
}

#[test]
fn an_unknown_load_returns_after_those_within_and_before_those_above() {
    let busy = [(1, 0.0), (2, 0.0), (3, 0.0), (4, 61.0), (5, 61.0), (6, 61.0), (7, 0.0)];
    let cases = [
        ([(4, -1.0), (5, 59.0), (6, 90.0)], [1, 5], "a known one within"),
        ([(4, 90.0), (5, -1.0), (6, 70.0)], [1, 5], "the unknown one"),
    ];
    for (loads, within, first) in cases {
        let mut pool = Pool::of([1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(pool.timer(10, &busy), [1, 2, 3, 7]);
        pool.limits.min_servers = 2;
        let mut left = vec![(1, 0.0)];
        left.extend(loads);
        assert_eq!(pool.judge(11, Occasion::Departure, &left), within, "{first}");
    }
}

#[test]
fn who_dies_and_returns_with_little_to_do_is_in() {
    let mut pool = Pool::of([1, 2, 3]);
    assert_eq!(pool.timer(10, &[(1, 10.0), (2, 10.0), (3, 90.0)]), [1, 2]);
    assert_eq!(pool.judge(11, Occasion::Departure, &[(1, 10.0), (2, 10.0)]), [1, 2]);
    assert_eq!(pool.judge(12, Occasion::Other, &[(1, 10.0), (2, 10.0), (3, 5.0)]), [1, 2, 3]);
}

#[test]
fn who_is_away_while_it_is_out_is_out_when_it_comes_back() {
    let mut pool = Pool::of([1, 2, 3]);
    let without = [(1, 10.0), (2, 10.0)];
    let with = |load| [(1, 10.0), (2, 10.0), (3, load)];
    assert_eq!(pool.timer(10, &with(90.0)), [1, 2]);
    assert_eq!(pool.judge(15, Occasion::Other, &without), [1, 2]);
    assert!(pool.out.is_empty(), "who is no candidate is not out for load");
    assert_eq!(pool.judge(17, Occasion::Other, &with(58.0)), [1, 2], "within the band");
    assert_eq!(pool.judge(18, Occasion::Other, &with(10.0)), [1, 2], "as long as it waits");
    assert_eq!(pool.timer(20, &with(10.0)), [1, 2, 3]);
    // Neither is its next wait forgotten, wherever it is when it falls silent.
    assert_eq!(pool.judge(21, Occasion::Departure, &without), [1, 2]);
    assert_eq!(pool.judge(22, Occasion::Other, &with(90.0)), [1, 2]);
    assert_eq!(pool.judge(23, Occasion::Other, &without), [1, 2]);
    assert_eq!(pool.judge(24, Occasion::Other, &with(50.0)), [1, 2, 3]);
    assert_eq!(pool.timer(30, &with(90.0)), [1, 2]);
    assert_eq!(pool.timer(40, &with(10.0)), [1, 2]);
    assert_eq!(pool.timer(50, &with(10.0)), [1, 2, 3], "twenty seconds");
}

#[test]
fn who_is_away_long_enough_is_an_arrival() {
    let mut pool = Pool::of([1, 2, 3]);
    let without = [(1, 10.0), (2, 10.0)];
    for (back, within) in [(49, &[1, 2][..]), (150, &[1, 2, 3])] {
        assert_eq!(pool.timer(back / 100 * 100 + 10, &[(1, 10.0), (2, 10.0), (3, 90.0)]), [1, 2]);
        assert_eq!(pool.judge(back - 10, Occasion::Other, &without), [1, 2]);
        let in_the_band = [(1, 10.0), (2, 10.0), (3, 58.0)];
        assert_eq!(pool.judge(back, Occasion::Other, &in_the_band), within, "{back}");
        pool.set = [1, 2, 3].map(web).into();
        pool.overloaded = Overloaded::default();
    }
}

/// Every other one of 10,000 has nothing to do, and the rest too much.
#[test]
fn a_crowd_is_judged_without_going_through_it_for_each_member() {
    let limits = Limits { min_servers: 5_000, ..limits() };
    let candidate = |n: u32, stood| Candidate {
        address: IpAddr::from((0x0a00_0000 + n).to_be_bytes()),
        load: Load::from_percent(if n.is_multiple_of(2) {
            0.0
        } else {
            61.0 + f64::from(n) / 1000.0
        }),
        capacity: Capacity::from_units(if n.is_multiple_of(2) { 2.0 } else { 1.0 }).unwrap(),
        stood,
    };
    let everybody: Vec<_> = (0..10_000).map(|n| candidate(n, true)).collect();
    let half_out: Vec<_> = (0..10_000).map(|n| candidate(n, n % 2 == 0)).collect();
    let busy: Vec<_> = half_out.iter().filter(|one| !one.stood).copied().collect();
    let mut overloaded = Overloaded::default();
    for round in 1..=5 {
        let now = Time::from_secs(10_000 * round);
        assert_eq!(overloaded.judge(now, Occasion::Timer, &limits, &everybody).len(), 5_000);
        assert_eq!(overloaded.judge(now, Occasion::Other, &limits, &half_out).len(), 5_000);
        assert!(overloaded.judge(now, Occasion::Departure, &limits, &busy).is_empty());
    }
}

/// What these carry: hundredths of a percent times thousandths, and thousandths.
fn carried<'a>(loads: impl Iterator<Item = &'a Candidate>) -> (u64, u64) {
    loads.fold((0, 0), |(work, capacity), one| match one.load {
        Some(load) => {
            let own = u64::from(one.capacity.as_thousandths());
            (work + own * u64::from(load.as_hundredths()), capacity + own)
        }
        None => (work, capacity),
    })
}

proptest! {
    #[test]
    fn only_what_the_rest_can_carry_leaves_and_equal_judgements_agree(
        rounds in proptest::collection::vec(
            (proptest::collection::btree_map(1u8..12, -20.0..150.0f64, 0..11), 0usize..3), 1..12),
        min_servers in 0usize..5,
        seed: u64,
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let [mut pool, mut other] = [Pool::of([]), Pool::of([])];
        for (round, (loads, occasion)) in rounds.into_iter().enumerate() {
            let occasion = [Occasion::Timer, Occasion::Departure, Occasion::Other][occasion];
            let mut loads: Vec<_> = loads.into_iter().collect();
            for pool in [&mut pool, &mut other] {
                pool.limits.min_servers = min_servers;
                pool.capacity = |n| Capacity::from_thousandths(500 * u32::from(n)).unwrap();
            }
            let candidates = pool.candidates(&loads);
            let secs = 7 * round as u64;
            pool.judge(secs, occasion, &loads);
            rng.shuffle(&mut loads);
            other.judge(secs, occasion, &loads);
            prop_assert_eq!(&pool.set, &other.set);
            prop_assert_eq!(&pool.overloaded, &other.overloaded);

            prop_assert!(pool.set.len() >= min_servers.max(1).min(loads.len()));
            let (within, out): (Vec<&Candidate>, Vec<&Candidate>) =
                candidates.iter().partition(|one| pool.set.contains(&one.address));
            prop_assert_eq!(&pool.out, &out.iter().map(|one| one.address).collect());
            let left: Vec<&Candidate> = out.iter().filter(|one| one.stood).copied().collect();
            if occasion == Occasion::Other {
                prop_assert!(left.is_empty(), "between timers {left:?} left");
                continue;
            }
            let max = u64::from(pool.limits.max_load.as_hundredths());
            let (work, capacity) = carried(within.iter().copied());
            if let Some(least) = left.iter().map(|one| one.load).min() {
                let (more, _) = carried(left.iter().copied());
                prop_assert!(work + more <= max * capacity, "the rest cannot carry {left:?}");
                prop_assert!(within.iter().all(|one| one.load <= least), "{left:?} left first");
                prop_assert!(least > Some(pool.limits.max_load));
            } else if work > max * capacity {
                // Nobody who is out would be of any relief.
                let is_no_better =
                    |load: Load| u64::from(load.as_hundredths()) * capacity >= work;
                prop_assert!(out.iter().all(|one| one.load.is_some_and(is_no_better)));
            }
        }
    }
}
