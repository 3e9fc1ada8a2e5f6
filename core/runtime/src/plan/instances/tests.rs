//! Ports whose stops return only when as many are under way as a test expects.

use std::sync::Mutex;

use rais_sdk::Served;
use rais_sdk::host::Receive;
use tokio::sync::Barrier;

use super::*;
use crate::host::{Answer, Publication};

/// A sink or a transport.
struct Fake {
    name: String,
    stopping: Arc<Barrier>,
    stopped: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn stopped(&self) -> Answer<()> {
        let (stopping, stopped) = (Arc::clone(&self.stopping), Arc::clone(&self.stopped));
        let name = self.name.clone();
        // As with a real one it is under way whether it is awaited or not.
        let task = tokio::spawn(async move {
            stopping.wait().await;
            stopped.lock().unwrap().push(name);
        });
        Box::pin(async { task.await.map_err(PluginFault::io) })
    }
}

fn fine<T: Send + 'static>(value: T) -> Answer<T> {
    Box::pin(async { Ok(value) })
}

impl SinkPort for Fake {
    fn assign(&self, _: Arc<[String]>, _: Duration) -> Answer<()> {
        fine(())
    }

    fn publish(&self, _: Arc<Publication>, _: Duration) -> Answer<u32> {
        fine(0)
    }

    fn served(&self, _: &str, _: Duration) -> Answer<Option<Served>> {
        fine(None)
    }

    fn stop(&self, _: Duration) -> Answer<()> {
        self.stopped()
    }
}

impl TransportPort for Fake {
    fn start(&self, _: Arc<dyn Receive>, _: Duration) -> Answer<()> {
        fine(())
    }

    fn send(&self, _: Arc<[u8]>) -> Answer<()> {
        fine(())
    }

    fn stop(&self, _: Duration) -> Answer<()> {
        self.stopped()
    }
}

/// Makes fakes that end together, so many at a time.
struct Stage {
    stopping: Arc<Barrier>,
    stopped: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    fn of(at_once: usize) -> Stage {
        Stage { stopping: Arc::new(Barrier::new(at_once)), stopped: Arc::default() }
    }

    fn fake(&self, name: &str) -> Arc<Fake> {
        let (stopping, stopped) = (Arc::clone(&self.stopping), Arc::clone(&self.stopped));
        Arc::new(Fake { name: name.to_owned(), stopping, stopped })
    }

    /// Their names, in order.
    fn stopped(&self) -> Vec<String> {
        let mut stopped = self.stopped.lock().unwrap().clone();
        stopped.sort();
        stopped
    }
}

fn named<T: ?Sized>(ports: &[(&str, &Arc<T>)]) -> Named<T> {
    let one = |&(name, port): &(&str, &Arc<T>)| {
        let one =
            One { identity: String::new(), port: Arc::clone(port), files: NamedFiles::default() };
        (name.to_owned(), (Table::default(), one))
    };
    ports.iter().map(one).collect()
}

/// Does `stopping`, which never ends where one stop waits for another.
async fn soon(stopping: impl Future<Output = ()>) {
    let limit = Duration::from_secs(3600);
    tokio::time::timeout(limit, stopping).await.expect("one waits for another");
}

#[tokio::test(start_paused = true)]
async fn at_the_end_all_are_stopped_at_once() {
    let stage = Stage::of(4);
    let sinks = ["a", "b", "c"].map(|name| (name, stage.fake(name) as Arc<dyn SinkPort>));
    let transport: Arc<dyn TransportPort> = stage.fake("t");
    let instances = Instances {
        sinks: named(&sinks.each_ref().map(|(name, sink)| (*name, sink))),
        transports: named(&[("t", &transport)]),
        ..Instances::default()
    };
    soon(instances.stop()).await;
    assert_eq!(stage.stopped(), ["a", "b", "c", "t"]);
}

#[tokio::test(start_paused = true)]
async fn before_others_publish_those_that_are_gone_have_ended() {
    let stage = Stage::of(2);
    let [stays, replaced, renamed, new, other] = ["stays", "replaced", "renamed", "new", "other"]
        .map(|name| stage.fake(name) as Arc<dyn SinkPort>);
    let sinks = |ports: &[(&str, &Arc<dyn SinkPort>)]| Instances {
        sinks: named(ports),
        ..Instances::default()
    };
    let before = sinks(&[("stays", &stays), ("replaced", &replaced), ("renamed", &renamed)]);
    let after = sinks(&[("stays", &stays), ("replaced", &new), ("another-name", &other)]);
    soon(before.stop_sinks_but(&after)).await;
    assert_eq!(stage.stopped(), ["renamed", "replaced"]);
}
