//! The plugin instances of one configuration, shared where tables are alike.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rais_sdk::{Fault as PluginFault, FaultKind};
use serde_json::Value;

use super::named_files::NamedFiles;
use crate::config::{Asked, Call, Config, Fault, Kind, PluginTable, Role};
use crate::host::{LatePort, LoadPort, PluginHost, ProbePort, SinkPort, TransportPort};

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
type Made<T> = BTreeMap<Table, One<T>>;
/// By name, with what its table says: two sinks of one type are two.
type Named<T> = BTreeMap<String, (Table, One<T>)>;
type Table = (String, String);

/// An instance, and of which code it is: an upgrade makes another, and so does a change of a file
/// that it has read.
struct One<T: ?Sized> {
    identity: String,
    files: NamedFiles,
    port: Arc<T>,
}

/// What makes an instance of one kind.
type Make<T> = fn(&PluginHost, &PluginTable) -> Result<Arc<T>, PluginFault>;

/// What instances are made of, and what was found on the way.
struct Maker<'a> {
    host: &'a PluginHost,
    config: &'a Config,
    /// Plugins whose `new` did not return.
    hung: BTreeMap<(Kind, String), PluginFault>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Instances {
    /// Makes every instance that `config` names for the roles `asked`. What `before` has from the
    /// same table, the same code and the same files is taken over, once another was made in its place:
    /// what a start would refuse is refused here. With them come the doubts: plugins that did not
    /// start and need not.
    ///
    /// # Errors
    /// Every table that its plugin refuses, each at the place of the key that is at fault.
    pub fn make(
        host: &PluginHost,
        config: &Config,
        asked: Asked,
        before: &Instances,
    ) -> Result<(Instances, Vec<Fault>), Vec<Fault>> {
        let mut made = Instances::default();
        let (hung, faults, warnings) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut maker = Maker { host, config, hung, faults, warnings };
        let (monitors, binds) =
            (asked != Asked::Only(Role::Binder), asked != Asked::Only(Role::Monitor));
        let services = config.monitor.services.values().filter(|_| monitors);
        for call in services.clone().flat_map(|service| service.probe.calls()) {
            let make: Make<_> = |host, it| host.probe(&it.type_name, &it.rest, it.folder());
            maker.shared(&mut made.probes, &before.probes, call, make);
        }
        for call in services.filter_map(|service| service.load.as_ref()).flat_map(|l| l.calls()) {
            let make: Make<_> = |host, it| host.load(&it.type_name, &it.rest, it.folder());
            maker.shared(&mut made.loads, &before.loads, call, make);
        }
        for (name, sink) in config.sinks.iter().filter(|_| binds) {
            let make: Make<_> = |host, it| host.sink(&it.type_name, &it.rest, it.folder());
            maker.named(&mut made.sinks, &before.sinks, (name, &sink.table), make);
        }
        for (name, transport) in &config.transports {
            let make: Make<_> =
                |host, it| host.transport_of(Some(it.name()), &it.type_name, &it.rest, it.folder());
            maker.named(&mut made.transports, &before.transports, (name, &transport.table), make);
        }
        if maker.faults.is_empty() { Ok((made, maker.warnings)) } else { Err(maker.faults) }
    }

    /// The probe of a table that was made.
    pub fn probe(&self, call: &Call) -> Option<Arc<dyn ProbePort>> {
        self.probes.get(&said(&call.table)).map(|one| Arc::clone(&one.port))
    }

    /// The load of a table that was made.
    pub fn load(&self, call: &Call) -> Option<Arc<dyn LoadPort>> {
        self.loads.get(&said(&call.table)).map(|one| Arc::clone(&one.port))
    }

    /// Every sink, by name.
    pub fn sinks(&self) -> impl Iterator<Item = (&String, &Arc<dyn SinkPort>)> {
        self.sinks.iter().map(|(name, (_, sink))| (name, &sink.port))
    }

    /// Ends the sinks that `others` does not have, all at once, and waits for it: what takes the place
    /// of one, under its name or another, must not publish beside it.
    pub(crate) async fn stop_sinks_but(&self, others: &Instances) {
        let gone = self.sinks.iter().filter_map(|(name, (_, one))| {
            let same = |(_, other): &(Table, One<_>)| Arc::ptr_eq(&other.port, &one.port);
            (!others.sinks.get(name).is_some_and(same)).then(|| one.port.stop(ENDING))
        });
        // All are under way before the first is awaited.
        for stopping in gone.collect::<Vec<_>>() {
            let _ = stopping.await;
        }
    }

    /// Ends the transports that `others` does not have, without waiting for them.
    pub(crate) fn stop_transports_but(self, others: &Instances) {
        for (name, (_, One { port: transport, .. })) in self.transports {
            let same = |(_, other): &(Table, One<_>)| Arc::ptr_eq(&other.port, &transport);
            if !others.transports.get(&name).is_some_and(same) {
                tokio::spawn(async move { transport.stop(ENDING).await });
            }
        }
    }

    /// Ends all sinks and transports, all at once; whatever they say, they are no longer needed.
    /// What a sink has started ends by this, and by nothing else.
    pub(crate) async fn stop(self) {
        let sinks = self.sinks.values().map(|(_, one)| one.port.stop(ENDING));
        let transports = self.transports.values().map(|(_, one)| one.port.stop(ENDING));
        // All are under way before the first is awaited.
        for stopping in sinks.chain(transports).collect::<Vec<_>>() {
            let _ = stopping.await;
        }
    }

    /// Every transport, by name.
    pub fn transports(&self) -> impl Iterator<Item = (&String, &Arc<dyn TransportPort>)> {
        self.transports.iter().map(|(name, (_, transport))| (name, &transport.port))
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

impl Maker<'_> {
    fn shared<T: LatePort + ?Sized>(
        &mut self,
        made: &mut Made<T>,
        before: &Made<T>,
        call: &Call,
        make: Make<T>,
    ) {
        let key = said(&call.table);
        if made.contains_key(&key) {
            return;
        }
        if let Some(one) = self.one(&call.table, before.get(&key), make) {
            made.insert(key, one);
        }
    }

    fn named<T: LatePort + ?Sized>(
        &mut self,
        made: &mut Named<T>,
        before: &Named<T>,
        (name, table): (&String, &PluginTable),
        make: Make<T>,
    ) {
        let key = said(table);
        let kept = before.get(name).filter(|(same, _)| same == &key).map(|(_, one)| one);
        if let Some(one) = self.one(table, kept, make) {
            made.insert(name.clone(), (key, one));
        }
    }

    /// The instance of a table: what there was of the same code, or a new one, or what stands in for
    /// it where it may be missing. What there was is judged as a new one is: that its table has not
    /// changed says nothing of the files that the table names.
    fn one<T: LatePort + ?Sized>(
        &mut self,
        table: &PluginTable,
        kept: Option<&One<T>>,
        make: Make<T>,
    ) -> Option<One<T>> {
        let name = table.type_name.as_str();
        let identity = self.host.identity(table.kind, name);
        // Before the plugin reads them: what is written meanwhile is seen at the next reload.
        let files = NamedFiles::of(&table.rest, table.folder());
        let kept = kept.filter(|one| one.identity == identity);
        let key = (table.kind, name.to_owned());
        let fault = match self.hung.get(&key) {
            // Each would take as long, and a reload all of them together.
            Some(fault) => fault.clone(),
            None => match make(self.host, table) {
                Ok(port) => {
                    let same = kept.filter(|one| one.files == files).cloned();
                    return Some(same.unwrap_or(One { identity, files, port }));
                }
                Err(fault) => fault,
            },
        };
        if fault.kind == FaultKind::Timeout {
            self.hung.insert(key, fault.clone());
        }
        let told = table.fault(&fault.at, &fault.text);
        // What its plugin says of a table stands; that there is no plugin may be excused.
        let refuses = fault.kind == FaultKind::Config && self.host.has(table.kind, name);
        let (host, config, again) = (self.host.clone(), self.config.plugins.clone(), table.clone());
        let again =
            Box::new(move || make(&host.configured(&config).map_err(PluginFault::io)?, &again));
        match self.host.stand_in(name, &fault, again).filter(|_| !refuses) {
            Some(port) => {
                self.warnings.push(told.as_doubt());
                if let Some(one) = kept {
                    return Some(one.clone());
                }
                // Where it is there by the next reload, that tries once more.
                let identity = match self.host.has(table.kind, name) {
                    true => String::new(),
                    false => identity,
                };
                Some(One { identity, files, port })
            }
            None => {
                self.faults.push(told);
                None
            }
        }
    }
}

impl<T: ?Sized> Clone for One<T> {
    fn clone(&self) -> One<T> {
        let (identity, files) = (self.identity.clone(), self.files.clone());
        One { identity, files, port: Arc::clone(&self.port) }
    }
}

#[cfg(test)]
mod tests;
