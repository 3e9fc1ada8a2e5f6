use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use rais_proto::heartbeat::key::KeyLimits;

use super::*;
use crate::keys::create;

const NOW: WallTime = WallTime::from_unix_millis(1_795_444_440_000);

struct Ring(tempfile::TempDir);

impl Ring {
    fn new(names: &[&str]) -> Ring {
        let ring = Ring(tempfile::tempdir().unwrap());
        for name in names {
            create(ring.folder(), name, None, &KeyLimits::default(), NOW).unwrap();
        }
        ring
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.key"))
    }

    fn begin(&self) -> String {
        begin(self.folder(), None, NOW).unwrap().name
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(name)).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        fs::write(self.file(name), text.replace(from, to)).unwrap();
    }

    /// Who signs, and who is accepted only.
    fn uses(&self) -> (Option<String>, Vec<String>) {
        let keys = load(self.folder()).unwrap();
        let (sign, accept): (Vec<_>, Vec<_>) =
            keys.files.into_iter().partition(|file| file.usage == KeyUse::Sign);
        let names = |files: Vec<KeyFile>| files.into_iter().map(|file| file.name).collect();
        (sign.into_iter().next().map(|file| file.name), names(accept))
    }

    fn signs(&self, signer: &str, accepted: &[&str]) {
        let accepted = accepted.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(self.uses(), (Some(signer.to_owned()), accepted));
    }
}

fn id(ring: &Ring, name: &str) -> KeyId {
    let keys = load(ring.folder()).unwrap();
    find(ring.folder(), &keys.files, name).unwrap().id
}

#[test]
fn three_steps_go_from_one_key_to_the_next_and_again() {
    let ring = Ring::new(&["cluster"]);
    assert_eq!(ring.begin(), "cluster-2");
    ring.signs("cluster", &["cluster-2"]);
    let switched = switch(ring.folder(), None).unwrap();
    assert_eq!(switched.signer.name, "cluster-2");
    assert_eq!(switched.before.unwrap().name, "cluster");
    ring.signs("cluster-2", &["cluster"]);
    let old = ending(ring.folder(), None).unwrap();
    assert_eq!(old.iter().map(|file| &*file.name).collect::<Vec<_>>(), ["cluster"]);
    end(ring.folder(), &[old[0].id]).unwrap();
    ring.signs("cluster-2", &[]);
    assert_eq!(ring.begin(), "cluster-3");
    for entry in fs::read_dir(ring.folder()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o7777, 0o600, "{:?}", entry.path());
        assert_eq!(entry.path().extension().unwrap(), "key");
    }
}

#[test]
fn the_next_key_has_the_limits_of_the_one_before_and_a_secret_of_its_own() {
    let ring = Ring::new(&[]);
    let limits = KeyLimits {
        hosts: Some(vec!["web-3".parse().unwrap()]),
        services: Some(vec!["http".parse().unwrap()]),
        addresses: Some(vec!["198.51.100.3/32".parse().unwrap()]),
    };
    create(ring.folder(), "web-3", Some(KeyUse::Accept), &limits, NOW).unwrap();
    let made = begin(ring.folder(), Some("web-3"), NOW).unwrap();
    let old = id(&ring, "web-3");
    assert_eq!((made.name.as_str(), &made.limits), ("web-3-2", &limits));
    assert_eq!((made.usage, made.follows), (KeyUse::Accept, Some(old)));
    assert_ne!(made.id, old);
}

#[test]
fn a_switch_leaves_all_else_of_a_file_as_it_was() {
    let ring = Ring::new(&["site"]);
    ring.begin();
    let before = fs::read_to_string(ring.file("site")).unwrap();
    let text = format!("# ours \"sign\"\n{before}\n# and this");
    fs::write(ring.file("site"), &text).unwrap();
    fs::set_permissions(ring.file("site"), fs::Permissions::from_mode(0o400)).unwrap();
    switch(ring.folder(), None).unwrap();
    let after = fs::read_to_string(ring.file("site")).unwrap();
    assert_eq!(after, text.replace("use = \"sign\"", "use = \"accept\""));
    assert_eq!(fs::metadata(ring.file("site")).unwrap().mode() & 0o7777, 0o400);
}

#[test]
fn a_switch_that_a_crash_has_cut_in_two_is_sound_and_is_finished_by_the_next() {
    let ring = Ring::new(&["site"]);
    ring.begin();
    ring.edit("site-2", "\"accept\"", "\"sign\"");
    ring.signs("site-2", &["site"]);
    assert_eq!(switch(ring.folder(), None).unwrap().before, None);
    let text = fs::read_to_string(ring.file("site")).unwrap();
    assert!(text.contains("use = \"accept\""), "{text}");
    // And the other way round, where the one to sign is not the one that follows.
    ring.edit("site", "\"accept\"", "\"sign\"");
    ring.signs("site-2", &["site"]);
    switch(ring.folder(), Some("site")).unwrap();
    ring.signs("site", &["site-2"]);
    assert_eq!(switch(ring.folder(), None).unwrap().signer.name, "site-2");
}

#[test]
fn a_switch_to_a_key_that_followed_nobody_makes_it_follow() {
    let ring = Ring::new(&["cluster", "web1"]);
    let old = id(&ring, "cluster");
    let text = fs::read_to_string(ring.file("web1")).unwrap();
    fs::write(ring.file("web1"), format!("\u{feff}# ours\n{}", text.trim_end())).unwrap();
    assert!(matches!(
        switch(ring.folder(), None),
        Err(RotationError::NoSuccessor { signer }) if signer == "cluster"
    ));
    let switched = switch(ring.folder(), Some("web1")).unwrap();
    assert_eq!(switched.signer.follows, Some(old));
    ring.signs("web1", &["cluster"]);
    end(ring.folder(), &[ending(ring.folder(), None).unwrap()[0].id]).unwrap();
    ring.signs("web1", &[]);
}

#[test]
fn where_none_signs_the_one_that_is_named_does() {
    let ring = Ring::new(&[]);
    create(ring.folder(), "web1", Some(KeyUse::Accept), &KeyLimits::default(), NOW).unwrap();
    let switched = switch(ring.folder(), Some("web1")).unwrap();
    assert_eq!((switched.before, switched.changed), (None, true));
    assert_eq!(switched.signer.follows, None);
    ring.signs("web1", &[]);
    assert!(!switch(ring.folder(), Some("web1")).unwrap().changed);
}

#[test]
fn of_a_row_of_followers_the_last_signs_and_a_circle_signs_nothing() {
    let ring = Ring::new(&["a", "b", "c"]);
    let ids = ["a", "b", "c"].map(|name| id(&ring, name));
    ring.edit("b", "use =", &format!("follows = \"{}\"\nuse =", ids[0]));
    ring.edit("c", "use = \"accept\"", &format!("follows = \"{}\"\nuse = \"sign\"", ids[1]));
    ring.signs("c", &["a", "b"]);
    ring.edit("a", "use =", &format!("follows = \"{}\"\nuse =", ids[2]));
    let circle = load(ring.folder()).unwrap_err();
    assert!(matches!(&circle, KeyError::TwoSigners { circle: true, .. }), "{circle:?}");
    assert!(circle.to_string().contains("each follows the other"), "{circle}");
    ring.edit("a", "\"sign\"", "\"accept\"");
    ring.signs("c", &["a", "b"]);
    ring.edit("a", &ids[2].to_string(), "0");
    let error = load(ring.folder()).unwrap_err().to_string();
    assert!(error.contains("a.key") && error.contains("follows"), "{error}");
}

fn accept(ring: &Ring, names: &[&str]) -> Accepted {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    super::accept(ring.folder(), &names).unwrap()
}

#[test]
fn a_host_that_only_binds_leaves_a_key_that_signs_there() {
    let ring = Ring::new(&["cluster", "web1"]);
    let left = accept(&ring, &["cluster"]);
    assert_eq!((left.changed, left.signer, left.keys[0].name.as_str()), (true, None, "cluster"));
    assert_eq!(ring.uses().0, None);
    assert!(!accept(&ring, &["cluster.key"]).changed);
    let old = ending(ring.folder(), Some("cluster")).unwrap();
    end(ring.folder(), &[old[0].id]).unwrap();
    assert_eq!(ring.uses().1, ["web1"]);
}

#[test]
fn keys_that_all_sign_are_accepted_one_by_one_or_together() {
    let ring = Ring::new(&["a", "b", "c"]);
    ring.edit("b", "\"accept\"", "\"sign\"");
    ring.edit("c", "\"accept\"", "\"sign\"");
    let said = switch(ring.folder(), Some("a")).unwrap_err().to_string();
    let command = format!("`rais key accept NAME --keys {}`", ring.folder().display());
    assert!(said.contains(&command) && said.contains("as has another"), "{said}");
    let left = accept(&ring, &["b"]);
    assert!(left.changed && left.signer.is_none(), "{left:?}");
    assert!(matches!(left.fault, Some(KeyError::TwoSigners { others, .. }) if others.is_empty()));
    let left = accept(&ring, &["a"]);
    assert_eq!(left.signer.map(|file| file.name).as_deref(), Some("c"));
    ring.edit("a", "\"accept\"", "\"sign\"");
    accept(&ring, &["a", "c"]);
    assert_eq!(ring.uses().0, None);
    let nobody = super::accept(ring.folder(), &["nobody".to_owned()]).unwrap_err();
    assert!(nobody.to_string().contains("there are: a, b, c"), "{nobody}");
}

#[test]
fn who_gave_up_signing_does_not_begin_again() {
    let ring = Ring::new(&["site"]);
    ring.begin();
    // As a crash leaves a switch.
    ring.edit("site-2", "\"accept\"", "\"sign\"");
    let left = accept(&ring, &["site-2"]);
    assert_eq!((left.signer, left.changed), (None, true));
    assert_eq!(left.with_them.iter().map(|file| &*file.name).collect::<Vec<_>>(), ["site"]);
    assert_eq!(ring.uses().0, None);
    // A whole switch has left nothing to do but what is asked for.
    switch(ring.folder(), Some("site-2")).unwrap();
    let left = accept(&ring, &["site-2"]);
    assert!(left.changed && left.signer.is_none() && left.with_them.is_empty(), "{left:?}");
}

#[test]
fn a_key_that_was_not_named_signs_on() {
    let ring = Ring::new(&["cluster"]);
    ring.begin();
    let left = accept(&ring, &["cluster-2"]);
    assert!(!left.changed && left.with_them.is_empty(), "{left:?}");
    assert_eq!(left.signer.map(|file| file.name).as_deref(), Some("cluster"));
    ring.signs("cluster", &["cluster-2"]);
    // Copied from their hosts, where they took over from it.
    let ring = with_two_that_took_over();
    let left = accept(&ring, &["web1", "web2"]);
    assert!(left.changed && left.with_them.is_empty() && left.fault.is_none(), "{left:?}");
    assert_eq!(left.signer.map(|file| file.name).as_deref(), Some("cluster"));
    ring.signs("cluster", &["web1", "web2"]);
}

#[test]
fn the_two_that_are_named_do_not_follow_each_other() {
    let ring = with_two_that_took_over();
    let said = load(ring.folder()).unwrap_err().to_string();
    let says = ["web1.key and ", "web2.key both", "as has another, and neither follows the other"];
    assert!(says.iter().all(|says| said.contains(says)), "{said}");
    assert!(!said.contains("cluster"), "{said}");
    // Two in a circle, and one that follows neither.
    let web1 = id_in(&ring, "web1");
    let cluster = id_in(&ring, "cluster");
    ring.edit("cluster", "use =", &format!("follows = \"{web1}\"\nuse ="));
    ring.edit("web2", &cluster, "00000001");
    let said = load(ring.folder()).unwrap_err().to_string();
    let says = ["cluster.key and ", "web2.key both", "neither follows the other"];
    assert!(says.iter().all(|says| said.contains(says)), "{said}");
}

/// Also where nobody can say who signs.
fn id_in(ring: &Ring, name: &str) -> String {
    let files = survey(ring.folder()).unwrap().files;
    find(ring.folder(), &files, name).unwrap().id.to_string()
}

fn with_two_that_took_over() -> Ring {
    let ring = Ring::new(&["cluster", "web1", "web2"]);
    let follows = format!("follows = \"{}\"\nuse = \"sign\"", id(&ring, "cluster"));
    ["web1", "web2"].iter().for_each(|name| ring.edit(name, "use = \"accept\"", &follows));
    ring
}

#[test]
fn what_is_out_of_turn_is_refused_with_what_to_do() {
    let ring = Ring::new(&["site"]);
    let folder = ring.folder();
    let says = |error: RotationError, words: &[&str]| {
        let said = error.to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
    };
    let none = ["site", "rotate begin", "rotate switch NAME", "rais key accept site"];
    says(switch(folder, None).unwrap_err(), &none);
    says(switch(folder, Some("nobody")).unwrap_err(), &["\"nobody\"", "site"]);
    says(ending(folder, None).unwrap_err(), &["followed by another", "there are: site"]);
    let signs = ["site signs", "rotate switch", "rais key accept site"];
    says(ending(folder, Some("site")).unwrap_err(), &signs);
    says(end(folder, &[id(&ring, "site")]).unwrap_err(), &["site signs"]);
    ring.begin();
    says(begin(folder, None, NOW).unwrap_err(), &["site-2", "rotate switch", "rotate end"]);
    says(ending(folder, None).unwrap_err(), &["site signs", "rotate switch"]);
    switch(folder, None).unwrap();
    says(begin(folder, None, NOW).unwrap_err(), &["site-2 follows site"]);

    ring.edit("site-2", "\"sign\"", "\"accept\"");
    says(begin(folder, None, NOW).unwrap_err(), &["no key there signs", "site-2, site"]);
    says(switch(folder, None).unwrap_err(), &["no key there signs"]);
    let empty = Ring::new(&[]);
    says(begin(empty.folder(), None, NOW).unwrap_err(), &["rais key new"]);
}

#[test]
fn where_two_follow_the_one_that_signs_has_to_be_named() {
    let ring = Ring::new(&["site"]);
    ring.begin();
    let other = Ring::new(&[]);
    for name in ["site", "site-2"] {
        fs::copy(ring.file(name), other.file(name)).unwrap();
    }
    fs::remove_file(other.file("site-2")).unwrap();
    begin(other.folder(), None, NOW).unwrap();
    let text = fs::read_to_string(other.file("site-2")).unwrap();
    durable::create(&ring.file("theirs"), text.as_bytes(), 0o600).unwrap();
    // Both call themselves site-2: the file's name tells them apart.
    let said = switch(ring.folder(), None).unwrap_err().to_string();
    assert!(said.contains("both") || said.contains("all follow site"), "{said}");
    let said = switch(ring.folder(), Some("site-2")).unwrap_err().to_string();
    assert!(said.contains("more than one"), "{said}");
    switch(ring.folder(), Some("theirs")).unwrap();
    assert_eq!(ring.uses().0.as_deref(), Some("site-2"));
}

#[test]
fn leftovers_with_a_secret_go_with_the_old_key() {
    let ring = Ring::new(&["site"]);
    ring.begin();
    switch(ring.folder(), None).unwrap();
    let stray = ring.folder().join(".rais-site.key.1.0.tmp");
    fs::write(&stray, "secret").unwrap();
    end(ring.folder(), &[id(&ring, "site")]).unwrap();
    assert!(!stray.exists());
}

/// Whoever loads while another switches has a ring with a signer, each time.
#[test]
fn a_ring_is_whole_at_every_moment_of_a_switch() {
    let ring = Ring::new(&["site"]);
    ring.begin();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = [0_u32; 2];
            while !done.load(Ordering::Relaxed) {
                let keys = load(ring.folder()).unwrap();
                let signer = keys.files.iter().position(|file| file.usage == KeyUse::Sign);
                assert_eq!(keys.files.len(), 2);
                seen[signer.unwrap()] += 1;
            }
            seen
        });
        for round in 0..200 {
            let to = if round % 2 == 0 { "site-2" } else { "site" };
            switch(ring.folder(), Some(to)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let seen = reader.join().unwrap();
        assert!(seen.iter().all(|&times| times > 0), "{seen:?}");
    });
}

/// Whoever loads meanwhile never has the one sign that gave up signing, in whatever order they are named.
#[test]
fn the_one_that_signs_is_the_last_that_is_accepted_only() {
    let ring = Ring::new(&["site"]);
    ring.begin();
    accept(&ring, &["site"]);
    let (done, seen) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (signer, _) = ring.uses();
                assert_ne!(signer.as_deref(), Some("site"));
                seen.fetch_add(u32::from(signer.is_some()), Ordering::Relaxed);
            }
        });
        let sees = || seen.load(Ordering::Relaxed) > 0 || reader.is_finished();
        for _ in (0..).take_while(|round| *round < 30 || !sees()) {
            for name in ["site-2", "site"] {
                rewrite(&ring.file(name), KeyUse::Sign, None).unwrap();
            }
            accept(&ring, &["site-2", "site"]);
        }
        done.store(true, Ordering::Relaxed);
    });
}
