//! Tests of pods as Rust, for `cargo test`: the same model as a test file, and properties that are functions.

use crate::property::{Closure, ClosureKind, ExpressionError};
use crate::run::{Prepared, RunReport, RunSettings, run};
use crate::{Images, Keep, StartError, View};
use bytes::Bytes;
use seedpod_api::{ManifestError, NameError, Source, check_names};
use seedpod_core::podtest::{
    CountRange, Drive, DriveAction, Expect, Failure, Fault, FaultKind, PodTest, Property,
    PropertyKind, Start, WorldSettings,
};
use seedpod_core::sched::{Chooser, Knowledge, StrategyKind};
use seedpod_core::seed::Seed;
use seedpod_core::spec::Objects;
use seedpod_engine::Engine;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A test of the pods of a manifest.
///
/// ```no_run
/// # fn test(engine: seedpod_engine::Engine, images: seedpod_sim::Images) {
/// seedpod_sim::PodTestBuilder::from_manifest(include_str!("../../../manifests/mc2.yaml"), engine, images)
///     .runs(100)
///     .never("stuck", |view| view.queue("/ch6_ipc").is_some_and(|queue| queue.depth > 5))
///     .eventually("empty", |view| view.queue("/ch6_ipc").is_none_or(|queue| queue.depth == 0))
///     .run();
/// # }
/// ```
#[must_use = "nothing runs before `run` or `check`"]
pub struct PodTestBuilder {
    test: PodTest,
    manifest: String,
    engine: Engine,
    images: Images,
    seed: Seed,
    strategy: StrategyKind,
    closures: Vec<Closure>,
}

/// Runs of a test that found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// How many.
    pub runs: u64,
}

/// Why a test did not pass.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The manifest is wrong.
    #[error("the manifest is wrong:\n{}", lines(.0))]
    Manifest(Vec<ManifestError>),
    /// The test names something that the manifest has not.
    #[error("the test does not fit the manifest:\n{}", lines(.0))]
    Names(Vec<NameError>),
    /// An expression is wrong.
    #[error("expressions are wrong:\n{}", lines(.0))]
    Expressions(Vec<ExpressionError>),
    /// The pods cannot be started.
    #[error("the pods cannot be started: {0}")]
    Start(#[from] StartError),
    /// Something did not hold.
    #[error(
        "run {run} fails, seed {seed:#018x}, strategy {strategy}; run it again with `.seed({seed:#x})`:\n{}",
        lines(.failures)
    )]
    Failed {
        /// Which run.
        run: u64,
        /// The seed of all runs.
        seed: u64,
        /// How the run was chosen.
        strategy: StrategyKind,
        /// What did not hold.
        failures: Vec<Failure>,
    },
    /// Something that must happen in some run happened in none.
    #[error("no run of {runs} met {}", .names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))]
    Unmet {
        /// How many runs.
        runs: u64,
        /// Properties of the kind `sometimes`.
        names: BTreeSet<String>,
    },
}

fn lines<T: fmt::Display>(items: &[T]) -> String {
    let lines: Vec<String> = items.iter().map(|item| format!("  {item}")).collect();
    lines.join("\n")
}

/// Runs of a test that says nothing else.
const RUNS: u64 = 100;

impl PodTestBuilder {
    /// A test of the pods of a manifest, which is YAML or JSON. The engine must be
    /// [deterministic](seedpod_engine::EngineSettings::deterministic).
    pub fn from_manifest(manifest: impl Into<String>, engine: Engine, images: Images) -> Self {
        Self {
            test: PodTest::new("test"),
            manifest: manifest.into(),
            engine,
            images,
            seed: Seed::new(1),
            strategy: StrategyKind::default(),
            closures: Vec::new(),
        }
    }

    /// How many runs; 100 when nothing is said.
    pub fn runs(mut self, runs: u64) -> Self {
        self.test.explore.runs = Some(runs);
        self
    }

    /// Where all runs come from; 1 when nothing is said.
    pub fn seed(mut self, number: u64) -> Self {
        self.seed = Seed::new(number);
        self
    }

    /// How runs are chosen; a portfolio when nothing is said.
    pub fn strategy(mut self, strategy: StrategyKind) -> Self {
        self.strategy = strategy;
        self
    }

    /// Virtual time of drive and faults.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.test.limit = limit;
        self
    }

    /// Virtual time afterwards, without faults.
    pub fn quiet_tail(mut self, settle: Duration) -> Self {
        self.test.settle = settle;
        self
    }

    /// What the world is like.
    pub fn world(mut self, world: WorldSettings) -> Self {
        self.test.world = world;
        self
    }

    /// Does something when the step before it has ended.
    pub fn then(self, action: DriveAction) -> Self {
        self.step(Start::AfterPrevious, action, Expect::default())
    }

    /// Does something at a virtual time.
    pub fn at(self, time: Duration, action: DriveAction) -> Self {
        self.step(Start::At(time), action, Expect::default())
    }

    /// Does something of which something must come.
    pub fn step(mut self, start: Start, action: DriveAction, expect: Expect) -> Self {
        self.test.drive.push(Drive {
            number: number(self.test.drive.len()),
            place: String::new(),
            start,
            action,
            expect,
            within: Drive::WITHIN,
        });
        self
    }

    /// Content of a file that a step names.
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        self.test.data.insert(path.into(), content.into());
        self
    }

    /// A fault that may happen, `times` times at most in one run.
    pub fn fault(mut self, kind: FaultKind, times: u32) -> Self {
        let menu = &mut self.test.faults.menu;
        menu.push(Fault {
            number: number(menu.len()),
            place: String::new(),
            times,
            kind,
        });
        let budget = &mut self.test.faults.budget;
        budget.max = budget.max.saturating_add(times);
        self
    }

    /// How many faults happen in one run; any of them when nothing is said.
    pub fn fault_budget(mut self, budget: CountRange) -> Self {
        self.test.faults.budget = budget;
        self
    }

    /// Holds after every host call that changes what `holds` looks at.
    pub fn always(self, name: &str, holds: impl Fn(&View) -> bool + Send + Sync + 'static) -> Self {
        self.closure(name, ClosureKind::Always, holds)
    }

    /// Holds after no host call.
    pub fn never(self, name: &str, holds: impl Fn(&View) -> bool + Send + Sync + 'static) -> Self {
        self.closure(name, ClosureKind::Never, holds)
    }

    /// Holds at some moment of the quiet tail.
    pub fn eventually(
        self,
        name: &str,
        holds: impl Fn(&View) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.closure(name, ClosureKind::Eventually(None), holds)
    }

    /// Holds within this time of the quiet tail.
    pub fn eventually_within(
        self,
        name: &str,
        within: Duration,
        holds: impl Fn(&View) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.closure(name, ClosureKind::Eventually(Some(within)), holds)
    }

    /// Holds at the end.
    pub fn finally(
        self,
        name: &str,
        holds: impl Fn(&View) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.closure(name, ClosureKind::Finally, holds)
    }

    /// Holds at some moment of some run.
    pub fn sometimes(
        self,
        name: &str,
        holds: impl Fn(&View) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.closure(name, ClosureKind::Sometimes, holds)
    }

    /// A property as a test file has it.
    pub fn property(mut self, name: &str, kind: PropertyKind) -> Self {
        let properties = &mut self.test.properties;
        properties.push(Property {
            number: number(properties.len()),
            place: String::new(),
            name: name.to_owned(),
            kind,
        });
        self
    }

    fn closure(
        mut self,
        name: &str,
        kind: ClosureKind,
        holds: impl Fn(&View) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.closures.push(Closure {
            name: name.to_owned(),
            kind,
            holds: Arc::new(holds),
        });
        self
    }

    /// Runs the test.
    ///
    /// # Panics
    /// When it does not pass, with the seed and what did not hold.
    #[track_caller]
    pub fn run(self) {
        if let Err(error) = self.check() {
            panic!("{error}");
        }
    }

    /// Runs the test; the first run that fails ends it.
    ///
    /// # Errors
    /// When it does not pass.
    pub fn check(self) -> Result<Passed, TestError> {
        let runs = self.test.explore.runs.unwrap_or(RUNS);
        let (seed, strategy) = (self.seed, self.strategy);
        let mut unmet = self.sometimes_names();
        let (test, prepared) = self.prepare()?;
        let mut knowledge = Knowledge::default();
        for number in 0..runs {
            let kind = strategy.for_run(number);
            let of_run = seed.fork(&number.to_string());
            let report = run(RunSettings {
                prepared: &prepared,
                test: &test,
                seed: of_run,
                chooser: Chooser::seeded(of_run, kind, &knowledge),
                keep: Keep::Schedule,
                packets: None,
            })?;
            let RunReport {
                failures,
                schedule,
                sometimes,
                ..
            } = report;
            if !failures.is_empty() {
                return Err(TestError::Failed {
                    run: number,
                    seed: seed.number(),
                    strategy: kind,
                    failures,
                });
            }
            knowledge.observe(&schedule.execution);
            unmet.retain(|name| !sometimes.contains(name));
        }
        match unmet.is_empty() {
            true => Ok(Passed { runs }),
            false => Err(TestError::Unmet { runs, names: unmet }),
        }
    }

    fn sometimes_names(&self) -> BTreeSet<String> {
        let closures = self.closures.iter();
        let closures = closures.filter(|closure| closure.kind == ClosureKind::Sometimes);
        let properties = self.test.properties.iter();
        let properties =
            properties.filter(|property| matches!(property.kind, PropertyKind::Sometimes(_)));
        let names = closures.map(|closure| closure.name.clone());
        names
            .chain(properties.map(|property| property.name.clone()))
            .collect()
    }

    fn prepare(self) -> Result<(PodTest, Prepared), TestError> {
        let source = Source {
            name: "manifest".to_owned(),
            bytes: self.manifest.into_bytes(),
        };
        let loaded = seedpod_api::load(&[source]).map_err(TestError::Manifest)?;
        let objects: Objects = loaded.objects;
        check_names(&self.test, &objects).map_err(TestError::Names)?;
        let prepared = Prepared::new(&self.test, objects, self.engine, self.images);
        let mut prepared = prepared.map_err(TestError::Expressions)?;
        prepared.compiled = prepared.compiled.with_closures(self.closures);
        Ok((self.test, prepared))
    }
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
