//! Somebody removes or changes our zone file behind our back.

use std::fs;

use domain::base::Rtype;
use rais_tests::binary::finish;
use rais_tests::dns::{Client, is_after};
use rais_tests::named::ZoneFile;
use rais_tests::nameserver::{Make, NameServer};
use rais_tests::{site, wait};

use super::stage::{ILL, Stage, UNHARMED, Which};

const FILE: &str = "/var/lib/bind/ill.example.zone";

#[test]
fn what_is_changed_behind_our_back_is_put_right() {
    let host = Make::Bind.host("ns1");
    host.write(FILE, &site::header(ILL, 1));
    let zones = [ZoneFile { zone: ILL, file: "ill.example.zone" }];
    let _server = NameServer::start(Make::Bind, &host, &zones);
    let table = format!(
        "type = \"bind\"\ndirectory = \"/var/lib/bind\"\nverify = \"127.0.0.1:53\"\n\
         verify_interval = \"500ms\"\nreload = {}",
        Make::Bind.reload()
    );
    let stage = Stage::new(host, &table, UNHARMED);
    stage.set(Which::Ill, &["192.0.2.1", "2001:db8::3"]);
    stage.until_published(Which::Ill);
    let path = stage.host.path(FILE);
    let ours = stage.host.read(FILE);
    let client = Client::new(stage.host.net(), "127.0.0.1:53".parse().unwrap());
    let answered = |name: &str| client.addresses(name, Rtype::A).unwrap_or_default();

    let changes: [(&str, &dyn Fn()); 4] = [
        ("2 addresses missing", &|| fs::remove_file(&path).unwrap()),
        ("was changed", &|| fs::write(&path, ours.replace("hostmaster", "somebody")).unwrap()),
        ("1 addresses missing, 1 not ours", &|| {
            let theirs = ours.replace("IN A 192.0.2.1\n", "IN A 192.0.2.66\n");
            fs::write(&path, theirs).unwrap();
        }),
        ("2 addresses missing", &|| fs::write(&path, &ours[..ours.len() / 2]).unwrap()),
    ];
    for (said, change) in changes {
        let before = stage.lines("publishing again").len();
        change();
        wait::until("our zone to be back", || {
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            if text == ours { Ok(()) } else { Err(text) }
        });
        stage.until_published(Which::Ill);
        let lines = stage.lines("publishing again");
        assert_eq!(lines.len(), before + 1, "{lines:#?}");
        assert!(lines[before].contains(said), "{}", lines[before]);
    }

    // Somebody has the server load it, under a serial of these who count by days.
    let serial = stage.sink(Which::Ill).unwrap().serial.unwrap();
    let theirs = ours.replace(&serial.to_string(), "2100010101");
    let theirs = theirs.replace("IN A 192.0.2.1\n", "IN A 192.0.2.66\n");
    fs::write(&path, theirs).unwrap();
    let out = finish(stage.host.command("rndc").args(["reload", ILL]));
    assert_eq!(out.code, 0, "{}", out.stderr);
    wait::until_equal("the answers", &vec!["192.0.2.1".parse().unwrap()], || answered(ILL));
    wait::until("a serial that secondaries follow", || {
        let sink = stage.sink(Which::Ill)?;
        let served = client.ask(ILL, Rtype::SOA)?.serial;
        let later = Some(2_100_010_102);
        if sink.state == "ok" && sink.serial == later && served == later {
            Ok(())
        } else {
            Err(format!("{sink:?}, {served:?}"))
        }
    });
    // And so it goes on.
    stage.set(Which::Ill, &["192.0.2.2"]);
    let sink = stage.until_published(Which::Ill);
    assert!(is_after(sink.serial.unwrap(), 2_100_010_102), "{sink:?}");
    assert_eq!(answered(ILL), ["192.0.2.2".parse::<std::net::IpAddr>().unwrap()]);
}
