//! One run of a test: its pods, from the first call to the end of the quiet tail.

use crate::drive::{Driver, Stage};
use crate::property::checker::{History, check};
use crate::property::{Compiled, ExpressionError, Properties};
use crate::{Images, Keep, Recorded, Scheduling, Settings, Simulation, StartError};
use seedpod_core::limits::TEST_EVENTS_MAX;
use seedpod_core::podtest::{Checker, Failure, FailureKind, PodTest, PropertyKind};
use seedpod_core::sched::{self, Chooser, TaskNames};
use seedpod_core::seed::Seed;
use seedpod_core::spec::Objects;
use seedpod_core::time::Instant;
use seedpod_core::trace::TraceEvent;
use seedpod_engine::Engine;
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

/// What all runs of a test share.
pub struct Prepared {
    /// The manifests of the test.
    pub objects: Objects,
    /// Made from [`EngineSettings::deterministic`](seedpod_engine::EngineSettings::deterministic).
    pub engine: Engine,
    /// Where images come from.
    pub images: Images,
    /// The expressions of the test.
    pub compiled: Compiled,
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
    /// Where to write what passes the network, as packets; nowhere as a rule.
    pub packets: Option<Box<dyn io::Write + Send>>,
}

/// What came of a run.
#[derive(Clone, Debug)]
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

impl Prepared {
    /// Reads the expressions of a test.
    ///
    /// # Errors
    /// One for each that is wrong.
    pub fn new(
        test: &PodTest,
        objects: Objects,
        engine: Engine,
        images: Images,
    ) -> Result<Self, Vec<ExpressionError>> {
        Ok(Self {
            compiled: Compiled::new(test, &objects)?,
            objects,
            engine,
            images,
        })
    }
}

/// Runs a test once.
///
/// # Errors
/// When its objects cannot be added, which is the same in every run, or packets cannot be written.
pub fn run(settings: RunSettings<'_>) -> Result<RunReport, StartError> {
    let RunSettings {
        prepared,
        test,
        seed,
        chooser,
        keep,
        packets,
    } = settings;
    let checkers = checkers(test);
    let keep = if checkers.is_empty() {
        keep
    } else {
        Keep::Trace
    };
    let mut simulation = Simulation::scheduled(
        Settings {
            seed,
            engine: prepared.engine.clone(),
            images: prepared.images.clone(),
        },
        Scheduling { chooser, keep },
    );
    simulation.watch();
    simulation.set_test(test);
    let capture = packets
        .map(|output| simulation.capture(output))
        .transpose()?;
    simulation.apply(&prepared.objects)?;
    let mut course = Course {
        driver: Driver::new(test),
        properties: properties(test, prepared, &simulation),
        simulation,
        test,
        records: 0,
        failures: Vec::new(),
    };
    course.go();
    let Course {
        mut simulation,
        properties,
        mut failures,
        ..
    } = course;
    if let Some(capture) = capture {
        capture.flush()?;
    }
    let virtual_time = simulation.now().saturating_since(Instant::default());
    let Recorded {
        hash,
        events,
        schedule,
        names,
    } = simulation.take_recorded();
    if failures.is_empty() {
        failures = judge(&checkers, prepared, &properties, &events, virtual_time);
    }
    Ok(RunReport {
        failures,
        hash,
        trace: events,
        schedule,
        names,
        virtual_time,
        sometimes: properties.sometimes_met().clone(),
    })
}

/// The properties of a test, which look at its pods.
fn properties(test: &PodTest, prepared: &Prepared, simulation: &Simulation) -> Properties {
    let properties = Properties::new(test, &prepared.compiled, &prepared.objects);
    for pod in &prepared.objects.pods {
        if let Some(handle) = simulation.pod(&pod.meta.name) {
            properties.view().add_pod(handle);
        }
    }
    properties
}

/// What checkers find.
fn judge(
    checkers: &[(&str, &Checker)],
    prepared: &Prepared,
    properties: &Properties,
    trace: &[TraceEvent],
    virtual_time: Duration,
) -> Vec<Failure> {
    let history = History {
        trace,
        logs: &properties.view().log_texts(),
    };
    let found = checkers.iter().filter_map(|(name, checker)| {
        let Prepared { engine, images, .. } = prepared;
        let mut failure = check(name, checker, engine, images, &history)?;
        failure.at = Instant::ZERO + virtual_time;
        failure.event = trace.last().map_or(0, |event| event.number);
        Some(failure)
    });
    found.collect()
}

fn checkers(test: &PodTest) -> Vec<(&str, &Checker)> {
    let checkers = test
        .properties
        .iter()
        .filter_map(|property| match &property.kind {
            PropertyKind::Checker(checker) => Some((property.name.as_str(), checker)),
            _ => None,
        });
    checkers.collect()
}

/// One run under way.
struct Course<'a> {
    simulation: Simulation,
    properties: Properties,
    driver: Driver,
    test: &'a PodTest,
    /// Records that the properties know of.
    records: usize,
    failures: Vec<Failure>,
}

impl Course<'_> {
    fn go(&mut self) {
        let limit = Instant::ZERO + self.test.limit;
        while self.advance() {
            if self.driver.is_done() && self.simulation.is_quiescent() {
                break;
            }
            let now = self.simulation.now();
            if now >= limit {
                break;
            }
            let deadline = self.driver.next_deadline(now);
            let until = deadline.map_or(limit, |deadline| deadline.min(limit));
            self.simulation.step(until);
        }
        if !self.failures.is_empty() {
            return;
        }
        self.simulation.settle();
        self.properties.set_pending(false);
        let failures = self.properties.begin_tail();
        self.failures.extend(failures);
        let end = self.simulation.now() + self.test.settle;
        while self.failures.is_empty() && !self.simulation.is_quiescent() {
            let goes_on = self.simulation.step(end);
            self.observe();
            if !goes_on {
                break;
            }
        }
        if self.failures.is_empty() {
            let is_quiescent = self.simulation.is_quiescent();
            let blocked = self.simulation.blocked();
            let failures = self.properties.finish(is_quiescent, &blocked);
            self.failures.extend(failures);
        }
    }

    /// Looks at what has happened and does what is due from outside; whether all is well.
    fn advance(&mut self) -> bool {
        let is_pending = !self.driver.is_done() || self.simulation.awaits_faults();
        self.properties.set_pending(is_pending);
        self.observe();
        self.run_script();
        if self.driver.is_done() || !self.failures.is_empty() {
            return self.failures.is_empty();
        }
        let failures = self.driver.poll(&mut Stage {
            simulation: &mut self.simulation,
            properties: &mut self.properties,
            test: self.test,
        });
        self.failures.extend(failures);
        self.observe();
        self.failures.is_empty()
    }

    /// Faults of the script happen whose moment has come.
    fn run_script(&mut self) {
        for (place, condition) in self.simulation.awaited() {
            match self.properties.is_true(&condition) {
                Ok(true) => {
                    self.simulation.happen(place);
                    self.observe();
                }
                Ok(false) => {}
                Err(message) => {
                    let failure = self.properties.broken(&condition, &message);
                    self.failures.push(failure);
                }
            }
        }
    }

    fn observe(&mut self) {
        let touched = self.simulation.take_touched();
        let events = self.simulation.take_new_events();
        let records = match self.simulation.records_len() > self.records {
            true => self.simulation.records_from(self.records),
            false => Vec::new(),
        };
        self.records += records.len();
        let now = self.simulation.now();
        let failures = self.properties.observe(now, &touched, &records, &events);
        self.failures.extend(failures);
        if let Some(event) = events.last()
            && event.number >= TEST_EVENTS_MAX
            && self.failures.is_empty()
        {
            self.failures.push(Failure {
                property: FailureKind::Livelock.word().to_owned(),
                kind: FailureKind::Livelock,
                message: format!(
                    "{TEST_EVENTS_MAX} events in one run, which are as many as are kept; a smaller `limit` ends it before"
                ),
                at: now,
                event: event.number,
            });
        }
        if let Some((task, time)) = self.simulation.computing() {
            self.failures.extend(self.properties.computes(&task, time));
        }
    }
}
