use std::time::Duration;

use rais_system::testing::Tree;

use super::*;

const WWW: &str = "/sys/fs/cgroup/system.slice/www.service";

fn fixture(name: &str) -> Tree {
    Tree::copy_of(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR")))
}

fn config(resource: Resource, kind: Kind, cgroup: Option<&str>) -> Config {
    Config { resource, kind, full: 100.0, cgroup: cgroup.map(str::to_owned) }
}

/// Puts such totals, in microseconds, into a file of the kernel's form.
fn stalled(tree: &Tree, path: &str, some: u64, full: u64) {
    let line = |kind, total| format!("{kind} avg10=1.00 avg60=2.00 avg300=3.00 total={total}\n");
    tree.write(path, &(line("some", some) + &line("full", full)));
}

/// Samples of one load, at times of the test's choice.
struct Samples {
    pressure: Pressure,
    start: Instant,
}

impl Samples {
    fn of(tree: &Tree, config: Config) -> Self {
        let pressure = Pressure::on(&tree.system(), config).unwrap();
        Self { pressure, start: Instant::now() }
    }

    fn at(&self, millis: u64) -> Result<Option<f64>, Fault> {
        let now = self.start + Duration::from_millis(millis);
        self.pressure.sample_at(|| now).map(|reading| reading.load)
    }
}

#[test]
fn each_resource_and_kind_has_its_own_count() {
    let cases = [
        (Resource::Cpu, Kind::Some, "/proc/pressure/cpu", 26_500_000, 0),
        (Resource::Memory, Kind::Some, "/proc/pressure/memory", 5_500_000, 3_000_000),
        (Resource::Memory, Kind::Full, "/proc/pressure/memory", 5_900_000, 3_500_000),
        (Resource::Io, Kind::Full, "/proc/pressure/io", 90_700_000, 80_500_000),
    ];
    for (resource, kind, path, some, full) in cases {
        let tree = fixture("host");
        let samples = Samples::of(&tree, config(resource, kind, None));
        assert_eq!(samples.at(0), Ok(None));
        stalled(&tree, path, some, full);
        assert_eq!(samples.at(2000), Ok(Some(25.0)), "{resource} {kind:?}");
    }
}

#[test]
fn full_says_how_much_is_too_much() {
    let tree = fixture("host");
    let table = Config { full: 20.0, ..config(Resource::Cpu, Kind::Some, None) };
    let samples = Samples::of(&tree, table);
    let first = samples.pressure.sample_at(|| samples.start).unwrap();
    assert_eq!((first.load, first.reason.as_str()), (None, "1 more pressure sample is needed"));
    stalled(&tree, "/proc/pressure/cpu", 26_100_000, 0);
    assert_eq!(samples.at(1000), Ok(Some(50.0)));
    for full in [0.0, -1.0, 100.1, f64::NAN] {
        let table = Config { full, ..config(Resource::Cpu, Kind::Some, None) };
        let fault = Pressure::on(&tree.system(), table).unwrap_err();
        assert_eq!(fault, Fault::config("full", "must be more than 0, and at most 100"));
    }
}

#[test]
fn a_cgroup_has_its_own_count_and_may_come_and_go() {
    let tree = fixture("host");
    let table = config(Resource::Cpu, Kind::Full, Some("/system.slice/www.service"));
    let samples = Samples::of(&tree, table);
    assert_eq!(samples.at(0), Ok(None));
    stalled(&tree, &format!("{WWW}/cpu.pressure"), 9_000_000, 500_000);
    assert_eq!(samples.at(1000), Ok(Some(10.0)));

    tree.remove(WWW);
    assert_eq!(samples.at(2000), Err(Fault::io(format!("{WWW}: there is no such cgroup"))));
    // Started again, and busier than it was: no mean over both lives.
    stalled(&tree, &format!("{WWW}/cpu.pressure"), 9_000_000, 8_000_000);
    assert_eq!(samples.at(3000), Ok(None));
    stalled(&tree, &format!("{WWW}/cpu.pressure"), 9_000_000, 8_300_000);
    assert_eq!(samples.at(4000), Ok(Some(30.0)));

    let own = config(Resource::Cpu, Kind::Some, Some("self"));
    assert_eq!(Samples::of(&tree, own).at(0), Ok(None));
}

#[test]
fn a_kernel_without_psi_is_a_mistake_in_the_table() {
    for cgroup in [None, Some("/system.slice/www.service")] {
        let tree = fixture("without");
        let fault = Pressure::on(&tree.system(), config(Resource::Io, Kind::Some, cgroup));
        let fault = fault.unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "resource"));
        let text = "this kernel tells no pressure (PSI): /proc/pressure/io: No such file";
        assert!(fault.text.starts_with(text), "{fault}");
    }
}

#[test]
fn what_cannot_be_had_is_a_mistake_in_the_table() {
    let tree = fixture("host");
    let fault = |table| Pressure::on(&tree.system(), table).unwrap_err();
    let cpu_full = fault(config(Resource::Cpu, Kind::Full, None));
    assert_eq!((cpu_full.kind, cpu_full.at.as_str()), (FaultKind::Config, "kind"));
    let name = fault(config(Resource::Cpu, Kind::Some, Some("www")));
    assert_eq!((name.kind, name.at.as_str()), (FaultKind::Config, "cgroup"));
    tree.write("/proc/self/mountinfo", "24 30 0:22 / /proc rw - proc proc rw\n");
    let none = fault(config(Resource::Cpu, Kind::Some, Some("self")));
    assert_eq!(none, Fault::config("cgroup", "no cgroup v2 is mounted on this host"));
}

#[test]
fn what_cannot_be_read_is_a_fault_that_says_where() {
    let tree = fixture("host");
    let of = |kind, cgroup| Samples::of(&tree, config(Resource::Cpu, kind, Some(cgroup))).at(0);
    let off = "cpu.pressure: not there; its controller is off for this cgroup";
    let bare = "/sys/fs/cgroup/system.slice/bare.service";
    let fault = of(Kind::Some, "/system.slice/bare.service");
    assert_eq!(fault, Err(Fault::io(format!("{bare}/{off}"))));
    // Before Linux 5.13 this line was missing.
    tree.write(&format!("{WWW}/cpu.pressure"), "some avg10=0 avg60=0 avg300=0 total=5\n");
    let fault = of(Kind::Full, "/system.slice/www.service");
    assert_eq!(fault, Err(Fault::io(format!("{WWW}/cpu.pressure: no total of \"full\" in it"))));
}
