//! Silence, evidence and deafness: when the last set stays, and when a set may be empty.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::site::{Site, addresses};
use rais_tests::status;

const CONFIG: &str = "/var/lib/bind/rais.toml";

/// Four services on four ports: each way to react with each way to take an empty house.
const SERVICES: [(&str, &str, &str, u16); 4] = [
    ("once-hold", "at-once", "hold", 8001),
    ("once-empty", "at-once", "empty", 8002),
    ("timer-hold", "on-timer", "hold", 8003),
    ("timer-empty", "on-timer", "empty", 8004),
];

fn config() -> String {
    let mut text = String::from(
        r#"
[cluster]
name = "silence"
insecure = true
[transport.lan]
type = "udp"
[monitor]
exclude = ["192.0.2.0/24"]
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = { type = "none" }
"#,
    );
    for (name, react, when_none, port) in SERVICES {
        text.push_str(&format!(
            r#"
[monitor.service.{name}]
interval = "200ms"
timeout = "150ms"
fast_interval = "50ms"
probe = {{ type = "tcp", port = {port} }}
[zone."{name}.example"]
sinks = ["files"]
[binder.service.{name}]
react = "{react}"
interval = "1s"
zone = "{name}.example"
when_none = "{when_none}"
"#
        ));
    }
    text
}

struct Web {
    host: Host,
    monitor: Process,
    servers: Vec<Server>,
}

impl Web {
    fn start(site: &Site, number: u8) -> Self {
        let host = site.host(&format!("web{number}"), number);
        host.write(CONFIG, &config());
        let servers = start_servers(&host);
        let monitor = host.start("monitor", CONFIG);
        Self { host, monitor, servers }
    }
}

fn start_servers(host: &Host) -> Vec<Server> {
    SERVICES.iter().map(|s| Server::start(host, &format!("0.0.0.0:{}", s.3))).collect()
}

#[test]
fn the_last_set_stays_unless_an_empty_one_is_asked_for() {
    let site = Site::new();
    let binder = site.host("ns1", 53);
    binder.write(CONFIG, &config());
    let _binder_process = binder.start("binder", CONFIG);
    let mut webs = [1, 2, 3].map(|number| Web::start(&site, number));
    let (all, none) = (addresses([1, 2, 3]), BTreeSet::new());
    for (name, ..) in SERVICES {
        status::until_set(&binder, name, &all);
    }

    // Every server is dead and every monitor says so.
    for web in &mut webs {
        web.servers.clear();
    }
    status::until_set(&binder, "once-empty", &none);
    status::until_set(&binder, "timer-empty", &none);
    let status = status::until_binder(&binder, "nobody heard for timer-hold", |status| {
        if status.alarmed("nobody-heard", "timer-hold") { Ok(()) } else { Err("no alarm".into()) }
    });
    // They died one by one, and the timer may have fired in between.
    let held = &status.service("timer-hold").unwrap().set;
    assert!(!held.is_empty() && held.is_subset(&all), "{held:?}");
    status::until_binder(&binder, "all down for once-hold", |status| {
        let service = status.service("once-hold")?;
        // They died one by one, so the last set that was not empty is the last to die.
        assert!(!service.set.is_empty() && service.set.is_subset(&all), "{:?}", service.set);
        let down = service.members.iter().filter(|m| m.state == "down").count();
        if down == 3 { Ok(()) } else { Err(format!("{:#?}", service.members)) }
    });

    // They return.
    for web in &mut webs {
        web.servers = start_servers(&web.host);
    }
    for (name, ..) in SERVICES {
        status::until_set(&binder, name, &all);
    }

    // Now every monitor is silent, with no goodbye: at once, the binder knows that it is deaf,
    // and a deaf binder empties nothing. On the timer, nobody was heard.
    for web in &mut webs {
        web.monitor.kill();
    }
    let status = status::until_binder(&binder, "a deaf binder", |status| {
        let quiet = ["once-hold", "once-empty"].iter().all(|s| status.alarmed("deaf", s))
            && status.alarmed("nobody-heard", "timer-hold");
        if quiet { Ok(()) } else { Err(format!("alarms {:?}", status.alarms)) }
    });
    for name in ["once-hold", "once-empty", "timer-hold"] {
        let service = status.service(name).unwrap();
        if service.react == "at-once" {
            assert_eq!((&service.set, &*service.phase), (&all, "deaf"), "{name}");
        } else {
            // A period may have ended between one death and the next.
            assert!(!service.set.is_empty() && service.set.is_subset(&all), "{service:?}");
        }
    }

    // One voice is enough to hear again, and all is as before when all are back.
    for web in &mut webs {
        web.monitor = web.host.start("monitor", CONFIG);
    }
    for (name, ..) in SERVICES {
        status::until_set(&binder, name, &all);
    }
    status::until_binder(&binder, "no alarm", |status| {
        if status.alarms.is_empty() { Ok(()) } else { Err(format!("{:?}", status.alarms)) }
    });
}
