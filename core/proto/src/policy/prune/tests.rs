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
        interval: Duration::from_secs(10),
    }
}

/// A service whose members are judged as its binder does: who is in stood.
struct Pool {
    overloaded: Overloaded,
    limits: Limits,
    set: AddressSet,
}

impl Pool {
    /// With all of `members` in.
    fn of<const N: usize>(members: [u8; N]) -> Pool {
        let set = members.map(web).into();
        Pool { overloaded: Overloaded::default(), limits: limits(), set }
    }

    /// Judges members of these loads (below 0: unknown) at so many seconds; who is in.
    fn judge(&mut self, secs: u64, occasion: Occasion, loads: &[(u8, f64)]) -> Vec<u8> {
        let candidates: Vec<Candidate> = loads
            .iter()
            .map(|&(n, load)| Candidate {
                address: web(n),
                load: (load >= 0.0).then(|| Load::from_percent(load).unwrap()),
                capacity: Capacity::ONE,
                stood: self.set.contains(&web(n)),
            })
            .collect();
        let now = Time::from_secs(secs);
        let out = self.overloaded.judge(now, occasion, &self.limits, &candidates);
        let within = loads.iter().map(|&(n, _)| n).filter(|&n| !out.contains(&web(n)));
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
fn who_dies_and_returns_is_an_arrival() {
    let mut pool = Pool::of([1, 2, 3]);
    assert_eq!(pool.timer(10, &[(1, 10.0), (2, 10.0), (3, 90.0)]), [1, 2]);
    assert_eq!(pool.judge(11, Occasion::Departure, &[(1, 10.0), (2, 10.0)]), [1, 2]);
    assert_eq!(pool.judge(12, Occasion::Other, &[(1, 10.0), (2, 10.0), (3, 5.0)]), [1, 2, 3]);
}

proptest! {
    #[test]
    fn enough_stay_and_equal_judgements_agree(
        rounds in proptest::collection::vec(
            (proptest::collection::btree_map(1u8..9, -20.0..150.0f64, 0..8), 0usize..3), 1..12),
        min_servers in 0usize..5,
    ) {
        let mut pools = [Pool::of([]), Pool::of([])];
        for (round, (loads, occasion)) in rounds.into_iter().enumerate() {
            let occasion = [Occasion::Timer, Occasion::Departure, Occasion::Other][occasion];
            let mut loads: Vec<_> = loads.into_iter().collect();
            let secs = 10 * round as u64;
            let judged = pools.each_mut().map(|pool| {
                pool.limits.min_servers = min_servers;
                let mut within = pool.judge(secs, occasion, &loads);
                // In whatever order they are given.
                loads.reverse();
                within.sort_unstable();
                within
            });
            prop_assert_eq!(&judged[0], &judged[1]);
            prop_assert!(judged[0].len() >= min_servers.max(1).min(loads.len()));
        }
    }
}
