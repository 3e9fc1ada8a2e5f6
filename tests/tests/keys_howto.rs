//! `docs/howto/keys.md`, block by block: what a reader types is typed, and what it shows is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_tests::host::Host;
use rais_tests::reader::{Builds, Reader};

#[test]
fn keys_from_none_to_one_that_has_leaked() {
    // A machine of its own: the page names addresses and ports.
    let mut reader = Reader::new("keys", Builds::AsTyped).at(Host::new("ns1"));
    reader.follow("howto/keys.md");
}
