//! Plugins as an image declares them.

use std::fmt;
use std::sync::Arc;

use abi_stable::std_types::{ROption, RStr};

use super::host::host_box;
use super::objects::{BlockingProbeObject, LoadObject, ProbeObject, SinkObject, TransportObject};
use crate::abi::ABI_VERSION;
use crate::abi::convert::result_from_abi;
use crate::abi::guard::panicked;
use crate::abi::image;
#[cfg(feature = "testing")]
use crate::abi::image::Submitted;
use crate::host::HostSide;
use crate::{Fault, OptionInfo};
use rais_abi::{Decl_Ref, Make};

/// What a plugin can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Up or not, waiting without a thread.
    Probe,
    /// Up or not, on a thread.
    BlockingProbe,
    /// A load index.
    Load,
    /// Publishes zones.
    Sink,
    /// Carries beats.
    Transport,
}

/// One plugin of an image: a type and the kinds that it is.
///
/// A type that is of two kinds is declared twice, under one name.
#[derive(Clone, Copy)]
pub struct Declared {
    decl: Decl_Ref,
    abi: &'static str,
}

/// The plugins linked into this image, by name.
#[must_use]
pub fn linked() -> Vec<Declared> {
    image::list().into_iter().map(|decl| Declared::new(decl, ABI_VERSION)).collect()
}

impl Declared {
    /// `abi` is that of the image which it comes from.
    pub(super) fn new(decl: Decl_Ref, abi: &'static str) -> Self {
        Self { decl, abi }
    }

    /// A plugin that need not be linked as one: a test's.
    #[cfg(feature = "testing")]
    pub(crate) fn from_submitted(submitted: &Submitted) -> Self {
        Self::new(submitted.decl(), ABI_VERSION)
    }

    /// The `type` by which a configuration names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.decl.name().as_str()
    }

    /// Of the plugin's crate.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.decl.version().as_str()
    }

    /// What it is, in a line: the description of its crate. Empty where that has none.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.decl.about().as_str()
    }

    /// Version of the boundary that it was built with.
    #[must_use]
    pub fn abi(&self) -> &'static str {
        self.abi
    }

    /// The body of a table that configures it, in TOML.
    #[must_use]
    pub fn sample(&self) -> &'static str {
        self.decl.sample().as_str()
    }

    /// What ABI 1.1 would add.
    #[cfg(feature = "abi-next")]
    #[doc(hidden)]
    pub fn next(&self) -> Option<u32> {
        self.decl.next().map(|next| next())
    }

    /// An instance of the kind that ABI 1.1 would add, asked what it says.
    #[cfg(feature = "abi-next")]
    #[doc(hidden)]
    pub fn next_kind(&self, host: Arc<dyn HostSide>) -> Option<Result<u32, Fault>> {
        let make = self.decl.next_kind().and_then(ROption::into_option)?;
        let made = (make.call)(RStr::from_str("{}"), host_box(host));
        Some(result_from_abi(made, |object| object.next()))
    }

    /// What may be written in its table; nothing where that cannot be told.
    #[must_use]
    pub fn options(&self) -> Vec<OptionInfo> {
        self.try_options().unwrap_or_default()
    }

    /// What may be written in its table. A key that a later version tells otherwise is left out.
    ///
    /// # Errors
    /// [`FaultKind::Panicked`](crate::FaultKind::Panicked) where the author's part of it panics: a
    /// default that its type cannot read, for one.
    pub fn try_options(&self) -> Result<Vec<OptionInfo>, Fault> {
        let told = self.decl.options()();
        let json = |error| Fault::unknown(format!("the keys of its table: {error}"));
        match serde_json::from_str(told.as_str()).map_err(json)? {
            serde_json::Value::String(text) => Err(panicked(&text)),
            serde_json::Value::Array(options) => {
                let read = |option| serde_json::from_value(option).ok();
                Ok(options.into_iter().filter_map(read).collect())
            }
            other => Err(Fault::unknown(format!("the keys of its table: {other}"))),
        }
    }

    /// What it is.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        let has = [
            (self.decl.probe().is_some(), Kind::Probe),
            (self.decl.blocking_probe().is_some(), Kind::BlockingProbe),
            (self.decl.load().is_some(), Kind::Load),
            (self.decl.sink().is_some(), Kind::Sink),
            (self.decl.transport().is_some(), Kind::Transport),
        ];
        has.into_iter().filter_map(|(has, kind)| has.then_some(kind)).collect()
    }

    /// A probe with the table `config`: JSON, the host's own keys taken out. Relative paths in it
    /// count from the folder that [`table_with_folder`](crate::host::table_with_folder) gave it.
    ///
    /// # Errors
    /// [`FaultKind::Config`](crate::FaultKind::Config) with the key path in the table, and
    /// whatever the plugin's own start gives.
    pub fn probe(&self, config: &str, host: Arc<dyn HostSide>) -> Result<ProbeObject, Fault> {
        self.make(Kind::Probe, self.decl.probe(), config, host).map(ProbeObject::new)
    }

    /// A blocking probe; as [`probe`](Self::probe).
    ///
    /// # Errors
    /// As [`probe`](Self::probe).
    pub fn blocking_probe(
        &self,
        config: &str,
        host: Arc<dyn HostSide>,
    ) -> Result<BlockingProbeObject, Fault> {
        self.make(Kind::BlockingProbe, self.decl.blocking_probe(), config, host)
            .map(BlockingProbeObject::new)
    }

    /// A load; as [`probe`](Self::probe).
    ///
    /// # Errors
    /// As [`probe`](Self::probe).
    pub fn load(&self, config: &str, host: Arc<dyn HostSide>) -> Result<LoadObject, Fault> {
        self.make(Kind::Load, self.decl.load(), config, host).map(LoadObject::new)
    }

    /// A sink; as [`probe`](Self::probe).
    ///
    /// # Errors
    /// As [`probe`](Self::probe).
    pub fn sink(&self, config: &str, host: Arc<dyn HostSide>) -> Result<SinkObject, Fault> {
        self.make(Kind::Sink, self.decl.sink(), config, host).map(SinkObject::new)
    }

    /// A transport; as [`probe`](Self::probe).
    ///
    /// # Errors
    /// As [`probe`](Self::probe).
    pub fn transport(
        &self,
        config: &str,
        host: Arc<dyn HostSide>,
    ) -> Result<TransportObject, Fault> {
        let voice = Arc::clone(&host);
        self.make(Kind::Transport, self.decl.transport(), config, host)
            .map(|object| TransportObject::new(object, voice))
    }

    fn make<T>(
        &self,
        kind: Kind,
        make: ROption<Make<T>>,
        config: &str,
        host: Arc<dyn HostSide>,
    ) -> Result<T, Fault> {
        let Some(make) = make.into_option() else {
            let kinds: Vec<_> = self.kinds().iter().map(Kind::to_string).collect();
            let is = match kinds.join(", ") {
                none if none.is_empty() => "of a kind that this rais does not know".to_owned(),
                kinds => format!("a {kinds}"),
            };
            return Err(Fault::config("type", format!("`{}` is {is}, not a {kind}", self.name())));
        };
        result_from_abi((make.call)(RStr::from_str(config), host_box(host)), |object| object)
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declared")
            .field("name", &self.name())
            .field("version", &self.version())
            .field("kinds", &self.kinds())
            .finish()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probe => "probe",
            Self::BlockingProbe => "blocking probe",
            Self::Load => "load",
            Self::Sink => "sink",
            Self::Transport => "transport",
        })
    }
}
