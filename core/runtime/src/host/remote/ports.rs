//! Instances in another process, behind the ports of all plugins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rais_sdk::host::Receive;
use rais_sdk::{Fault, Reading, Scope, Served, Subject, Target, Up};

use super::Remote;
use super::calls::{NoReply, Unawaited};
use super::place::{Begun, Ended, Place};
use super::wire::{self, Call, Moment, Octets, Outcome};
use crate::host::port::{Answer, LoadPort, ProbePort, Publication, SinkPort, TransportPort};
use crate::host::transport::SENDING;

/// The use of an instance; with it the instance goes.
pub(super) struct Seat {
    remote: Arc<Remote>,
    place: Arc<Place>,
}

pub(super) struct RemoteProbe(pub(super) Seat);

pub(super) struct RemoteLoad {
    pub(super) seat: Seat,
    pub(super) scope: Scope,
}

pub(super) struct RemoteSink(pub(super) Seat);

pub(super) struct RemoteTransport {
    seat: Seat,
    stopped: AtomicBool,
}

/// What is wanted of an outcome, where it is one of this sort.
type Read<T> = fn(Outcome) -> Option<Result<T, Fault>>;

impl Seat {
    pub(super) fn new(remote: Arc<Remote>, place: Arc<Place>) -> Seat {
        Seat { remote, place }
    }

    fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        unawaited: Unawaited,
        call: Call,
        read: Read<T>,
    ) -> Answer<T> {
        let (link, longest) = (self.place.link(), call.longest(limit));
        let asked = link.and_then(|link| link.calls.ask(self.place.id, limit, unawaited, call));
        let about = Arc::clone(&self.remote.about);
        Box::pin(async move {
            match asked?.reply().await {
                Ok(reply) => read(reply?).unwrap_or_else(|| Err(about.garbled())),
                Err(NoReply::Late) => Err(about.late(longest)),
                Err(NoReply::Ended(ended)) => Err(about.died(&ended)),
            }
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.remote.leave(self.place.id);
    }
}

impl ProbePort for RemoteProbe {
    fn probe(&self, target: Target, timeout: Duration) -> Answer<Up> {
        let call = Call::Probe { target: target.into(), ends: Moment::after(timeout) };
        self.0.ask(timeout, Unawaited::Cancel, call, |outcome| match outcome {
            Outcome::Up(up) => Some(Ok(up.into())),
            _ => None,
        })
    }
}

impl LoadPort for RemoteLoad {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn sample(&self, of: Subject, limit: Duration) -> Answer<Reading> {
        let call = Call::Sample(of.into());
        self.seat.ask(limit, Unawaited::Cancel, call, |outcome| match outcome {
            Outcome::Reading(reading) => Some(Ok(reading.into())),
            _ => None,
        })
    }
}

impl SinkPort for RemoteSink {
    fn assign(&self, zones: Arc<[String]>, limit: Duration) -> Answer<()> {
        let call = Call::Assign(zones.to_vec());
        // Before the answer: also one that nobody waits for has them in the next life.
        self.0.place.set_begun(Some(Begun::Serving(zones, limit)));
        self.0.ask(limit, Unawaited::GoesOn, call, done)
    }

    fn publish(&self, what: Arc<Publication>, limit: Duration) -> Answer<u32> {
        let call = match wire::Publication::pack(&what) {
            Ok(publication) => Call::Publish(publication),
            Err(error) => return Box::pin(async move { Err(Fault::io(error)) }),
        };
        self.0.ask(limit, Unawaited::Cancel, call, |outcome| match outcome {
            Outcome::Serial(serial) => Some(Ok(serial)),
            _ => None,
        })
    }

    fn served(&self, zone: &str, limit: Duration) -> Answer<Option<Served>> {
        let call = Call::Served(zone.to_owned());
        self.0.ask(limit, Unawaited::Cancel, call, |outcome| match outcome {
            Outcome::Served(None) => Some(Ok(None)),
            Outcome::Served(Some(served)) => {
                Some(served.unpack().map(Some).map_err(Fault::unknown))
            }
            _ => None,
        })
    }

    fn stop(&self, limit: Duration) -> Answer<()> {
        self.0.place.set_ended(Ended::Yes);
        if self.0.place.link().is_err() {
            // What is in no process runs no more.
            return Box::pin(async { Ok(()) });
        }
        self.0.ask(limit, Unawaited::GoesOn, Call::Stop, done)
    }
}

impl RemoteTransport {
    pub(super) fn new(seat: Seat) -> RemoteTransport {
        RemoteTransport { seat, stopped: AtomicBool::new(false) }
    }

    fn ask(&self, limit: Duration, call: Call) -> Answer<()> {
        if self.stopped.load(Ordering::Acquire) {
            return Box::pin(async { Err(Fault::busy("the transport is stopped")) });
        }
        self.seat.ask(limit, Unawaited::GoesOn, call, done)
    }
}

impl TransportPort for RemoteTransport {
    fn start(&self, inbox: Arc<dyn Receive>, limit: Duration) -> Answer<()> {
        self.stopped.store(false, Ordering::Release);
        let place = Arc::clone(&self.seat.place);
        if let Ok(link) = place.link() {
            link.receive(place.id, Arc::clone(&inbox));
        }
        // Before the answer: also one that nobody waits for begins anew in the next life.
        place.set_begun(Some(Begun::Receiving(inbox, limit)));
        let answer = self.ask(limit, Call::Start);
        Box::pin(async move {
            let outcome = answer.await;
            if outcome.is_err() {
                deafen(&place);
            }
            outcome
        })
    }

    fn send(&self, datagram: Arc<[u8]>) -> Answer<()> {
        self.ask(SENDING, Call::Send(Octets(datagram.to_vec())))
    }

    fn stop(&self, limit: Duration) -> Answer<()> {
        deafen(&self.seat.place);
        let running = self.seat.place.link().is_ok();
        let answer = self.ask(limit, Call::Stop);
        let again = self.stopped.swap(true, Ordering::AcqRel);
        if !running && !again {
            // What is in no process runs no more.
            return Box::pin(async { Ok(()) });
        }
        answer
    }
}

/// Nobody receives from it any more.
fn deafen(place: &Place) {
    place.set_begun(None);
    if let Ok(link) = place.link() {
        link.deafen(place.id);
    }
}

#[allow(clippy::needless_pass_by_value)] // the shape of all readers of outcomes
fn done(outcome: Outcome) -> Option<Result<(), Fault>> {
    matches!(outcome, Outcome::Done).then_some(Ok(()))
}
