//! What a library costs until its first answer.

use std::time::{Duration, Instant};

use rais_runtime::host::{Library, Program};
use rais_sdk::Target;
use serde::{Deserialize, Serialize};

use super::place::{self, Place};
use crate::bench::usage;

const ROUNDS: usize = 20;

/// Medians, in milliseconds; and memory, in MB.
#[derive(Serialize, Deserialize)]
pub(super) struct Start {
    vetted: Option<f64>,
    first_answer: f64,
    processes_mb: Option<f64>,
}

pub(super) fn measure(place: Place) -> anyhow::Result<Start> {
    let vetted = match place {
        Place::BuiltIn => None,
        _ => Some(median(|| {
            Library::open(&place::built()?, &Program::this())?;
            Ok(())
        })?),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut firsts = Vec::new();
    let mut processes_mb = None;
    for _ in 0..ROUNDS {
        // Vetted already, so that this is the start alone; loaded once a process.
        let (host, _folder) = place.host()?;
        let begun = Instant::now();
        let probe = place::probe(&host)?;
        let nobody = Target::new(([127, 0, 0, 1], 1).into(), "here", "bench");
        let answer = runtime.block_on(probe.probe(nobody, Duration::from_secs(5)));
        firsts.push(begun.elapsed().as_secs_f64() * 1e3);
        anyhow::ensure!(answer.is_err(), "somebody listens on port 1");
        if place == Place::Isolated {
            processes_mb = Some(usage::children()?.peak_mb);
        }
    }
    firsts.sort_by(f64::total_cmp);
    Ok(Start { vetted, first_answer: firsts[firsts.len() / 2], processes_mb })
}

fn median(mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        work()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

impl Start {
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        vec![
            (
                "read, judged, tried in a process",
                or_none(self.vetted.map(|ms| format!("{ms:.1} ms"))),
            ),
            ("instance and first answer", format!("{:.2} ms", self.first_answer)),
            ("memory of its process", or_none(self.processes_mb.map(|mb| format!("{mb:.1} MB")))),
        ]
    }
}
