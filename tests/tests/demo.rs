//! `rais demo`: the README's first command, which ends by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_tests::binary;

#[test]
fn it_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let out = binary::run_in(folder.path(), &["demo", "--for", "5s"]).expect_code(0);
    // The three servers of Fig. 2, and who is in the zone.
    for word in ["web1", "web2", "web3"] {
        assert!(out.stdout.contains(word), "{word} in\n{}", out.stdout);
    }
    // Nothing is left where it was started.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
