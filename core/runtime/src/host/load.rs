//! Built-in loads behind their port.

use std::sync::Arc;
use std::time::Duration;

use rais_sdk::host::LoadObject;
use rais_sdk::{Reading, Scope, Subject};

use super::apart::Apart;
use super::pool::{Pool, Unawaited};
use super::port::{Answer, LoadPort};

/// A load, on its plugin's pool.
pub(super) struct PooledLoad {
    load: Apart<LoadObject>,
    scope: Scope,
    pool: Arc<Pool>,
}

impl PooledLoad {
    pub(super) fn new(load: LoadObject, pool: Arc<Pool>) -> PooledLoad {
        let scope = load.scope();
        PooledLoad { load: Apart::new(pool.plugin(), load), scope, pool }
    }
}

impl LoadPort for PooledLoad {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn sample(&self, of: Subject, limit: Duration) -> Answer<Reading> {
        let load = self.load.clone();
        let of = of.with_timeout(limit);
        self.pool.run(limit, Unawaited::Skip, move || load.sample(&of))
    }
}
