//! What the other tests take for granted of their harness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use domain::base::Rtype;
use rais_tests::dns::{self, Client};
use rais_tests::host::Host;
use rais_tests::named::{Named, Order, ZoneFile};
use rais_tests::server::Server;
use rais_tests::site::{self, Site};
use rais_tests::{binary, wait};

#[test]
fn a_lan_carries_subnet_broadcast() {
    let site = Site::new();
    let (one, two) = (site.host("one", 1), site.host("two", 2));
    let inbox = two.net().enter(|| UdpSocket::bind("0.0.0.0:5369").unwrap());
    inbox.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let outbox = one.net().enter(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    outbox.set_broadcast(true).unwrap();
    for (broadcast, source) in [("129.144.168.255", "129.144.168.1"), ("192.0.2.255", "192.0.2.1")]
    {
        let source: IpAddr = source.parse().unwrap();
        wait::until("a broadcast to arrive", || {
            outbox.send_to(b"beat", (broadcast, 5369)).map_err(|e| e.to_string())?;
            let (_, from) = inbox.recv_from(&mut [0; 16]).map_err(|e| e.to_string())?;
            if from.ip() == source { Ok(()) } else { Err(format!("from {from}")) }
        });
    }
}

#[test]
fn a_host_has_folders_a_name_and_a_processor_of_its_own() {
    let host = Host::new("web7");
    host.cpu.set(40.0);
    host.write("/var/lib/rais/note", "mine\n");
    let script = "hostname; cat /var/lib/rais/note; ls /run; head -c 4 /proc/stat; pwd";
    let out = binary::finish(host.command("sh").args(["-c", script])).expect_code(0);
    assert_eq!(out.stdout, "web7\nmine\nnamed\ncpu /var/lib/bind\n");
}

#[test]
fn named_serves_reloads_and_rotates() {
    let site = Site::new();
    let (server, client) = (site.host("ns1", 53), site.host("one", 1));
    let zone = |serial, numbers: &[u8]| {
        let mut text = site::header(site::WWW, serial);
        for n in numbers {
            text.push_str(&format!("@ 10 IN A 129.144.168.{n}\n"));
        }
        text
    };
    let file = "/var/lib/bind/www.cache";
    server.write(file, &zone(7, &[1, 2, 3]));
    let checked = dns::check_zone(site::WWW, &server.path(file)).unwrap();
    assert_eq!(checked.serial, 7);
    assert_eq!(checked.addresses, site::addresses([1, 2, 3]));

    let zones = [ZoneFile { zone: site::WWW, file: "www.cache" }];
    let _named = Named::start(&server, &zones, Order::Cyclic);
    let at = site::address(53);
    for first in [1, 2, 3] {
        wait::until("each address first in its turn", || {
            let answer = dns::dig(&client, at, site::WWW, "A")?;
            if answer.first() == Some(&site::address(first)) {
                Ok(())
            } else {
                Err(format!("{answer:?}"))
            }
        });
    }

    server.write(file, &zone(8, &[3]));
    binary::finish(server.command("rndc").args(["reload", site::WWW])).expect_code(0);
    let asked = Client::new(client.net(), (at, 53).into());
    wait::until("the reload", || {
        let serial = asked.ask(site::WWW, Rtype::SOA)?.serial;
        if serial == Some(8) { Ok(()) } else { Err(format!("{serial:?}")) }
    });
    assert_eq!(asked.addresses(site::WWW, Rtype::A), Ok(vec![site::address(3)]));
    assert!(asked.addresses("nowhere.example", Rtype::A).is_err());
}

#[test]
fn a_killed_server_refuses_and_a_returned_one_serves() {
    let host = Host::new("web1");
    let connects = || host.net().enter(|| std::net::TcpStream::connect("127.0.0.1:80").is_ok());
    let server = Server::start(&host, "0.0.0.0:80");
    assert!(connects());
    server.kill();
    assert!(!connects());
    let _server = Server::start(&host, "0.0.0.0:80");
    assert!(connects());
}
