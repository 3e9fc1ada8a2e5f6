//! Mistakes in tables.

use rais_sdk::prelude::*;
use rais_sdk::serde::{Deserialize, Deserializer, de::IgnoredAny};
use rais_sdk::{Describe, Need, OptionInfo};

/// Reads what it knows, and nothing says that there is more.
struct TakesAnyKey;

/// Without `#[config]`.
#[derive(Deserialize)]
#[serde(crate = "rais_sdk::serde")]
struct Loose {
    #[allow(dead_code)]
    greeting: String,
}

impl Describe for Loose {
    fn words() -> String {
        "table".to_owned()
    }

    fn options() -> Vec<OptionInfo> {
        vec![OptionInfo::new("greeting", "text", Need::Required)]
    }
}

/// Says that it takes a text, and takes anything.
struct TakesAnyType;

#[config]
struct Vague {
    #[allow(dead_code)]
    greeting: Text,
}

struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Text)
    }
}

impl Describe for Text {
    fn words() -> String {
        "text".to_owned()
    }
}

impl Load for TakesAnyKey {
    const NAME: &'static str = "takes-any-key";
    const SAMPLE: &'static str = "type = \"takes-any-key\"\ngreeting = \"hello\"";
    const SCOPE: Scope = Scope::Host;
    type Config = Loose;

    fn new(_: Loose) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        Ok(Reading::load(1.0))
    }
}

impl Load for TakesAnyType {
    const NAME: &'static str = "takes-any-type";
    const SAMPLE: &'static str = "type = \"takes-any-type\"\ngreeting = \"hello\"";
    const SCOPE: Scope = Scope::Host;
    type Config = Vague;

    fn new(_: Vague) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        Ok(Reading::load(1.0))
    }
}

plugin!(load TakesAnyKey);
plugin!(load TakesAnyType);
