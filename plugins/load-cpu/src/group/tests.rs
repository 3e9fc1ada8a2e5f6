use rais_system::testing::Tree;

use super::*;

const WWW: &str = "/sys/fs/cgroup/shop.slice/www.service";
const SHOP: &str = "/sys/fs/cgroup/shop.slice";
/// With a quota of half a CPU.
const TIMER: &str = "/sys/fs/cgroup/shop.slice/timer.service";

/// A host with 4 CPUs; `shop.slice` may use 2 of them.
fn fixture() -> Tree {
    Tree::copy_of(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/four-cpus"))
}

/// Puts such counters, in milliseconds, into `cpu.stat` of the kernel's form.
fn used(tree: &Tree, folder: &str, used: u64, throttled: u64) {
    let text = format!(
        "usage_usec {used}000\nuser_usec {used}000\nsystem_usec 0\nnr_periods 1000\n\
         nr_throttled {throttled}\nthrottled_usec {throttled}000\n"
    );
    tree.write(&format!("{folder}/cpu.stat"), &text);
}

/// Readings of a group, at times of the test's choice.
struct Readings {
    group: Group,
    start: Instant,
}

impl Readings {
    fn of(tree: &Tree, name: &str) -> Self {
        let cgroup = Cgroup::named(&tree.system(), name).unwrap();
        Self { group: Group::new(tree.system(), cgroup), start: Instant::now() }
    }

    fn at(&mut self, millis: u64) -> Result<Option<f64>, Fault> {
        let now = self.start + Duration::from_millis(millis);
        let percent = self.group.read_at(|| now)?;
        // Sums of decimal fractions.
        Ok(percent.map(|percent| (percent * 1e6).round() / 1e6))
    }
}

#[test]
fn without_a_quota_it_is_a_share_of_the_hosts_cpus() {
    let tree = fixture();
    tree.write(&format!("{SHOP}/cpu.max"), "max 100000\n");
    let mut www = Readings::of(&tree, "/shop.slice/www.service");
    used(&tree, WWW, 10_000, 0);
    assert_eq!(www.at(0), Ok(None));
    used(&tree, WWW, 11_000, 0);
    assert_eq!(www.at(1000), Ok(Some(25.0)));
    used(&tree, WWW, 19_000, 0);
    assert_eq!(www.at(3000), Ok(Some(100.0)));
    assert_eq!(www.at(4000), Ok(Some(0.0)));
}

#[test]
fn a_quota_is_what_it_may_use() {
    let tree = fixture();
    let mut timer = Readings::of(&tree, "/shop.slice/timer.service");
    used(&tree, TIMER, 0, 0);
    assert_eq!(timer.at(0), Ok(None));
    used(&tree, TIMER, 200, 0);
    assert_eq!(timer.at(1000), Ok(Some(40.0)));
    // A new quota counts at once.
    tree.write(&format!("{TIMER}/cpu.max"), "25000 100000\n");
    used(&tree, TIMER, 300, 0);
    assert_eq!(timer.at(2000), Ok(Some(40.0)));
}

#[test]
fn the_fullest_quota_above_counts() {
    let tree = fixture();
    let mut timer = Readings::of(&tree, "/shop.slice/timer.service");
    used(&tree, TIMER, 0, 0);
    used(&tree, SHOP, 0, 0);
    timer.at(0).unwrap();
    // Others in the slice use what the two may use together.
    used(&tree, TIMER, 100, 0);
    used(&tree, SHOP, 1900, 0);
    assert_eq!(timer.at(1000), Ok(Some(95.0)));
    // And are throttled, with all in it.
    used(&tree, TIMER, 100, 0);
    used(&tree, SHOP, 3900, 1000);
    assert_eq!(timer.at(2000), Ok(Some(150.0)));
    used(&tree, TIMER, 500, 0);
    used(&tree, SHOP, 4900, 1000);
    assert_eq!(timer.at(3000), Ok(Some(80.0)));
}

#[test]
fn time_in_which_it_was_throttled_counts_as_used() {
    let tree = fixture();
    let mut timer = Readings::of(&tree, "/shop.slice/timer.service");
    used(&tree, TIMER, 0, 0);
    timer.at(0).unwrap();
    // One thread that never rests: half of the time it is kept waiting. It wants twice the quota.
    used(&tree, TIMER, 500, 500);
    assert_eq!(timer.at(1000), Ok(Some(200.0)));
    // Two of them, on CPUs of their own, want four times as much.
    used(&tree, TIMER, 1000, 2000);
    assert_eq!(timer.at(2000), Ok(Some(400.0)));
    // Bursts, of which two periods in ten are throttled for 50 ms.
    used(&tree, TIMER, 1200, 2100);
    assert_eq!(timer.at(3000), Ok(Some(60.0)));
}

#[test]
fn the_own_group_of_a_container_is_the_top_of_its_mount() {
    let tree = Tree::copy_of(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/container"));
    let mut own = Readings::of(&tree, "self");
    assert_eq!(own.at(0), Ok(None));
    used(&tree, "/sys/fs/cgroup", 5_750, 250);
    assert_eq!(own.at(500), Ok(Some(100.0)));
}

#[test]
fn a_group_may_come_and_go_and_is_then_begun_anew() {
    let tree = fixture();
    let mut www = Readings::of(&tree, "/shop.slice/www.service");
    used(&tree, WWW, 10_000, 0);
    assert_eq!(www.at(0), Ok(None));
    tree.remove(WWW);
    assert_eq!(www.at(1000), Err(Fault::io(format!("{WWW}: there is no such cgroup"))));
    used(&tree, WWW, 50_000, 0);
    assert_eq!(www.at(2000), Ok(None));
    // Made anew between two readings.
    used(&tree, WWW, 100, 0);
    assert_eq!(www.at(3000), Ok(None));
    used(&tree, WWW, 1100, 0);
    assert_eq!(www.at(4000), Ok(Some(25.0)));
}

#[test]
fn without_the_controller_there_is_no_quota() {
    let tree = fixture();
    let mut bare = Readings::of(&tree, "/bare.service");
    assert_eq!(bare.at(0), Ok(None));
    tree.write("/sys/fs/cgroup/bare.service/cpu.stat", "usage_usec 2007000\n");
    assert_eq!(bare.at(1000), Ok(Some(50.0)));
}

#[test]
fn what_cannot_be_read_is_a_fault_that_says_where() {
    let tree = fixture();
    let at = |name: &str| Readings::of(&tree, name).at(0).unwrap_err();
    for max in ["", "\n", "50000\n", "many 100000\n", "50000 0\n", "0 100000\n", "-1 100000\n"] {
        tree.write(&format!("{TIMER}/cpu.max"), max);
        let text = format!("{TIMER}/cpu.max: no quota and period in it");
        assert_eq!(at("/shop.slice/timer.service"), Fault::io(text), "{max:?}");
    }
    tree.write(&format!("{WWW}/cpu.stat"), "nr_periods 3\n");
    let text = format!("{WWW}/cpu.stat: no usage_usec in it");
    assert_eq!(at("/shop.slice/www.service"), Fault::io(text));
}
