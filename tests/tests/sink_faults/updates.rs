//! A server that takes updates is gone, hangs, has another key or another clock, or allows nothing;
//! or somebody deletes what we put there.

use domain::base::Rtype;
use nix::sys::signal::Signal;
use rais_tests::binary::finish;
use rais_tests::dns::Client;
use rais_tests::fakeclock::FakeClock;
use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::{site, wait};

use super::stage::{ILL, Stage, Which};

/// Octets of 32 that mean nothing, twice.
const OURS: &str = "vTR1IiazC0fyKwdsD9dzYR4fvFdW+zG+Pe7d9C804VY=";
const OTHER: &str = "1TR1IiazC0fyKwdsD9dzYR4fvFdW+zG+Pe7d9C804VY=";

const TABLE: &str = "type = \"nsupdate\"\nserver = \"127.0.0.1:53\"\nkey = \"/etc/bind/rais.key\"\n\
                     timeout = \"1s\"";

/// How a named is to be.
#[derive(Clone, Copy)]
struct Named {
    secret: &'static str,
    /// Who may update.
    allow: &'static str,
}

const SOUND: Named = Named { secret: OURS, allow: "key rais" };

impl Named {
    /// Starts it; it serves the zone when this returns.
    fn start(self, host: &Host) -> Process {
        host.write("/etc/bind/named.key", &key(self.secret));
        let allow = self.allow;
        let text = format!(
            "include \"/etc/bind/named.key\";\n\
             options {{ directory \"/var/lib/bind\"; pid-file none; recursion no; \
             dnssec-validation no; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; }};\n\
             controls {{ }};\n\
             zone \"{ILL}\" {{ type primary; file \"ill.example.zone\"; allow-update {{ {allow}; }}; }};\n"
        );
        host.write("/etc/bind/named.conf", &text);
        let mut named =
            host.spawn("named", host.command("named").args(["-g", "-c", "/etc/bind/named.conf"]));
        let client = Client::new(host.net(), "127.0.0.1:53".parse().unwrap());
        wait::until("named to serve the zone", || {
            assert!(named.is_running(), "named ended:\n{}", named.stderr());
            let answer = client.ask(ILL, Rtype::SOA)?;
            if answer.authoritative { Ok(()) } else { Err(answer.rcode) }
        });
        named
    }
}

fn key(secret: &str) -> String {
    format!("key \"rais\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{secret}\";\n}};\n")
}

fn host() -> Host {
    let host = Host::new("ns1");
    host.write("/var/lib/bind/ill.example.zone", &site::header(ILL, 1));
    host.write("/etc/bind/rais.key", &key(OURS));
    let path = host.path("/etc/bind/rais.key");
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    host
}

/// A sound start; then named is `changed`, and in the end as it was.
#[track_caller]
fn with_another_named(changed: Named, says: &str) {
    let host = host();
    let mut first = SOUND.start(&host);
    let stage = Stage::updating(host, &format!("{TABLE}\nverify_interval = \"1h\""), |_| {});
    first.kill();
    let mut second = changed.start(&stage.host);
    let mut third = None;
    stage.plays_through(says, || {
        second.kill();
        third = Some(SOUND.start(&stage.host));
    });
    is_served(&stage);
}

/// What named answers is what is up.
#[track_caller]
fn is_served(stage: &Stage) {
    let client = Client::new(stage.host.net(), "127.0.0.1:53".parse().unwrap());
    wait::until_equal("the answers", &stage.up(Which::Ill), || {
        let of = |rtype| client.addresses(ILL, rtype).unwrap_or_default();
        of(Rtype::A).into_iter().chain(of(Rtype::AAAA)).collect()
    });
}

#[test]
fn one_that_has_another_secret() {
    with_another_named(Named { secret: OTHER, ..SOUND }, "has another secret");
}

#[test]
fn one_that_allows_nothing() {
    with_another_named(Named { allow: "none", ..SOUND }, "refuses updates");
}

#[test]
fn one_whose_clock_is_an_hour_behind_ours() {
    let host = host();
    let clock = FakeClock::new(&host);
    let _named = SOUND.start(&host);
    let table = format!("{TABLE}\nverify_interval = \"1h\"");
    let stage = Stage::updating(host, &table, FakeClock::give);
    clock.step_to(3600);
    stage.plays_through("the clocks", || clock.step_to(0));
    is_served(&stage);
}

#[test]
fn one_that_is_gone() {
    let host = host();
    let mut named = SOUND.start(&host);
    let stage = Stage::updating(host, &format!("{TABLE}\nverify_interval = \"1h\""), |_| {});
    named.kill();
    let mut again = None;
    stage.plays_through("connection refused", || again = Some(SOUND.start(&stage.host)));
    is_served(&stage);
}

#[test]
fn one_that_hangs() {
    let host = host();
    let named = SOUND.start(&host);
    let stage = Stage::updating(host, &format!("{TABLE}\nverify_interval = \"1h\""), |_| {});
    named.signal(Signal::SIGSTOP);
    stage.plays_through("no answer in time", || named.signal(Signal::SIGCONT));
    is_served(&stage);
}

#[test]
fn what_is_deleted_or_changed_behind_our_back_is_put_right_also_while_others_change() {
    let host = host();
    let _named = SOUND.start(&host);
    let stage = Stage::updating(host, &format!("{TABLE}\nverify_interval = \"500ms\""), |_| {});
    let client = Client::new(stage.host.net(), "127.0.0.1:53".parse().unwrap());
    let orders = [
        "update delete ill.example A",
        "update add ill.example 10 A 192.0.2.66",
        "update delete ill.example A\nupdate add ill.example 86400 A 192.0.2.1",
    ];
    for (order, said) in orders.into_iter().zip(["missing", "not ours", "a TTL of 86400"]) {
        let before = stage.lines("publishing again").len();
        let script = format!(
            "nsupdate -k /etc/bind/rais.key <<E\nserver 127.0.0.1\nzone {ILL}\n{order}\nsend\nE"
        );
        let out = finish(stage.host.command("bash").args(["-c", &script]));
        assert_eq!(out.code, 0, "{}", out.stderr);
        wait::until(&format!("{order:?} to be put right"), || {
            let lines = stage.lines("publishing again");
            let answer = client.ask(ILL, Rtype::A)?;
            let right = answer.addresses == ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()];
            if right && lines.len() > before { Ok(()) } else { Err(format!("{answer:?}")) }
        });
        let lines = stage.lines("publishing again");
        assert!(lines[before].contains(said), "{lines:#?}");
    }
    is_served(&stage);
}
