//! What a check says of plugins that are not there, and of how they are held.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::host::{Foreign, Registry};

/// A configuration of both roles whose probe is of type `probe`, and `more`.
fn site(probe: &str, more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        r#"
[host]
name = "web1"
[monitor]
advertise = ["127.0.0.1"]
[monitor.service.www]
probe = {{ type = "{probe}", port = 1 }}
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["quick"]
[binder.service.www]
zone = "www.example"
[sink.quick]
type = "slow"
{more}
"#
    );
    fs::write(folder.path().join("rais.toml"), text).unwrap();
    folder
}

fn checked(site: &TempDir) -> Result<Vec<String>, Vec<String>> {
    let host = PluginHost::new(Registry::built_in().unwrap(), Foreign::AsConfigured).unwrap();
    let lines = |faults: &[Fault]| faults.iter().map(|it| it.message().to_owned()).collect();
    let path = site.path().join("rais.toml");
    match check(&path, Asked::All, &host, &Instances::default()) {
        Ok(checked) => Ok(lines(&checked.warnings)),
        Err(Faults(faults)) => Err(lines(&faults)),
    }
}

#[test]
fn a_user_or_group_that_is_not_here_is_told() {
    for key in ["user", "group"] {
        let site = site("connect", "");
        let file = site.path().join("rais.toml");
        let text = fs::read_to_string(&file).unwrap();
        let name = "name = \"web1\"";
        fs::write(&file, text.replace(name, &format!("{name}\n{key} = \"nobody-of-that-name\"")))
            .unwrap();
        let told = checked(&site).unwrap_err();
        assert_eq!(told, [format!("there is no {key} \"nobody-of-that-name\" on this host")]);
        fs::write(&file, text.replace(name, &format!("{name}\n{key} = \"0\""))).unwrap();
        checked(&site).unwrap();
    }
}

#[test]
fn a_plugin_that_may_be_missing_is_a_doubt() {
    assert_eq!(
        checked(&site("redis", "")).unwrap_err(),
        ["unknown probe type \"redis\""],
        "without an excuse it is an error"
    );
    for excuse in ["retry", "ignore"] {
        let more = format!("[plugins.redis]\non_startup_error = \"{excuse}\"");
        let told = checked(&site("redis", &more)).unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("no probe is called `redis`"), "{told:?}");
    }
}

#[test]
fn what_a_plugin_says_of_its_table_is_never_excused() {
    let site = site("connect", "[plugins.connect]\non_startup_error = \"ignore\"");
    let file = site.path().join("rais.toml");
    let text = fs::read_to_string(&file).unwrap().replace("port = 1", "port = 1, prot = 2");
    fs::write(&file, text).unwrap();
    let told = checked(&site).unwrap_err();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("prot"), "{told:?}");
}

#[test]
fn what_does_nothing_is_a_doubt() {
    let more = "[plugins]\ndirs = [\"none\"]\nprefer = [\"connect\"]\n\
                [plugins.connect]\nmemory = \"64MiB\"\ntimeout = \"1s\"\n\
                [plugins.conect]\nrestart = false";
    let site = site("connect", more);
    let told = checked(&site).unwrap();
    let none = site.path().join("none");
    let wanted = [
        format!("there is no folder {}", none.display()),
        "no library has a plugin `connect` to be preferred".to_owned(),
        "no plugin is called `conect`".to_owned(),
        "`memory` does nothing here: `connect` runs in the process of rais".to_owned(),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_refused_library_is_a_doubt_and_named_where_a_type_is_missing() {
    let with = |probe: &str| {
        let site = site(probe, "[plugins]\ndirs = [\"lib\"]");
        fs::create_dir(site.path().join("lib")).unwrap();
        fs::write(site.path().join("lib/libredis.so"), "").unwrap();
        site
    };
    let site = with("connect");
    let told = checked(&site).unwrap();
    let library = site.path().join("lib/libredis.so");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(&format!("{} is not used: ", library.display())), "{told:?}");
    let told = checked(&with("redis")).unwrap_err();
    assert_eq!(told, ["unknown probe type \"redis\""]);
}
