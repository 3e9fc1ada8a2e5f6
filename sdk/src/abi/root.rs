//! What one linked image offers: the list of its plugins.
#![allow(unsafe_code, missing_docs, non_camel_case_types)] // the derives and trait objects of abi_stable expand to these

use std::marker::PhantomData;

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::prefix_type::{PrefixTypeTrait, WithMetadata};
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RNone, ROption, RResult, RSome, RStr, RString, RVec};
use abi_stable::{package_version_strings, staticref};

use super::objects::{BlockingProbeBox, HostBox, LoadBox, ProbeBox, SinkBox, TransportBox};
use super::plugin_side::{self, blocking, load, options, probe, sink, transport};
use super::types::AbiFault;
use super::{ABI_VERSION, inventory};
use crate::{BlockingProbe, Load, Probe, Sink, Transport};

/// The one symbol that a library exports leads here.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRoot_Ref)))]
#[sabi(missing_field(option))]
pub struct PluginRoot {
    pub abi_version: RStr<'static>,
    pub sdk_version: RStr<'static>,
    /// 1 unwind, 0 abort: guards need unwinding.
    pub panic_strategy: u32,
    /// Called where the image is a library of its own, before anything is made: from now on it is
    /// heard through `host` where nothing else of it is. A later host takes the place of the last.
    pub loaded: extern "C" fn(host: HostBox),
    #[sabi(last_prefix_field)]
    pub list: extern "C" fn() -> RVec<Decl_Ref>,
}

/// One plugin. A new kind is one more field at the end.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = Decl_Ref)))]
#[sabi(missing_field(option))]
pub struct Decl {
    pub name: RStr<'static>,
    pub version: RStr<'static>,
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

/// What `plugin!` leaves in the image.
pub struct Submitted(Decl_Ref);

inventory::collect!(Submitted);

/// Version of the crate that calls `plugin!`.
pub trait CrateVersion {
    const TEXT: &'static str;
}

impl Submitted {
    #[must_use]
    pub fn decl(&self) -> Decl_Ref {
        self.0
    }
}

impl RootModule for PluginRoot_Ref {
    abi_stable::declare_root_module_statics! {PluginRoot_Ref}

    const BASE_NAME: &'static str = "rais_plugin";
    const NAME: &'static str = "rais_plugin";
    // Of the ABI, not of the SDK's package.
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("1.0.0");
}

/// The only exported root module: an export per plugin would clash when several are linked.
#[abi_stable::export_root_module]
pub fn root() -> PluginRoot_Ref {
    PluginRoot {
        abi_version: RStr::from_str(ABI_VERSION),
        sdk_version: package_version_strings!().version,
        panic_strategy: u32::from(cfg!(panic = "unwind")),
        loaded: plugin_side::loaded,
        list,
    }
    .leak_into_prefix()
}

/// Every plugin of this image, by name.
pub extern "C" fn list() -> RVec<Decl_Ref> {
    let mut all: Vec<Decl_Ref> =
        inventory::iter::<Submitted>.into_iter().map(Submitted::decl).collect();
    all.sort_by_key(|decl| decl.name().as_str());
    all.into()
}

/// One constant declaration per kind, type and version.
struct Of<T, V>(PhantomData<(T, V)>);

macro_rules! declare {
    ($trait:ident, $constant:ident, $submit:ident, $field:ident, $make:path) => {
        impl<T: $trait, V: CrateVersion + 'static> Of<T, V> {
            staticref!(const $constant: WithMetadata<Decl> = WithMetadata::new(Decl {
                $field: RSome(Make { call: $make }),
                ..Decl::empty(
                    <T as $trait>::NAME,
                    V::TEXT,
                    <T as $trait>::SAMPLE,
                    options::<<T as $trait>::Config>,
                )
            }));
        }

        impl Submitted {
            #[must_use]
            pub const fn $submit<T: $trait, V: CrateVersion + 'static>() -> Self {
                Self(Decl_Ref(Of::<T, V>::$constant.as_prefix()))
            }
        }
    };
}

declare!(Probe, PROBE, probe, probe, probe::make::<T>);
declare!(BlockingProbe, BLOCKING, blocking_probe, blocking_probe, blocking::make::<T>);
declare!(Load, LOAD, load, load, load::make::<T>);
declare!(Sink, SINK, sink, sink, sink::make::<T>);
declare!(Transport, TRANSPORT, transport, transport, transport::make::<T>);

impl Decl {
    const fn empty(
        name: &'static str,
        version: &'static str,
        sample: &'static str,
        options: extern "C" fn() -> RString,
    ) -> Self {
        Self {
            name: RStr::from_str(name),
            version: RStr::from_str(version),
            sample: RStr::from_str(sample),
            options,
            probe: RNone,
            blocking_probe: RNone,
            load: RNone,
            sink: RNone,
            transport: RNone,
        }
    }
}

#[cfg(test)]
mod tests {
    use abi_stable::abi_stability::abi_checking::check_layout_compatibility;

    use super::*;

    /// What a host does before it trusts a library, done with ourselves: the layouts are complete.
    #[test]
    fn the_roots_layout_can_be_checked() {
        let layout = <PluginRoot_Ref as StableAbi>::LAYOUT;
        check_layout_compatibility(layout, layout).unwrap();
        let root = root();
        assert_eq!(root.abi_version().as_str(), ABI_VERSION);
        assert_eq!(root.panic_strategy(), 1);
        let abi = PluginRoot_Ref::VERSION_STRINGS.version.as_str();
        assert_eq!(abi, format!("{ABI_VERSION}.0"));
    }
}
