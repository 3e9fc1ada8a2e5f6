//! A [`BlockingProbe`] behind the boundary.

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RStr};

use super::{HostRef, make_with};
use crate::abi::convert::{result_to_abi, target_from_abi, up_to_abi};
use crate::abi::guard::{Guarded, catch_fault};
use crate::config::parse;
use crate::{BlockingProbe, Cx};
use rais_abi::{AbiCall, AbiFault, AbiUp};
use rais_abi::{BlockingProbeBox, BlockingProbeObj, BlockingProbeObj_TO, HostBox};

struct BlockingProbeAdapter<P> {
    plugin: Guarded<P, HostRef>,
}

pub(crate) extern "C" fn make<P: BlockingProbe>(
    config: RStr<'_>,
    host: HostBox,
) -> RResult<BlockingProbeBox, AbiFault> {
    make_with(config, host, |config, host| {
        let plugin = P::new(parse(config)?)?;
        let adapter = BlockingProbeAdapter { plugin: Guarded::new(host, plugin) };
        Ok(BlockingProbeObj_TO::from_value(adapter, TD_Opaque))
    })
}

impl<P: BlockingProbe> BlockingProbeObj for BlockingProbeAdapter<P> {
    fn run(&self, call: AbiCall) -> RResult<AbiUp, AbiFault> {
        let outcome = catch_fault(|| {
            let cx = Cx::new(self.plugin.report().clone(), call.timeout_ns);
            let target = target_from_abi(call.target)?;
            let up = self.plugin.probe(&cx, &target)?;
            // Nothing can end the call from outside.
            cx.in_time(up)
        });
        result_to_abi(outcome, up_to_abi)
    }
}
