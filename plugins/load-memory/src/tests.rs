use rais_system::testing::Tree;

use super::*;

/// The host of each has 8 GB, 2 of them in use.
fn fixture(name: &str) -> Tree {
    Tree::copy_of(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR")))
}

fn memory(tree: &Tree, cgroup: Option<&str>) -> Result<Memory, Fault> {
    Memory::on(tree.system(), Config { cgroup: cgroup.map(str::to_owned) })
}

/// Percent and reason.
fn sample(tree: &Tree, cgroup: Option<&str>) -> Result<(f64, String), Fault> {
    let reading = memory(tree, cgroup)?.sample(&Subject::new("www"))?;
    Ok((reading.load.unwrap(), reading.reason))
}

fn host() -> Result<(f64, String), Fault> {
    Ok((25.0, String::new()))
}

fn limit(percent: f64, of: &str) -> Result<(f64, String), Fault> {
    Ok((percent, format!("limit of {of}")))
}

#[test]
fn a_host_without_limits_is_as_full_as_its_memory() {
    for name in ["plain", "systemd"] {
        assert_eq!(sample(&fixture(name), None), host(), "{name}");
    }
    for cgroup in ["self", "/", "/system.slice"] {
        assert_eq!(sample(&fixture("systemd"), Some(cgroup)), host(), "{cgroup}");
    }
}

#[test]
fn a_container_is_as_full_as_its_limit() {
    let tree = fixture("container");
    let (percent, reason) = sample(&tree, None).unwrap();
    assert!((percent - 90.0).abs() < 1e-6, "{percent}");
    assert_eq!(reason, "limit of /sys/fs/cgroup");
    // The host is fuller still.
    tree.write("/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 50 kB\n");
    assert_eq!(sample(&tree, None), Ok((95.0, String::new())));
}

#[test]
fn cache_that_the_kernel_would_give_back_is_not_in_use() {
    let www = "/sys/fs/cgroup/system.slice/www.service";
    assert_eq!(sample(&fixture("systemd"), Some("/system.slice/www.service")), limit(75.0, www));
}

#[test]
fn the_fullest_limit_above_counts() {
    let tree = fixture("systemd");
    let (percent, reason) = sample(&tree, Some("/shop.slice/api.service")).unwrap();
    assert!((percent - 90.0).abs() < 1e-6, "{percent}");
    assert_eq!(reason, "limit of /sys/fs/cgroup/shop.slice");
    tree.write("/sys/fs/cgroup/shop.slice/api.service/memory.max", "500000000\n");
    let api = "/sys/fs/cgroup/shop.slice/api.service";
    assert_eq!(sample(&tree, Some("/shop.slice/api.service")), limit(100.0, api));
}

#[test]
fn what_is_slowed_down_is_full() {
    let slowed = "/sys/fs/cgroup/system.slice/slowed.service";
    let tree = fixture("systemd");
    assert_eq!(sample(&tree, Some("/system.slice/slowed.service")), limit(90.0, slowed));
    tree.write(&format!("{slowed}/memory.high"), "2000000000\n");
    assert_eq!(sample(&tree, Some("/system.slice/slowed.service")), limit(45.0, slowed));
    tree.write(&format!("{slowed}/memory.max"), "0\n");
    let (percent, _) = sample(&tree, Some("/system.slice/slowed.service")).unwrap();
    assert!(percent.is_finite() && percent > 1000.0, "{percent}");
}

#[test]
fn a_cgroup_may_come_and_go_while_the_monitor_runs() {
    let tree = fixture("systemd");
    let memory = memory(&tree, Some("/system.slice/late.service")).unwrap();
    let sample = || memory.sample(&Subject::new("www")).map(|reading| reading.load);
    let folder = "/sys/fs/cgroup/system.slice/late.service";
    let gone = Err(Fault::io(format!("{folder}: there is no such cgroup")));
    assert_eq!(sample(), gone);
    for (file, text) in [("max", "1000\n"), ("current", "700\n"), ("stat", "inactive_file 100\n")] {
        tree.write(&format!("{folder}/memory.{file}"), text);
    }
    assert_eq!(sample(), Ok(Some(60.0)));
    tree.remove(folder);
    assert_eq!(sample(), gone);
}

#[test]
fn without_the_controller_a_cgroup_has_no_limit_of_its_own() {
    assert_eq!(sample(&fixture("systemd"), Some("/system.slice/bare.service")), host());
}

#[test]
fn what_cannot_be_read_is_a_fault_that_says_where() {
    let tree = fixture("systemd");
    let fault = |cgroup| sample(&tree, cgroup).unwrap_err();
    tree.write("/sys/fs/cgroup/shop.slice/memory.max", "much\n");
    let text = "/sys/fs/cgroup/shop.slice/memory.max: no number in it";
    assert_eq!(fault(Some("/shop.slice")), Fault::io(text));
    tree.write("/proc/meminfo", "MemTotal: 1000 kB\nMemFree: 50 kB\n");
    assert_eq!(fault(None), Fault::io("/proc/meminfo: no MemAvailable in it"));
}

#[test]
fn a_cgroup_that_is_asked_for_and_cannot_be_had_is_a_mistake_in_the_table() {
    let fault = memory(&fixture("plain"), Some("/www")).unwrap_err();
    assert_eq!(fault, Fault::config("cgroup", "no cgroup v2 is mounted on this host"));
    let fault = memory(&fixture("systemd"), Some("www.service")).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "cgroup"));
    assert!(fault.text.starts_with("`www.service` names no cgroup; write \"self\""), "{fault}");
}
