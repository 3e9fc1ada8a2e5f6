//! What one image offers: the list of its plugins.
#![allow(unsafe_code, missing_docs, non_camel_case_types)] // the derives of abi_stable expand to these

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{ROption, RResult, RStr, RString, RVec};

#[cfg(feature = "next")]
use crate::objects::NextBox;
use crate::objects::{BlockingProbeBox, HostBox, LoadBox, ProbeBox, SinkBox, TransportBox};
use crate::types::AbiFault;

/// The one symbol that a library exports leads here.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRoot_Ref)))]
#[sabi(missing_field(option))]
pub struct PluginRoot {
    /// As in the manifest, which says the rest.
    pub abi_version: RStr<'static>,
    /// Called where the image is a library of its own, before anything is made: from now on it is
    /// heard through `host` where nothing else of it is. A later host takes the place of the last.
    pub loaded: extern "C" fn(host: HostBox),
    /// By name.
    #[sabi(last_prefix_field)]
    pub list: extern "C" fn() -> RVec<Decl_Ref>,
    #[cfg(feature = "next")]
    pub next: extern "C" fn() -> u32,
}

/// One plugin. A new kind is one more field at the end.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = Decl_Ref)))]
#[sabi(missing_field(option))]
pub struct Decl {
    pub name: RStr<'static>,
    pub version: RStr<'static>,
    /// What it is, in a line of plain text.
    pub about: RStr<'static>,
    /// TOML.
    pub sample: RStr<'static>,
    /// JSON: what may be written in the table, a list of `OptionInfo`.
    pub options: extern "C" fn() -> RString,
    pub probe: ROption<Make<ProbeBox>>,
    pub blocking_probe: ROption<Make<BlockingProbeBox>>,
    pub load: ROption<Make<LoadBox>>,
    pub sink: ROption<Make<SinkBox>>,
    #[sabi(last_prefix_field)]
    pub transport: ROption<Make<TransportBox>>,
    #[cfg(feature = "next")]
    pub next: extern "C" fn() -> u32,
    #[cfg(feature = "next")]
    pub next_kind: ROption<Make<NextBox>>,
}

/// Makes an instance from its table, as JSON; with `$folder` in it where the host says from which
/// folder relative paths count (`host::table_with_folder`).
///
/// A struct, because abi_stable takes a function with a borrowed argument only as a field.
#[repr(C)]
#[derive(StableAbi)]
pub struct Make<T> {
    pub call: extern "C" fn(config: RStr<'_>, host: HostBox) -> RResult<T, AbiFault>,
}

impl<T> Clone for Make<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Make<T> {}

impl RootModule for PluginRoot_Ref {
    abi_stable::declare_root_module_statics! {PluginRoot_Ref}

    const BASE_NAME: &'static str = "rais_plugin";
    const NAME: &'static str = "rais_plugin";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}
