//! The plugin's end: what the host calls, and the host as the plugin holds it.

pub(crate) mod blocking;
pub(crate) mod load;
pub(crate) mod probe;
pub(crate) mod sink;
pub(crate) mod transport;

mod host_ref;
mod inbox_ref;
mod loaded;

pub(crate) use host_ref::{HostRef, Source, Timer};
pub(crate) use inbox_ref::InboxRef;
pub(crate) use loaded::loaded;

use abi_stable::std_types::{RErr, ROk, RResult, RStr, RString};

use super::convert::fault_to_abi;
use super::guard::{catch, catch_fault};
use crate::{Describe, Fault};
use rais_abi::AbiFault;
use rais_abi::HostBox;

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

/// What may be written in a plugin's table, as a list in JSON; where the author's part panics, what
/// it said, as a string.
pub(crate) extern "C" fn options<C: Describe>() -> RString {
    let json = match catch(C::options) {
        Ok(options) => serde_json::to_string(&options),
        Err(text) => serde_json::to_string(&text),
    };
    json.unwrap_or_else(|_| "[]".to_owned()).into()
}
