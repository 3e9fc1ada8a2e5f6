//! What an image declares, and how tables reach its plugins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_sdk::host::{Declared, Kind, linked};
use rais_sdk::prelude::*;
use rais_sdk::testing::{Bench, samples_parse};

#[config]
struct Nested {
    #[serde(default)]
    inner: Inner,
    #[serde(default)]
    full: Option<DurationText>,
}

#[config]
#[derive(Default)]
struct Inner {
    port: u16,
}

struct Both {
    port: u16,
}

impl Both {
    fn from_table(config: &Nested) -> Result<Self, Fault> {
        if config.full.is_some_and(|full| full.get().as_secs() > 60) {
            return Err(Fault::config("full", "at most 60s"));
        }
        Ok(Self { port: config.inner.port })
    }
}

impl Probe for Both {
    const NAME: &'static str = "both";
    const SAMPLE: &'static str = "type = \"both\"\nport = 80\ninner = { port = 81 }";
    type Config = Nested;
    fn new(config: Nested) -> Result<Self, Fault> {
        Self::from_table(&config)
    }
    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        if target.address.port() == self.port {
            return Ok(Up::new(cx.elapsed()).with_load(12.345).with_detail(&target.name));
        }
        Err(Fault::unknown(&target.service).at("somewhere"))
    }
}

impl Load for Both {
    const NAME: &'static str = "both";
    const SAMPLE: &'static str = "type = \"both\"\nfull = \"2s\"";
    const SCOPE: Scope = Scope::Host;
    type Config = Nested;
    fn new(config: Nested) -> Result<Self, Fault> {
        Self::from_table(&config)
    }
    fn sample(&self, of: &Subject) -> Result<Reading, Fault> {
        let target = of.target.as_ref().map_or("-".into(), |t| t.address.to_string());
        let last = of.last.as_ref().and_then(|up| up.load).unwrap_or(f64::NAN);
        let reading = Reading::load(last * 2.0).with_wish(Wish::Drain).with_weight(50);
        Ok(reading.with_reason(format!("{} {target}", of.service)))
    }
}

plugin!(probe Both);
plugin!(load Both);

fn both(kind: Kind) -> Declared {
    let plugins = linked();
    *plugins.iter().find(|plugin| plugin.kinds() == [kind]).unwrap()
}

#[test]
fn linked_plugins_are_listed_with_what_they_say_of_themselves() {
    let plugins = linked();
    assert_eq!(plugins.iter().map(Declared::name).collect::<Vec<_>>(), ["both", "both"]);
    let probe = both(Kind::Probe);
    assert_eq!(probe.version(), env!("CARGO_PKG_VERSION"));
    assert_eq!(probe.abi(), "1.0");
    assert_eq!(probe.about(), env!("CARGO_PKG_DESCRIPTION"));
    assert_eq!(probe.sample(), <Both as Probe>::SAMPLE);
    assert_eq!(both(Kind::Load).sample(), <Both as Load>::SAMPLE);
    assert_eq!(samples_parse().unwrap(), 2);
}

#[test]
fn the_wrong_kind_is_a_fault_of_type() {
    let fault = both(Kind::Load).probe("{}", Bench::new().side()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    assert_eq!(fault.to_string(), "type: `both` is a load, not a probe");
    let fault = both(Kind::Probe).sink("{}", Bench::new().side()).unwrap_err();
    assert_eq!(fault.to_string(), "type: `both` is a probe, not a sink");
}

#[test]
fn faults_of_a_table_have_their_place() {
    let fault = |table: &str| {
        let fault = both(Kind::Probe).probe(table, Bench::new().side()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Config);
        (fault.at, fault.text)
    };
    let at = |at: &str, text: &str| (at.to_owned(), text.to_owned());
    assert_eq!(
        fault(r#"{"inner": {"prot": 80}}"#),
        at("inner.prot", "unknown field `prot`, expected `port`")
    );
    assert_eq!(
        fault(r#"{"ful": "2s"}"#),
        at("ful", "unknown field `ful`, expected `inner` or `full`")
    );
    assert_eq!(fault(r#"{"full": "61s"}"#), at("full", "at most 60s"));
    assert_eq!(fault(r#"{"full": "0s"}"#), at("full", "`0s` must be more than zero"));
    assert_eq!(fault("{").0, "");
}

#[test]
fn what_a_probe_finds_comes_back_whole() {
    let bench = Bench::new();
    let object = both(Kind::Probe).probe(r#"{"inner": {"port": 81}}"#, bench.side()).unwrap();
    let call = |address: &str| rais_sdk::host::ProbeCall {
        target: Target::new(address.parse().unwrap(), "web1", "www"),
        timeout: std::time::Duration::from_secs(60),
    };
    let up = bench.block_on(object.start(call("[fe80::1%3]:81"))).unwrap().unwrap();
    assert_eq!((up.load, up.detail.as_str()), (Some(12.35), "web1"));
    let fault = bench.block_on(object.start(call("192.0.2.1:80"))).unwrap().unwrap_err();
    assert_eq!(fault, Fault::unknown("www").at("somewhere"));
}

#[test]
fn what_a_load_reads_comes_back_whole() {
    let object = both(Kind::Load).load("{}", Bench::new().side()).unwrap();
    assert_eq!(object.scope(), Scope::Host);
    let subject = Subject::new("www");
    let expected = Reading::unknown("www -").with_wish(Wish::Drain).with_weight(50);
    assert_eq!(object.sample(&subject).unwrap(), expected);

    let target = Target::new("[2001:db8::1]:80".parse().unwrap(), "web1", "www");
    let last = |load| Up::new(std::time::Duration::from_millis(3)).with_load(load);
    let subject = subject.with_target(target).with_last(last(40.0));
    let reading = object.sample(&subject).unwrap();
    assert_eq!((reading.load, reading.reason.as_str()), (Some(80.0), "www [2001:db8::1]:80"));
    // Percent, 0 to 1000: what is beyond is clamped.
    assert_eq!(object.sample(&subject.clone().with_last(last(900.0))).unwrap().load, Some(1000.0));
    assert_eq!(object.sample(&subject.with_last(last(-5.0))).unwrap().load, Some(0.0));
}
