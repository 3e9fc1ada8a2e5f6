//! Has the process of an isolated plugin do what its keeper decides, and the instances be in it.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rais_proto::time::Time;
use rais_sdk::{Fault, Scope};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;
use tracing::{info, warn};

use super::about::{About, DIED};
use super::calls::Pulse;
use super::keeper::{Do, Keeper, Next, Standing};
use super::life::{Life, LifeId};
use super::line::Haste;
use super::making::made;
use super::place::{Ended, Place};
use super::status::Status;
use super::wire::{InstanceId, Order};
use crate::clock::Clock;
use crate::config::Restart;
use crate::host::lane::Lane;

/// Between two looks at the calls of a process.
const LOOK: Duration = Duration::from_millis(250);
/// What a tender hears.
pub(super) enum Event {
    /// An instance is wanted.
    Join {
        place: Arc<Place>,
        joined: Joined,
    },
    /// An instance is no longer wanted.
    Leave(InstanceId),
    /// Nobody has the plugin any more.
    Gone,
    Life(LifeId, News),
}

/// Where it is told what an instance's first making has come to.
pub(super) type Joined = mpsc::SyncSender<Result<Option<Scope>, Fault>>;

/// What there is to know of a life.
pub(super) enum News {
    /// It can make instances; or why it cannot.
    Ready(Result<(), String>),
    Made {
        instance: InstanceId,
        outcome: Result<Option<Scope>, Fault>,
    },
    /// How it ended.
    Ended(String),
}

/// Tends one plugin.
pub(super) struct Tender {
    about: Arc<About>,
    /// Its own thread.
    lane: Arc<Lane>,
    clock: Clock,
    keeper: Keeper,
    life: Option<Life>,
    phase: Phase,
    /// So many were begun.
    lives: LifeId,
    look_at: Time,
    /// How the last life ended, and what is done about it.
    told: String,
    instances: BTreeMap<InstanceId, Instance>,
    status: Arc<Status>,
    events: UnboundedSender<Event>,
    /// What is told once the rest is done.
    outcomes: Vec<(Joined, Result<Option<Scope>, Fault>)>,
}

/// Whether the life can make instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Ready,
}

struct Instance {
    place: Arc<Place>,
    /// Until its first making is over.
    joined: Option<Joined>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In no life, or in one that is not ready.
    Absent,
    Making,
    There,
    /// It was there once, and could not be made anew.
    Failed {
        again: Time,
    },
    /// It has had its last call, and its life has ended.
    Over,
}

impl Tender {
    pub(super) fn new(
        about: Arc<About>,
        lane: Arc<Lane>,
        status: Arc<Status>,
        events: UnboundedSender<Event>,
    ) -> Tender {
        Tender {
            keeper: Keeper::new(about.policy.restart),
            about,
            lane,
            clock: Clock::start(),
            life: None,
            phase: Phase::Starting,
            lives: 0,
            look_at: Time::ZERO,
            told: String::new(),
            instances: BTreeMap::new(),
            status,
            events,
            outcomes: Vec::new(),
        }
    }

    /// Runs on the thread of its lane until nobody has the plugin any more; what is left of its
    /// process ends by itself then.
    pub(super) async fn run(mut self, mut heard: UnboundedReceiver<Event>) {
        loop {
            let time = self.wakes_at().map(|at| Instant::from_std(self.clock.instant(at)));
            let event = match time {
                Some(time) => tokio::time::timeout_at(time, heard.recv()).await,
                None => Ok(heard.recv().await),
            };
            match event {
                Ok(None | Some(Event::Gone)) => break,
                Ok(Some(event)) => self.take(event),
                Err(_) => {}
            }
            self.tick();
            self.show();
            for (joined, outcome) in self.outcomes.drain(..) {
                // Who has stopped waiting says so.
                let _ = joined.send(outcome);
            }
        }
        if let Some(life) = self.life.take() {
            life.leave();
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Join { place, joined } => self.join(place, joined),
            Event::Leave(id) => {
                self.leave(id);
                self.forget(id);
            }
            Event::Life(id, news) if self.life.as_ref().is_some_and(|life| life.id == id) => {
                match news {
                    News::Ready(Ok(())) => self.ready(),
                    News::Ready(Err(why)) => self.kill(&format!("cannot serve: {why}")),
                    News::Made { instance, outcome } => self.made(instance, outcome),
                    News::Ended(how) => self.died(&how),
                }
            }
            // Of a life that was let go.
            Event::Life(..) | Event::Gone => {}
        }
    }

    fn join(&mut self, place: Arc<Place>, joined: Joined) {
        let id = place.id;
        let instance = Instance { place, joined: Some(joined), stage: Stage::Absent };
        self.instances.insert(id, instance);
        if let Some(deed) = self.keeper.wanted(self.clock.now()) {
            self.obey(deed);
        }
        // One whose pause is over is no longer down.
        self.tick();
        if let Standing::Down(_) = self.keeper.standing() {
            let fault = Fault::io(format!("{DIED}{}", self.told));
            self.tell(id, Err(fault));
            self.forget(id);
        } else if self.phase == Phase::Ready {
            self.make(id);
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        if let Some(deed) = self.keeper.tick(now) {
            self.obey(deed);
        }
        if let Some(life) = &self.life
            && now >= self.look_at
        {
            self.look_at = now + LOOK;
            let pulse = life.link.calls.look(Instant::now());
            self.status.set_pulse(pulse);
            if pulse == Pulse::Hung {
                self.kill("hangs, and was killed: a call was not answered long after its time");
            }
        }
        let due = |instance: &Instance| match instance.stage {
            Stage::Failed { again } => again <= now,
            _ => false,
        };
        for id in self.those(due) {
            self.make(id);
        }
    }

    fn wakes_at(&self) -> Option<Time> {
        let look = self.life.as_ref().map(|_| self.look_at);
        let again = self.instances.values().filter_map(|instance| match instance.stage {
            Stage::Failed { again } => Some(again),
            _ => None,
        });
        self.keeper.wakes_at().into_iter().chain(look).chain(again).min()
    }

    fn obey(&mut self, deed: Do) {
        match deed {
            Do::Start => {
                self.lives += 1;
                self.phase = Phase::Starting;
                self.status.set_pulse(Pulse::Fine);
                match Life::start(self.lives, &self.about, &self.lane, &self.events) {
                    Ok(life) => self.life = Some(life),
                    Err(error) => self.died(&format!("cannot be started: {error}")),
                }
            }
            Do::Kill => self.kill("was not ready in time, and was killed"),
        }
    }

    fn kill(&self, why: &str) {
        if let Some(life) = &self.life {
            life.kill(why);
        }
    }

    /// The process can make instances.
    fn ready(&mut self) {
        self.phase = Phase::Ready;
        if matches!(self.keeper.standing(), Standing::Restarting(_)) {
            info!(target: "plugin", plugin = self.about.name, "its process runs again");
        }
        self.keeper.ready(self.clock.now());
        for id in self.those(|instance| instance.stage == Stage::Absent) {
            self.make(id);
        }
    }

    /// Has an instance made in the process.
    fn make(&mut self, id: InstanceId) {
        let (Some(instance), Some(life)) = (self.instances.get_mut(&id), &self.life) else {
            return;
        };
        instance.stage = Stage::Making;
        let (about, place) = (Arc::clone(&self.about), Arc::clone(&instance.place));
        let (life, link) = (life.id, Arc::clone(&life.link));
        let events = self.events.clone();
        tokio::spawn(async move {
            let outcome = made(&about, &place, &link).await;
            // Nobody hears it where the plugin is no longer used.
            let _ = events.send(Event::Life(life, News::Made { instance: place.id, outcome }));
        });
    }

    fn made(&mut self, id: InstanceId, outcome: Result<Option<Scope>, Fault>) {
        let (Some(life), Some(instance)) = (&self.life, self.instances.get_mut(&id)) else {
            return;
        };
        match outcome {
            Ok(scope) => {
                instance.stage = Stage::There;
                instance.place.set_link(Ok(Arc::clone(&life.link)));
                self.tell(id, Ok(scope));
            }
            Err(fault) if instance.joined.is_some() => {
                self.tell(id, Err(fault));
                // It may come yet.
                self.leave(id);
                self.forget(id);
            }
            Err(fault) => {
                let text = format!("{} could not be made anew: {fault}", self.about);
                warn!(target: "plugin", plugin = self.about.name, "{text}; it is tried again");
                instance.stage = Stage::Failed { again: self.clock.now() + self.about.pace.anew };
                instance.place.set_link(Err(Fault::busy(text)));
            }
        }
    }

    /// The process is gone, or did not come.
    fn died(&mut self, how: &str) {
        let next = self.keeper.died(self.clock.now(), how.to_owned());
        let told = match next {
            Next::Nothing => how.to_owned(),
            Next::Again(_) => format!("{how}; it is started again"),
            Next::Open(pause) => {
                format!("{how}; that was too often, it is tried again in {pause:?}")
            }
            Next::Never => format!("{how}; it is not started again, by its restart = false"),
        };
        warn!(target: "plugin", plugin = self.about.name, "its process {told}");
        let life = self.life.take();
        let ended = told.clone();
        self.told.clone_from(&told);
        let told = format!("{DIED}{told}");
        let fault = match self.about.policy.restart {
            Restart::Again => Fault::busy(&told),
            Restart::Never => Fault::io(&told),
        };
        for id in self.those(|instance| instance.joined.is_some()) {
            // It may be what killed it: who wants it decides whether it is tried again.
            self.tell(id, Err(Fault::io(&told)));
            self.instances.remove(&id);
        }
        for instance in self.instances.values_mut() {
            let (stage, fault) = match instance.place.ended() {
                Ended::No => (Stage::Absent, fault.clone()),
                Ended::Yes => (Stage::Over, Fault::busy("the sink is stopped")),
            };
            instance.stage = stage;
            instance.place.set_link(Err(fault));
        }
        // Whoever hears of it finds it so.
        self.show();
        if let Some(life) = life {
            life.link.calls.end(&ended);
        }
        self.rest();
    }

    /// Tells what the first making of an instance has come to.
    fn tell(&mut self, id: InstanceId, outcome: Result<Option<Scope>, Fault>) {
        if let Some(joined) = self.instances.get_mut(&id).and_then(|it| it.joined.take()) {
            self.outcomes.push((joined, outcome));
        }
    }

    /// Tells the process that nobody uses an instance any more.
    fn leave(&self, id: InstanceId) {
        let known = matches!(self.stage(id), Some(Stage::There | Stage::Making));
        if let Some(life) = self.life.as_ref().filter(|_| known) {
            life.link.deafen(id);
            // A process that does not read has other troubles.
            let _ = life.link.line.say(&Order::Leave { instance: id }, Haste::Together);
        }
    }

    fn forget(&mut self, id: InstanceId) {
        self.instances.remove(&id);
        self.rest();
    }

    /// Lets the process go where nobody is in need of it.
    fn rest(&mut self) {
        if self.instances.values().all(|instance| instance.stage == Stage::Over) {
            self.keeper.unwanted();
            if let Some(life) = self.life.take() {
                life.leave();
            }
        }
    }

    fn those(&self, are: impl Fn(&Instance) -> bool) -> Vec<InstanceId> {
        self.instances.iter().filter(|(_, it)| are(it)).map(|(id, _)| *id).collect()
    }

    fn stage(&self, id: InstanceId) -> Option<Stage> {
        self.instances.get(&id).map(|instance| instance.stage)
    }

    fn show(&self) {
        let link = self.life.as_ref().map(|life| Arc::clone(&life.link));
        let standing = match self.keeper.standing() {
            // With what is done about it.
            Standing::Restarting(_) => Standing::Restarting(self.told.clone()),
            Standing::Down(_) => Standing::Down(self.told.clone()),
            standing => standing,
        };
        self.status.set(standing, link);
    }
}
