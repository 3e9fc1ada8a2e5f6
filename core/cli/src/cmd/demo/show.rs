//! The show itself: everything that comes in, one thing at a time, and what is done about it.

use std::io::IsTerminal;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use rais_runtime::status::BinderStatus;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use super::child::Failure;
use super::command::{Answer, Counter, Order};
use super::keys::Press;
use super::recipe::SERVICE;
use super::script::{Acts, Script};
use super::site::{Death, Site};
use super::story::{Line, Outcome, Stage, Story};
use super::table::{Facts, Heard, Picture, told};
use super::view::{Shown, View};
use super::watch::{Watch, Zone};
use super::which::{Each, Which};
use crate::exit::Stop;
use crate::output::{self, Tone};

/// Something that came in.
#[derive(Debug)]
pub(super) enum Input {
    /// From the keyboard.
    Press(Press),
    /// From a second terminal.
    Order(Order, oneshot::Sender<Answer>),
    /// The zone is another in the answers, seen then.
    Zone(Instant, Zone),
    /// The binder has answered.
    Status(Box<BinderStatus>),
    /// Enough, says the system.
    Stop,
}

/// Deaths, deadlines and the picture are looked after this often.
const TICK: Duration = Duration::from_millis(20);
/// Nothing takes longer to start on a machine that can run it.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A running demo.
struct Show {
    site: Site,
    story: Story,
    facts: Facts,
    heard: Option<Heard>,
    waiting: Vec<(Which, oneshot::Sender<Answer>)>,
    script: Script,
    started: Instant,
}

/// Whether it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

/// Runs the demo until it is told to stop, or for `length` once all are in the answers.
///
/// # Errors
/// What could not be started, or broke.
pub(super) fn run(length: Option<Duration>) -> Result<(), Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Not spawned: children die with the thread that started them, and this one lives longest.
    runtime.context("no runtime")?.block_on(perform(length))
}

async fn perform(length: Option<Duration>) -> Result<(), Stop> {
    let (sender, inputs) = unbounded_channel();
    // First of all, so that whoever is impatient leaves no folder behind.
    stop_on_signals(&sender).context("signals")?;
    let live = is_live();

    let started = Instant::now();
    let site = Site::start()?;
    let counter = Counter::open(sender.clone());
    let facts = Facts {
        program: std::env::args().next().unwrap_or_else(|| "rais".to_owned()),
        addresses: Each::new(|which| site.address(which)),
        dns: site.dns(),
        folder: site.folder().to_owned(),
        socket: site.binder_socket(),
        no_commands: counter.as_ref().err().map(|why| format!("{why:#}")),
    };
    let watch = Watch { dns: site.dns(), socket: site.binder_socket() };
    watch.start(sender.clone()).context("no thread")?;
    let mut view = match live {
        true => View::live(sender).context("the terminal")?,
        false => View::lines(),
    };

    let acts = match live && length.is_none() {
        true => Acts::OnCommand,
        false => Acts::ByItself,
    };
    let mut show = Show {
        site,
        story: Story::new(),
        facts,
        heard: None,
        waiting: Vec::new(),
        script: Script::new(length, acts),
        started,
    };
    let ended = show.go_on(&mut view, inputs).await;
    drop(view);
    ended?;
    if live {
        show.tell_again()?;
    }
    let now = show.now();
    drop((show, counter));
    output::text(&told(&Line::new(now, "the end: processes and files are gone", Tone::Plain)))
}

/// Whether there are keys, and a terminal on which something can change in place.
fn is_live() -> bool {
    let able = std::env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb");
    able && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

fn stop_on_signals(inputs: &UnboundedSender<Input>) -> std::io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signal = signal(kind)?;
        let inputs = inputs.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() && inputs.send(Input::Stop).is_ok() {}
        });
    }
    Ok(())
}

impl Show {
    async fn go_on(
        &mut self,
        view: &mut View,
        mut inputs: UnboundedReceiver<Input>,
    ) -> Result<(), Stop> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = tokio::select! {
                Some(input) = inputs.recv() => self.handle(input),
                _ = tick.tick() => self.tick()?,
            };
            self.answer();
            let shown = view.show(&self.picture()).context("standard output")?;
            if next == Next::End || shown == Shown::ToNobody {
                return Ok(());
            }
        }
    }

    fn handle(&mut self, input: Input) -> Next {
        match input {
            Input::Stop | Input::Press(Press::Quit) => return Next::End,
            Input::Press(Press::Toggle(_)) if self.story.stage() == Stage::Starting => {}
            Input::Press(Press::Toggle(which)) => {
                self.take_over();
                let order = match self.site.is_whole(which) {
                    true => Order::Kill(which),
                    false => Order::Revive(which),
                };
                self.carry_out(order, None);
            }
            Input::Order(_, asker) if self.story.stage() == Stage::Starting => {
                let early = "the demo is starting; try again in a second";
                // Who hung up needs no answer.
                let _ = asker.send(Answer::Failed(early.to_owned()));
            }
            Input::Order(order, asker) => {
                self.take_over();
                self.carry_out(order, Some(asker));
            }
            Input::Zone(at, zone) => self.see_zone(at, zone),
            Input::Status(status) => self.hear(*status),
        }
        Next::GoOn
    }

    /// From now on nothing is killed or revived but by hand.
    fn take_over(&mut self) {
        if self.script.abandon() {
            self.story.note(self.now(), "by hand from now on", Tone::Faint);
        }
    }

    fn carry_out(&mut self, order: Order, asker: Option<oneshot::Sender<Answer>>) {
        let (which, word) = match order {
            Order::Kill(which) => (which, "killed"),
            Order::Revive(which) => (which, "revived"),
        };
        let nothing_to_do = match order {
            Order::Kill(_) => self.site.process(which).is_none(),
            Order::Revive(_) => self.site.is_whole(which),
        };
        if nothing_to_do {
            if self.story.is_awaited(which) {
                self.waiting.extend(asker.map(|asker| (which, asker)));
            } else if let Some(asker) = asker {
                let text = format!("{which} is {word} already");
                // Who hung up needs no answer.
                let _ = asker.send(Answer::Done(text));
            }
            return;
        }
        self.story.supersede(which, word);
        self.answer();
        self.waiting.extend(asker.map(|asker| (which, asker)));
        let at = self.now();
        match order {
            Order::Kill(_) => {
                self.site.kill(which);
                self.story.killed(at, which);
            }
            Order::Revive(_) => match self.site.revive(which) {
                Ok(()) => self.story.revived(at, which),
                Err(failure) => self.story.failed(at, which, failure.title()),
            },
        }
    }

    fn see_zone(&mut self, at: Instant, zone: Zone) {
        let before = self.story.stage();
        self.story.see_zone(at.saturating_duration_since(self.started), zone);
        if before == Stage::Starting && self.story.stage() == Stage::Running {
            let now = self.now();
            if let Some(plan) = self.script.begin(now) {
                self.story.note(now, plan, Tone::Faint);
            }
        }
    }

    fn hear(&mut self, status: BinderStatus) {
        let at = self.now();
        let members = status.services.iter().filter(|service| service.service == SERVICE);
        for member in members.flat_map(|service| &service.members) {
            let of = |which: &Which| member.address == IpAddr::V4(which.address());
            if let Some(which) = Which::ALL.into_iter().find(of)
                && member.verdict == "last-resort"
            {
                self.story.see_last_resort(at, which);
            }
        }
        self.heard = Some(Heard { at, status });
    }

    fn tick(&mut self) -> Result<Next, Stop> {
        let now = self.now();
        for death in self.site.deaths().context("the demo's processes")? {
            match death {
                Death::Binder(failure) => return Err(failure.into()),
                Death::Server(_, failure) | Death::Monitor(failure)
                    if self.story.stage() == Stage::Starting =>
                {
                    return Err(failure.into());
                }
                Death::Server(which, failure) => self.story.died(now, which, failure.title()),
                Death::Monitor(failure) => self.story.note(now, failure.title(), Tone::Bad),
            }
        }
        self.story.tick(now);
        for order in self.script.take_due(now) {
            self.carry_out(order, None);
        }
        if self.story.stage() == Stage::Starting && now > START_PATIENCE {
            let waited = START_PATIENCE.as_secs();
            let title = format!("web1, web2 and web3 are not in the answers after {waited} s");
            return Err(Failure::new(&title, self.site.last_words()).into());
        }
        Ok(if self.script.end().is_some_and(|end| end <= now) { Next::End } else { Next::GoOn })
    }

    /// Tells those who wait what became of it.
    fn answer(&mut self) {
        for (settled, outcome) in self.story.take_settled() {
            let answer = match outcome {
                Outcome::Happened(text) => Answer::Done(text),
                Outcome::Failed(text) => Answer::Failed(text),
            };
            let waits = |(which, _): &mut (Which, _)| *which == settled;
            for (_, asker) in self.waiting.extract_if(.., waits) {
                // Who hung up needs no answer.
                let _ = asker.send(answer.clone());
            }
        }
    }

    fn picture(&self) -> Picture<'_> {
        Picture {
            facts: &self.facts,
            story: &self.story,
            heard: self.heard.as_ref(),
            processes: Each::new(|which| self.site.process(which)),
            now: self.now(),
            end: self.script.end(),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// What was seen, once more where it stays.
    fn tell_again(&self) -> Result<(), Stop> {
        self.story.lines().iter().try_for_each(|line| output::text(&told(line)))
    }
}
