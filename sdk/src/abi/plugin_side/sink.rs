//! A [`Sink`] behind the boundary.

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RStr, RString};

use super::{HostRef, make_with};
use crate::abi::convert::{records_are_sound, result_to_abi};
use crate::abi::guard::{Guarded, catch_fault, catch_report};
use crate::config::parse;
use crate::zone::{Assignment, Rows};
use crate::{Fault, Host, Sink, Zone, ZoneHead};
use rais_abi::{AbiFault, AbiZone};
use rais_abi::{HostBox, SinkBox, SinkObj, SinkObj_TO};

struct SinkAdapter<P> {
    plugin: Guarded<P, HostRef>,
}

pub(crate) extern "C" fn make<P: Sink>(
    config: RStr<'_>,
    host: HostBox,
) -> RResult<SinkBox, AbiFault> {
    make_with(config, host, |config, host| {
        let plugin = P::new(parse(config)?, Host::new(host.clone()))?;
        let adapter = SinkAdapter { plugin: Guarded::new(host, plugin) };
        Ok(SinkObj_TO::from_value(adapter, TD_Opaque))
    })
}

impl<P: Sink> SinkObj for SinkAdapter<P> {
    fn assign(&self, zones: RStr<'_>) -> RResult<(), AbiFault> {
        let outcome = catch_fault(|| {
            let assignment: Assignment<'_> = serde_json::from_str(zones.as_str())
                .map_err(|e| Fault::unknown(format!("the host's assignment of zones: {e}")))?;
            let zones: Vec<&str> = assignment.zones.iter().map(AsRef::as_ref).collect();
            self.plugin.assign(&zones)
        });
        result_to_abi(outcome, |()| ())
    }

    fn publish(&self, zone: AbiZone<'_>) -> RResult<u32, AbiFault> {
        let outcome = catch_fault(|| self.plugin.publish(&zone_from_abi(&zone)?));
        result_to_abi(outcome, |serial| serial)
    }

    fn served(&self, zone: RStr<'_>) -> RResult<RString, AbiFault> {
        let outcome = catch_fault(|| {
            let served = self.plugin.served(zone.as_str())?;
            serde_json::to_string(&served).map_err(Fault::io)
        });
        result_to_abi(outcome, RString::from)
    }

    fn stop(&self) {
        catch_report(self.plugin.report(), "stop", || self.plugin.stop());
    }

    #[cfg(feature = "abi-next")]
    fn next(&self) -> u32 {
        45
    }
}

fn zone_from_abi<'a>(zone: &AbiZone<'a>) -> Result<Zone<'a>, Fault> {
    let head: ZoneHead = serde_json::from_str(zone.head.as_str())
        .map_err(|e| Fault::unknown(format!("the host's zone head: {e}")))?;
    let rows = [zone.records.as_slice(), zone.added.as_slice(), zone.removed.as_slice()];
    let sound = |rows: &[_]| records_are_sound(rows, head.owners.len());
    if !rows.iter().copied().all(sound) {
        return Err(Fault::unknown(
            "a record from the host has an owner or an address family that its head does not know",
        ));
    }
    Ok(Zone::from_rows(zone.name.as_str(), head, rows.map(Rows::Wire)))
}
