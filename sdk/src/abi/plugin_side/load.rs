//! A [`Load`] behind the boundary.

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RStr};

use super::{HostRef, make_with};
use crate::Load;
use crate::abi::convert::{reading_to_abi, result_to_abi, scope_to_abi, subject_from_abi};
use crate::abi::guard::{Guarded, catch_fault};
use crate::config::parse;
use rais_abi::{AbiFault, AbiReading, AbiSubject};
use rais_abi::{HostBox, LoadBox, LoadObj, LoadObj_TO};

struct LoadAdapter<P> {
    plugin: Guarded<P, HostRef>,
}

pub(crate) extern "C" fn make<P: Load>(
    config: RStr<'_>,
    host: HostBox,
) -> RResult<LoadBox, AbiFault> {
    make_with(config, host, |config, host| {
        let plugin = P::new(parse(config)?)?;
        let adapter = LoadAdapter { plugin: Guarded::new(host, plugin) };
        Ok(LoadObj_TO::from_value(adapter, TD_Opaque))
    })
}

impl<P: Load> LoadObj for LoadAdapter<P> {
    fn scope(&self) -> u32 {
        scope_to_abi(P::SCOPE)
    }

    fn sample(&self, of: AbiSubject) -> RResult<AbiReading, AbiFault> {
        let outcome = catch_fault(|| self.plugin.sample(&subject_from_abi(of)?));
        result_to_abi(outcome, reading_to_abi)
    }
}
