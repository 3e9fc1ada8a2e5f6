//! Instances come and go; what they leave behind is counted.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rais_sdk::Fault;

use super::finding::{Check, Verdict};
use super::leftovers::{Holds, More, children};
use super::times::{counted, took};
use super::trial::Trial;

const INSTANCES: usize = 20;
/// Before anything is counted: what is made once stays.
const BEFORE: usize = 2;
/// Where calls take long, fewer must do.
const LEAST: usize = 4;
const LONGEST: Duration = Duration::from_secs(3);
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
    let number = match round(trial, INSTANCES) {
        Ok(number) => number,
        Err(fault) => return Ok(Err(fault)),
    };
    // Fewer are no leak of each instance, but what the host itself keeps ready.
    let leak = number / 2;
    let more = left(trial, &before, leak)?;
    // Behind what its process had to tell of the others.
    if let Some(kept) = &trial.kept {
        kept.call(trial);
    }
    let instances = counted(number, "instance");
    let leaks = |what: &str, cure: &str| {
        Verdict::failed(format!("{what} after {instances}: each must {cure} when it is dropped"))
    };
    let verdict = match (trial.heard.take().first(), more) {
        (Some(panic), _) => Verdict::failed(panic.clone()),
        (None, More { threads, .. }) if threads >= leak => {
            leaks(&format!("{} more", counted(threads, "thread")), "end its own")
        }
        (None, More { files: Some(files), .. }) if files >= leak => {
            leaks(&format!("{} more open", counted(files, "file")), "close its own")
        }
        (None, More { files: Some(_), .. }) => {
            Verdict::passed(format!("{instances} came and went, no thread or file is left"))
        }
        (None, More { files: None, .. }) => Verdict::passed(format!(
            "{instances} came and went, no thread is left (files are shown to root alone)"
        )),
    };
    let verdict = verdict.with("instances", number).with("threads", more.threads);
    Ok(Ok(match more.files {
        Some(files) => verdict.with("files", files),
        None => verdict,
    }))
}

/// Its process ends once its last instance is gone.
pub(super) fn end(trial: &mut Trial<'_>) -> Verdict {
    match ended(trial) {
        Ok(Some(so_long)) => match trial.heard.take().first() {
            // Where dropping has failed, this is said already.
            Some(panic) if !trial.failed(Check::Drop) => Verdict::failed(panic.clone()),
            _ => Verdict::passed(format!("its process ended within {}", took(so_long))),
        },
        Ok(None) => Verdict::failed(format!("its process is still there after {}", took(ENDING))),
        Err(error) => Verdict::skipped(format!("not tried: /proc does not tell: {error}")),
    }
}

/// Drops the last instance, and waits for the process; none where that does not end.
pub(super) fn ended(trial: &mut Trial<'_>) -> io::Result<Option<Duration>> {
    let begun = Instant::now();
    drop(trial.kept.take());
    while begun.elapsed() < ENDING {
        if children()?.is_empty() {
            return Ok(Some(begun.elapsed()));
        }
        thread::sleep(LOOK);
    }
    Ok(None)
}

/// So many, one after the other, or as many as there is time for.
fn round(trial: &Trial<'_>, most: usize) -> Result<usize, Fault> {
    let begun = Instant::now();
    for number in 0..most {
        if number >= LEAST && begun.elapsed() > LONGEST {
            return Ok(number);
        }
        let instance = trial.make(&trial.table)?;
        instance.call(trial);
    }
    Ok(most)
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
fn left(trial: &Trial<'_>, before: &Holds, leak: usize) -> io::Result<More> {
    let begun = Instant::now();
    loop {
        let more = trial.whose.holds()?.more_than(before);
        let most = more.threads.max(more.files.unwrap_or_default());
        let enough = match most {
            0 => Duration::ZERO,
            some if some < leak => SETTLING,
            _ => PATIENCE,
        };
        if begun.elapsed() >= enough {
            return Ok(more);
        }
        thread::sleep(LOOK);
    }
}
