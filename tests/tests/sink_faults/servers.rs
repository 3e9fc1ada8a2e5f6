//! The name server is down, hangs, or does not know our key.

use std::fs;

use domain::base::Rtype;
use nix::sys::signal::Signal;
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::named::ZoneFile;
use rais_tests::nameserver::{Make, NameServer};
use rais_tests::{site, wait};

use super::stage::{ILL, Stage, UNHARMED, Which};

const ZONES: [ZoneFile<'_>; 1] = [ZoneFile { zone: ILL, file: "ill.example.zone" }];

/// A host with a name server, and the sink's table beside it.
fn beside(make: Make, reload: &str) -> (Host, NameServer, String) {
    let host = make.host("ns1");
    host.write("/var/lib/bind/ill.example.zone", &site::header(ILL, 1));
    let server = NameServer::start(make, &host, &ZONES);
    let table = format!(
        "type = \"bind\"\ndirectory = \"/var/lib/bind\"\nverify = \"127.0.0.1:53\"\n\
         timeout = \"1s\"\nverify_interval = \"1h\"\nreload = {reload}"
    );
    (host, server, table)
}

/// What the name server answers is what is up.
fn is_served(stage: &Stage) {
    let client = Client::new(stage.host.net(), "127.0.0.1:53".parse().unwrap());
    wait::until_equal("the answers", &stage.up(Which::Ill), || {
        let of = |rtype| client.addresses(ILL, rtype).unwrap_or_default();
        of(Rtype::A).into_iter().chain(of(Rtype::AAAA)).collect()
    });
}

#[test]
fn one_that_is_down() {
    for make in Make::ALL {
        let (host, mut server, table) = beside(make, make.reload());
        let stage = Stage::new(host, &table, UNHARMED);
        server.process.kill();
        let says = match make {
            Make::Bind => "rndc at 127.0.0.1:953: Connection refused",
            // It leaves its socket behind.
            Make::Knot => "knotd at /run/knot/knot.sock: Connection refused",
            Make::Nsd => "nsd-control ended with exit code 1, saying: ",
            Make::PowerDns => "pdns_control ended with exit code ",
        };
        let mut again = None;
        stage.plays_through(says, || {
            again = Some(NameServer::start(make, &stage.host, &ZONES));
        });
        is_served(&stage);
    }
}

#[test]
fn one_that_hangs() {
    for (make, says) in [
        (Make::Bind, "rndc at 127.0.0.1:953: no answer in time"),
        (Make::Knot, "knotd at /run/knot/knot.sock: no answer in time"),
    ] {
        let (host, server, table) = beside(make, make.reload());
        let stage = Stage::new(host, &table, UNHARMED);
        server.process.signal(Signal::SIGSTOP);
        stage.plays_through(says, || server.process.signal(Signal::SIGCONT));
        is_served(&stage);
    }
}

#[test]
fn one_with_another_key() {
    let reload = Make::Bind.reload().replace("rndc.key", "ours.key");
    let (host, mut server, table) = beside(Make::Bind, &reload);
    let share = |host: &Host| {
        let [theirs, ours] = ["/etc/bind/rndc.key", "/etc/bind/ours.key"].map(|key| host.path(key));
        fs::copy(theirs, ours).unwrap();
    };
    share(&host);
    let stage = Stage::new(host, &table, UNHARMED);
    server.process.kill();
    // It makes a key of its own.
    let _server = NameServer::start(Make::Bind, &stage.host, &ZONES);
    stage.plays_through("do not know the key \"rndc-key\"", || share(&stage.host));
    is_served(&stage);
}
