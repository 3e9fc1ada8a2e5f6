//! Transports that want one address, taken and given back.

use std::collections::BTreeSet;
use std::future::{pending, ready};

use rais_sdk::Datagram;
use rais_sdk::host::Receive;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::host::{Answer, Arrived, inbox};

/// Who has which address, as a system keeps it.
#[derive(Default)]
struct Net {
    taken: Mutex<BTreeMap<u16, &'static str>>,
    stopped: Mutex<BTreeSet<&'static str>>,
}

/// Receives at one address alone.
struct Fake {
    who: &'static str,
    address: u16,
    way: Way,
    net: Arc<Net>,
    inbox: Mutex<Option<Arc<dyn Receive>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Sound,
    /// Refuses its table only when it is started.
    Refuses,
    Hangs,
    /// Once it gives its address back, somebody else has it.
    Robbed,
}

impl TransportPort for Fake {
    fn start(&self, inbox: Arc<dyn Receive>, limit: Duration) -> Answer<()> {
        let mut taken = self.net.taken.lock().unwrap();
        if let Some(other) = taken.get(&self.address) {
            let fault = PluginFault::io(format!("{other} has {}", self.address));
            return Box::pin(ready(Err(fault)));
        }
        match self.way {
            Way::Sound | Way::Robbed => {
                taken.insert(self.address, self.who);
                *self.inbox.lock().unwrap() = Some(inbox);
                Box::pin(ready(Ok(())))
            }
            Way::Refuses => Box::pin(ready(Err(PluginFault::config("listen", "missing")))),
            Way::Hangs => {
                taken.insert(self.address, self.who);
                Box::pin(async move {
                    tokio::time::timeout(limit, pending::<()>()).await.unwrap_err();
                    Err(PluginFault::timeout("", "not returned"))
                })
            }
        }
    }

    fn send(&self, _: Arc<[u8]>) -> Answer<()> {
        Box::pin(ready(Ok(())))
    }

    fn stop(&self, _: Duration) -> Answer<()> {
        let mut taken = self.net.taken.lock().unwrap();
        let had = taken.get(&self.address) == Some(&self.who);
        taken.retain(|_, who| *who != self.who);
        if had && self.way == Way::Robbed {
            taken.insert(self.address, "thief");
        }
        self.net.stopped.lock().unwrap().insert(self.who);
        *self.inbox.lock().unwrap() = None;
        Box::pin(ready(Ok(())))
    }
}

impl Net {
    fn fake(self: &Arc<Net>, who: &'static str, address: u16, way: Way) -> Arc<Fake> {
        let net = Arc::clone(self);
        Arc::new(Fake { who, address, way, net, inbox: Mutex::default() })
    }

    fn taken(&self) -> Vec<(u16, &'static str)> {
        self.taken.lock().unwrap().iter().map(|(&address, &who)| (address, who)).collect()
    }

    fn stopped(&self) -> Vec<&'static str> {
        self.stopped.lock().unwrap().iter().copied().collect()
    }
}

/// Receivers and the queue that they fill.
struct Stage {
    receivers: Receivers,
    queue: Queue,
    arrived: mpsc::Receiver<Arrived>,
}

impl Stage {
    fn new() -> Stage {
        let (queue, arrived) = inbox(16);
        Stage { receivers: Receivers::default(), queue, arrived }
    }

    /// As a reload does it.
    async fn apply(&self, transports: &[(&str, &Arc<Fake>)]) -> Result<(), (String, PluginFault)> {
        let table: BTreeMap<String, Arc<dyn TransportPort>> = transports
            .iter()
            .map(|(name, port)| ((*name).to_owned(), Arc::clone(port) as Arc<dyn TransportPort>))
            .collect();
        self.receivers.start(table.iter(), &self.queue).await?;
        self.receivers.keep(table.keys()).await;
        Ok(())
    }

    /// What comes in by `fake` is queued, by this name.
    #[track_caller]
    fn hears(&mut self, fake: &Fake, name: &str) {
        let inbox = fake.inbox.lock().unwrap().clone().expect("it receives");
        assert_eq!(inbox.deliver(&[Datagram::new(None, b"beat")]), 1);
        assert_eq!(&*self.arrived.try_recv().unwrap().transport, name);
    }
}

#[tokio::test]
async fn a_new_instance_takes_over_the_address_of_the_old_one() {
    let (net, mut stage) = (Arc::new(Net::default()), Stage::new());
    let old = net.fake("old", 5369, Way::Sound);
    stage.apply(&[("lan", &old)]).await.unwrap();
    let new = net.fake("new", 5369, Way::Sound);
    stage.apply(&[("lan", &new)]).await.unwrap();
    stage.hears(&new, "lan");
    // By another name it is another's all the same.
    let renamed = net.fake("renamed", 5369, Way::Sound);
    stage.apply(&[("wan", &renamed)]).await.unwrap();
    stage.hears(&renamed, "wan");
    assert_eq!(net.taken(), [(5369, "renamed")]);
    // The same again starts nothing: its address would be taken.
    stage.apply(&[("wan", &renamed)]).await.unwrap();
    stage.hears(&renamed, "wan");
}

#[tokio::test]
async fn two_may_exchange_their_addresses() {
    let (net, mut stage) = (Arc::new(Net::default()), Stage::new());
    let (a, b) = (net.fake("a", 1, Way::Sound), net.fake("b", 2, Way::Sound));
    stage.apply(&[("a", &a), ("b", &b)]).await.unwrap();
    let (c, d) = (net.fake("c", 2, Way::Sound), net.fake("d", 1, Way::Sound));
    stage.apply(&[("a", &c), ("b", &d)]).await.unwrap();
    assert_eq!(net.taken(), [(1, "d"), (2, "c")]);
    stage.hears(&c, "a");
    stage.hears(&d, "b");
}

#[tokio::test]
async fn an_address_of_somebody_else_is_refused_and_the_old_ones_receive_again() {
    let (net, mut stage) = (Arc::new(Net::default()), Stage::new());
    net.taken.lock().unwrap().insert(9, "somebody");
    let (old, stays) = (net.fake("old", 1, Way::Sound), net.fake("stays", 2, Way::Sound));
    stage.apply(&[("lan", &old), ("stays", &stays)]).await.unwrap();
    // The first takes the old one's address before the second is refused.
    let (fits, new) = (net.fake("fits", 1, Way::Sound), net.fake("new", 9, Way::Sound));
    let table = [("fits", &fits), ("lan", &new), ("stays", &stays)];
    let (name, fault) = stage.apply(&table).await.unwrap_err();
    assert_eq!((name.as_str(), fault.text.as_str()), ("lan", "somebody has 9"));
    assert_eq!(net.taken(), [(1, "old"), (2, "stays"), (9, "somebody")]);
    stage.hears(&old, "lan");
    stage.hears(&stays, "stays");
    assert!(!net.stopped().contains(&"stays"));
    // Once it is free, the same reload passes.
    net.taken.lock().unwrap().remove(&9);
    stage.apply(&table).await.unwrap();
    assert_eq!(net.taken(), [(1, "fits"), (2, "stays"), (9, "new")]);
}

#[tokio::test]
async fn a_fault_of_the_table_ends_nobody() {
    let (net, mut stage) = (Arc::new(Net::default()), Stage::new());
    let old = net.fake("old", 1, Way::Sound);
    stage.apply(&[("lan", &old)]).await.unwrap();
    let new = net.fake("new", 2, Way::Refuses);
    let (_, fault) = stage.apply(&[("lan", &new)]).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(!net.stopped().contains(&"old"));
    stage.hears(&old, "lan");
}

#[tokio::test(start_paused = true)]
async fn one_whose_start_does_not_return_is_stopped() {
    let (net, mut stage) = (Arc::new(Net::default()), Stage::new());
    let old = net.fake("old", 1, Way::Sound);
    stage.apply(&[("lan", &old)]).await.unwrap();
    let (first, hung) = (net.fake("first", 2, Way::Sound), net.fake("hung", 3, Way::Hangs));
    let table = [("first", &first), ("hung", &hung), ("lan", &old)];
    let (name, fault) = stage.apply(&table).await.unwrap_err();
    assert_eq!((name.as_str(), fault.kind), ("hung", FaultKind::Timeout));
    assert_eq!(net.stopped(), ["first", "hung"]);
    assert_eq!(net.taken(), [(1, "old")]);
    stage.hears(&old, "lan");
}

#[tokio::test]
async fn what_cannot_receive_again_is_tried_at_the_next_reload() {
    let (net, mut stage) = (Arc::new(Net::default()), Stage::new());
    net.taken.lock().unwrap().insert(9, "somebody");
    let old = net.fake("old", 2, Way::Robbed);
    stage.apply(&[("lan", &old)]).await.unwrap();
    let new = net.fake("new", 9, Way::Sound);
    stage.apply(&[("lan", &new)]).await.unwrap_err();
    assert_eq!(net.taken(), [(2, "thief"), (9, "somebody")]);
    // Taken for one that receives, it would not be told to.
    net.taken.lock().unwrap().clear();
    stage.apply(&[("lan", &old)]).await.unwrap();
    stage.hears(&old, "lan");
}

/// Sends when it is let, and as it is told to.
#[derive(Default)]
struct Gate {
    waiting: Mutex<Vec<oneshot::Sender<Result<(), PluginFault>>>>,
}

impl TransportPort for Gate {
    fn start(&self, _: Arc<dyn Receive>, _: Duration) -> Answer<()> {
        Box::pin(ready(Ok(())))
    }

    fn send(&self, _: Arc<[u8]>) -> Answer<()> {
        let (done, outcome) = oneshot::channel();
        self.waiting.lock().unwrap().push(done);
        Box::pin(async move { outcome.await.unwrap() })
    }

    fn stop(&self, _: Duration) -> Answer<()> {
        Box::pin(ready(Ok(())))
    }
}

impl Gate {
    fn answer(&self, place: usize, outcome: Result<(), PluginFault>) {
        self.waiting.lock().unwrap().remove(place).send(outcome).unwrap();
    }
}

#[test]
fn what_became_of_a_datagram_is_found_at_the_next_look() {
    let gate = Arc::new(Gate::default());
    let table = BTreeMap::from([("lan".to_owned(), Arc::clone(&gate) as Arc<dyn TransportPort>)]);
    let mut outlets = Outlets::new(table.iter());
    let datagram: Arc<[u8]> = Arc::from(&b"beat"[..]);
    let gone = || Err(PluginFault::io("no such network"));
    (0..3).for_each(|_| outlets.send(&datagram));
    // The second is known first, and still counts in its turn.
    gate.answer(1, gone());
    outlets.settle();
    assert_eq!((outlets.failed(), outlets.troubles().count()), (0, 0));
    gate.answer(0, Ok(()));
    outlets.settle();
    assert_eq!((outlets.failed(), outlets.troubles().count()), (1, 1));
    gate.answer(0, gone());
    // So does the next datagram, without a look of its own.
    outlets.send(&datagram);
    assert_eq!((outlets.failed(), outlets.troubles().count()), (2, 1));
    gate.answer(0, Ok(()));
    outlets.settle();
    assert_eq!((outlets.failed(), outlets.troubles().count()), (2, 0));
    assert!(outlets.outlets[0].under_way.is_empty());
}

#[test]
fn a_beat_that_two_transports_cannot_send_has_failed_once() {
    let gates = [Arc::new(Gate::default()), Arc::new(Gate::default())];
    let port = |at: usize| Arc::clone(&gates[at]) as Arc<dyn TransportPort>;
    let table = BTreeMap::from([("bus".to_owned(), port(0)), ("lan".to_owned(), port(1))]);
    let mut outlets = Outlets::new(table.iter());
    let datagram: Arc<[u8]> = Arc::from(&b"beat"[..]);
    (0..2).for_each(|_| outlets.send(&datagram));
    let gone = |why: &str| Err(PluginFault::io(why));
    gates[0].answer(0, gone("no server"));
    gates[0].answer(0, gone("no server at all"));
    outlets.settle();
    assert_eq!(outlets.failed(), 2);
    gates[1].answer(0, gone("no network"));
    gates[1].answer(0, Ok(()));
    outlets.settle();
    assert_eq!(outlets.failed(), 2);
    assert!(outlets.recent.is_empty());
    // What it says last, since the first.
    let troubles: Vec<_> = outlets.troubles().map(|(name, it)| (name, &*it.why)).collect();
    assert_eq!(troubles, [("bus", "no server at all")]);
    let since = outlets.outlets[0].trouble.clone();
    outlets.replace(Outlets::new(table.iter()));
    assert_eq!((outlets.outlets[0].trouble.clone(), outlets.failed()), (since, 2));
    outlets.replace(Outlets::new(BTreeMap::from([("bus".to_owned(), port(1))]).iter()));
    assert_eq!(outlets.troubles().count(), 0, "another one");
}
