//! A built-in plugin shares the process's panic hook, and leaves it as it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::panic;
use std::sync::Mutex;
use std::time::Duration;

use rais_sdk::host::ProbeCall;
use rais_sdk::prelude::*;
use rais_sdk::testing::Bench;

struct Loud;

impl BlockingProbe for Loud {
    const NAME: &'static str = "loud";
    const SAMPLE: &'static str = "type = \"loud\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn probe(&self, _: &Cx, _: &Target) -> Result<Up, Fault> {
        panic!("loud")
    }
}

plugin!(blocking_probe Loud);

/// Alone in its process: the hook is the process's.
#[test]
fn the_hosts_hook_hears_a_built_in_plugin() {
    static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

    panic::set_hook(Box::new(|info| {
        let text = info.payload().downcast_ref::<&str>().unwrap();
        HEARD.lock().unwrap().push((*text).to_owned());
    }));
    let object = Bench::new().blocking_probe::<Loud>("").unwrap();
    let target = Target::new("127.0.0.1:1".parse().unwrap(), "web1", "www");
    let fault = object.run(ProbeCall { target, timeout: Duration::from_secs(60) }).unwrap_err();
    let _ = panic::take_hook();
    // Its hook does not tell the guard where it was.
    assert_eq!(fault.to_string(), "panicked: loud");
    assert_eq!(*HEARD.lock().unwrap(), ["loud"]);
}
