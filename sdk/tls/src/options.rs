//! The table `tls`.

use std::time::Duration;

use rais_sdk::serde::de::{Error, Unexpected};
use rais_sdk::serde::{Deserialize, Deserializer};
use rais_sdk::{Describe, PathText, config};

/// How a server is spoken to with TLS. Every key may be left out.
#[config]
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// File (PEM) with the certificates of the authorities to be trusted, in place of the system's.
    pub(crate) ca: Option<PathText>,
    /// Name that the server's certificate must be for, and that is sent as SNI.
    pub(crate) name: Option<String>,
    /// File (PEM) with the certificate that is shown to the server, and those that lead to its
    /// authority; needs `key`.
    pub(crate) certificate: Option<PathText>,
    /// File (PEM) with the key of `certificate`; nobody but its owner and group may have access.
    pub(crate) key: Option<PathText>,
    /// Whether the server's certificate is judged.
    #[default = "full"]
    pub(crate) verify: Verify,
    /// The end of the server's certificate is told so long before, in whole days.
    #[default = "14d"]
    pub(crate) expires: DaysText,
    /// Whether the next connection to an address takes up the session of the last one, which costs
    /// both sides less; once an hour none does, so that a new certificate is seen.
    #[default = "on"]
    pub(crate) resume: Resume,
}

impl TlsOptions {
    /// These and nothing else: for a table that takes no more.
    #[must_use]
    pub fn of_files(
        ca: Option<PathText>,
        certificate: Option<PathText>,
        key: Option<PathText>,
    ) -> Self {
        Self { ca, certificate, key, ..Self::default() }
    }
}

/// Whether a certificate is judged.
#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verify {
    /// Its authority, name and times.
    #[default]
    Full,
    /// Not at all: whoever answers is believed.
    None,
}

/// Whether sessions are resumed.
#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resume {
    /// Where the server takes part.
    #[default]
    On,
    /// Each handshake is a full one.
    Off,
}

/// A number of days, `"1d"` to `"365d"`; a [`DurationText`](rais_sdk::DurationText) ends at seven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DaysText(u16);

const DAY: Duration = Duration::from_secs(24 * 3600);
const MOST_DAYS: u16 = 365;

impl DaysText {
    pub(crate) fn get(self) -> Duration {
        DAY * u32::from(self.0)
    }
}

impl<'de> Deserialize<'de> for DaysText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let days = text.strip_suffix('d').filter(|days| days.bytes().all(|it| it.is_ascii_digit()));
        let days = days.and_then(|days| days.parse().ok());
        match days {
            Some(days @ 1..=MOST_DAYS) => Ok(Self(days)),
            _ => {
                let allowed = "a whole number of days, \"1d\" to \"365d\"";
                Err(D::Error::invalid_value(Unexpected::Str(&text), &allowed))
            }
        }
    }
}

impl Describe for DaysText {
    fn words() -> String {
        "days, \"1d\" to \"365d\"".into()
    }

    fn written(&self) -> Option<String> {
        Some(format!("\"{}d\"", self.0))
    }
}
