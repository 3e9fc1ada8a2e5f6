//! What is refused as not yet there, and what as a slip.

use super::examples::builtin;
use super::{sound, with};
use crate::config::unsupported;

const MONITOR: &str = "[monitor.service.www]";
const BINDER: &str = "[binder.service.www]";

fn refused(text: &str) -> Vec<String> {
    unsupported(&sound(text), &builtin()).iter().map(ToString::to_string).collect()
}

#[test]
fn keys_whose_part_comes_later_are_named() {
    let cases = [
        ("[cluster]", "[host]\nuser = \"rais\"", 1, "`user`"),
        (BINDER, "balance = \"duty-cycle\"", 1, "`balance = \"duty-cycle\"`"),
        (BINDER, "watch = \"majority\"", 1, "`watch = \"majority\"`"),
        (BINDER, "max_load = 60", 1, "`max_load`"),
        (BINDER, "panic = \"50%\"", 1, "`panic`"),
        (BINDER, "weights = { quick = 0.4 }", 1, "`weights`"),
        ("[zone.\"www.example\"]", "scheme = \"weighted\"", 1, "`scheme = \"weighted\"`"),
        ("[zone.\"www.example\"]", "max_addresses = { a = 4 }", 1, "`max_addresses`"),
        ("[binder]", "http = \"127.0.0.1:80\"", 1, "`http = \"127.0.0.1:80\"`"),
        (MONITOR, "load = { mean = [{ type = \"cpu\" }] }", 10, "`mean`"),
        ("[sink.bind]", "[control]\nlog_format = \"journald\"", 1, "`log_format = \"journald\"`"),
        ("[sink.bind]", "[plugins]\nprefer = [\"tcp\"]", 1, "`prefer`"),
        ("[sink.bind]", "[plugins.tcp]\nisolation = \"process\"", 1, "`isolation = \"process\"`"),
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
        (
            BINDER,
            "balance = \"none\"\nwatch = \"any\"\nmin_servers = \"50%\"\nscheme = \"round-robin\"",
        ),
        (
            MONITOR,
            "targets = [\"192.0.2.1\"]\ncapacity = 3\nload = { type = \"cpu\", every = \"9s\" }",
        ),
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
fn a_written_plugin_folder_may_be_missing_or_empty_but_not_full() {
    let folder = tempfile::tempdir().unwrap();
    let text = |path: &std::path::Path| {
        format!("[plugins]\ndirs = [{:?}]\n{}", path.display().to_string(), super::SOUND)
    };
    assert_eq!(refused(&text(folder.path())), Vec::<String>::new());
    assert_eq!(refused(&text(&folder.path().join("none"))), Vec::<String>::new());
    std::fs::write(folder.path().join("libx.so"), "").unwrap();
    let told = refused(&text(folder.path()));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("rais.toml:2:9: plugin libraries are not available"), "{told:?}");
}
