//! A default that its type cannot read is found by the first test of a plugin.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::IpAddr;

use rais_sdk::host::linked;
use rais_sdk::prelude::*;
use rais_sdk::testing::samples_parse;

struct Slip;

#[config]
struct SlipConfig {
    #[default = "localhost"]
    _address: IpAddr,
}

impl Load for Slip {
    const NAME: &'static str = "slip";
    // The sample has the key, so it alone would not tell.
    const SAMPLE: &'static str = "type = \"slip\"\n_address = \"127.0.0.1\"";
    const SCOPE: Scope = Scope::Host;
    type Config = SlipConfig;

    fn new(_: SlipConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        Ok(Reading::unknown("never"))
    }
}

plugin!(load Slip);

#[test]
fn it_is_named() {
    let fault = samples_parse().unwrap_err();
    assert_eq!(fault.kind, FaultKind::Panicked);
    let text = "slip: panicked: the default of `_address`: invalid IP address syntax";
    assert!(fault.text.starts_with(text), "{fault}");
    assert!(linked()[0].options().is_empty());
}
