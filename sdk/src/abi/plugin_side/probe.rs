//! A [`Probe`] behind the boundary.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RErr, RResult, RStr};
use async_ffi::{FfiFuture, FutureExt};

use super::{HostRef, make_with};
use crate::abi::convert::{fault_to_abi, result_to_abi, target_from_abi, up_to_abi};
use crate::abi::guard::{Guarded, GuardedFuture, panicked};
use crate::config::parse;
use crate::net::turn;
use crate::{Cx, Probe};
use rais_abi::{AbiCall, AbiFault, AbiUp};
use rais_abi::{HostBox, ProbeBox, ProbeObj, ProbeObj_TO};

struct ProbeAdapter<P> {
    plugin: Guarded<Arc<P>, HostRef>,
}

pub(crate) extern "C" fn make<P: Probe>(
    config: RStr<'_>,
    host: HostBox,
) -> RResult<ProbeBox, AbiFault> {
    make_with(config, host, |config, host| {
        let plugin = Arc::new(P::new(parse(config)?)?);
        let adapter = ProbeAdapter { plugin: Guarded::new(host, plugin) };
        Ok(ProbeObj_TO::from_value(adapter, TD_Opaque))
    })
}

impl<P: Probe> ProbeObj for ProbeAdapter<P> {
    fn start(&self, call: AbiCall) -> FfiFuture<RResult<AbiUp, AbiFault>> {
        let host = self.plugin.report().clone();
        // Guarded here too: where the future is the last to hold the plugin, its destructor must
        // not take the outcome away.
        let plugin = Guarded::new(host.clone(), Arc::clone(&self.plugin));
        let probing = probe(plugin, host.clone(), call);
        GuardedFuture::new(host, probing, |text| RErr(fault_to_abi(panicked(&text)))).into_ffi()
    }

    #[cfg(feature = "abi-next")]
    fn next(&self) -> u32 {
        44
    }
}

/// The author's future against the deadline; the timer is made when it first waits. One future and
/// not two within each other, which would take its memory twice: thousands wait at once.
async fn probe<P: Probe>(
    plugin: Guarded<Arc<P>, HostRef>,
    host: HostRef,
    call: AbiCall,
) -> RResult<AbiUp, AbiFault> {
    let cx = Cx::new(host, call.timeout_ns);
    let target = match target_from_abi(call.target) {
        Ok(target) => target,
        Err(fault) => return RErr(fault_to_abi(fault)),
    };
    let mut probing = pin!(plugin.probe(&cx, &target));
    let mut timer = None;
    let outcome = poll_fn(|task| {
        // First of all: a peer that never stops would be heard for ever.
        if cx.left().is_zero() {
            return Poll::Ready(Err(cx.ended()));
        }
        match turn::take(|| probing.as_mut().poll(task)) {
            Poll::Ready(outcome) => Poll::Ready(outcome.and_then(|up| cx.in_time(up))),
            Poll::Pending => cx.poll_deadline(task, &mut timer).map(Err),
        }
    });
    result_to_abi(outcome.await, up_to_abi)
}
