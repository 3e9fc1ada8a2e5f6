//! Processes that die, hang or do not come.

use rais_sdk::Fault;

use super::*;

/// What a probe that is told `what` comes to, and the process that it killed.
async fn killed_by(what: &str, policy: Policy) -> Fault {
    let remote = remotes().plugin(Kind::Probe, "wilful", Code::BuiltIn, policy);
    let probe = remote.probe("{}".into()).unwrap();
    let first = process(&probe).await;
    let fault = probe.probe(order(what), LONG).await.unwrap_err();
    let second = process_of(&again(&probe).await);
    assert_ne!(first, second);
    assert!(is_gone(first));
    fault
}

async fn dies(what: &str, how: &str) {
    let fault = killed_by(what, policy()).await;
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    let text = &fault.text;
    assert!(text.starts_with(&format!("its plugin {how}")), "{text}");
    assert!(text.ends_with("; it is started again"), "{text}");
}

#[tokio::test]
async fn one_that_writes_where_nothing_is_dies_and_comes_back() {
    dies("segv", "died by SIGSEGV (signal 11)").await;
}

#[tokio::test]
async fn one_that_aborts_dies_and_comes_back() {
    dies("abort", "died by SIGABRT (signal 6)").await;
}

#[tokio::test]
async fn one_that_exits_dies_and_comes_back() {
    dies("exit", "exited with 7").await;
}

#[tokio::test]
async fn one_that_overflows_its_stack_dies_with_its_last_words() {
    let fault = killed_by("overflow", policy()).await;
    assert!(fault.text.contains("died by SIGABRT (signal 6)"), "{fault}");
    assert!(fault.text.contains("its last words:"), "{fault}");
    assert!(fault.text.contains("has overflowed its stack"), "{fault}");
}

#[tokio::test]
async fn one_that_takes_all_memory_has_no_more_than_its_policy_gives() {
    let policy = Policy { memory: Some(1 << 30), ..policy() };
    let fault = killed_by("allocate", policy).await;
    assert!(fault.text.contains("died by SIGABRT (signal 6)"), "{fault}");
    assert!(fault.text.contains("memory allocation of"), "{fault}");
}

#[tokio::test]
async fn all_calls_under_way_are_answered_when_the_process_dies() {
    let folder = tempfile::tempdir().unwrap();
    let (stem, made) = file(&folder);
    let probe = wilful(&json!({}));
    let process = process(&probe).await;
    let waiting: Vec<_> = (0..100).map(|_| probe.probe(named("wait", &stem), LONG)).collect();
    until(|| made("begun").exists()).await;
    murder(process);
    for answer in waiting {
        let fault = answer.await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
        assert!(fault.text.contains("died by SIGKILL (signal 9)"), "{fault}");
    }
    again(&probe).await;
}

#[tokio::test]
async fn loads_of_a_process_that_dies_fail() {
    let remote = plugin(Kind::Load, "wilful");
    let load = remote.load("{}".into()).unwrap();
    let fault = load.sample(Subject::new("exit"), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
    assert!(fault.text.contains("its plugin exited with 7"), "{fault}");
}

#[tokio::test]
async fn one_that_hangs_is_killed_and_comes_back() {
    for what in ["block", "spin"] {
        let remote = plugin(Kind::Probe, "wilful");
        let probe = remote.probe("{}".into()).unwrap();
        let first = process(&probe).await;
        let fault = probe.probe(order(what), SHORT).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
        until(|| matches!(remote.state(), PluginState::Stuck { calls: 1.. })).await;
        let also = probe.probe(order("up"), LONG).await.unwrap_err();
        assert_eq!(also.kind, FaultKind::Unknown, "{also}");
        assert!(also.text.contains("hangs, and was killed"), "{also}");
        assert_ne!(process_of(&again(&probe).await), first);
        assert!(is_gone(first));
    }
}

#[tokio::test]
async fn one_that_is_stopped_from_outside_is_killed_too() {
    let probe = wilful(&json!({}));
    let first = process(&probe).await;
    kill(Pid::from_raw(first), Signal::SIGSTOP).unwrap();
    until(|| threads_of(first).iter().all(|state| *state == 'T')).await;
    let fault = probe.probe(order("up"), SHORT).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    assert_ne!(process_of(&again(&probe).await), first);
}

/// What the threads of a process do, as in proc(5).
fn threads_of(process: i32) -> Vec<char> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let stats = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")));
    stats.map(|stat| stat.unwrap().rsplit(") ").next().unwrap().chars().next().unwrap()).collect()
}

#[tokio::test]
async fn a_slow_answer_within_its_time_harms_nobody() {
    let probe = wilful(&json!({}));
    let first = process(&probe).await;
    for _ in 0..10 {
        probe.probe(order("pause"), LONG).await.unwrap();
    }
    assert_eq!(process(&probe).await, first);
}

#[tokio::test]
async fn one_that_dies_again_and_again_is_given_up_for_a_while() {
    let remote = plugin(Kind::Probe, "wilful");
    let probe = remote.probe("{}".into()).unwrap();
    let mut deaths = 0;
    while !matches!(remote.state(), PluginState::Down { .. }) {
        let fault = probe.probe(order("abort"), LONG).await.unwrap_err();
        deaths += u32::from(fault.kind == FaultKind::Unknown);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(deaths, 5);
    let why = remote.state();
    assert!(why.why().unwrap().starts_with("died by SIGABRT"), "{why:?}");
    let fault = probe.probe(order("up"), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
    assert!(fault.text.contains("that was too often, it is tried again in 30s"), "{fault}");
    // Nor does another instance get round it.
    let fault = remote.probe("{}".into()).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
}

#[tokio::test]
async fn one_that_is_not_to_be_restarted_stays_down() {
    let policy = Policy { restart: Restart::Never, ..policy() };
    let remote = remotes().plugin(Kind::Probe, "wilful", Code::BuiltIn, policy);
    let probe = remote.probe("{}".into()).unwrap();
    let fault = probe.probe(order("exit"), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    assert!(fault.text.ends_with("; it is not started again, by its restart = false"), "{fault}");
    let also = probe.probe(order("up"), LONG).await.unwrap_err();
    assert_eq!(also, Fault::io(fault));
    assert!(matches!(remote.state(), PluginState::Down { .. }), "{:?}", remote.state());
}

#[tokio::test]
async fn between_two_lives_calls_are_busy_at_once() {
    let remote = plugin(Kind::Probe, "wilful");
    let probe = remote.probe("{}".into()).unwrap();
    probe.probe(order("exit"), LONG).await.unwrap_err();
    let fault = probe.probe(order("up"), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
    assert!(fault.text.contains("exited with 7"), "{fault}");
    assert!(fault.text.ends_with("; it is started again"), "{fault}");
    assert!(matches!(remote.state(), PluginState::Restarting { .. }), "{:?}", remote.state());
}

#[tokio::test]
async fn one_that_dies_while_it_is_made_is_a_fault_of_the_making() {
    for (what, how) in [("exit", "exited with 7"), ("segv", "died by SIGSEGV (signal 11)")] {
        let remote = plugin(Kind::Probe, "wilful");
        let fault = remote.probe(json!({ "new": what }).to_string()).err().unwrap();
        assert_eq!(fault.kind, FaultKind::Io, "{fault}");
        assert!(fault.text.starts_with(&format!("its plugin {how}")));
        until(|| remote.state() == PluginState::Unused).await;
    }
}

#[tokio::test]
async fn one_that_is_never_made_is_given_up_and_its_process_ended() {
    let pace = Pace { making: SHORT, ..Pace::default() };
    let remotes = Remotes::at(pace, program("a_plugins_process"));
    let remote = remotes.plugin(Kind::Probe, "wilful", Code::BuiltIn, policy());
    let fault = remote.probe(json!({ "new": "block" }).to_string()).err().unwrap();
    let text = "`new` of the probe `wilful` has not returned within 50ms";
    assert_eq!(fault, Fault::timeout("", text));
    until(|| remote.state() == PluginState::Unused).await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_fault_of_the_making() {
    let remotes = Remotes::start(Program::new("/nonexistent/rais", ["plugin-host"])).unwrap();
    let remote = remotes.plugin(Kind::Probe, "wilful", Code::BuiltIn, policy());
    let fault = remote.probe("{}".into()).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
    assert!(fault.text.contains("cannot be started: No such file or directory"), "{fault}");
}

#[tokio::test]
async fn a_program_that_serves_nothing_is_a_fault_of_the_making() {
    let remotes = Remotes::start(Program::new("/bin/echo", ["not me"])).unwrap();
    let remote = remotes.plugin(Kind::Probe, "wilful", Code::BuiltIn, policy());
    let fault = remote.probe("{}".into()).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
    assert!(fault.text.contains("exited with 0; its last words: not me serve"), "{fault}");
}

#[test]
fn a_plugin_that_is_not_linked_is_a_fault_of_the_making() {
    let fault = plugin(Kind::Probe, "willful").probe("{}".into()).err().unwrap();
    assert_eq!((fault.kind, &*fault.at), (FaultKind::Config, "type"), "{fault}");
}

#[tokio::test]
async fn an_instance_that_cannot_be_made_anew_is_told_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let once = folder.path().join("once");
    let pace = Pace { anew: SHORT, ..Pace::default() };
    let remotes = Remotes::at(pace, program("a_plugins_process"));
    let remote = remotes.plugin(Kind::Probe, "wilful", Code::BuiltIn, policy());
    let probe = remote.probe(json!({ "new": once }).to_string()).unwrap();
    let other = remote.probe("{}".into()).unwrap();
    probe.probe(order("exit"), LONG).await.unwrap_err();
    again(&other).await;
    loop {
        let fault = probe.probe(order("up"), LONG).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
        if fault.text.contains("could not be made anew: File exists") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    std::fs::remove_file(&once).unwrap();
    again(&probe).await;
}

#[tokio::test]
async fn what_is_no_longer_used_answers_and_ends() {
    let remote = plugin(Kind::Probe, "wilful");
    let probe = remote.probe("{}".into()).unwrap();
    let first = process(&probe).await;
    let answer = probe.probe(order("pause"), LONG);
    drop(probe);
    assert_eq!(process_of(&answer.await.unwrap()), first);
    until(|| is_gone(first)).await;
    assert_eq!(remote.state(), PluginState::Unused);
    // And is there again when it is wanted again.
    let probe = remote.probe("{}".into()).unwrap();
    assert_ne!(process(&probe).await, first);
}

#[tokio::test]
async fn what_does_not_end_is_killed() {
    let probe = wilful(&json!({}));
    let first = process(&probe).await;
    // Calls are given their time before.
    let hung = probe.probe(order("block"), SHORT);
    drop(probe);
    let fault = hung.await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    until(|| is_gone(first)).await;
}

#[tokio::test]
async fn instances_of_a_plugin_share_its_process() {
    let remote = plugin(Kind::Probe, "wilful");
    let probes: Vec<_> = (0..3).map(|_| remote.probe("{}".into()).unwrap()).collect();
    let first = process(&probes[0]).await;
    for probe in &probes {
        assert_eq!(process(probe).await, first);
    }
    // All of them come back.
    murder(first);
    for probe in &probes {
        again(probe).await;
    }
    assert_eq!(remote.state(), PluginState::Ready { calls: 0 });
}
