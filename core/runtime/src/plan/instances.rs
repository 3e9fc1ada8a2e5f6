//! The plugin instances of one configuration, shared where tables are alike.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rais_sdk::Fault as PluginFault;
use serde_json::Value;

use crate::config::{Asked, Call, Config, Fault, PluginTable, Role};
use crate::host::{LoadPort, PluginHost, ProbePort, SinkPort, TransportPort};

/// One instance a table; tables of one type that say the same share it, so that a host has one
/// sampler of its load.
#[derive(Clone, Default)]
pub struct Instances {
    probes: Made<dyn ProbePort>,
    loads: Made<dyn LoadPort>,
    sinks: Named<dyn SinkPort>,
    transports: Named<dyn TransportPort>,
}

/// How long a plugin may take to end.
const ENDING: Duration = Duration::from_millis(500);

/// By type and what the table says.
type Made<T> = BTreeMap<Table, Arc<T>>;
/// By name, with what its table says: two sinks of one type are two.
type Named<T> = BTreeMap<String, (Table, Arc<T>)>;
type Table = (String, String);

/// What makes an instance of one kind.
type Make<'a, T> = dyn Fn(&PluginTable) -> Result<Arc<T>, PluginFault> + 'a;

impl Instances {
    /// Makes every instance that `config` names for the roles `asked`. What `before` has from the same table is taken
    /// over, not made again.
    ///
    /// # Errors
    /// Every table that its plugin refuses, each at the place of the key that is at fault.
    pub fn make(
        host: &PluginHost,
        config: &Config,
        asked: Asked,
        before: &Instances,
    ) -> Result<Instances, Vec<Fault>> {
        let mut made = Instances::default();
        let mut faults = Vec::new();
        let (monitors, binds) =
            (asked != Asked::Only(Role::Binder), asked != Asked::Only(Role::Monitor));
        let services = config.monitor.services.values().filter(|_| monitors);
        for call in services.clone().flat_map(|service| service.probe.calls()) {
            let make: &Make<'_, _> = &|it| host.probe(&it.type_name, &it.rest, it.folder());
            shared(&mut made.probes, &before.probes, call, make, &mut faults);
        }
        for call in services.filter_map(|service| service.load.as_ref()).flat_map(|l| l.calls()) {
            let make: &Make<'_, _> = &|it| host.load(&it.type_name, &it.rest, it.folder());
            shared(&mut made.loads, &before.loads, call, make, &mut faults);
        }
        for (name, sink) in config.sinks.iter().filter(|_| binds) {
            let make: &Make<'_, _> = &|it| host.sink(&it.type_name, &it.rest, it.folder());
            named(&mut made.sinks, &before.sinks, (name, &sink.table), make, &mut faults);
        }
        for (name, transport) in &config.transports {
            let make: &Make<'_, _> = &|it| host.transport(&it.type_name, &it.rest, it.folder());
            let table = (name, &transport.table);
            named(&mut made.transports, &before.transports, table, make, &mut faults);
        }
        if faults.is_empty() { Ok(made) } else { Err(faults) }
    }

    /// The probe of a table that was made.
    pub fn probe(&self, call: &Call) -> Option<Arc<dyn ProbePort>> {
        self.probes.get(&said(&call.table)).cloned()
    }

    /// The load of a table that was made.
    pub fn load(&self, call: &Call) -> Option<Arc<dyn LoadPort>> {
        self.loads.get(&said(&call.table)).cloned()
    }

    /// Every sink, by name.
    pub fn sinks(&self) -> impl Iterator<Item = (&String, &Arc<dyn SinkPort>)> {
        self.sinks.iter().map(|(name, (_, sink))| (name, sink))
    }

    /// Ends the sinks and transports that `others` does not have, without waiting for them.
    pub(crate) fn stop_all_but(self, others: &Instances) {
        for (name, (_, sink)) in self.sinks {
            if others.sinks.get(&name).is_none_or(|(_, other)| !Arc::ptr_eq(other, &sink)) {
                tokio::spawn(async move { sink.stop(ENDING).await });
            }
        }
        for (name, (_, transport)) in self.transports {
            let same = |(_, other): &(Table, _)| Arc::ptr_eq(other, &transport);
            if !others.transports.get(&name).is_some_and(same) {
                tokio::spawn(async move { transport.stop(ENDING).await });
            }
        }
    }

    /// Ends all sinks and transports; whatever they say, they are no longer needed.
    pub(crate) async fn stop(self) {
        for (_, (_, transport)) in self.transports {
            let _ = transport.stop(ENDING).await;
        }
        for (_, (_, sink)) in self.sinks {
            let _ = sink.stop(ENDING).await;
        }
    }

    /// Every transport, by name.
    pub fn transports(&self) -> impl Iterator<Item = (&String, &Arc<dyn TransportPort>)> {
        self.transports.iter().map(|(name, (_, transport))| (name, transport))
    }
}

impl std::fmt::Debug for Instances {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instances")
            .field("probes", &self.probes.keys())
            .field("loads", &self.loads.keys())
            .field("sinks", &self.sinks.keys())
            .field("transports", &self.transports.keys())
            .finish()
    }
}

/// What a table says, in one form: `serde_json` keeps the keys of a map in order. The folder is
/// part of it, as relative paths mean other files in another.
pub(crate) fn said(table: &PluginTable) -> Table {
    let said = Value::Object(table.rest.clone());
    (table.type_name.clone(), format!("{:?} {said}", table.folder()))
}

fn shared<T: ?Sized>(
    made: &mut Made<T>,
    before: &Made<T>,
    call: &Call,
    make: &Make<'_, T>,
    faults: &mut Vec<Fault>,
) {
    let key = said(&call.table);
    if made.contains_key(&key) {
        return;
    }
    match before.get(&key).cloned().map_or_else(|| one(&call.table, make), Ok) {
        Ok(instance) => drop(made.insert(key, instance)),
        Err(fault) => faults.push(fault),
    }
}

fn named<T: ?Sized>(
    made: &mut Named<T>,
    before: &Named<T>,
    (name, table): (&String, &PluginTable),
    make: &Make<'_, T>,
    faults: &mut Vec<Fault>,
) {
    let key = said(table);
    let kept = before.get(name).filter(|(same, _)| same == &key).map(|(_, it)| Arc::clone(it));
    match kept.map_or_else(|| one(table, make), Ok) {
        Ok(instance) => drop(made.insert(name.clone(), (key, instance))),
        Err(fault) => faults.push(fault),
    }
}

fn one<T: ?Sized>(table: &PluginTable, make: &Make<'_, T>) -> Result<Arc<T>, Fault> {
    make(table).map_err(|fault| table.fault(&fault.at, &fault.text))
}
