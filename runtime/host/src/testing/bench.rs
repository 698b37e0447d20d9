//! Makes single runs of a test.

use super::{LoadError, TestFile};
use crate::images::Images;
use seedpod_core::sched::{Chooser, Knowledge, StrategyKind};
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::Keep;
use seedpod_sim::explore::{Case, How, Seeds, Stop};
use seedpod_sim::run::{Prepared, RunReport, RunSettings};
use std::borrow::Cow;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

/// How guests are compiled. What they do must not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// As fast code as there is.
    Optimized,
    /// As quickly as can be.
    Unoptimized,
}

/// Sets up wasmtime for tests. `code` is the folder of compiled code; nothing is kept without one.
///
/// # Errors
/// When this machine cannot run wasmtime at all.
pub fn engine(compiler: Compiler, code: Option<PathBuf>) -> Result<Engine, Stop> {
    let settings = match compiler {
        Compiler::Optimized => EngineSettings::deterministic(code),
        Compiler::Unoptimized => EngineSettings::deterministic_unoptimized(code),
    };
    let settings = EngineSettings {
        pool: Some(PROCESSES_MAX),
        ..settings
    };
    let engine = Engine::new(settings).map_err(|error| Stop::Infrastructure(error.to_string()))?;
    Images::register(&engine);
    Ok(engine)
}

/// Processes at one moment of a run: instances come from a pool, because every run starts all of its pods anew.
const PROCESSES_MAX: u32 = 256;

/// A test and what it runs on. Runs on the thread that asks.
pub struct Bench {
    file: TestFile,
    prepared: Prepared,
    strategy: StrategyKind,
    knowledge: Option<Knowledge>,
}

impl Bench {
    /// Samples of the test will follow `strategy`.
    ///
    /// # Errors
    /// When an expression of the test is wrong.
    pub fn new(file: TestFile, engine: Engine, strategy: StrategyKind) -> Result<Self, LoadError> {
        let images = file.images.clone();
        let images = Arc::new(move |reference: &str, policy| images.resolve(reference, policy));
        let prepared = Prepared::new(&file.test, file.objects.clone(), engine, images);
        Ok(Self {
            prepared: prepared.map_err(LoadError::Expressions)?,
            file,
            strategy,
            knowledge: None,
        })
    }

    /// Its test.
    pub fn file(&self) -> &TestFile {
        &self.file
    }

    /// How samples are chosen.
    pub fn strategy(&self) -> StrategyKind {
        self.strategy
    }

    /// One run.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn run(&self, case: &Case, chooser: Chooser, keep: Keep) -> Result<RunReport, Stop> {
        self.run_with(case, chooser, keep, None)
    }

    /// One run, with what passes the network written as packets.
    ///
    /// # Errors
    /// When it cannot be made, or the packets cannot be written.
    pub fn capture(
        &self,
        case: &Case,
        chooser: Chooser,
        output: Box<dyn Write + Send>,
    ) -> Result<RunReport, Stop> {
        self.run_with(case, chooser, Keep::Schedule, Some(output))
    }

    fn run_with(
        &self,
        case: &Case,
        chooser: Chooser,
        keep: Keep,
        packets: Option<Box<dyn Write + Send>>,
    ) -> Result<RunReport, Stop> {
        let smaller = match case.without.is_empty() {
            true => Cow::Borrowed(&self.file.test),
            false => Cow::Owned(self.file.test.without(&case.without)),
        };
        let settings = RunSettings {
            prepared: &self.prepared,
            test: &smaller,
            seed: case.seed(),
            chooser,
            keep,
            packets,
        };
        let run = catch_unwind(AssertUnwindSafe(|| seedpod_sim::run::run(settings)));
        let run = run.map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Stop::Infrastructure(format!(
                "the simulator panicked in the run of seed {:#018x}, which is a bug of seedpod: {}",
                case.seed,
                text.unwrap_or_default()
            ))
        })?;
        run.map_err(|error| Stop::Spec(error.to_string()))
    }

    /// One run, with what a first run teaches.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn run_case(&mut self, seeds: Seeds, case: &Case, keep: Keep) -> Result<RunReport, Stop> {
        if case.how == How::Sampled && self.knowledge.is_none() {
            let first = Case::first(seeds);
            let chooser = first.chooser(self.strategy, &Knowledge::default());
            let mut knowledge = Knowledge::default();
            knowledge.observe(
                &self
                    .run(&first, chooser, Keep::Schedule)?
                    .schedule
                    .execution,
            );
            self.knowledge = Some(knowledge);
        }
        let nothing = Knowledge::default();
        let knowledge = self.knowledge.as_ref().unwrap_or(&nothing);
        let chooser = case.chooser(self.strategy, knowledge);
        self.run(case, chooser, keep)
    }
}
