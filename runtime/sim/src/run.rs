//! One run of a test: its pods, from the first call to the end of the quiet tail.

use crate::{Images, Keep, Recorded, Scheduling, Settings, Simulation, StartError};
use seedpod_core::podtest::{Failure, PodTest};
use seedpod_core::sched::{self, Chooser, TaskNames};
use seedpod_core::seed::Seed;
use seedpod_core::spec::Objects;
use seedpod_core::time::Instant;
use seedpod_core::trace::TraceEvent;
use seedpod_engine::Engine;
use std::collections::BTreeSet;
use std::time::Duration;

/// What all runs of a test share.
pub struct Prepared {
    /// The manifests of the test.
    pub objects: Objects,
    /// Made from [`EngineSettings::deterministic`](seedpod_engine::EngineSettings::deterministic).
    pub engine: Engine,
    /// Where images come from.
    pub images: Images,
}

/// One run.
pub struct RunSettings<'a> {
    /// What all runs share.
    pub prepared: &'a Prepared,
    /// The test, or what is left of it while a failure is made smaller.
    pub test: &'a PodTest,
    /// Where all chance that nobody decides comes from, such as what guests draw.
    pub seed: Seed,
    /// Decides everything else.
    pub chooser: Chooser,
    /// What is kept.
    pub keep: Keep,
}

/// What came of a run.
#[derive(Debug)]
pub struct RunReport {
    /// Properties that did not hold; the run ends at the first.
    pub failures: Vec<Failure>,
    /// Hash of the trace.
    pub hash: u128,
    /// The trace, where it was to be kept.
    pub trace: Vec<TraceEvent>,
    /// What was decided and done.
    pub schedule: sched::Record,
    /// Names of tasks, by their number.
    pub names: TaskNames,
    /// How long the run was, in virtual time.
    pub virtual_time: Duration,
    /// Names of the properties of the kind `sometimes` that were met.
    pub sometimes: BTreeSet<String>,
}

/// Runs a test once.
///
/// # Errors
/// When its objects cannot be added; that is the same in every run.
pub fn run(settings: RunSettings<'_>) -> Result<RunReport, StartError> {
    let RunSettings {
        prepared,
        test,
        seed,
        chooser,
        keep,
    } = settings;
    let mut simulation = Simulation::scheduled(
        Settings {
            seed,
            engine: prepared.engine.clone(),
            images: prepared.images.clone(),
        },
        Scheduling { chooser, keep },
    );
    simulation.apply(&prepared.objects)?;
    let failures = Vec::new();
    let limit = Instant::default() + test.limit;
    while failures.is_empty() && !simulation.is_quiescent() && simulation.step(limit) {}
    let end = simulation.now() + test.settle;
    while failures.is_empty() && !simulation.is_quiescent() && simulation.step(end) {}
    let virtual_time = simulation.now().saturating_since(Instant::default());
    let Recorded {
        hash,
        events,
        schedule,
        names,
    } = simulation.take_recorded();
    Ok(RunReport {
        failures,
        hash,
        trace: events,
        schedule,
        names,
        virtual_time,
        sometimes: BTreeSet::new(),
    })
}
