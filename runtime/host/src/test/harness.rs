//! Makes the runs of an exploration: here, by worker processes, and once more by a process that checks them.

use super::checker::{Checker, Mismatch};
use super::pool::Pool;
use super::process::Start;
use super::progress::Progress;
use super::protocol::Preparation;
use seedpod::testing::Bench;
use seedpod_core::limits::MINIMISING_RUNS_MAX;
use seedpod_core::sched::{Chooser, Knowledge};
use seedpod_sim::Keep;
use seedpod_sim::explore::{Case, Exploration, Runner, Sample, Seeds, Stop, When};
use seedpod_sim::report;
use seedpod_sim::run::RunReport;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Real time after which sampling is worth several processes: they need about as much to start.
const POOL_AFTER: Duration = Duration::from_millis(100);
/// Real time that making one failure smaller may take.
const MINIMISING_TIME_MAX: Duration = Duration::from_secs(30);

/// How one test is run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// All test files of the command, absolute.
    pub(crate) files: Vec<PathBuf>,
    /// Which of their tests this is.
    pub(crate) position: usize,
    pub(crate) seeds: Seeds,
    /// Folder of compiled code.
    pub(crate) code: Option<PathBuf>,
    /// Processes that make runs.
    pub(crate) jobs: usize,
    /// Real time for all runs.
    pub(crate) budget: Option<Duration>,
}

/// See the module.
pub(crate) struct Harness<'a> {
    bench: &'a Bench,
    plan: Plan,
    pool: Option<Pool>,
    checker: Option<Checker>,
    progress: Progress,
    started: Instant,
    sampling: Option<Instant>,
    minimising: Option<Instant>,
}

impl<'a> Harness<'a> {
    pub(crate) fn new(bench: &'a Bench, plan: Plan) -> Self {
        Self {
            bench,
            plan,
            pool: None,
            checker: None,
            progress: Progress::new(),
            started: Instant::now(),
            sampling: None,
            minimising: None,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn preparation(&self) -> Preparation {
        Preparation {
            files: self.plan.files.clone(),
            test: self.plan.position,
            seed: self.plan.seeds.first().number(),
            strategy: self.bench.strategy().to_string(),
            fingerprint: self.bench.file().fingerprint.to_string(),
        }
    }

    fn pool(&mut self, number: u64) -> Result<&mut Pool, Stop> {
        if self.pool.is_none() {
            let start = Start {
                cache: self.plan.code.clone(),
                unoptimized: false,
                folder: env::temp_dir(),
                environment: env::vars_os().collect(),
            };
            let pool = Pool::start(&start, &self.preparation(), self.plan.jobs, number)?;
            self.pool = Some(pool);
        }
        self.pool.as_mut().ok_or_else(unreachable_process)
    }

    fn checker(&mut self) -> Result<&mut Checker, Stop> {
        if self.checker.is_none() {
            let start = Start {
                cache: self.plan.code.clone(),
                unoptimized: true,
                folder: PathBuf::from(if cfg!(windows) { "C:\\" } else { "/" }),
                environment: other_environment(),
            };
            self.checker = Some(Checker::start(&start, self.preparation())?);
        }
        self.checker.as_mut().ok_or_else(unreachable_process)
    }

    fn judge(&mut self, mismatch: Option<Mismatch>) -> Result<(), Stop> {
        let Some(mismatch) = mismatch else {
            return Ok(());
        };
        let case = mismatch.case;
        let chooser = case.chooser(self.bench.strategy(), &self.learn()?);
        let here = self.bench.run(&case, chooser, Keep::Trace)?.trace;
        let there = self.checker()?.trace(&case)?;
        let difference = match report::diff(&here, &there) {
            Some(difference) => difference.text(["this process", "the other process"]),
            None => {
                "once more, both left the same trace: the difference comes and goes\n".to_owned()
            }
        };
        Err(Stop::Nondeterminism(format!(
            "the run of seed {:#018x} left trace {:032x} in this process, and {:032x} in another with another environment \
             and compiler setting:\n{difference}",
            case.seed, mismatch.here, mismatch.there
        )))
    }

    pub(crate) fn learn(&self) -> Result<Knowledge, Stop> {
        let first = Case::first(self.plan.seeds);
        let chooser = first.chooser(self.bench.strategy(), &Knowledge::default());
        let mut knowledge = Knowledge::default();
        knowledge.observe(
            &self
                .bench
                .run(&first, chooser, Keep::Schedule)?
                .schedule
                .execution,
        );
        Ok(knowledge)
    }
}

fn unreachable_process() -> Stop {
    Stop::Infrastructure("a process that was started is gone".to_owned())
}

/// Nothing as in this process: other words, other sizes, other places on the stack.
fn other_environment() -> BTreeMap<OsString, OsString> {
    let pad = usize::from(std::process::id() as u8) + 1;
    let variables = [
        ("HOME", "/nonexistent".to_owned()),
        ("LANG", "tr_TR.UTF-8".to_owned()),
        ("TZ", "Pacific/Kiritimati".to_owned()),
        ("RAYON_NUM_THREADS", "1".to_owned()),
        ("SEEDPOD_PADDING", "x".repeat(pad)),
    ];
    variables
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

impl Runner for Harness<'_> {
    fn run(&mut self, case: &Case, chooser: Chooser, keep: Keep) -> Result<RunReport, Stop> {
        self.bench.run(case, chooser, keep)
    }

    fn sample(&mut self, number: u64, knowledge: &Knowledge) -> Result<Sample, Stop> {
        let since = *self.sampling.get_or_insert_with(Instant::now);
        if self.pool.is_some() || (self.plan.jobs > 1 && since.elapsed() > POOL_AFTER) {
            return self.pool(number)?.take(number);
        }
        let case = Case::sampled(self.plan.seeds.of(number));
        let chooser = case.chooser(self.bench.strategy(), knowledge);
        Ok(Sample::of(&self.bench.run(
            &case,
            chooser,
            Keep::Schedule,
        )?))
    }

    fn check(&mut self, case: &Case, hash: u128, when: When) -> Result<(), Stop> {
        let checker = self.checker()?;
        let mut mismatch = checker.check(case, hash)?;
        if mismatch.is_none() && when == When::Now {
            mismatch = checker.finish()?;
        }
        self.judge(mismatch)
    }

    fn finish_checks(&mut self) -> Result<(), Stop> {
        // Whoever makes runs ahead is not needed any more, and would be in the way.
        self.pool = None;
        let mismatch = match &mut self.checker {
            Some(checker) => checker.finish()?,
            None => None,
        };
        self.judge(mismatch)
    }

    fn keep_going(&mut self) -> bool {
        self.plan
            .budget
            .is_none_or(|budget| self.started.elapsed() < budget)
    }

    fn keep_shrinking(&mut self, made: u32) -> bool {
        if made == 0 {
            self.minimising = Some(Instant::now());
        }
        let since = *self.minimising.get_or_insert_with(Instant::now);
        made < MINIMISING_RUNS_MAX && since.elapsed() < MINIMISING_TIME_MAX
    }

    fn progress(&mut self, exploration: &Exploration) {
        self.progress
            .show(&self.bench.file().test.name, exploration);
    }
}

impl Drop for Harness<'_> {
    fn drop(&mut self) {
        self.progress.clear();
    }
}
