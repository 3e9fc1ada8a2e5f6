//! One plugin, tried in one mode: check by check.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rais_sdk::{Fault, FaultKind, OptionInfo};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tokio::runtime::{Builder, Runtime};

use super::finding::{Check, Finding, State, Verdict};
use super::heard::Heard;
use super::instance::Instance;
use super::leftovers::Whose;
use super::stage::Places;
use super::{clean, load, probe, refusals, sample, sink, transport};
use crate::config::Kind;
use crate::host::{DIED, PluginHost};

/// What is tried, and how. Told to the process that does it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Job {
    /// The library.
    pub(super) file: PathBuf,
    pub(super) kind: Kind,
    pub(super) name: String,
    /// In place of its sample, whole.
    pub(super) given: Option<Map<String, Json>>,
    /// Relative paths in tables count from here.
    pub(super) folder: PathBuf,
    /// What a sink publishes.
    pub(super) zone: String,
    pub(super) places: Places,
    /// For all of it.
    pub(super) limit: Duration,
}

/// What happens on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Event {
    /// This is tried now.
    Begun(Check),
    /// This came out of it.
    Found(Finding),
    /// There is nothing more.
    Done,
}

/// A plugin on trial.
pub(super) struct Trial<'a> {
    pub(super) host: &'a PluginHost,
    pub(super) job: &'a Job,
    pub(super) sample: String,
    pub(super) options: Vec<OptionInfo>,
    /// Whether it is a probe that may block.
    pub(super) blocks: bool,
    /// What its instances are made of, without the core's keys.
    pub(super) table: Map<String, Json>,
    /// Kept to the end, so that its process is.
    pub(super) kept: Option<Instance>,
    /// The newest serial that was published, of sinks.
    pub(super) serial: Cell<Option<u32>>,
    pub(super) heard: &'a Heard,
    pub(super) whose: Whose,
    pub(super) runtime: Runtime,
    found: BTreeMap<Check, State>,
    end: Instant,
    /// Why nothing more is tried.
    over: Option<String>,
    tell: &'a mut dyn FnMut(Event),
}

/// A call that took so much longer than it might was ended by the host, not by the plugin.
const OVERDUE: Duration = Duration::from_millis(150);

type Work = fn(&mut Trial<'_>) -> Verdict;

/// Tries the plugin of `job`, which `host` has. Its threads and files are counted among `whose`.
///
/// # Errors
/// It is not there, or there is no reactor to be had.
pub(super) fn run(
    host: &PluginHost,
    job: &Job,
    whose: Whose,
    heard: &Heard,
    tell: &mut dyn FnMut(Event),
) -> io::Result<()> {
    let plugin = host.registry().get(job.kind, &job.name);
    let plugin = plugin.ok_or_else(|| io::Error::other("the plugin is gone"))?;
    let mut trial = Trial {
        host,
        job,
        sample: plugin.sample().to_owned(),
        options: plugin.options(),
        blocks: plugin.blocks(),
        table: Map::new(),
        kept: None,
        serial: Cell::new(None),
        heard,
        whose,
        runtime: Builder::new_current_thread().enable_time().build()?,
        found: BTreeMap::new(),
        end: Instant::now() + job.limit,
        over: None,
        tell,
    };
    // What another plugin has said.
    heard.take();
    for (check, work) in plan_of(job, whose) {
        trial.check(check, work);
    }
    if trial.over.is_some() && whose == Whose::Children {
        // Nothing of it is to be taken for the next one's.
        let _ = clean::ended(&mut trial);
    }
    Ok(())
}

/// What is looked at, in order.
pub(super) fn plan(job: &Job, whose: Whose) -> impl Iterator<Item = Check> {
    plan_of(job, whose).into_iter().map(|(check, _)| check)
}

/// Nothing is tried: `why`.
pub(super) fn skip_all(job: &Job, why: &str, tell: &mut dyn FnMut(Event)) {
    for check in plan(job, Whose::Children) {
        tell(Event::Found(Finding { check, verdict: Verdict::skipped(why) }));
    }
}

fn plan_of(job: &Job, whose: Whose) -> Vec<(Check, Work)> {
    let mut plan: Vec<(Check, Work)> = vec![(Check::Sample, sample::sample)];
    if job.given.is_some() {
        plan.push((Check::Table, sample::table));
    }
    plan.push((Check::UnknownKey, refusals::unknown_key));
    plan.push((Check::WrongType, refusals::wrong_type));
    let of_kind: &[(Check, Work)] = match job.kind {
        Kind::Probe => &[
            (Check::Calls, probe::calls),
            (Check::BlackHole, probe::black_hole),
            (Check::Silence, probe::silence),
            (Check::Together, probe::together),
        ],
        Kind::Load => &[(Check::Calls, load::calls), (Check::Deadline, load::deadline)],
        Kind::Sink => &[
            (Check::Publish, sink::publish),
            (Check::PublishAgain, sink::publish_again),
            (Check::ReadBack, sink::read_back),
        ],
        Kind::Transport => &[(Check::Send, transport::send), (Check::Restart, transport::restart)],
    };
    plan.extend_from_slice(of_kind);
    plan.push((Check::Drop, clean::drop_clean));
    if whose == Whose::Children {
        // That of this very process is seen from outside.
        plan.push((Check::End, clean::end));
    }
    plan
}

impl Trial<'_> {
    fn check(&mut self, check: Check, work: Work) {
        let verdict = match &self.over {
            Some(why) => Verdict::skipped(format!("not tried: {why}")),
            None if Instant::now() > self.end => {
                let limit = self.job.limit.as_secs();
                self.stop("the time was used up");
                Verdict::failed(format!("not tried: what came before took all of {limit} s"))
            }
            None => {
                (self.tell)(Event::Begun(check));
                work(self)
            }
        };
        self.found.insert(check, verdict.state);
        (self.tell)(Event::Found(Finding { check, verdict }));
    }

    /// Nothing more is tried.
    pub(super) fn stop(&mut self, why: &str) {
        self.over = Some(why.to_owned());
    }

    /// Takes back what [`stop`](Self::stop) did.
    pub(super) fn go_on(&mut self) {
        self.over = None;
    }

    pub(super) fn failed(&self, check: Check) -> bool {
        self.found.get(&check) == Some(&State::Failed)
    }

    /// An instance of it, of another table.
    pub(super) fn make(&self, table: &Map<String, Json>) -> Result<Instance, Fault> {
        Instance::make(self.host, self.job.kind, &self.job.name, table, &self.job.folder)
    }

    /// The verdict on a table that was refused with `fault`, where that says more of the plugin than
    /// of the table.
    pub(super) fn broke_in_new(&mut self, fault: &Fault) -> Option<Verdict> {
        match fault.kind {
            FaultKind::Panicked => {
                self.stop("`new` had panicked");
                Some(Verdict::failed(format!("`new` {}", fault.text)))
            }
            // Of the host; a plugin has no deadline there.
            FaultKind::Timeout => {
                self.stop("`new` does not return");
                Some(Verdict::failed(format!("`new` hangs: {}", fault.text)))
            }
            _ => self.died(fault),
        }
    }

    /// The verdict on a call that ended in `fault`, where that says more of the plugin than of what
    /// it looked at.
    pub(super) fn broke(&mut self, fault: &Fault) -> Option<Verdict> {
        if fault.kind == FaultKind::Panicked {
            self.stop("a call had panicked");
            return Some(Verdict::failed(fault.text.clone()));
        }
        self.died(fault)
    }

    /// That its process died, where it did.
    fn died(&mut self, fault: &Fault) -> Option<Verdict> {
        let how = fault.text.strip_prefix(DIED)?;
        self.stop("its process had died");
        // Its next life is of no interest here.
        let how = how.split("; it is ").next().unwrap_or(how);
        Some(Verdict::failed(format!("its process {how}")))
    }

    pub(super) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }
}

/// Whether the host ended a call that might take `limit`, since the plugin did not.
pub(super) fn overdue(fault: &Fault, took: Duration, limit: Duration) -> bool {
    let by_host = matches!(fault.kind, FaultKind::Unknown | FaultKind::Timeout | FaultKind::Busy);
    by_host && fault.at.is_empty() && took > limit + OVERDUE
}
