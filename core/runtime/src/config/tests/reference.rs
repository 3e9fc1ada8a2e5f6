//! The page that lists every key, held against the reader.

use crate::config::keys::{KEYS, TAKEN_OF_CALL, TAKEN_OF_SINK, TAKEN_OF_TRANSPORT};
use crate::config::unavailable;

const PAGE: &str = include_str!("../../../../../docs/reference/config.md");

#[test]
fn every_key_is_on_the_page() {
    let taken = [TAKEN_OF_CALL, TAKEN_OF_SINK, TAKEN_OF_TRANSPORT];
    let all = KEYS.iter().map(|keys| keys.keys).chain(taken);
    for key in all.flatten() {
        let shown =
            [format!("`{key}`"), format!("[{key}"), format!("{{ {key} ="), format!(".{key}.")];
        assert!(shown.iter().any(|shown| PAGE.contains(shown)), "`{key}` is not on the page");
    }
}

/// Tables with a heading of their own.
const HEADINGS: [(&str, &str); 10] = [
    ("host", "## [host]"),
    ("cluster", "## [cluster]"),
    ("plugins", "## [plugins]"),
    ("plugins.*", "### [plugins.NAME]"),
    ("monitor", "## [monitor]"),
    ("monitor.service.*", "### [monitor.service.NAME]"),
    ("zone.*", "## [zone.\"NAME\"]"),
    ("binder", "## [binder]"),
    ("binder.service.*", "### [binder.service.NAME]"),
    ("control", "## [control]"),
];

/// What stands between a heading and the next.
fn below(heading: &str) -> &'static str {
    let start = PAGE.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let rest = &PAGE[start + 1 + heading.len()..];
    &rest[..rest.find("\n#").unwrap_or(rest.len())]
}

#[test]
fn each_tables_keys_are_its_rows() {
    for (table, heading) in HEADINGS {
        let keys = KEYS.iter().find(|keys| keys.table == table).unwrap();
        let named = keys.keys.iter().filter(|key| **key != "service");
        let mut written: Vec<_> = named.map(|key| format!("`{key}`")).collect();
        let rows = below(heading).lines().filter_map(|line| line.strip_prefix("| `"));
        let mut shown: Vec<_> =
            rows.map(|row| format!("`{}`", row.split('`').next().unwrap())).collect();
        written.sort();
        shown.sort();
        assert_eq!(shown, written, "{heading}");
    }
}

#[test]
fn what_comes_later_is_marked() {
    for (pattern, _) in unavailable::KEYS {
        let (table, key) = pattern.rsplit_once('.').unwrap();
        let (_, heading) = HEADINGS.iter().find(|(name, _)| *name == table).unwrap();
        let row = below(heading)
            .lines()
            .find(|line| line.starts_with(&format!("| `{key}` ")))
            .unwrap_or_else(|| panic!("{heading} has no `{key}`"));
        // Of a key of which some values are there, those are marked that are not.
        assert!(row.contains('†'), "{row}");
    }
}

/// No key takes a date: one that is listed and not read would take it in silence.
#[test]
fn every_key_is_read() {
    for keys in KEYS.iter().filter(|keys| !keys.table.is_empty()) {
        for key in keys.keys {
            let text = match keys.table {
                "probe" => format!("[monitor.service.a]\nprobe = {{ {key} = 1979-05-27 }}"),
                "load" => format!("[monitor.service.a]\nload = {{ {key} = 1979-05-27 }}"),
                "monitor.service.*.targets" => {
                    format!("[monitor.service.a]\ntargets = [{{ {key} = 1979-05-27 }}]")
                }
                // An owner is judged by its zone.
                "binder.service.*" if *key == "owner" => {
                    format!("zone.z = 1\n[binder.service.a]\nzone = \"z\"\n{key} = 1979-05-27")
                }
                table => format!("[{}]\n{key} = 1979-05-27", table.replace('*', "a")),
            };
            let faults = super::faulty(&text);
            let at = text.find("1979").unwrap();
            let hit = faults.iter().any(|fault| fault.place().unwrap().order() == (0, at));
            assert!(hit, "{text}: {faults:?}");
        }
    }
}

/// Every example on the page is one that the reader takes.
#[test]
fn every_example_on_the_page_is_taken() {
    let mut examples = 0;
    for block in PAGE.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        if let Err(faults) = super::read(text) {
            panic!("{text}\n{faults}");
        }
        examples += 1;
    }
    assert!(examples >= 2, "{examples}");
}
