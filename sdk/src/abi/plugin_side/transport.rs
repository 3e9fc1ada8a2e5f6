//! A [`Transport`] behind the boundary.

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice, RStr};

use super::{HostRef, InboxRef, make_with};
use crate::abi::convert::result_to_abi;
use crate::abi::guard::{Guarded, catch_fault, catch_report};
use crate::config::parse;
use crate::{Host, Inbox, Transport};
use rais_abi::AbiFault;
use rais_abi::{HostBox, InboxBox, TransportBox, TransportObj, TransportObj_TO};

struct TransportAdapter<P> {
    plugin: Guarded<P, HostRef>,
}

pub(crate) extern "C" fn make<P: Transport>(
    config: RStr<'_>,
    host: HostBox,
) -> RResult<TransportBox, AbiFault> {
    make_with(config, host, |config, host| {
        let plugin = P::new(parse(config)?, Host::new(host.clone()))?;
        let adapter = TransportAdapter { plugin: Guarded::new(host, plugin) };
        Ok(TransportObj_TO::from_value(adapter, TD_Opaque))
    })
}

impl<P: Transport> TransportObj for TransportAdapter<P> {
    fn start(&self, inbox: InboxBox) -> RResult<(), AbiFault> {
        let inbox = Inbox::new(InboxRef::new(inbox));
        result_to_abi(catch_fault(|| self.plugin.start(inbox)), |()| ())
    }

    fn send(&self, data: RSlice<'_, u8>) -> RResult<(), AbiFault> {
        result_to_abi(catch_fault(|| self.plugin.send(data.as_slice())), |()| ())
    }

    fn stop(&self) {
        catch_report(self.plugin.report(), "stop", || self.plugin.stop());
    }
}
