//! What is refused as not yet there, and what as a slip.

use super::examples::builtin;
use super::{sound, with};
use crate::config::{Kind, unsupported};

const MONITOR: &str = "[monitor.service.www]";
const BINDER: &str = "[binder.service.www]";

fn refused(text: &str) -> Vec<String> {
    unsupported(&sound(text), &builtin()).iter().map(ToString::to_string).collect()
}

#[test]
fn keys_whose_part_comes_later_are_named() {
    let cases = [
        ("[binder]", "http = \"127.0.0.1:80\"", 1, "`http = \"127.0.0.1:80\"`"),
        ("[sink.bind]", "[control]\nlog_format = \"journald\"", 1, "`log_format = \"journald\"`"),
    ];
    for (below, line, column, says) in cases {
        let text = with(below, line);
        let told = refused(&text);
        assert_eq!(told.len(), 1, "{line}: {told:?}");
        let last = text[..text.find(says.trim_matches('`')).unwrap_or(0)].matches('\n').count();
        assert!(told[0].contains(&format!(":{column}: {says} is not available")), "{told:?}");
        assert!(told[0].starts_with(&format!("rais.toml:{}:", last + 1)), "{line}: {told:?}");
    }
}

#[test]
fn what_is_there_is_taken() {
    let lines = [
        (BINDER, "react = \"on-timer\"\nmax_load = 60\nbalance = \"prune\""),
        (BINDER, "max_load = 60\nreturn_load = 40\nbalance = \"prune\""),
        (
            BINDER,
            "balance = \"none\"\nwatch = \"majority\"\nmin_servers = \"50%\"\nscheme = \"round-robin\"",
        ),
        (
            MONITOR,
            "targets = [\"192.0.2.1\"]\ncapacity = 3\nload = { type = \"cpu\", every = \"9s\" }",
        ),
        (MONITOR, "load = { mean = [{ type = \"cpu\" }, { max = [{ type = \"cpu\" }] }] }"),
        ("[binder]", "http = \"off\"\nlog = \"debug\""),
    ];
    for (below, line) in lines {
        assert_eq!(refused(&with(below, line)), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn an_unknown_type_is_told_from_one_that_comes_later() {
    let of = |load: &str| refused(&with(MONITOR, &format!("load = {{ type = \"{load}\" }}")));
    assert_eq!(
        of("memory"),
        ["rais.toml:7:17: load type `memory` is not available in this version"]
    );
    let slip = of("cpuu");
    assert!(slip[0].contains("unknown load type \"cpuu\"; did you mean `cpu`?"), "{slip:?}");
    let other = of("bind");
    assert!(other[0].contains("unknown load type \"bind\": it is a sink"), "{other:?}");
}

#[test]
fn one_of_ours_that_is_never_built_in_is_told_with_the_way_to_it() {
    let text = "[cluster]\nname = \"a\"\ninsecure = true\n[transport.wan]\ntype = \"nats\"\n\
                servers = [\"nats://192.0.2.4\"]\n[monitor.service.www]\n\
                probe = { type = \"tcp\", port = 80 }\n";
    let mut known = builtin();
    known.refuse("/p/libnats.so: an empty file");
    let told = unsupported(&sound(text), &known);
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("rais.toml:5:8: transport type `nats` is not built in"),
        "{told:?}"
    );
    assert!(told[0].contains("`cargo build --release -p rais-plugin-transport-nats`"), "{told:?}");
    assert!(told[0].contains("target/release/librais_plugin_transport_nats.so"), "{told:?}");
    assert!(told[0].ends_with("; not used: /p/libnats.so: an empty file"), "{told:?}");
    known.insert(Kind::Transport, "nats");
    assert_eq!(unsupported(&sound(text), &known), []);
}

#[test]
fn what_is_missing_is_told_with_the_libraries_that_may_have_it() {
    let mut known = builtin();
    known.refuse("/p/libx.so: an empty file");
    let load = |name: &str| sound(&with(MONITOR, &format!("load = {{ type = \"{name}\" }}")));
    let told = unsupported(&load("sensor"), &known);
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("unknown load type \"sensor\""), "{told:?}");
    assert!(told[0].ends_with("; not used: /p/libx.so: an empty file"), "{told:?}");
    known.excuse("sensor");
    assert_eq!(unsupported(&load("sensor"), &known), []);
}
