//! Datagrams to a binder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rais_proto::heartbeat::fuzzing;

fuzz_target!(|octets: &[u8]| {
    fuzzing::heartbeat(octets);
});
