//! The host's end of a transport as an object that the transport calls.

use std::sync::Arc;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::RSlice;

use super::host::Voice;
use crate::Datagram;
use crate::abi::convert::addr_from_abi;
use crate::abi::guard::{Guarded, catch_report};
use crate::host::HostSide;
use rais_abi::{AbiDatagram, BATCH};
use rais_abi::{InboxBox, InboxObj, InboxObj_TO};

/// Where a host takes what a transport received. Called on the transport's threads.
pub trait Receive: Send + Sync + 'static {
    /// Takes datagrams from the start of `batch` and returns how many; the rest is dropped. A batch
    /// has at most 64.
    fn deliver(&self, batch: &[Datagram<'_>]) -> usize;
}

#[derive(Clone)]
struct InboxAdapter(Arc<Guarded<Arc<dyn Receive>, Voice>>);

/// The host's end of a transport as an object that crosses the boundary.
pub(super) fn inbox_box(inbox: Arc<dyn Receive>, host: Arc<dyn HostSide>) -> InboxBox {
    let guarded = Guarded::new(Voice(host), inbox);
    InboxObj_TO::from_value(InboxAdapter(Arc::new(guarded)), TD_Opaque)
}

impl InboxObj for InboxAdapter {
    fn deliver(&self, batch: RSlice<'_, AbiDatagram<'_>>) -> usize {
        let mut taken = 0;
        for piece in batch.as_slice().chunks(BATCH) {
            let mut plain = [Datagram { from: None, data: &[] }; BATCH];
            for (slot, datagram) in plain.iter_mut().zip(piece) {
                *slot = Datagram::new(addr_from_abi(&datagram.from), datagram.data.as_slice());
            }
            let plain = &plain[..piece.len()];
            let took = catch_report(self.0.report(), "deliver", || self.0.deliver(plain));
            let took = took.unwrap_or(0).min(piece.len());
            taken += took;
            if took < piece.len() {
                break;
            }
        }
        taken
    }

    #[cfg(feature = "abi-next")]
    fn next(&self) -> u32 {
        46
    }
}
