//! Explorations up to their first failure, as `seedpod test` makes them, without its self-check.

use seedpod::Engine;
use seedpod::testing::{Bench, TestFile};
use seedpod_core::sched::{Chooser, Knowledge, StrategyKind};
use seedpod_core::seed::Seed;
use seedpod_sim::Keep;
use seedpod_sim::explore::{self, Case, Exploration, Runner, Sample, Seeds, Settings, Stop, When};
use seedpod_sim::run::RunReport;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The first failure of one exploration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) runs: u64,
    pub(crate) elapsed: Duration,
}

/// One bug.
pub(crate) struct Proof<'a> {
    file: &'a TestFile,
    engine: &'a Engine,
    budget: Duration,
}

/// Masters after which a strategy that never finds a bug is believed.
const HOPELESS: u64 = 3;

impl<'a> Proof<'a> {
    pub(crate) fn new(file: &'a TestFile, engine: &'a Engine, budget: Duration) -> Self {
        Self {
            file,
            engine,
            budget,
        }
    }

    /// What each master found. Several at a time, each on a thread of its own.
    pub(crate) fn explore(&self, strategy: StrategyKind, masters: u64) -> Vec<Option<Found>> {
        let next = AtomicU64::new(0);
        let found = Mutex::new(Vec::new());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let master = next.fetch_add(1, Ordering::Relaxed);
                        let is_hopeless = {
                            let found = found.lock().expect("no thread has panicked");
                            found.len() as u64 >= HOPELESS && found.iter().all(Option::is_none)
                        };
                        if master >= masters || is_hopeless {
                            return;
                        }
                        let one = self.one(strategy, master, 0).0;
                        found.lock().expect("no thread has panicked").push(one);
                    }
                });
            }
        });
        found.into_inner().expect("no thread has panicked")
    }

    /// Context switches and faults of the smallest failure of the first master.
    pub(crate) fn minimised(&self, strategy: StrategyKind) -> Option<(u32, u32)> {
        let (_, exploration) = self.one(strategy, 0, 1000);
        let size = exploration.found.first()?.size;
        Some((size.switches, size.faults))
    }

    fn one(
        &self,
        strategy: StrategyKind,
        master: u64,
        shrinks: u32,
    ) -> (Option<Found>, Exploration) {
        let bench = Bench::new(self.file.clone(), self.engine.clone(), strategy);
        let bench = bench.unwrap_or_else(|error| panic!("{error}"));
        let seeds = Seeds::derived(Seed::new(master));
        let settings = Settings {
            seeds,
            strategy,
            runs: u64::MAX,
            systematic: self.file.test.explore.systematic,
            failures: 1,
            until_saturated: false,
            checked_per_million: 0,
            sometimes: BTreeSet::new(),
            workload: self
                .file
                .test
                .drive
                .iter()
                .map(|step| step.number)
                .collect(),
        };
        let mut runner = Quiet {
            bench: &bench,
            seeds,
            started: Instant::now(),
            budget: self.budget,
            failed: None,
            shrinks,
        };
        let exploration = explore::explore(&settings, &[], &mut runner);
        let exploration =
            exploration.unwrap_or_else(|stop| panic!("{}: {stop}", self.file.test.name));
        let elapsed = runner.failed.unwrap_or_else(|| runner.started.elapsed());
        let found = exploration.found.first().map(|found| Found {
            runs: found.run,
            elapsed,
        });
        (found, exploration)
    }
}

/// Makes runs on this thread, and none twice.
struct Quiet<'a> {
    bench: &'a Bench,
    seeds: Seeds,
    started: Instant,
    budget: Duration,
    failed: Option<Duration>,
    shrinks: u32,
}

impl Runner for Quiet<'_> {
    fn run(&mut self, case: &Case, chooser: Chooser, keep: Keep) -> Result<RunReport, Stop> {
        let report = self.bench.run(case, chooser, keep)?;
        if !report.failures.is_empty() && self.failed.is_none() {
            self.failed = Some(self.started.elapsed());
        }
        Ok(report)
    }

    fn sample(&mut self, number: u64, knowledge: &Knowledge) -> Result<Sample, Stop> {
        let case = Case::sampled(self.seeds.of(number));
        let chooser = case.chooser(self.bench.strategy(), knowledge);
        Ok(Sample::of(&self.run(&case, chooser, Keep::Schedule)?))
    }

    fn check(&mut self, _case: &Case, _hash: u128, _when: When) -> Result<(), Stop> {
        Ok(())
    }

    fn finish_checks(&mut self) -> Result<(), Stop> {
        Ok(())
    }

    fn keep_going(&mut self) -> bool {
        self.started.elapsed() < self.budget
    }

    fn keep_shrinking(&mut self, made: u32) -> bool {
        made < self.shrinks
    }

    fn progress(&mut self, _exploration: &Exploration) {}
}
