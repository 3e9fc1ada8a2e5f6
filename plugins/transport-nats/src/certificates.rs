//! The files of TLS: authorities, and our own certificate with its key.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use rais_sdk::Fault;
use rais_tls::{ClientConfig, TlsOptions};

use crate::config::TlsTable;

/// Read again for every connection, so that certificates can be renewed while rais runs.
pub(crate) struct Certificates {
    options: TlsOptions,
    last: Mutex<Last>,
}

/// What was made of the files when they were sound last: they may be half written, or no longer ours
/// to read.
struct Last {
    config: ClientConfig,
    /// What has been wrong with them since, as it was told.
    doubt: Option<String>,
}

/// What is wrong with the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    pub(crate) text: String,
    /// Whether it was not found before.
    pub(crate) is_news: bool,
}

impl Certificates {
    /// Reads them.
    pub(crate) fn open(table: TlsTable) -> Result<Self, Fault> {
        let TlsTable { ca, certificate, key } = table;
        let options = TlsOptions::of_files(ca, certificate, key);
        let config =
            rais_tls::client_config(&options).map_err(|fault| rais_tls::within("tls", fault))?;
        Ok(Self { options, last: Mutex::new(Last { config, doubt: None }) })
    }

    /// By what stands in them, or stood in them when they were sound last; and in the second case why.
    pub(crate) fn config(&self) -> (ClientConfig, Option<Doubt>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let doubt = match rais_tls::client_config(&self.options) {
            Ok(config) => {
                *last = Last { config, doubt: None };
                None
            }
            Err(fault) => {
                let Fault { at, text, .. } = rais_tls::within("tls", fault);
                let doubt = format!("{at}: {text}; what was read before is used");
                let is_news = last.doubt.as_ref() != Some(&doubt);
                last.doubt = Some(doubt.clone());
                Some(Doubt { text: doubt, is_news })
            }
        };
        (last.config.clone(), doubt)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("options", &self.options).finish_non_exhaustive()
    }
}
