//! The plugin's end: what the host calls, and the host as the plugin holds it.

pub(crate) mod blocking;
pub(crate) mod load;
pub(crate) mod probe;
pub(crate) mod sink;
pub(crate) mod transport;

mod host_ref;
mod inbox_ref;

pub(crate) use host_ref::{HostRef, Source, Timer};
pub(crate) use inbox_ref::InboxRef;

use abi_stable::std_types::{RErr, ROk, RResult, RStr};

use super::convert::fault_to_abi;
use super::guard::catch_fault;
use super::objects::HostBox;
use super::types::AbiFault;
use crate::Fault;

/// The body of every `make`: nothing of the author's runs outside the guard.
fn make_with<T>(
    config: RStr<'_>,
    host: HostBox,
    make: impl FnOnce(&str, HostRef) -> Result<T, Fault>,
) -> RResult<T, AbiFault> {
    let host = HostRef::new(host);
    match catch_fault(|| make(config.as_str(), host)) {
        Ok(object) => ROk(object),
        Err(fault) => RErr(fault_to_abi(fault)),
    }
}
