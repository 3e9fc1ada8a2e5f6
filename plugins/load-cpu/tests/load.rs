//! The load of the machine that runs the test, through the plugin boundary. Without cgroups of
//! version 2 on it: that they are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rais_plugin_load_cpu::Cpu;
use rais_sdk::host::LoadObject;
use rais_sdk::testing::Bench;
use rais_sdk::{FaultKind, Load, Scope, Subject};

const AMPLE: Duration = Duration::from_secs(60);

/// The one test here that samples the host: all instances share what they have seen.
#[test]
fn unknown_at_first_then_percent_and_every_instance_knows_it() {
    let bench = Bench::new();
    let http = bench.load::<Cpu>("").unwrap();
    let news = bench.load::<Cpu>("every = \"1s\"").unwrap();
    assert_eq!(http.scope(), Scope::Host);

    let percent = unknown_then_percent(&http);
    assert!((0.0..=100.0).contains(&percent), "{percent}");

    let shared = news.sample(&Subject::new("news")).unwrap();
    assert!(shared.load.is_some(), "a sampler of its own: {}", shared.reason);
}

fn unknown_then_percent(load: &LoadObject) -> f64 {
    let first = load.sample(&Subject::new("http")).unwrap();
    assert_eq!(first.load, None);
    assert_eq!(first.reason, "2 more cpu samples are needed");

    let end = Instant::now() + AMPLE;
    loop {
        if let Some(percent) = load.sample(&Subject::new("http")).unwrap().load {
            return percent;
        }
        assert!(Instant::now() < end, "the load stays unknown");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_cgroup_of_this_machine_is_read_where_it_has_any() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    match Bench::new().load::<Cpu>("cgroup = \"/\"") {
        Ok(load) => {
            let percent = unknown_then_percent(&load);
            // In a container it may have a quota, and be throttled.
            assert!((0.0..=1000.0).contains(&percent), "{percent}");
        }
        Err(fault) => {
            assert!(!mounts.contains(" - cgroup2 "), "{fault}");
            assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "cgroup"));
        }
    }
}

#[test]
fn a_text_that_names_no_cgroup_is_refused() {
    let fault = Bench::new().load::<Cpu>("cgroup = \"www.service\"").unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "cgroup"));
    assert!(fault.text.contains("\"/system.slice/www.service\""), "{fault}");
}

#[test]
fn keys_that_it_does_not_have_are_refused_by_name() {
    let fault = Bench::new().load::<Cpu>("sample = \"1s\"").unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "sample"));
}

#[test]
fn the_sample_makes_a_load_and_stands_in_the_readme() {
    assert_eq!(rais_sdk::testing::samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Cpu::SAMPLE)), "sample.toml differs");
}
