//! What one linked image offers: the list of its plugins.
#![allow(unsafe_code, missing_docs, non_camel_case_types)] // the derives and trait objects of abi_stable expand to these

use std::marker::PhantomData;

use abi_stable::prefix_type::{PrefixTypeTrait, WithMetadata};
use abi_stable::staticref;
use abi_stable::std_types::{RNone, RSome, RStr, RVec};
use rais_abi::{ABI_VERSION, Decl, Decl_Ref, Make, PluginRoot, PluginRoot_Ref};

use super::inventory;
use super::plugin_side::{self, blocking, load, options, probe, sink, transport};
use crate::{BlockingProbe, Load, Probe, Sink, Transport};

/// What `plugin!` leaves in the image.
pub struct Submitted(Decl_Ref);

inventory::collect!(Submitted);

/// What the crate that calls `plugin!` says of itself.
pub trait CrateVersion {
    const TEXT: &'static str;
    /// What the plugin is, in a line.
    const ABOUT: &'static str = "";
}

impl Submitted {
    #[must_use]
    pub fn decl(&self) -> Decl_Ref {
        self.0
    }
}

/// The only exported root module: an export per plugin would clash when several are linked.
#[abi_stable::export_root_module]
pub fn root() -> PluginRoot_Ref {
    PluginRoot {
        abi_version: RStr::from_str(ABI_VERSION),
        loaded: plugin_side::loaded,
        list,
        #[cfg(feature = "abi-next")]
        next,
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
                name: RStr::from_str(<T as $trait>::NAME),
                version: RStr::from_str(V::TEXT),
                about: RStr::from_str(V::ABOUT),
                sample: RStr::from_str(<T as $trait>::SAMPLE),
                options: options::<<T as $trait>::Config>,
                $field: RSome(Make { call: $make }),
                ..NOTHING
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

/// A plugin that is nothing.
const NOTHING: Decl = Decl {
    name: RStr::empty(),
    version: RStr::empty(),
    about: RStr::empty(),
    sample: RStr::empty(),
    options: options::<crate::NoConfig>,
    probe: RNone,
    blocking_probe: RNone,
    load: RNone,
    sink: RNone,
    transport: RNone,
    #[cfg(feature = "abi-next")]
    next,
    #[cfg(feature = "abi-next")]
    next_kind: RNone,
};

/// What the next version adds, in the tests of two versions that meet.
#[cfg(feature = "abi-next")]
extern "C" fn next() -> u32 {
    42
}

/// A kind that the next version adds, and a plugin that is of this kind alone.
#[cfg(feature = "abi-next")]
mod next_kind {
    use abi_stable::sabi_trait::TD_Opaque;
    use abi_stable::std_types::{ROk, RResult};
    use rais_abi::{AbiFault, HostBox, NextBox, NextObj, NextObj_TO};

    use super::*;

    struct Fresh;

    impl NextObj for Fresh {
        fn next(&self) -> u32 {
            47
        }
    }

    extern "C" fn make(_: RStr<'_>, _: HostBox) -> RResult<NextBox, AbiFault> {
        ROk(NextObj_TO::from_value(Fresh, TD_Opaque))
    }

    impl<V: CrateVersion + 'static> Of<Fresh, V> {
        staticref!(const FRESH: WithMetadata<Decl> = WithMetadata::new(Decl {
            name: RStr::from_str("fresh"),
            version: RStr::from_str(V::TEXT),
            about: RStr::from_str(V::ABOUT),
            next_kind: RSome(Make { call: make }),
            ..NOTHING
        }));
    }

    impl Submitted {
        #[must_use]
        pub const fn fresh<V: CrateVersion + 'static>() -> Self {
            Self(Decl_Ref(Of::<Fresh, V>::FRESH.as_prefix()))
        }
    }
}
