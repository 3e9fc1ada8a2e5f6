//! The show itself: everything that comes in, one thing at a time, and what is done about it.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rais_runtime::status::BinderStatus;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use super::command::{Answer, Counter, Order};
use super::keys::Press;
use super::recipe::SERVICE;
use super::site::{Death, Site};
use super::story::{Outcome, Stage, Story};
use super::table::{Facts, Heard, Picture};
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
    /// The zone file has changed, seen then.
    Zone(Instant, Zone),
    /// The binder has answered.
    Status(Box<BinderStatus>),
}

/// Deaths, deadlines and the picture are looked after this often.
const TICK: Duration = Duration::from_millis(20);
/// Nothing takes longer to start on a machine that can run it.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long the demo would last that kills and revives by itself, where nobody says.
const USUAL_LENGTH: Duration = Duration::from_secs(20);
/// Whom it kills and revives.
const VICTIM: Which = Which::Web2;

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

/// What happens by itself, once all are in the answers.
struct Script {
    /// For how long after that.
    length: Option<Duration>,
    /// Whether there is anything to do on the way.
    acts: Acts,
    /// Still to do, and when.
    due: VecDeque<(Duration, Order)>,
    end: Option<Duration>,
}

/// Whether the demo kills and revives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acts {
    ByItself,
    OnCommand,
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
    // First of all, so that whoever is impatient leaves no folder behind.
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let signals = signals.map(signal).into_iter().collect::<Result<Vec<Signal>, _>>();
    let signals = signals.context("signals")?;
    let live = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let (sender, inputs) = unbounded_channel();

    let started = Instant::now();
    let site = Site::start()?;
    let counter = Counter::open(sender.clone());
    let facts = Facts {
        program: std::env::args().next().unwrap_or_else(|| "rais".to_owned()),
        addresses: Each::new(|which| site.address(which)),
        folder: site.folder().to_owned(),
        socket: site.binder_socket(),
        no_commands: counter.as_ref().err().map(|why| format!("{why:#}")),
    };
    let watch = Watch { zone_file: site.zone_file(), socket: site.binder_socket() };
    watch.start(sender.clone()).context("no thread")?;
    let mut view = View::open(live, sender).context("the terminal")?;

    let mut show = Show {
        site,
        story: Story::new(),
        facts,
        heard: None,
        waiting: Vec::new(),
        script: Script::new(length, if live { Acts::OnCommand } else { Acts::ByItself }),
        started,
    };
    let ended = show.go_on(&mut view, inputs, signals).await;
    drop(view);
    if live && ended.is_ok() {
        show.tell_again()?;
    }
    ended
}

impl Show {
    async fn go_on(
        &mut self,
        view: &mut View,
        mut inputs: UnboundedReceiver<Input>,
        mut signals: Vec<Signal>,
    ) -> Result<(), Stop> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = [false; 0];
        let _ = &mut told;
        loop {
            let (interrupt, rest) = signals.split_at_mut(1);
            let (terminate, hangup) = rest.split_at_mut(1);
            let next = tokio::select! {
                Some(input) = inputs.recv() => self.handle(input)?,
                _ = tick.tick() => self.tick()?,
                Some(()) = one(interrupt) => Next::End,
                Some(()) = one(terminate) => Next::End,
                Some(()) = one(hangup) => Next::End,
            };
            self.answer();
            let shown = view.show(&self.picture()).context("standard output")?;
            if next == Next::End || shown == Shown::ToNobody {
                return Ok(());
            }
        }
    }
}
