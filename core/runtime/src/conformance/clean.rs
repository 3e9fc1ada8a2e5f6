//! Instances come and go; what they leave behind is counted.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rais_sdk::Fault;

use super::finding::Verdict;
use super::leftovers::{Holds, More, children};
use super::times::{counted, took};
use super::trial::Trial;

const INSTANCES: usize = 20;
/// Before anything is counted: what is made once stays.
const BEFORE: usize = 2;
/// Fewer than this are no leak of each instance, but what the host itself keeps ready.
const LEAK: usize = INSTANCES / 2;
/// Threads and files may take so long to go.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where some stay that are no leak, this long is enough.
const SETTLING: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(5);
/// A process ends in so long once nothing is asked of it.
const ENDING: Duration = Duration::from_secs(5);

/// Made, called and dropped many times.
pub(super) fn drop_clean(trial: &mut Trial<'_>) -> Verdict {
    match dropped(trial) {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(fault)) => trial
            .broke_in_new(&fault)
            .unwrap_or_else(|| Verdict::failed(format!("one of many is refused: {fault}"))),
        Err(error) => Verdict::skipped(format!("not tried: /proc does not tell: {error}")),
    }
}

fn dropped(trial: &Trial<'_>) -> io::Result<Result<Verdict, Fault>> {
    if let Err(fault) = round(trial, BEFORE) {
        return Ok(Err(fault));
    }
    let before = settled(trial)?;
    if let Err(fault) = round(trial, INSTANCES) {
        return Ok(Err(fault));
    }
    let more = left(trial, &before)?;
    // Behind what its process had to tell of the others.
    if let Some(kept) = &trial.kept {
        kept.call(trial);
    }
    let instances = counted(INSTANCES, "instance");
    let panics = trial.heard.take();
    let verdict = match (panics.first(), more) {
        (Some(panic), _) => Verdict::failed(panic.clone()),
        (None, More { threads: LEAK.., .. }) => Verdict::failed(format!(
            "{} more after {instances}: each must end its own when it is dropped",
            counted(more.threads, "thread")
        )),
        (None, More { files: Some(files @ LEAK..), .. }) => Verdict::failed(format!(
            "{} more open after {instances}: each must close its own when it is dropped",
            counted(files, "file")
        )),
        (None, More { files: Some(_), .. }) => Verdict::passed(format!(
            "{instances} made, called and dropped: no thread and no file of theirs is left"
        )),
        (None, More { files: None, .. }) => Verdict::passed(format!(
            "{instances} made, called and dropped: no thread of theirs is left (its files are shown \
             to root alone)"
        )),
    };
    let verdict = verdict.with("instances", INSTANCES).with("threads", more.threads);
    Ok(Ok(match more.files {
        Some(files) => verdict.with("files", files),
        None => verdict,
    }))
}

/// Its process ends once its last instance is gone.
pub(super) fn end(trial: &mut Trial<'_>) -> Verdict {
    let begun = Instant::now();
    drop(trial.kept.take());
    loop {
        match children() {
            Ok(left) if left.is_empty() => {
                let so_long = took(begun.elapsed());
                return match trial.heard.take().first() {
                    Some(panic) => Verdict::failed(panic.clone()),
                    None => Verdict::passed(format!("its process ended within {so_long}")),
                };
            }
            Ok(_) if begun.elapsed() < ENDING => thread::sleep(LOOK),
            Ok(_) => {
                let text = format!("its process is still there after {}", took(ENDING));
                return Verdict::failed(text);
            }
            Err(error) => {
                return Verdict::skipped(format!("not tried: /proc does not tell: {error}"));
            }
        }
    }
}

/// One after the other.
fn round(trial: &Trial<'_>, instances: usize) -> Result<(), Fault> {
    for _ in 0..instances {
        let instance = trial.make(&trial.table)?;
        instance.call(trial);
    }
    Ok(())
}

/// What there is once nothing goes any more.
fn settled(trial: &Trial<'_>) -> io::Result<Holds> {
    let begun = Instant::now();
    let mut now = trial.whose.holds()?;
    loop {
        thread::sleep(LOOK);
        let next = trial.whose.holds()?;
        if next == now || begun.elapsed() > SETTLING {
            return Ok(next);
        }
        now = next;
    }
}

/// What is there more than `before`, once what goes has gone.
fn left(trial: &Trial<'_>, before: &Holds) -> io::Result<More> {
    let begun = Instant::now();
    loop {
        let more = trial.whose.holds()?.more_than(before);
        let most = more.threads.max(more.files.unwrap_or_default());
        let enough = match most {
            0 => Duration::ZERO,
            1..LEAK => SETTLING,
            _ => PATIENCE,
        };
        if begun.elapsed() >= enough {
            return Ok(more);
        }
        thread::sleep(LOOK);
    }
}
