//! What is true of a whole process can only be seen in one that does nothing else.

use std::io::BufRead;
use std::process::Stdio;
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;

/// Runs `test` of this module in a process of its own, where `what` is the last argument.
fn alone(test: &str) {
    let mut command = program(&format!("alone::{test}")).command("alone");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

fn is_alone() -> bool {
    std::env::args().next_back().as_deref() == Some("alone")
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn children() -> String {
    std::fs::read_to_string("/proc/thread-self/children").unwrap()
}

#[test]
fn nothing_is_left_of_processes_that_ended() {
    if is_alone() { nothing_is_left() } else { alone("nothing_is_left_of_processes_that_ended") }
}

#[tokio::main(flavor = "current_thread")]
async fn nothing_is_left() {
    let (files, threads_before) = (open_files(), threads());
    for round in 0..5 {
        let remotes = remotes();
        let plugins: Vec<_> = (0..5)
            .map(|_| remotes.plugin(Kind::Probe, "wilful", Code::BuiltIn, policy()))
            .collect();
        let probes: Vec<_> =
            plugins.iter().map(|plugin| plugin.probe("{}".into()).unwrap()).collect();
        let mut processes = Vec::new();
        for probe in &probes {
            processes.push(process(probe).await);
        }
        // One thread for all of them.
        assert_eq!(threads(), threads_before + 1);
        if round % 2 == 0 {
            murder(processes[0]);
            processes.push(process_of(&again(&probes[0]).await));
        }
        drop((probes, plugins, remotes));
        until(|| processes.iter().all(|process| is_gone(*process))).await;
    }
    until(|| threads() == threads_before).await;
    until(|| open_files() == files).await;
    assert_eq!(children(), "");
}

#[test]
fn no_process_outlives_who_started_it() {
    if is_alone() {
        return start_and_wait();
    }
    let mut command = program("alone::no_process_outlives_who_started_it").command("alone");
    let mut parent = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let said = std::io::BufReader::new(parent.stdout.take().unwrap());
    let process =
        said.lines().find_map(|line| line.unwrap().strip_prefix("plugin: ")?.parse().ok());
    let process: i32 = process.unwrap();
    assert!(!is_gone(process));
    parent.kill().unwrap();
    parent.wait().unwrap();
    // Its new parent waits for it.
    while !is_gone(process) && !is_zombie(process) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_zombie(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

#[tokio::main(flavor = "current_thread")]
async fn start_and_wait() {
    let probe = wilful(&json!({}));
    println!("plugin: {}", process(&probe).await);
    std::future::pending::<()>().await;
}

/// What was logged: level, plugin, text.
static LOGGED: Mutex<Vec<(String, String, String)>> = Mutex::new(Vec::new());

struct Logs;

#[derive(Default)]
struct Line {
    plugin: String,
    text: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.text = format!("{value:?}"),
            "plugin" => self.plugin = format!("{value:?}").trim_matches('"').to_owned(),
            _ => {}
        }
    }
}

impl Subscriber for Logs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "plugin"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let level = event.metadata().level().to_string();
        LOGGED.lock().unwrap().push((level, line.plugin, line.text));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

async fn until_logged(level: &str, text: &str) {
    let is = |logged: &(String, String, String)| {
        logged.0 == level && logged.1 == "wilful" && logged.2.contains(text)
    };
    until(|| LOGGED.lock().unwrap().iter().any(is)).await;
}

#[test]
fn what_a_process_says_is_in_the_log() {
    if is_alone() { logs() } else { alone("what_a_process_says_is_in_the_log") }
}

#[tokio::main(flavor = "current_thread")]
async fn logs() {
    tracing::subscriber::set_global_default(Logs).unwrap();
    let probe = wilful(&json!({}));
    probe.probe(named("log", "a line of the plugin's"), LONG).await.unwrap();
    until_logged("INFO", "a line of the plugin's").await;
    probe.probe(order("print"), LONG).await.unwrap();
    until_logged("INFO", "said on standard output").await;
    until_logged("INFO", "said on standard error").await;
    probe.probe(order("exit"), LONG).await.unwrap_err();
    until_logged("WARN", "its process exited with 7").await;
    again(&probe).await;
    until_logged("INFO", "its process runs again").await;
}
