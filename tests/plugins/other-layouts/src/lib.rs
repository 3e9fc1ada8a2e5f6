//! A library built with the abi_stable before ours: its root module has the same symbol, and its
//! manifest says that it is of ABI 1.0. It must be refused, and nothing in it be called.

use abi_stable::StableAbi;
use abi_stable::export_root_module;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RStr;

const TEXT: &[u8] = b"abi=1.0\nsdk=0.1.0\nrustc=1.95.0\npanic=unwind\n";

#[unsafe(no_mangle)]
pub static rais_plugin_manifest: [u8; 512] = {
    let mut text = [0; 512];
    let mut at = 0;
    while at < TEXT.len() {
        text[at] = TEXT[at];
        at += 1;
    }
    text
};

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = "PluginRoot_Ref")))]
#[sabi(missing_field(option))]
pub struct PluginRoot {
    #[sabi(last_prefix_field)]
    pub abi_version: RStr<'static>,
}

impl RootModule for PluginRoot_Ref {
    abi_stable::declare_root_module_statics! {PluginRoot_Ref}

    const BASE_NAME: &'static str = "rais_plugin";
    const NAME: &'static str = "rais_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

#[export_root_module]
pub fn root() -> PluginRoot_Ref {
    PluginRoot { abi_version: RStr::from_str("1.0") }.leak_into_prefix()
}
