//! A daemon with four sound services and one that is suspect.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use nix::unistd::Pid;
use rais_tests::binary::{Output, rais};
use rais_tests::counter::Counter;
use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::status::{self, Binder, ProbedService};
use rais_tests::{library, wait};
use serde::Deserialize;

pub(crate) const CONFIG: &str = "/var/lib/bind/rais.toml";
pub(crate) const PLUGINS: &str = "/var/lib/plugins";

/// The sound services, by their ports.
const SOUND: [u16; 4] = [1001, 1002, 1003, 1004];
/// Where the suspect's own server is.
const PORT: u16 = 1000;

/// Where the plugin runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    InProcess,
    Isolated,
}

pub(crate) const MODES: [Mode; 2] = [Mode::InProcess, Mode::Isolated];

/// As what the suspect is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Probe,
    BlockingProbe,
    Load,
    Sink,
}

/// A host with a folder for libraries and a server that counts.
pub(crate) struct Net {
    _lan: Lan,
    pub(crate) host: Host,
    pub(crate) server: Counter,
}

/// Of `rais plugins list`.
#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    kind: String,
    name: String,
    pub(crate) abi: String,
    pub(crate) origin: String,
    pub(crate) isolation: String,
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) why: String,
}

/// The daemon on it.
pub(crate) struct Daemon {
    pub(crate) net: Net,
    pub(crate) process: Process,
}

impl fmt::Display for Mode {
    /// As the configuration has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::InProcess => "none",
            Mode::Isolated => "process",
        })
    }
}

impl Kind {
    /// The `type` in a table.
    pub(crate) fn plugin(self) -> &'static str {
        match self {
            Kind::BlockingProbe => "faulty-blocking",
            _ => "faulty",
        }
    }

    /// As a row of `rais plugins list` has it.
    pub(crate) fn row(self) -> &'static str {
        match self {
            Kind::Probe | Kind::BlockingProbe => "probe",
            Kind::Load => "load",
            Kind::Sink => "sink",
        }
    }
}

/// The own address.
pub(crate) fn own() -> BTreeSet<IpAddr> {
    BTreeSet::from(["198.51.100.1".parse().unwrap()])
}

/// The sound services alone, and what `more` says.
pub(crate) fn sound(more: &str) -> String {
    let mut text = format!(
        r#"[plugins]
dirs = ["{PLUGINS}"]
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = {{ type = "none" }}
{more}
"#
    );
    for port in SOUND {
        let probe = format!("{{ type = \"tcp\", port = {port} }}");
        let service = service(&format!("sound{port}"), &probe, "", "files");
        // Whatever the machine does beside: a stall of it is no fault of a plugin, and no reason for
        // more probes than are due.
        let patient = "\"2s\"\nfast_interval = \"100ms\"\nexpire = \"10s\"";
        text += &service.replacen("\"80ms\"", patient, 1);
    }
    text
}

/// A service with a zone of its own.
pub(crate) fn service(name: &str, probe: &str, load: &str, sink: &str) -> String {
    format!(
        r#"[monitor.service.{name}]
interval = "100ms"
timeout = "80ms"
jitter = 0
probe = {probe}
{load}
[zone."{name}.example"]
sinks = ["{sink}"]
[binder.service.{name}]
zone = "{name}.example"
"#
    )
}

/// With the suspect: `table` is what stands in its table beside its type.
pub(crate) fn suspect(kind: Kind, mode: Mode, policy: &str, table: &str) -> String {
    let name = kind.plugin();
    let isolation = match mode {
        Mode::InProcess => "isolation = \"none\"\n",
        // A library's, where nothing is said.
        Mode::Isolated => "",
    };
    let policy = format!("[plugins.{name}]\n{isolation}{policy}\n");
    let table = format!("type = \"{name}\", {table}");
    let tcp = format!("{{ type = \"tcp\", port = {PORT} }}");
    let suspect = match kind {
        Kind::Probe | Kind::BlockingProbe => {
            service("suspect", &format!("{{ {table} }}"), "", "files")
        }
        Kind::Load => {
            let load = format!("load = {{ {table}, every = \"100ms\" }}");
            "[monitor]\nsample = \"1s\"\n".to_owned() + &service("suspect", &tcp, &load, "files")
        }
        Kind::Sink => {
            let sink = table.replace(", ", "\n");
            format!("[sink.suspect]\n{sink}\n") + &service("suspect", &tcp, "", "suspect")
        }
    };
    sound(&(policy + &suspect))
}

/// All services by the tcp probe of the library.
pub(crate) fn tcp(mode: Mode) -> String {
    let policy = format!("[plugins.tcp]\nisolation = \"{mode}\"\n");
    let probe = format!("{{ type = \"tcp\", port = {PORT} }}");
    let text = sound(&(policy + &service("suspect", &probe, "", "files")));
    text.replacen("[plugins]\n", "[plugins]\nprefer = [\"tcp\"]\n", 1)
}

impl Net {
    pub(crate) fn new() -> Self {
        let (lan, host) = (Lan::new(), Host::new("web1"));
        lan.attach(host.net(), "eth0", &["198.51.100.1/24"]);
        let folder = host.path(PLUGINS);
        std::fs::create_dir(&folder).unwrap();
        library::set_mode(&folder, 0o755);
        let server = Counter::start(&host, [PORT].into_iter().chain(SOUND));
        Self { _lan: lan, host, server }
    }

    /// With the library of faulty plugins.
    pub(crate) fn with_faulty() -> Self {
        let net = Self::new();
        let path = net.host.path(&format!("{PLUGINS}/faulty.so"));
        library::install(&library::faulty(), &path);
        net
    }

    pub(crate) fn write(&self, config: &str) {
        self.host.write(CONFIG, config);
    }

    pub(crate) fn rais(&self, words: &str) -> Output {
        let words: Vec<&str> = words.split_whitespace().chain(["-c", CONFIG]).collect();
        self.host.rais(&words)
    }

    /// Starts it, whatever becomes of it, with at most so many KiB of memory.
    pub(crate) fn spawn(&self, memory: Option<u64>) -> Process {
        let limit = memory.map_or_else(|| "unlimited".to_owned(), |kib| kib.to_string());
        let script = format!("ulimit -v {limit}; exec \"$0\" run -c {CONFIG}");
        let mut command = self.host.command("sh");
        command.args(["-c", &script]).arg(rais()).env("MALLOC_ARENA_MAX", "2");
        self.host.spawn("run", &mut command)
    }

    pub(crate) fn start(self) -> Daemon {
        let process = self.host.start("run", CONFIG);
        Daemon { net: self, process }
    }

    /// How often each sound service was asked.
    pub(crate) fn asked(&self) -> Vec<u64> {
        self.server.counts().split_off(1)
    }

    /// Waits until each sound service was asked `more` times from now on.
    pub(crate) fn until_asked(&self, what: &str, more: u64) {
        let before = self.asked();
        wait::until(what, || {
            let now = self.asked();
            let all = now.iter().zip(&before).all(|(now, before)| *now >= before + more);
            if all { Ok(()) } else { Err(format!("{before:?} became {now:?}")) }
        });
    }
}

impl Daemon {
    pub(crate) fn host(&self) -> &Host {
        &self.net.host
    }

    /// Waits until the sound services are published; gives that.
    pub(crate) fn until_sound(&self) -> Binder {
        status::until_binder(self.host(), "the sound services", |binder| {
            SOUND.iter().try_for_each(|port| {
                let name = format!("sound{port}");
                let set = &binder.service(&name)?.set;
                let zone = binder.zones.iter().find(|zone| zone.zone == format!("{name}.example"));
                let confirmed = zone.is_some_and(|zone| {
                    zone.serial.is_some() && zone.sinks.iter().all(|sink| sink.state == "ok")
                });
                if *set == own() && confirmed { Ok(()) } else { Err(format!("{name}: {set:?}")) }
            })
        })
    }

    /// That nothing has happened to the sound services since `before`: no beat came so late that an
    /// address left its zone.
    pub(crate) fn assert_undisturbed(&mut self, before: &Binder) {
        assert!(self.process.is_running(), "{}", self.process.stderr());
        let now = status::binder(self.host()).unwrap();
        let serials = |binder: &Binder| -> Vec<_> {
            let zones = binder.zones.iter().filter(|zone| zone.zone.starts_with("sound"));
            zones.map(|zone| (zone.zone.clone(), zone.serial)).collect()
        };
        assert_eq!(serials(&now), serials(before));
        let monitor = status::monitor(self.host()).unwrap();
        let sound = monitor.services.iter().filter(|it| it.service.starts_with("sound"));
        for service in sound {
            assert_eq!(service.state, "up", "{service:?}");
        }
    }

    /// The processes that it has started for plugins.
    pub(crate) fn plugin_processes(&self) -> Vec<Pid> {
        let parent = format!("PPid:\t{}\n", self.process.id());
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let ids = all.filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
            let command = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
            (status.contains(&parent) && command.contains("serve")).then(|| Pid::from_raw(id))
        });
        ids.collect()
    }

    /// The suspect as the monitor sees it.
    pub(crate) fn probed(&self) -> Result<ProbedService, String> {
        let mut services = status::monitor(self.host())?.services.into_iter();
        services.find(|it| it.service == "suspect").ok_or_else(|| "not probed".to_owned())
    }

    /// What `rais plugins list --running` says of a plugin.
    pub(crate) fn row(&self, kind: &str, name: &str) -> Result<Row, String> {
        let out = self.host().rais(&["plugins", "list", "--running", "--output", "json"]);
        if out.code != 0 {
            return Err(out.stderr);
        }
        let rows: Vec<Row> = serde_json::from_str(&out.stdout).unwrap();
        let row = rows.into_iter().find(|row| row.kind == kind && row.name == name);
        row.ok_or_else(|| format!("no {kind} {name} in\n{}", out.stdout))
    }

    /// What is told of the suspect where its kind tells it.
    pub(crate) fn told(&self, kind: Kind) -> Result<String, String> {
        match kind {
            Kind::Probe | Kind::BlockingProbe => {
                let probed = self.probed()?;
                Ok(format!("{}: {}", probed.state, probed.reason))
            }
            Kind::Load => {
                let probed = self.probed()?;
                let load = probed.load.map_or("unknown".to_owned(), |load| load.to_string());
                Ok(format!("{} with load {load}: {}", probed.state, probed.reason))
            }
            Kind::Sink => {
                let binder = status::binder(self.host())?;
                let zone = binder.zones.iter().find(|zone| zone.zone == "suspect.example");
                let sink = zone.and_then(|zone| zone.sinks.first()).ok_or("no such zone")?;
                Ok(format!("{}: {}", sink.state, sink.error.as_deref().unwrap_or_default()))
            }
        }
    }
}
