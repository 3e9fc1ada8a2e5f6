//! What is wrong with a table is said, with its place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{End, config_fault};
use rais_plugin_transport_udp::Udp;
use rais_sdk::Transport;

#[test]
fn tables_that_stand_in_the_documentation_are_taken() {
    for table in [
        "",
        "port = 5370\ninterfaces = [\"eth0\", \"br-lan.7\", \"192.0.2.0/24\", \"2001:db8::/64\"]",
        "mode = \"multicast\"",
        "mode = \"multicast\"\ngroups = [\"ff02::5369\"]\ninterfaces = [\"eth0\"]",
        "mode = \"multicast\"\ngroups = [\"239.255.53.69\", \"ff15::5369\"]",
        "mode = \"unicast\"\nlisten = \"192.0.2.53:5369\"",
        "mode = \"unicast\"\nlisten = \"[::]:5369\"\npeers = [\"2001:db8::53\"]",
        "mode = \"unicast\"\npeers = [\"192.0.2.53:5369\", \"192.0.2.54\", \"[fe80::1%2]:5369\"]",
    ] {
        End::monitor(table);
    }
}

#[test]
fn each_fault_has_its_place_and_says_what_is_allowed() {
    for (table, at, says) in [
        ("prot = 1", "prot", "unknown field `prot`"),
        ("mode = \"anycast\"", "mode", "`broadcast`, `multicast`, `unicast`"),
        ("port = \"5369\"", "port", "expected a port from 1 to 65535"),
        ("port = 0", "port", "integer `0`, expected a port from 1 to 65535"),
        ("port = -1", "port", "integer `-1`, expected a port"),
        ("port = 65536", "port", "integer `65536`, expected a port"),
        ("interfaces = \"eth0\"", "interfaces", "expected a sequence"),
        ("interfaces = []", "interfaces", "names none"),
        ("interfaces = [\"eth0\", 1]", "interfaces[1]", "expected a string"),
        ("interfaces = [\"lo\", \"192.0.2.0/33\"]", "interfaces[1]", "neither a CIDR"),
        ("interfaces = [\"\"]", "interfaces[0]", "neither a CIDR"),
        ("interfaces = [\"a b\"]", "interfaces[0]", "neither a CIDR"),
        ("interfaces = [\"sixteen-letters-\"]", "interfaces[0]", "at most 15 octets"),
        ("interfaces = [\"192.0.2.1\"]", "interfaces[0]", "write a CIDR: \"192.0.2.1/32\""),
        ("groups = [\"239.1.1.1\"]", "groups", "mode \"multicast\"; here it is \"broadcast\""),
        ("listen = \"192.0.2.1\"", "listen", "mode \"unicast\"; here it is \"broadcast\""),
        ("peers = [\"192.0.2.1\"]", "peers", "mode \"unicast\""),
    ] {
        expect(table, at, says);
    }
    for (table, at, says) in [
        ("groups = []", "groups", "names none"),
        ("groups = [\"192.0.2.1\"]", "groups[0]", "allowed: 224.0.0.0/4 and ff00::/8"),
        ("groups = [\"239.1.1.1\", \"239.1.1.1:5369\"]", "groups[1]", "without a port"),
        ("groups = [\"239.1.1.1\", \"239.1.1.1\"]", "groups[1]", "given twice"),
        ("groups = [\"224.0.0.253\"]", "interfaces", "224.0.0.253 is link-local"),
        ("groups = [\"239.1.1.1\", \"ff02::5369\"]", "interfaces", "ff02::5369 is link-local"),
        ("groups = [\"ff12::1\"]", "interfaces", "ff12::1 is link-local"),
        ("peers = [\"192.0.2.1\"]", "peers", "here it is \"multicast\""),
    ] {
        expect(&format!("mode = \"multicast\"\n{table}"), at, says);
    }
    for (table, at, says) in [
        ("", "mode", "unicast needs `peers`"),
        ("peers = []", "peers", "names none"),
        ("peers = [\"192.0.2.1\", \"ns1.example\"]", "peers[1]", "`ns1.example` is no address"),
        ("peers = [\"192.0.2.1:0\"]", "peers[0]", "port 0"),
        ("peers = [\"192.0.2.1:70000\"]", "peers[0]", "is no address"),
        ("peers = [\"0.0.0.0\"]", "peers[0]", "nobody's address"),
        ("peers = [\"239.1.1.1\"]", "peers[0]", "goes into `groups`"),
        ("peers = [\"192.0.2.1\", \"192.0.2.1:5369\"]", "peers[1]", "given twice"),
        ("listen = \"*:5369\"", "listen", "`*:5369` is no address"),
        ("listen = \"[::]:0\"", "listen", "port 0"),
        ("listen = \"[ff02::1]:5369\"", "listen", "goes into `groups`"),
        ("listen = \"[::]:1\"\ninterfaces = [\"lo\"]", "interfaces", "here it is \"unicast\""),
    ] {
        expect(&format!("mode = \"unicast\"\n{table}"), at, says);
    }
}

#[track_caller]
fn expect(table: &str, at: &str, says: &str) {
    let (place, text) = config_fault(table);
    assert_eq!(place, at, "{table}: {text}");
    assert!(text.contains(says), "{table}: {text}");
}

#[test]
fn the_sample_makes_a_transport_and_stands_in_the_readme() {
    assert_eq!(rais_sdk::testing::samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Udp::SAMPLE)), "sample.toml differs");
}
