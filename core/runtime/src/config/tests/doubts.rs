//! What is sound and hardly meant: a warning at its place, and what was meant.

use super::{SOUND, read, with};

const MONITOR: &str = "[monitor.service.www]";
const BINDER: &str = "[binder.service.www]";

/// The warnings of `text`, each in a line.
fn doubts(text: &str) -> Vec<String> {
    let loaded = read(text).unwrap_or_else(|faults| panic!("{text}\n{faults}"));
    loaded.warnings.iter().map(ToString::to_string).collect()
}

/// The only one.
#[track_caller]
fn doubt(text: &str) -> String {
    let doubts = doubts(text);
    let [one] = doubts.as_slice() else { panic!("{doubts:?}\n{text}") };
    one.clone()
}

#[test]
fn load_that_nobody_measures() {
    for (lines, says) in [
        (
            "max_load = 60\ninterval = \"2s\"",
            "rais.toml:14:1: it acts on nothing: [monitor.service.www] has no `load`",
        ),
        (
            "interval = \"2s\"\nbalance = \"duty-cycle\"",
            "rais.toml:15:1: turns follow capacities and weights alone",
        ),
    ] {
        let text = with(BINDER, lines);
        assert!(doubt(&text).contains(says), "{}", doubt(&text));
        let told = text.replace(MONITOR, &format!("{MONITOR}\nload = {{ type = \"cpu\" }}"));
        assert!(!doubts(&told).concat().contains("has no `load`"), "{:?}", doubts(&told));
        // A check may tell one.
        let check = text.replace("type = \"tcp\", port = 80", "type = \"exec\", argv = [\"x\"]");
        assert!(!doubts(&check).concat().contains("has no `load`"), "{:?}", doubts(&check));
        // Another host's file has it.
        let probe = "[monitor.service.www]\nprobe = { type = \"tcp\", port = 80 }\n";
        let alone = text.replace(probe, "");
        assert!(alone.len() < text.len());
        assert!(!doubts(&alone).concat().contains("has no `load`"), "{:?}", doubts(&alone));
    }
}

#[test]
fn the_load_of_this_host_for_other_machines() {
    let targets = "targets = [\"192.0.2.9\"]\n";
    let cpu = "load = { max = [{ type = \"agent\", port = 1 }, { type = \"cpu\" }] }";
    let told = doubt(&with(MONITOR, &format!("{targets}{cpu}")));
    assert!(told.starts_with("rais.toml:8:"), "{told}");
    assert!(told.contains("load `cpu`: the load of this host"), "{told}");
    assert_eq!(doubts(&with(MONITOR, cpu)), [""; 0]);
}

#[test]
fn services_of_one_role_alone() {
    let slip = SOUND.replace(BINDER, "[binder.service.wwww]");
    let [monitor, binder] = doubts(&slip).try_into().unwrap();
    assert!(monitor.contains("no binder here binds it") && monitor.contains("mean `wwww`?"));
    assert!(binder.contains("no monitor here announces it") && binder.contains("mean `www`?"));
    assert!(binder.contains("there is no [monitor.service.wwww]"), "{binder}");
    // Where one is in both, another may be meant for another host, unless it is nearly one here.
    let mail = "[monitor.service.mail]\nprobe = { type = \"tcp\", port = 25 }\n";
    assert_eq!(doubts(&format!("{SOUND}{mail}")), [""; 0]);
    let bound = "[binder.service.mial]\nzone = \"www.example\"\nowner = \"m\"\n";
    let told = doubts(&format!("{SOUND}{mail}{bound}"));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("did you mean `mial`?"), "{told:?}");
    // One role alone has nothing beside it.
    let probe = "[monitor.service.www]\nprobe = { type = \"tcp\", port = 80 }\n";
    assert_eq!(doubts(&SOUND.replace(probe, "")), [""; 0]);
}

#[test]
fn a_service_that_nobody_can_announce() {
    let alone = SOUND.replace(
        "[cluster]\nname = \"site\"\ninsecure = true\n[transport.lan]\ntype = \"udp\"\n",
        "",
    );
    assert_eq!(doubts(&alone), [""; 0]);
    let bound = "[binder.service.wwww]\nzone = \"www.example\"\nowner = \"m\"\n";
    let told = doubt(&format!("{alone}{bound}"));
    assert!(
        told.contains("no monitor here announces it: there is no [monitor.service.wwww]"),
        "{told}"
    );
    // By a transport another host's may be heard.
    assert_eq!(doubts(&format!("{SOUND}{bound}")), [""; 0]);
}

#[test]
fn a_zone_without_services() {
    let told = doubt(&format!("{SOUND}[zone.\"x.example\"]\nsinks = [\"bind\"]\n"));
    assert!(told.starts_with("rais.toml:17:7: it is never published"), "{told}");
    assert!(told.contains("`zone = \"x.example\"`"), "{told}");
}

#[test]
fn an_owner_without_its_last_dot() {
    for owner in ["www.example", "web1.WWW.example"] {
        let told = doubt(&with(BINDER, &format!("owner = \"{owner}\"")));
        assert!(told.starts_with("rais.toml:14:9: "), "{told}");
        assert!(told.contains(&format!("did you mean `\"{owner}.\"`?")), "{told}");
    }
    for meant in ["www.example.", "web1.www.example.", "xwww.example", "@", "web1"] {
        assert_eq!(doubts(&with(BINDER, &format!("owner = \"{meant}\""))), [""; 0], "{meant}");
    }
}

#[test]
fn a_load_that_is_meant_as_a_fraction() {
    let cpu = SOUND.replace(MONITOR, &format!("{MONITOR}\nload = {{ type = \"cpu\" }}"));
    let of = |load: &str| {
        let lines = format!("{BINDER}\ninterval = \"2s\"\nmax_load = {load}");
        doubts(&cpu.replace(BINDER, &lines))
    };
    let [told] = of("0.8").try_into().unwrap();
    assert!(told.contains("80 is 80 %") && told.starts_with("rais.toml:16:12"), "{told}");
    assert_eq!(of("80"), [""; 0]);
}
