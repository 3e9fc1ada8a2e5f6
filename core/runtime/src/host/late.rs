//! Ports of plugins that did not start: `on_startup_error = "retry"` or `"ignore"`.
//!
//! They answer at once that the plugin is not there. One that is tried again takes its plugin in as
//! soon as there is one.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use rais_sdk::host::Receive;
use rais_sdk::{Fault, FaultKind, Reading, Scope, Served, Subject, Target, Up};
use tokio::runtime::Handle;
use tokio::time::sleep;
use tracing::{info, warn};

use super::port::{Answer, LoadPort, ProbePort, Publication, SinkPort, TransportPort};

/// Before the first new try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// For a transport to begin to receive, and for a sink to take its zones.
const STARTING: Duration = Duration::from_secs(5);

/// A port whose plugin may come later.
pub(crate) struct Late<T: ?Sized> {
    plugin: String,
    port: OnceLock<Arc<T>>,
    why: Mutex<String>,
    /// Where the beats of a transport go that was started before it was there.
    inbox: Mutex<Option<Arc<dyn Receive>>>,
    /// The zones of a sink that it was told of before it was there.
    zones: Mutex<Option<Arc<[String]>>>,
}

/// A kind of port that can be late.
pub(crate) trait LatePort: Send + Sync + 'static {
    /// `late` as what its callers know.
    fn of(late: Arc<Late<Self>>) -> Arc<Self>;

    /// Does to a port that has come what was asked of it before.
    fn catch_up(&self, late: &Late<Self>, runtime: &Handle);
}

/// Makes the instance that did not start.
pub(crate) type Again<T> = Box<dyn Fn() -> Result<Arc<T>, Fault> + Send + Sync>;

impl<T: LatePort + ?Sized> Late<T> {
    /// One that stays away.
    pub(super) fn never(plugin: &str, why: &Fault) -> Arc<T> {
        T::of(Late::new(plugin, why))
    }

    /// One that is tried `again` on `runtime`, as long as somebody holds it.
    pub(super) fn retried(plugin: &str, why: &Fault, again: Again<T>, runtime: &Handle) -> Arc<T> {
        let late = Late::new(plugin, why);
        runtime.spawn(retry(Arc::downgrade(&late), Arc::new(again), runtime.clone()));
        T::of(late)
    }

    fn new(plugin: &str, why: &Fault) -> Arc<Late<T>> {
        Arc::new(Late {
            plugin: plugin.to_owned(),
            port: OnceLock::new(),
            why: Mutex::new(why.text.clone()),
            inbox: Mutex::default(),
            zones: Mutex::default(),
        })
    }

    fn absent<A: Send + 'static>(&self, kind: FaultKind) -> Answer<A> {
        let text = format!("`{}` did not start: {}", self.plugin, lock(&self.why));
        Box::pin(async move { Err(Fault::new(kind, text)) })
    }
}

async fn retry<T: LatePort + ?Sized>(late: Weak<Late<T>>, again: Arc<Again<T>>, runtime: Handle) {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        if late.strong_count() == 0 {
            return;
        }
        // An author's `new` may take its time.
        let making = Arc::clone(&again);
        let made = tokio::task::spawn_blocking(move || making()).await;
        let Some(late) = late.upgrade() else { return };
        let plugin = late.plugin.as_str();
        match made {
            Ok(Ok(port)) => {
                // First: from now on whoever asks is answered by it.
                let port = late.port.get_or_init(|| port);
                port.catch_up(&late, &runtime);
                info!(target: "plugin", plugin, "has started at last");
                return;
            }
            Ok(Err(fault)) => {
                warn!(target: "plugin", plugin, "does not start: {}; next try in {pause:?}", fault.text);
                *lock(&late.why) = fault.text;
            }
            Err(error) => warn!(target: "plugin", plugin, "the try itself failed: {error}"),
        }
    }
}

impl LatePort for dyn ProbePort {
    fn of(late: Arc<Late<Self>>) -> Arc<Self> {
        late
    }

    fn catch_up(&self, _: &Late<Self>, _: &Handle) {}
}

impl LatePort for dyn LoadPort {
    fn of(late: Arc<Late<Self>>) -> Arc<Self> {
        late
    }

    fn catch_up(&self, _: &Late<Self>, _: &Handle) {}
}

impl LatePort for dyn SinkPort {
    fn of(late: Arc<Late<Self>>) -> Arc<Self> {
        late
    }

    fn catch_up(&self, late: &Late<Self>, runtime: &Handle) {
        let Some(zones) = lock(&late.zones).take() else { return };
        let (taking, plugin) = (self.assign(zones, STARTING), late.plugin.clone());
        runtime.spawn(async move {
            if let Err(fault) = taking.await {
                warn!(target: "plugin", plugin, "cannot work: {}", fault.text);
            }
        });
    }
}

impl LatePort for dyn TransportPort {
    fn of(late: Arc<Late<Self>>) -> Arc<Self> {
        late
    }

    fn catch_up(&self, late: &Late<Self>, runtime: &Handle) {
        let Some(inbox) = lock(&late.inbox).take() else { return };
        let (starting, plugin) = (self.start(inbox, STARTING), late.plugin.clone());
        runtime.spawn(async move {
            if let Err(fault) = starting.await {
                warn!(target: "plugin", plugin, "does not receive: {}", fault.text);
            }
        });
    }
}

impl ProbePort for Late<dyn ProbePort> {
    fn probe(&self, target: Target, timeout: Duration) -> Answer<Up> {
        match self.port.get() {
            Some(port) => port.probe(target, timeout),
            None => self.absent(FaultKind::Unknown),
        }
    }
}

impl LoadPort for Late<dyn LoadPort> {
    /// Until it is known each target's is asked for, which is never wrong.
    fn scope(&self) -> Scope {
        self.port.get().map_or(Scope::Target, |port| port.scope())
    }

    fn sample(&self, of: Subject, limit: Duration) -> Answer<Reading> {
        match self.port.get() {
            Some(port) => port.sample(of, limit),
            None => self.absent(FaultKind::Unknown),
        }
    }
}

impl SinkPort for Late<dyn SinkPort> {
    /// The others go on without it, so that it is not there is no fault.
    fn assign(&self, zones: Arc<[String]>, limit: Duration) -> Answer<()> {
        let mut kept = lock(&self.zones);
        match self.port.get() {
            Some(port) => port.assign(zones, limit),
            None => {
                *kept = Some(zones);
                Box::pin(async { Ok(()) })
            }
        }
    }

    fn publish(&self, what: Arc<Publication>, limit: Duration) -> Answer<u32> {
        match self.port.get() {
            Some(port) => port.publish(what, limit),
            None => self.absent(FaultKind::Io),
        }
    }

    fn served(&self, zone: &str, limit: Duration) -> Answer<Option<Served>> {
        match self.port.get() {
            Some(port) => port.served(zone, limit),
            None => self.absent(FaultKind::Io),
        }
    }

    fn stop(&self, limit: Duration) -> Answer<()> {
        match self.port.get() {
            Some(port) => port.stop(limit),
            None => Box::pin(async { Ok(()) }),
        }
    }
}

impl TransportPort for Late<dyn TransportPort> {
    /// The others go on without it, so that it is not there is no fault.
    fn start(&self, inbox: Arc<dyn Receive>, limit: Duration) -> Answer<()> {
        let mut kept = lock(&self.inbox);
        match self.port.get() {
            Some(port) => port.start(inbox, limit),
            None => {
                *kept = Some(inbox);
                Box::pin(async { Ok(()) })
            }
        }
    }

    fn send(&self, datagram: Arc<[u8]>) -> Answer<()> {
        match self.port.get() {
            Some(port) => port.send(datagram),
            None => self.absent(FaultKind::Io),
        }
    }

    fn stop(&self, limit: Duration) -> Answer<()> {
        lock(&self.inbox).take();
        match self.port.get() {
            Some(port) => port.stop(limit),
            None => Box::pin(async { Ok(()) }),
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rais_sdk::Datagram;
    use tokio::time::Instant;

    use super::*;

    struct Always;

    impl ProbePort for Always {
        fn probe(&self, _: Target, timeout: Duration) -> Answer<Up> {
            Box::pin(async move { Ok(Up::new(timeout)) })
        }
    }

    impl TransportPort for Always {
        fn start(&self, inbox: Arc<dyn Receive>, _: Duration) -> Answer<()> {
            inbox.deliver(&[Datagram::new(None, b"started")]);
            Box::pin(async { Ok(()) })
        }

        fn send(&self, _: Arc<[u8]>) -> Answer<()> {
            Box::pin(async { Ok(()) })
        }

        fn stop(&self, _: Duration) -> Answer<()> {
            Box::pin(async { Ok(()) })
        }
    }

    fn target() -> Target {
        Target::new(SocketAddr::from(([127, 0, 0, 1], 9)), "web1", "http")
    }

    fn why() -> Fault {
        Fault::io("no such file")
    }

    /// Fails so many times first.
    fn after<T: LatePort + ?Sized>(failures: usize, port: Arc<T>) -> (Again<T>, Arc<AtomicUsize>) {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let again = move || match counted.fetch_add(1, Ordering::SeqCst) {
            tried if tried < failures => Err(Fault::io(format!("not yet: {tried}"))),
            _ => Ok(Arc::clone(&port)),
        };
        (Box::new(again), tries)
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_ignored_never_comes_and_nobody_is_down_for_it() {
        let probe: Arc<dyn ProbePort> = Late::never("redis", &why());
        let fault = probe.probe(target(), Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unknown);
        assert_eq!(fault.text, "`redis` did not start: no such file");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_tried_again_comes_after_pauses_that_double() {
        let (again, tries) = after(2, Arc::new(Always) as Arc<dyn ProbePort>);
        let begun = Instant::now();
        let probe = Late::retried("redis", &why(), again, &Handle::current());
        let mut told = Vec::new();
        while let Err(fault) = probe.probe(target(), Duration::from_secs(1)).await {
            if told.last() != Some(&fault.text) {
                told.push(fault.text);
            }
            sleep(Duration::from_millis(10)).await;
        }
        let says = |why: &str| format!("`redis` did not start: {why}");
        assert_eq!(told, [says("no such file"), says("not yet: 0"), says("not yet: 1")]);
        assert_eq!(begun.elapsed().as_secs(), 1 + 2 + 4);
        assert_eq!(tries.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_tries_for_one_that_nobody_holds() {
        let (again, tries) = after(usize::MAX, Arc::new(Always) as Arc<dyn ProbePort>);
        drop(Late::retried("redis", &why(), again, &Handle::current()));
        sleep(Duration::from_secs(600)).await;
        assert_eq!(tries.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transport_receives_as_soon_as_it_is_there() {
        let (again, _) = after(1, Arc::new(Always) as Arc<dyn TransportPort>);
        let transport = Late::retried("nats", &why(), again, &Handle::current());
        let (queue, mut arrived) = crate::host::inbox(4);
        transport.start(queue.of("bus"), Duration::from_secs(1)).await.unwrap();
        transport.send(Arc::from(&b"beat"[..])).await.unwrap_err();
        assert_eq!(&*arrived.recv().await.unwrap().data, b"started");
        transport.send(Arc::from(&b"beat"[..])).await.unwrap();
    }
}
