//! A process of both roles, its plugins among them such as hang and refuse.

mod plugins;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, raise};
use tempfile::TempDir;
use tokio::sync::oneshot;

use self::plugins::{Door, READ, SENT};
use super::*;
use crate::control::Request;
use crate::status::Status;

/// A folder with a configuration, and nobody else who takes this process's signals meanwhile.
struct Site {
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Site {
    fn new() -> Site {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let site = Site { folder: tempfile::tempdir().unwrap(), _alone: alone };
        site.write("");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A sound configuration of both roles, and `more` of it.
    fn write(&self, more: &str) {
        let text = format!(
            r#"
[host]
name = "web1"
state = "state"
[control]
socket = "{{role}}.sock"
[monitor]
advertise = ["127.0.0.1"]
[monitor.service.www]
probe = {{ type = "connect", port = 1 }}
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["quick"]
[binder.service.www]
zone = "www.example"
[sink.quick]
type = "slow"
{more}
"#
        );
        fs::write(self.path("rais.toml"), text).unwrap();
    }

    fn options(&self) -> Options {
        Options {
            config: self.path("rais.toml"),
            roles: Asked::All,
            version: "0".to_owned(),
            look: Look::Plain,
            relog: Relog::new(|_| Ok(Box::new(|| {}))),
        }
    }

    /// As a start makes it, `change` done before it begins.
    async fn started(&self, change: impl FnOnce(&mut Ready)) -> Started {
        let (options, host) = (self.options(), host());
        let checked = checked(&options, &host, None).await.unwrap_or_else(|e| panic!("{e}"));
        let config = checked.config.clone();
        let (host, plugins) = watch::channel(checked.host.clone());
        let mut ready = Ready::of(Clock::start(), "0", checked).unwrap();
        change(&mut ready);
        let (ending, ended) = mpsc::unbounded_channel();
        let roles = ready.start(ending).await.unwrap();
        let headers = Headers::of(&config);
        let (to_desk, requests) = mpsc::channel(16);
        let desk = Desk {
            process: ProcessId { pid: 1, started: 2 },
            plugins,
            signals: Signals::new().unwrap(),
            requests,
            ended,
            voices: roles.voices(),
            troubles: headers.troubles(),
        };
        let daemon = Daemon { options, config, host, roles, headers };
        Started { daemon, desk, caller: Caller(to_desk) }
    }
}

struct Started {
    daemon: Daemon,
    desk: Desk,
    caller: Caller,
}

#[derive(Clone)]
struct Caller(mpsc::Sender<ServerAsked>);

impl Caller {
    async fn asked(&self, request: Request) -> oneshot::Receiver<Response> {
        let (answer, answered) = oneshot::channel();
        self.0.send(ServerAsked { role: Role::Binder, request, answer }).await.unwrap();
        answered
    }

    async fn ask(&self, request: Request) -> Response {
        self.asked(request).await.await.unwrap()
    }
}

fn host() -> PluginHost {
    PluginHost::new(Registry::built_in().unwrap(), Foreign::AsConfigured).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let value = runtime.block_on(future);
    runtime.shutdown_background();
    value
}

fn slow(door: &str) -> String {
    format!("[sink.slow]\ntype = \"slow\"\ndoor = \"{door}\"\n")
}

#[test]
fn a_reload_that_hangs_holds_nobody_up() {
    let site = Site::new();
    block_on(async {
        let Started { daemon, desk, caller } = site.started(|_| {}).await;
        site.write(&slow("held up"));
        let asking = async {
            let reloaded = caller.asked(Request::Reload).await;
            Door::reached("held up").await;
            assert!(matches!(caller.ask(Request::Status).await, Response::Status(_)));
            let hello = caller.ask(Request::Hello).await;
            assert_eq!(hello, Response::Hello(ProcessId { pid: 1, started: 2 }));
            let Response::Error { text } = caller.ask(Request::Reload).await else {
                panic!("two reloads at a time")
            };
            assert!(text.contains("under way"), "{text}");
            Door::of("held up").open();
            let reloaded = reloaded.await.unwrap();
            assert!(matches!(reloaded, Response::Reloaded { .. }), "{reloaded:?}");
            raise(Signal::SIGTERM).unwrap();
        };
        let (result, ()) = tokio::join!(daemon.run(desk, Vec::new()), asking);
        result.unwrap();
    });
}

#[test]
fn a_reload_judges_the_files_that_an_unchanged_table_names() {
    let site = Site::new();
    site.write("[sink.keyed]\ntype = \"keyed\"\nkey = \"sink.key\"\n");
    let key = site.path("sink.key");
    fs::write(&key, "first").unwrap();
    block_on(async {
        let Started { daemon, desk, caller } = site.started(|_| {}).await;
        let asking = async {
            let read = || std::mem::take(&mut *READ.lock().unwrap());
            assert_eq!(read(), ["first"]);
            assert!(matches!(caller.ask(Request::Reload).await, Response::Reloaded { .. }));
            // One was made to be judged, and the other goes on.
            assert_eq!(read(), ["first", "dropped"]);
            fs::remove_file(&key).unwrap();
            let Response::Refused { faults } = caller.ask(Request::Reload).await else {
                panic!("a key that is gone was taken")
            };
            assert!(faults[0].contains("rais.toml:22:7"), "{faults:?}");
            assert_eq!(read(), [""; 0]);
            fs::write(&key, "the second").unwrap();
            assert!(matches!(caller.ask(Request::Reload).await, Response::Reloaded { .. }));
            assert_eq!(read().first().map(String::as_str), Some("the second"));
            raise(Signal::SIGTERM).unwrap();
        };
        let (result, ()) = tokio::join!(daemon.run(desk, Vec::new()), asking);
        result.unwrap();
    });
}

#[test]
fn a_signal_ends_it_though_a_reload_hangs() {
    let site = Site::new();
    block_on(async {
        let Started { daemon, desk, caller } = site.started(|_| {}).await;
        site.write(&slow("never"));
        let asking = async {
            let reloaded = caller.asked(Request::Reload).await;
            Door::reached("never").await;
            raise(Signal::SIGTERM).unwrap();
            // Nobody has reloaded, and nobody says so.
            reloaded.await.unwrap_err();
        };
        let (result, ()) = tokio::join!(daemon.run(desk, Vec::new()), asking);
        result.unwrap();
    });
    Door::of("never").open();
}

#[test]
fn a_signal_that_means_nothing_ends_nothing() {
    let site = Site::new();
    block_on(async {
        let Started { daemon, desk, caller } = site.started(|_| {}).await;
        let asking = async {
            for signal in [Signal::SIGUSR1, Signal::SIGUSR2] {
                raise(signal).unwrap();
                assert!(matches!(caller.ask(Request::Hello).await, Response::Hello(_)));
            }
            raise(Signal::SIGTERM).unwrap();
        };
        let (result, ()) = tokio::join!(daemon.run(desk, Vec::new()), asking);
        result.unwrap();
    });
}

#[test]
fn a_signal_during_a_reload_has_it_read_again() {
    let site = Site::new();
    block_on(async {
        let Started { daemon, desk, caller } = site.started(|_| {}).await;
        site.write(&slow("read again"));
        let asking = async {
            let first = caller.asked(Request::Reload).await;
            Door::reached("read again").await;
            // What the reload has not read any more; its refusal shows that it was read after all.
            site.write(&slow("read again, later"));
            raise(Signal::SIGHUP).unwrap();
            // It comes by the event loop.
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            Door::of("read again").open();
            assert!(matches!(first.await.unwrap(), Response::Reloaded { .. }));
            Door::reached("read again, later").await;
            Door::of("read again, later").open();
            raise(Signal::SIGTERM).unwrap();
        };
        let (result, ()) = tokio::join!(daemon.run(desk, Vec::new()), asking);
        result.unwrap();
    });
}

#[test]
fn the_death_of_a_role_ends_the_process() {
    let site = Site::new();
    for (role, other) in [(Role::Binder, Role::Monitor), (Role::Monitor, Role::Binder)] {
        block_on(async {
            let fall = |ready: &mut Ready| ready.replace(role, async { panic!("out of luck") });
            let Started { daemon, desk, caller } = site.started(fall).await;
            let error = daemon.run(desk, Vec::new()).await.unwrap_err();
            let told = error.to_string();
            assert!(told.contains(role.as_str()) && told.contains("out of luck"), "{told}");
            assert!(!told.contains(other.as_str()), "{told}");
            assert_eq!(error.exit_code(), 1);
            drop(caller);
        });
    }
}

#[test]
fn who_cannot_start_all_starts_nothing() {
    let site = Site::new();
    let cluster = "[cluster]\nname = \"c\"\ninsecure = true\n";
    let refuses = format!("{cluster}[transport.lan]\ntype = \"refuses\"\n");
    let file = site.path("monitor.sock");
    let sockets = ["monitor.sock", "binder.sock"].map(|name| site.path(name));
    for (more, in_the_way, why) in
        [(refuses.as_str(), None, "no such network"), ("", Some(&file), "not a socket")]
    {
        site.write(more);
        let is_there = |path: &Path| Some(path) == in_the_way.map(PathBuf::as_path);
        if let Some(file) = in_the_way {
            fs::write(file, "").unwrap();
        }
        let error = block_on(run_on(site.options(), host())).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        for socket in &sockets {
            assert_eq!(socket.exists(), is_there(socket), "{}", socket.display());
        }
    }
    assert_eq!(SENT.load(Ordering::Relaxed), 0);
}

#[test]
fn what_only_a_restart_can_change_is_refused_by_name() {
    let site = Site::new();
    block_on(async {
        let Started { daemon, desk, caller } = site.started(|_| {}).await;
        let text = fs::read_to_string(site.path("rais.toml")).unwrap();
        let asking = async {
            for (from, to, key) in [
                ("\"web1\"", "\"web2\"", "host.name"),
                ("\"state\"", "\"other\"", "host.state"),
                ("\"web1\"", "\"web1\"\nuser = \"nobody\"", "host.user"),
                ("\"web1\"", "\"web1\"\ngroup = \"nogroup\"", "host.group"),
                ("{role}.sock", "run/{role}.sock", "control.socket"),
                ("[control]", "[control]\nlog_format = \"json\"", "control.log_format"),
                ("[control]\nsocket = \"{role}.sock\"", "", "control.socket"),
            ] {
                assert!(text.contains(from), "{from}");
                fs::write(site.path("rais.toml"), text.replacen(from, to, 1)).unwrap();
                let Response::Refused { faults } = caller.ask(Request::Reload).await else {
                    panic!("{key} was changed")
                };
                assert_eq!(faults.len(), 1, "{faults:?}");
                assert!(faults[0].contains(key) && faults[0].contains("restart"), "{faults:?}");
            }
            let Response::Status(status) = caller.ask(Request::Status).await else {
                panic!("no status")
            };
            let Status::Binder(status) = *status else { panic!("another role") };
            assert_eq!(status.host.name, "web1");
            let sinks: Vec<_> = status.plugins.iter().filter(|p| p.kind == "sink").collect();
            assert_eq!((sinks.len(), &*sinks[0].name, &*sinks[0].state), (1, "slow", "ready"));
            raise(Signal::SIGTERM).unwrap();
        };
        let (result, ()) = tokio::join!(daemon.run(desk, Vec::new()), asking);
        result.unwrap();
    });
}

#[test]
fn the_log_follows_a_reload_or_refuses_it() {
    let site = Site::new();
    block_on(async {
        let Started { mut daemon, desk, caller } = site.started(|_| {}).await;
        let followed = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&followed);
        daemon.options.relog = Relog::new(move |config| {
            let (log, filter) = (Arc::clone(&log), config.control.log.clone());
            match filter.as_str() {
                "off" => Err("no".to_owned()),
                _ => Ok(Box::new(move || log.lock().unwrap().push(filter))),
            }
        });
        let text = fs::read_to_string(site.path("rais.toml")).unwrap();
        let write = |filter: &str| {
            let control = format!("[control]\nlog = \"{filter}\"");
            fs::write(site.path("rais.toml"), text.replacen("[control]", &control, 1)).unwrap();
        };
        let asking = async {
            write("debug");
            assert!(matches!(caller.ask(Request::Reload).await, Response::Reloaded { .. }));
            write("off");
            assert!(matches!(caller.ask(Request::Reload).await, Response::Refused { .. }));
            assert_eq!(*followed.lock().unwrap(), ["debug"]);
            raise(Signal::SIGTERM).unwrap();
        };
        let (result, ()) = tokio::join!(daemon.run(desk, Vec::new()), asking);
        result.unwrap();
    });
}
