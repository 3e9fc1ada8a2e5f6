//! The same is said of plugins here and there: their callers cannot tell which it is.

use rais_sdk::{Fault, Reading, Scope, Wish};

use super::*;
use crate::host::{Foreign, PluginHost, Registry};

/// An instance in this process and one in another.
fn both<T: ?Sized>(
    here: impl Fn(&PluginHost) -> Result<Arc<T>, Fault>,
    there: impl Fn(&Remotes) -> Result<Arc<T>, Fault>,
) -> [Arc<T>; 2] {
    let host = PluginHost::new(Registry::built_in().unwrap(), Foreign::AsConfigured).unwrap();
    [here(&host).unwrap(), there(&remotes()).unwrap()]
}

fn probes(name: &'static str) -> [Arc<dyn ProbePort>; 2] {
    let table = serde_json::Map::new();
    both(
        |host| host.probe(name, &table, Path::new("")),
        |remotes| remotes.plugin(Kind::Probe, name, Code::BuiltIn, policy()).probe("{}".into()),
    )
}

fn loads() -> [Arc<dyn LoadPort>; 2] {
    let table = serde_json::Map::new();
    both(
        |host| host.load("wilful", &table, Path::new("")),
        |remotes| remotes.plugin(Kind::Load, "wilful", Code::BuiltIn, policy()).load("{}".into()),
    )
}

/// What `call` comes to, which is the same here and there.
async fn alike<P: ?Sized, T: PartialEq + std::fmt::Debug>(
    ports: &[Arc<P>; 2],
    call: impl Fn(&P) -> Answer<T>,
) -> Result<T, Fault> {
    let [here, there] = ports;
    let here = call(here).await;
    assert_eq!(call(there).await, here);
    here
}

#[tokio::test]
async fn probes_find_the_same() {
    for name in ["wilful", "wilful-blocking"] {
        let ports = probes(name);
        for port in &ports {
            let up = port.probe(order("up"), LONG).await.unwrap();
            assert!(up.took < LONG, "{up:?}");
            assert_eq!(up.load, (name == "wilful").then_some(12.5));
        }
        let [here, there] = &ports;
        assert_eq!(process(here).await, i32::try_from(std::process::id()).unwrap());
        assert_ne!(process(there).await, i32::try_from(std::process::id()).unwrap());
    }
}

#[tokio::test]
async fn faults_of_probes_are_the_same() {
    let of = |name| async move {
        let ports = probes(name);
        let mut kinds = Vec::new();
        for what in ["down", "unknown", "busy", "refused", "io", "timeout", "panic"] {
            let fault = alike(&ports, |port| port.probe(order(what), LONG)).await.unwrap_err();
            kinds.push((fault.kind, fault.at));
        }
        kinds
    };
    use FaultKind::*;
    for name in ["wilful", "wilful-blocking"] {
        let kinds = of(name).await;
        let expected = [Down, Unknown, Busy, Refused, Io].map(|kind| (kind, String::new()));
        assert_eq!(kinds[..5], expected);
        assert_eq!(kinds[5], (Timeout, "here".to_owned()));
        assert_eq!(kinds[6].0, Panicked);
    }
}

#[tokio::test]
async fn a_probe_that_waits_too_long_is_ended_in_its_phase() {
    let folder = tempfile::tempdir().unwrap();
    let (stem, made) = file(&folder);
    for port in probes("wilful") {
        loop {
            let fault = port.probe(named("wait", &stem), SHORT).await.unwrap_err();
            until(|| made("dropped").exists()).await;
            std::fs::remove_file(made("dropped")).unwrap();
            // A busy machine is late to ask, and then says nothing of the target.
            if !fault.text.contains("late to ask") {
                assert_eq!((fault.kind, &*fault.at), (FaultKind::Timeout, "waiting"), "{fault}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_probe_that_nobody_waits_for_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (stem, made) = file(&folder);
    for port in probes("wilful") {
        let answer = port.probe(named("wait", &stem), LONG);
        until(|| made("begun").exists()).await;
        drop(answer);
        until(|| made("dropped").exists()).await;
        std::fs::remove_file(made("begun")).unwrap();
        std::fs::remove_file(made("dropped")).unwrap();
    }
}

#[tokio::test]
async fn a_probe_that_blocks_says_nothing_of_its_target() {
    for port in probes("wilful") {
        let fault = port.probe(order("block"), SHORT).await.unwrap_err();
        assert_eq!((fault.kind, &*fault.at), (FaultKind::Unknown, ""), "{fault}");
    }
    let ports = probes("wilful-blocking");
    let fault = alike(&ports, |port| port.probe(order("block"), SHORT)).await.unwrap_err();
    assert_eq!(fault, Fault::unknown("the probe `wilful-blocking` has not returned within 50ms"));
}

#[tokio::test]
async fn loads_say_the_same() {
    let ports = loads();
    let last = Up::new(Duration::from_millis(3)).with_detail("200 OK");
    let subject = Subject::new("www").with_target(order("http")).with_last(last);
    let reading = alike(&ports, |port| port.sample(subject.clone(), LONG)).await.unwrap();
    let reason = reading.reason.clone();
    assert!(reason.contains("200 OK"), "{reason}");
    let expected = Reading::load(99.5).with_wish(Wish::Drain).with_weight(50).with_reason(reason);
    assert_eq!(reading, expected);
    for port in &ports {
        assert_eq!(port.scope(), Scope::Target);
    }
    let down = alike(&ports, |port| port.sample(Subject::new("down"), LONG)).await;
    assert_eq!(down, Err(Fault::down("is down")));
    let late = alike(&ports, |port| port.sample(Subject::new("block"), SHORT)).await;
    assert_eq!(late, Err(Fault::timeout("", "the load `wilful` has not returned within 50ms")));
}

#[test]
fn tables_are_judged_the_same() {
    let host = PluginHost::new(Registry::built_in().unwrap(), Foreign::AsConfigured).unwrap();
    let remote = plugin(Kind::Probe, "wilful");
    for table in [
        json!({ "new": "refuse" }),
        json!({ "new": 3 }),
        json!({ "nwe": "" }),
        json!({ "new": "panic" }),
    ] {
        let Value::Object(map) = &table else { panic!("{table}") };
        let here = host.probe("wilful", map, Path::new("")).err().unwrap();
        let there = remote.probe(table.to_string()).err().unwrap();
        assert_eq!((there.kind, &there.at), (here.kind, &here.at));
        assert_eq!(there.text, here.text);
    }
    assert_eq!(remote.state(), PluginState::Unused);
}

#[tokio::test]
async fn a_thousand_probes_wait_at_once() {
    for port in probes("wilful") {
        let mut answers = tokio::task::JoinSet::new();
        for number in 0..1000 {
            let answer = port.probe(named("pause", number.to_string()), LONG);
            answers.spawn(async move { (number, answer.await) });
        }
        while let Some(done) = answers.join_next().await {
            let (number, up) = done.unwrap();
            let detail = up.unwrap().detail;
            assert!(detail.starts_with(&format!("{number} in ")), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_call_takes_no_longer_than_its_policy_allows() {
    let folder = tempfile::tempdir().unwrap();
    let (stem, _) = file(&folder);
    let policy = Policy { timeout: Some(SHORT), ..policy() };
    let remote = remotes().plugin(Kind::Probe, "wilful", Code::BuiltIn, policy);
    let probe = remote.probe("{}".into()).unwrap();
    let fault = probe.probe(named("wait", stem), LONG).await.unwrap_err();
    assert_eq!((fault.kind, &*fault.at), (FaultKind::Timeout, "waiting"), "{fault}");
}
