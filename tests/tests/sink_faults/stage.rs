//! A monitor and a binder with two zones: one whose sink is going to fail, and one beside it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::Command;

use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::status::{self, Binder, SinkState};
use rais_tests::{dns, site};

/// The zone that is going to fail, by a sink of this name too.
pub(crate) const ILL: &str = "ill.example";
/// The zone beside it.
pub(crate) const WELL: &str = "well.example";

const CONFIG: &str = "/var/lib/bind/rais.toml";
/// Of both services.
const ADDRESSES: [&str; 3] = ["192.0.2.1", "192.0.2.2", "2001:db8::3"];

/// A server is up where a file of its name is there.
const CONFIGURATION: &str = r#"
[cluster]
name = "faults"
insecure = true
[transport.it]
type = "udp"
mode = "unicast"
listen = "127.0.0.1:5369"
peers = ["127.0.0.1:5369"]
"#;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Ill,
    Well,
}

/// Who counts the failing zone's serial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Serials {
    Binders,
    Servers,
}

pub(crate) struct Stage {
    pub(crate) host: Host,
    pub(crate) binder: Process,
    serials: Serials,
    _monitor: Process,
}

impl Which {
    const BOTH: [Which; 2] = [Which::Ill, Which::Well];

    pub(crate) fn zone(self) -> &'static str {
        match self {
            Which::Ill => ILL,
            Which::Well => WELL,
        }
    }

    fn service(self) -> &'static str {
        match self {
            Which::Ill => "ill",
            Which::Well => "well",
        }
    }
}

impl Stage {
    /// `ill` is the body of the failing sink's table, `well` of the other's; both zones are published
    /// when this returns, with the first address.
    pub(crate) fn new(host: Host, ill: &str, well: &str) -> Stage {
        let table = |name: &str, body: &str| format!("[sink.{name}]\nretry = \"100ms\"\n{body}\n");
        let tables = table("ill", ill) + &table("well", well);
        Stage::with(host, Which::service, &tables, Serials::Binders, |_| {})
    }

    /// As [`new`](Self::new), beside a server that counts for itself; `settle` says more of the
    /// binder's command.
    pub(crate) fn updating(host: Host, ill: &str, settle: fn(&mut Command)) -> Stage {
        let well = format!("[sink.well]\nretry = \"100ms\"\n{UNHARMED}\n");
        let tables = format!("[sink.ill]\nretry = \"100ms\"\n{ill}\n{well}");
        Stage::with(host, Which::service, &tables, Serials::Servers, settle)
    }

    /// Both zones by one sink of this table.
    pub(crate) fn sharing(host: Host, table: &str) -> Stage {
        let table = format!("[sink.both]\nretry = \"100ms\"\n{table}\n");
        Stage::with(host, |_| "both", &table, Serials::Binders, |_| {})
    }

    fn with(
        host: Host,
        sink_of: fn(Which) -> &'static str,
        tables: &str,
        serials: Serials,
        settle: fn(&mut Command),
    ) -> Stage {
        let mut text = CONFIGURATION.to_owned() + tables;
        for which in Which::BOTH {
            let (service, zone, sink) = (which.service(), which.zone(), sink_of(which));
            let header = format!("/var/lib/bind/{zone}.header");
            host.write(&header, &site::header(zone, 1));
            let servers = format!("{ADDRESSES:?}");
            text.push_str(&format!(
                r#"
[monitor.service.{service}]
targets = {servers}
interval = "200ms"
timeout = "190ms"
rise = 1
fall = 1
flapping = "ignore"
probe = {{ type = "exec", argv = ["sh", "-c", "test -e $0 || exit 2", "/run/up/{service}/{{address}}"] }}
[zone."{zone}"]
header = "{header}"
sinks = ["{sink}"]
[binder.service.{service}]
zone = "{zone}"
"#
            ));
        }
        host.write(CONFIG, &text);
        std::fs::create_dir_all(host.path("/var/lib/well")).unwrap();
        for which in Which::BOTH {
            set_up(&host, which, &[ADDRESSES[0]]);
        }
        let binder = host.start_with("binder", CONFIG, settle);
        let monitor = host.start("monitor", CONFIG);
        let stage = Stage { host, binder, serials, _monitor: monitor };
        stage.until_published(Which::Ill);
        stage.until_published(Which::Well);
        stage
    }

    /// Has these addresses of a service be up, and no others.
    pub(crate) fn set(&self, which: Which, up: &[&str]) {
        set_up(&self.host, which, up);
    }

    /// Waits until what is up is published, as far as the binder knows; how its sink stands then.
    #[track_caller]
    pub(crate) fn until_published(&self, which: Which) -> SinkState {
        let wanted = up(&self.host, which);
        let status = status::until_published(&self.host, which.service(), &wanted);
        let sink = sink_of(&status, which).clone();
        assert_eq!(sink.error, None, "{sink:?}");
        sink
    }

    /// How the sink of a zone stands.
    pub(crate) fn sink(&self, which: Which) -> Result<SinkState, String> {
        status::binder(&self.host).map(|status| sink_of(&status, which).clone())
    }

    /// What became of the failing zone's first publication, and of the others' meanwhile.
    ///
    /// The addresses change again and again; the failing zone says `says`, claims no more than before,
    /// and says it once, while it is tried again and again. `mend` ends it, and all is right.
    #[track_caller]
    pub(crate) fn plays_through(&self, says: &str, mend: impl FnOnce()) {
        let before = self.sink(Which::Ill).unwrap().serial;
        let said = self.lines("not published");
        // Never for a moment what was published first: that would be no failure.
        let rounds: [&[&str]; 3] = [&ADDRESSES[1..], &ADDRESSES[2..], &ADDRESSES[1..]];
        let mut failed = status::binder(&self.host).unwrap().counters.failed;
        for up in rounds {
            Which::BOTH.into_iter().for_each(|which| self.set(which, up));
            self.until_published(Which::Well);
            // And more than once.
            let status = status::until_binder(&self.host, "the fault", |status| {
                let sink = sink_of(status, Which::Ill);
                let set = &status.service(Which::Ill.service())?.set;
                let error = sink.error.as_deref().unwrap_or_default();
                let again = status.counters.failed >= failed + 2;
                let fails = sink.state == "failed" && error.contains(says);
                if fails && again && *set == up_of(up) { Ok(()) } else { Err(format!("{sink:?}")) }
            });
            failed = status.counters.failed;
            // What is served is what was confirmed, and no more is claimed.
            assert_eq!(sink_of(&status, Which::Ill).serial, before);
            let alarmed = |alarm: &status::Alarm| {
                alarm.kind == "publish-failed" && alarm.zone.as_deref() == Some(ILL)
            };
            assert!(status.alarms.iter().any(alarmed), "{:?}", status.alarms);
        }
        let lines = self.lines("not published");
        assert_eq!(lines.len(), said.len() + 1, "{lines:#?}");
        assert!(lines.last().unwrap().contains(says), "{lines:#?}");

        mend();
        let sink = self.until_published(Which::Ill);
        let status = status::binder(&self.host).unwrap();
        let zone = status.zones.iter().find(|zone| zone.zone == ILL).unwrap();
        match self.serials {
            Serials::Binders => assert_eq!(sink.serial, zone.serial),
            Serials::Servers => assert_ne!(sink.serial, before),
        }
        assert!(status.alarms.is_empty(), "{:?}", status.alarms);
        assert_eq!(self.lines("published again").len(), 1, "{}", self.binder.stderr());
    }

    /// What the binder has said of the failing zone with these words.
    pub(crate) fn lines(&self, words: &str) -> Vec<String> {
        let text = self.binder.stderr();
        let ours = |line: &&str| line.contains(words) && line.contains(ILL);
        text.lines().filter(ours).map(str::to_owned).collect()
    }

    /// The addresses that a zone's file has, as BIND's own reader finds them.
    pub(crate) fn file(&self, which: Which, path: &str) -> Result<BTreeSet<IpAddr>, String> {
        dns::check_zone(which.zone(), &self.host.path(path)).map(|zone| zone.addresses)
    }

    /// What is up.
    pub(crate) fn up(&self, which: Which) -> BTreeSet<IpAddr> {
        up(&self.host, which)
    }
}

/// A sink that nothing befalls.
pub(crate) const UNHARMED: &str =
    "type = \"bind\"\ndirectory = \"/var/lib/well\"\nreload = { type = \"none\" }";

fn set_up(host: &Host, which: Which, up: &[&str]) {
    for address in ADDRESSES {
        let path = format!("/run/up/{}/{address}", which.service());
        if up.contains(&address) {
            host.write(&path, "");
        } else {
            let _ = std::fs::remove_file(host.path(&path));
        }
    }
}

fn up(host: &Host, which: Which) -> BTreeSet<IpAddr> {
    let there =
        |address: &&&str| host.path(&format!("/run/up/{}/{address}", which.service())).exists();
    ADDRESSES.iter().filter(there).map(|address| address.parse().unwrap()).collect()
}

fn up_of(addresses: &[&str]) -> BTreeSet<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

#[track_caller]
fn sink_of(status: &Binder, which: Which) -> &SinkState {
    let zone = status.zones.iter().find(|zone| zone.zone == which.zone()).unwrap();
    &zone.sinks[0]
}
