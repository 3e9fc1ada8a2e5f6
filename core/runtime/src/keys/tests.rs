use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use nix::unistd::geteuid;

use super::*;

const NOW: WallTime = WallTime::from_unix_millis(1_795_444_440_000);

fn made(folder: &Path, name: &str) -> PathBuf {
    create(folder, name, None, &KeyLimits::default(), NOW).unwrap()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn the_first_key_signs_and_later_ones_are_accepted() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("keys");
    let first = made(&folder, "first");
    let second = made(&folder, "second");
    assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);

    let keys = load(&folder).unwrap();
    let uses: Vec<_> = keys.files.iter().map(|file| (&*file.path, file.usage)).collect();
    assert_eq!(uses, [(&*first, KeyUse::Sign), (&*second, KeyUse::Accept)]);
    assert_eq!(keys.ring.signing().map(|key| key.id()), Some(keys.files[0].id));
    assert_eq!(keys.ring.iter().count(), 2);
    assert_eq!(keys.files[0].created.as_deref(), Some("2026-11-23T14:34:00Z"));
    assert_eq!(keys.files[0].name, "first");
}

#[test]
fn limits_are_read_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let limits = KeyLimits {
        hosts: Some(vec!["web3".parse().unwrap()]),
        services: Some(vec!["http".parse().unwrap(), "news".parse().unwrap()]),
        addresses: Some(vec!["198.51.100.3/32".parse().unwrap(), "2001:db8::/64".parse().unwrap()]),
    };
    create(folder.path(), "web3", Some(KeyUse::Accept), &limits, NOW).unwrap();
    let keys = load(folder.path()).unwrap();
    assert_eq!(keys.files[0].limits, limits);
    assert_eq!(keys.ring.get(keys.files[0].id).unwrap().limits(), &limits);
    assert!(keys.ring.signing().is_none());

    edit(&keys.files[0].path, "198.51.100.3/32", "198.51.100.3");
    assert_eq!(load(folder.path()).unwrap().files[0].limits, limits);
}

#[test]
fn a_key_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path(), "site");
    let before = fs::read(&path).unwrap();
    let again = create(folder.path(), "site", None, &KeyLimits::default(), NOW);
    assert!(matches!(again, Err(KeyError::Exists(there)) if there == path));
    assert_eq!(fs::read(&path).unwrap(), before);
    let outside = create(folder.path(), "../site", None, &KeyLimits::default(), NOW);
    assert!(matches!(outside, Err(KeyError::Name(_))));
}

#[test]
fn a_key_that_others_can_read_is_refused_with_both_modes() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path(), "site");
    for mode in [0o640, 0o604, 0o666, 0o700, 0o4600] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("{mode:04o}")) && error.contains("0600"), "{error}");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    load(folder.path()).unwrap();
}

#[test]
fn a_credential_is_read_as_systemd_leaves_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path(), "site");
    let elsewhere = tempfile::tempdir().unwrap();
    for (mode, credentials, sound) in [
        (0o440, Some(folder.path()), geteuid().is_root()),
        (0o400, Some(folder.path()), true),
        (0o440, Some(elsewhere.path()), false),
        (0o440, None, false),
        (0o444, Some(folder.path()), false),
        (0o640, Some(folder.path()), false),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let loaded = load_as(folder.path(), credentials);
        assert_eq!(loaded.is_ok(), sound, "{mode:o} {credentials:?}: {loaded:?}");
    }
}

#[test]
fn two_signers_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [made(folder.path(), "a"), made(folder.path(), "b")];
    edit(&paths[1], "\"accept\"", "\"sign\"");
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(paths.iter().all(|path| error.contains(path.to_str().unwrap())), "{error}");
}

#[test]
fn a_survey_shows_each_key_and_all_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let [_a, b, c, d] = ["a", "b", "c", "d"].map(|name| made(folder.path(), name));
    edit(&b, "\"accept\"", "\"sign\"");
    fs::set_permissions(&c, Permissions::from_mode(0o644)).unwrap();
    fs::copy(&d, folder.path().join("e.key")).unwrap();
    let seen = survey(folder.path()).unwrap();
    let uses = seen.files.iter().map(|file| (file.name.as_str(), file.usage.as_str()));
    let uses: Vec<_> = uses.collect();
    assert_eq!(uses, [("a", "sign"), ("b", "sign"), ("d", "accept"), ("d", "accept")]);
    let about = |fault: &KeyError| {
        let stem = |path: &&Path| path.file_stem().unwrap().to_string_lossy().into_owned();
        fault.files().iter().map(stem).collect::<Vec<_>>().concat()
    };
    assert_eq!(seen.faults.iter().map(about).collect::<Vec<_>>(), ["c", "de", "ab"]);
}

#[test]
fn one_secret_in_two_files_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let first = made(folder.path(), "a");
    let second = folder.path().join("b.key");
    fs::copy(&first, &second).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("a.key") && error.contains("b.key"), "{error}");
    let faults = survey(folder.path()).unwrap().faults;
    assert!(matches!(faults[..], [KeyError::Twice { .. }]), "{faults:?}");
}

#[test]
fn a_folder_without_a_key_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("readme.txt"), "no key").unwrap();
    for empty in [folder.path().to_owned(), folder.path().join("missing")] {
        let error = load(&empty).unwrap_err().to_string();
        assert!(error.contains("rais key new"), "{error}");
    }
}

#[test]
fn what_is_wrong_with_a_key_is_said_without_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.key");
    let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMw==";
    for content in [
        format!("use = \"sign\"\nsecret = {secret}\n"),
        format!("use = \"sign\"\nsecret = \"{secret}\n"),
        format!("use = \"{secret}\"\nsecret = \"{secret}\"\n"),
        format!("use = \"sign\"\nsecret = \"{}\"\n", &secret[4..]),
        format!("use = \"sign\"\nsecret = \"{secret}{secret}{secret}\"\n"),
        format!("use = \"sign\"\nsecret = \"{secret}\"\nexpires = \"{secret}\"\n"),
        format!("secret = \"{secret}\"\n"),
        format!("use = \"sign\"\nsecret = [\"{secret}\"]\n"),
    ] {
        fs::write(&path, &content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = load(folder.path()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(matches!(error, KeyError::Content { .. }), "{shown}");
        assert!(shown.contains("site.key"), "{shown}");
        assert!(!shown.contains(&secret[8..16]), "{shown}");
    }
}

#[test]
fn nothing_shows_the_secret_of_a_ring() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path(), "site");
    let text = fs::read_to_string(&path).unwrap();
    let secret = text.split("secret = \"").nth(1).unwrap();
    let shown = format!("{:?}", load(folder.path()).unwrap());
    assert!(!shown.contains(&secret[..8]), "{shown}");
}

#[test]
fn a_folder_without_keys_is_told_by_what_lies_there() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("keys");
    let told = || load(&folder).unwrap_err().to_string();
    assert!(told().contains("keys: no such folder: `rais key new --keys "), "{}", told());
    fs::create_dir(&folder).unwrap();
    assert!(told().contains("keys: no key here: `rais key new --keys "), "{}", told());
    for name in ["web1.key.txt", "web1.pem", "a", "b", "c", "d"] {
        fs::write(folder.join(name), "").unwrap();
    }
    let says = "no key here (only files named `NAME.key` count, and not `a`, `b`, `c`, `d`, \
                `web1.key.txt`, …): `rais key new";
    assert!(told().contains(says), "{}", told());
}

#[test]
fn a_file_in_a_folders_place_is_told_with_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(folder.path(), "web1");
    let told = load(&file).unwrap_err().to_string();
    let says = format!("name the one that it is in, `{}`", folder.path().display());
    assert!(told.contains(&says), "{told}");
}

#[test]
fn a_key_of_somebody_else_is_told_with_both_users_and_what_to_do() {
    let told = |wanted| {
        let path = PathBuf::from("web1.key");
        KeyError::Owner { path, owner: 4_242_424, wanted }.to_string()
    };
    let begins = "web1.key: belongs to user 4242424; a key must belong to ";
    let root = format!("{begins}user root (0), as whom this runs: `chown 0 web1.key`");
    assert!(told(0).starts_with(&root), "{}", told(0));
    let other = format!("{begins}user 4242423, as whom this runs, or to root: `chown 4242423 web1");
    assert!(told(4_242_423).starts_with(&other), "{}", told(4_242_423));
}
