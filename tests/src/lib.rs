//! The harness of the whole-system tests: the product's own binary, real name servers, real
//! networks in namespaces that the test makes and that vanish with it.
//!
//! A test says what it waits for ([`wait::until`]) and never how long something takes; whatever
//! it starts ([`process::Process`]) dies with it. A step of the harness that fails is a test that
//! fails, so the harness panics where a library would return an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed step of the harness is a failed test"
)]

pub mod attack;
pub mod beat;
pub mod binary;
pub mod counter;
pub mod detection;
pub mod dns;
pub mod fakeclock;
pub mod fakecpu;
pub mod host;
pub mod journal;
pub mod keys;
pub mod library;
pub mod markdown;
pub mod named;
pub mod nameserver;
pub mod nats;
pub mod netns;
pub mod process;
pub mod reader;
pub mod recorded;
pub mod relay;
pub mod server;
pub mod site;
pub mod status;
pub mod tap;
pub mod wait;
pub mod workshop;
pub mod zonefile;

/// A count that `tests/run` keeps short and `tests/run --long` takes in full.
#[must_use]
pub fn count(short: usize, long: usize) -> usize {
    if std::env::var_os("RAIS_TEST_LONG").is_some_and(|v| v == "1") { long } else { short }
}
