//! Which zones each sink has, as it was told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rais_sdk::Fault as PluginFault;
use tracing::error;

use crate::convert::describe;
use crate::host::SinkPort;

/// How long a sink may take to begin.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one may take to end that is not needed after all.
const ENDING: Duration = Duration::from_millis(500);

/// Sinks by name, each with its zones.
pub type Assigned = BTreeMap<String, Assignment>;

/// A sink and its zones.
#[derive(Clone)]
pub struct Assignment {
    /// The plugin.
    pub port: Arc<dyn SinkPort>,
    /// By name, without the last dot.
    pub zones: Arc<[String]>,
}

/// The sinks that have begun.
#[derive(Default)]
pub struct Assignments(Assigned);

/// Sinks that have begun beside those that run.
#[must_use = "they are kept or ended"]
pub struct Beginning(Assigned);

impl Assignments {
    /// Has those of `wanted` begin that have not yet.
    ///
    /// # Errors
    /// The name and fault of one that cannot; those before it have ended again.
    pub async fn begin(&self, wanted: &Assigned) -> Result<Beginning, (String, PluginFault)> {
        let mut begun = Beginning(BTreeMap::new());
        for (name, its) in wanted {
            if self.0.get(name).is_some_and(|has| Arc::ptr_eq(&has.port, &its.port)) {
                continue;
            }
            let outcome = its.port.assign(Arc::clone(&its.zones), PATIENCE).await;
            // Also one that fails is ended: it may still be at it.
            begun.0.insert(name.clone(), its.clone());
            if let Err(fault) = outcome {
                begun.end().await;
                return Err((name.clone(), fault));
            }
        }
        Ok(begun)
    }

    /// Takes in what has `begun`, tells the others where their zones are not what they were, all at
    /// once, and forgets those that are not `wanted`. Those that lose zones publish them no more
    /// when this returns.
    pub async fn follow(&mut self, wanted: Assigned, begun: Beginning) {
        let changed = wanted.iter().filter(|(name, its)| {
            let told = begun.0.contains_key(*name);
            !told && self.0.get(*name).is_none_or(|has| has.zones != its.zones)
        });
        let taking = changed
            .map(|(name, its)| (name, its.port.assign(Arc::clone(&its.zones), PATIENCE)))
            .collect::<Vec<_>>();
        // All are under way before the first is awaited.
        for (name, taking) in taking {
            if let Err(fault) = taking.await {
                error!(sink = %name, "does not take its zones: {}", describe(&fault));
            }
        }
        self.0 = wanted;
    }
}

impl Beginning {
    /// Ends them again.
    pub async fn end(self) {
        for its in self.0.into_values() {
            // It goes either way.
            let _ = its.port.stop(ENDING).await;
        }
    }
}

#[cfg(test)]
mod tests;
