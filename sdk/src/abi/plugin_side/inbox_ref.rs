//! The host's queue as a transport holds it.

use std::sync::Arc;

use abi_stable::std_types::RSlice;

use crate::Datagram;
use crate::abi::convert::addr_to_abi;
use rais_abi::InboxBox;
use rais_abi::{AbiDatagram, BATCH};

/// Shared, because a clone of the object itself is a box.
#[derive(Clone)]
pub(crate) struct InboxRef(Arc<InboxBox>);

impl InboxRef {
    pub(crate) fn new(inbox: InboxBox) -> Self {
        Self(Arc::new(inbox))
    }

    pub(crate) fn deliver(&self, batch: &[Datagram<'_>]) -> usize {
        let mut taken = 0;
        for piece in batch.chunks(BATCH) {
            let mut wire = [AbiDatagram::EMPTY; BATCH];
            for (slot, datagram) in wire.iter_mut().zip(piece) {
                slot.from = addr_to_abi(datagram.from);
                slot.data = RSlice::from_slice(datagram.data);
            }
            let took = self.0.deliver(RSlice::from_slice(&wire[..piece.len()])).min(piece.len());
            taken += took;
            if took < piece.len() {
                break;
            }
        }
        taken
    }

    #[cfg(feature = "abi-next")]
    pub(crate) fn next(&self) -> u32 {
        self.0.next()
    }
}
