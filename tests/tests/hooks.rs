//! `docs/howto/hooks.md`, block by block: what a reader types is typed, and what it shows is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_tests::host::Host;
use rais_tests::reader::{Builds, Reader};

#[test]
fn hooks_from_nothing_to_an_api() {
    // A machine of its own: the page names a port.
    let mut reader = Reader::new("hooks", Builds::AsTyped).at(Host::new("ns1"));
    reader.follow("howto/hooks.md");
}
