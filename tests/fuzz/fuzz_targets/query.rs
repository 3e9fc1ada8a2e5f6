//! Messages to the sink dns.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rais_plugin_sink_dns::fuzzing;

fuzz_target!(|octets: &[u8]| fuzzing::query(octets));
