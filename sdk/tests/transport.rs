//! Datagrams pass a transport in both directions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rais_sdk::host::Receive;
use rais_sdk::prelude::*;
use rais_sdk::testing::{Bench, Deliveries};

const LONG: Duration = Duration::from_secs(60);

/// Delivers what is sent, split at spaces into datagrams of one batch, on a thread of its own.
struct Loop {
    from: Option<SocketAddr>,
    host: Host,
    inbox: Mutex<Option<Inbox>>,
}

#[config]
struct LoopConfig {
    from: Option<SocketAddr>,
}

impl Transport for Loop {
    const NAME: &'static str = "loop";
    const SAMPLE: &'static str = "type = \"loop\"\nfrom = \"192.0.2.1:5369\"";
    type Config = LoopConfig;

    fn new(config: LoopConfig, host: Host) -> Result<Self, Fault> {
        Ok(Self { from: config.from, host, inbox: Mutex::default() })
    }

    fn start(&self, inbox: Inbox) -> Result<(), Fault> {
        *self.inbox.lock().unwrap() = Some(inbox);
        Ok(())
    }

    fn send(&self, data: &[u8]) -> Result<(), Fault> {
        let Some(inbox) = self.inbox.lock().unwrap().clone() else {
            return Err(Fault::busy("not started"));
        };
        let (data, from, host) = (data.to_vec(), self.from, self.host.clone());
        let thread = self.host.spawn("loop", Again::Once, move || {
            let batch: Vec<_> =
                data.split(|octet| *octet == b' ').map(|part| Datagram::new(from, part)).collect();
            host.log(&format!("{} of {}", inbox.deliver(&batch), batch.len()));
        })?;
        thread.join().map_err(|_| Fault::io("the thread"))
    }

    fn stop(&self) {
        *self.inbox.lock().unwrap() = None;
    }
}

fn lines(bench: &Bench) -> Vec<String> {
    bench.lines().into_iter().map(|(_, text)| text).collect()
}

#[test]
fn datagrams_arrive_as_sent() {
    let bench = Bench::new();
    for from in ["192.0.2.1:5369", "[2001:db8::1]:5369", "[fe80::1%7]:65535"] {
        let transport = bench.transport::<Loop>(&format!("from = {from:?}")).unwrap();
        // A monitor sends without ever having started to receive.
        assert_eq!(transport.send(b"early").unwrap_err(), Fault::busy("not started"));
        let deliveries = Deliveries::new();
        transport.start(Arc::new(deliveries.clone())).unwrap();
        transport.send(b"a \x00\xff ").unwrap();
        let from = Some(from.parse().unwrap());
        let expected =
            vec![(from, b"a".to_vec()), (from, b"\x00\xff".to_vec()), (from, Vec::new())];
        assert_eq!(deliveries.take(3, LONG), expected);
        transport.stop();
        assert_eq!(transport.send(b"late").unwrap_err().kind, FaultKind::Busy);
    }
}

#[test]
fn a_message_bus_has_no_sender() {
    let transport = Bench::new().transport::<Loop>("").unwrap();
    let deliveries = Deliveries::new();
    transport.start(Arc::new(deliveries.clone())).unwrap();
    transport.send(b"beat").unwrap();
    assert_eq!(deliveries.take(1, LONG), [(None, b"beat".to_vec())]);
}

/// Takes so many of each batch, and keeps the sizes of the batches.
struct Narrow(usize, Mutex<Vec<usize>>);

impl Receive for Narrow {
    fn deliver(&self, batch: &[Datagram<'_>]) -> usize {
        self.1.lock().unwrap().push(batch.len());
        self.0
    }
}

#[test]
fn a_large_batch_goes_in_pieces_until_the_host_is_full() {
    let sent = vec!["x"; 150].join(" ");
    let run = |takes| {
        let bench = Bench::new();
        let transport = bench.transport::<Loop>("").unwrap();
        let inbox = Arc::new(Narrow(takes, Mutex::default()));
        transport.start(Arc::clone(&inbox) as Arc<dyn Receive>).unwrap();
        transport.send(sent.as_bytes()).unwrap();
        let sizes = inbox.1.lock().unwrap().clone();
        (sizes, lines(&bench))
    };
    assert_eq!(run(usize::MAX), (vec![64, 64, 22], vec!["150 of 150".into()]));
    assert_eq!(run(63), (vec![64], vec!["63 of 150".into()]));
    assert_eq!(run(0), (vec![64], vec!["0 of 150".into()]));
}
