//! `seedpod test`: many runs of each test, and what came of them.

mod checker;
mod harness;
pub(crate) mod outcome;
mod pool;
mod process;
mod progress;
mod protocol;
pub(crate) mod record;
pub(crate) mod reports;
mod worker;

pub(crate) use worker::work;

use crate::cache;
use crate::cli::TestArguments;
use harness::{Harness, Plan};
use outcome::{Asked, Outcome};
use reports::Run;
use seedpod::testing::{self, Bench, Compiler, TestFile};
use seedpod_core::podtest::PropertyKind;
use seedpod_core::sched::{Knowledge, StrategyKind};
use seedpod_core::seed::Seed;
use seedpod_sim::Keep;
use seedpod_sim::explore::{
    self, Case, Exploration, Found, Recording, Runner, Sample, Seeds, Settings, Size, Stop, When,
};
use seedpod_sim::report::{TestReport, junit, text};
use seedpod_sim::run::RunReport;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A property did not hold.
pub(crate) const EXIT_FAILED: u8 = 1;
/// The same run left two traces.
pub(crate) const EXIT_NONDETERMINISM: u8 = 3;
/// A run could not be made.
pub(crate) const EXIT_INFRASTRUCTURE: u8 = 4;

/// For a test that says nothing about how many runs it wants.
const BUDGET: Duration = Duration::from_secs(10);
/// Of a million runs, those that are made again by another process: one in twenty.
const CHECKED_PER_MILLION: u32 = 50_000;

pub(crate) fn test(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let tests = testing::load(&arguments.files)?;
    let code = cache::code_folder(arguments.cache.cache_dir.as_deref());
    let engine = testing::engine(Compiler::Optimized, code.clone())?;
    let files = arguments.files.iter().map(std::path::absolute);
    let files = files.collect::<io::Result<Vec<PathBuf>>>()?;
    let mut benches = Vec::new();
    for file in tests {
        let strategy = strategy(arguments, &file)?;
        benches.push(Bench::new(file, engine.clone(), strategy)?);
    }
    let seed = match arguments.fresh {
        true => Some(drawn_seed()),
        false => arguments.seed,
    };
    let mut reports: Vec<TestReport> = Vec::new();
    let (mut worst, mut is_shown) = (0, !arguments.reports.is_wanted());
    for (position, bench) in benches.iter().enumerate() {
        let plan = Plan {
            files: files.clone(),
            position,
            seeds: seed.map_or_else(|| bench.file().seeds(), Seeds::containing),
            code: code.clone(),
            jobs: arguments.jobs.map_or_else(cores, usize::from),
            budget: budget(arguments, bench.file()),
        };
        let is_last = position + 1 == benches.len();
        let (outcome, found, last) = test_one(bench, plan, arguments, is_last && !is_shown);
        print(&outcome.text())?;
        worst = worst.max(outcome.code());
        let shown = match (&found, &last) {
            (Some(found), _) => Some((&found.case, &found.report)),
            (None, Some((case, report))) => Some((case, report)),
            (None, None) => None,
        };
        if let (false, Some((case, report))) = (is_shown, shown) {
            is_shown = true;
            let run = Run {
                test: &bench.file().test.name,
                failure: outcome.failures().first(),
                case,
                report,
            };
            arguments.reports.write(bench, &run)?;
        }
        reports.push(outcome.into_report());
    }
    if let Some(path) = &arguments.junit {
        reports::write(path, junit::xml(&reports)?.as_bytes())?;
    }
    Ok(ExitCode::from(worst))
}

/// What came of a test, its first failure, and a run with its trace if one is wanted and nothing failed.
fn test_one(
    bench: &Bench,
    plan: Plan,
    arguments: &TestArguments,
    wants_run: bool,
) -> (Outcome, Option<Found>, Option<(Case, RunReport)>) {
    let file = bench.file();
    let one_run = arguments
        .seed
        .filter(|_| arguments.runs.is_none() && arguments.budget.is_none());
    let seeds = plan.seeds;
    let mut harness = Harness::new(bench, plan);
    let recordings = recordings(file);
    let result = match (one_run, &recordings) {
        (Some(seed), _) => exact(&mut harness, bench, seed),
        (None, Ok(recordings)) => many(&mut harness, bench, seeds, arguments, recordings),
        (None, Err(stop)) => Err(stop.clone()),
    };
    let elapsed = harness.elapsed();
    let found = result.as_ref().ok().and_then(|one| one.found.first());
    let found = found.cloned();
    let case = match one_run {
        Some(seed) => Case::sampled(seed),
        None => Case::first(seeds),
    };
    let last = match wants_run && found.is_none() && result.is_ok() {
        true => traced(&mut harness, bench, &case).ok(),
        false => None,
    };
    let asked = Asked {
        strategy: bench.strategy().to_string(),
        seeds,
        runs: arguments.runs.or(file.test.explore.runs),
        elapsed,
        recordings: recordings.unwrap_or_default(),
    };
    drop(harness);
    (
        Outcome::new(file, &asked, result),
        found,
        last.map(|report| (case, report)),
    )
}

fn many(
    harness: &mut Harness<'_>,
    bench: &Bench,
    seeds: Seeds,
    arguments: &TestArguments,
    recordings: &[(PathBuf, Recording)],
) -> Result<Exploration, Stop> {
    let file = bench.file();
    let sometimes = file.test.properties.iter().filter_map(|property| {
        let is = matches!(property.kind, PropertyKind::Sometimes(_));
        is.then(|| property.name.clone())
    });
    let settings = Settings {
        seeds,
        strategy: bench.strategy(),
        runs: arguments
            .runs
            .or(file.test.explore.runs)
            .unwrap_or(u64::MAX),
        systematic: file.test.explore.systematic,
        failures: arguments.failures.into(),
        until_saturated: arguments.runs.is_none(),
        checked_per_million: CHECKED_PER_MILLION,
        sometimes: sometimes.collect(),
        workload: file.test.drive.iter().map(|step| step.number).collect(),
    };
    let recordings: Vec<Recording> = recordings.iter().map(|(_, one)| one.clone()).collect();
    explore::explore(&settings, &recordings, harness)
}

/// One run, and what it fails with as it is: nobody asked for a smaller one.
fn exact(harness: &mut Harness<'_>, bench: &Bench, seed: Seed) -> Result<Exploration, Stop> {
    let case = Case::sampled(seed);
    let report = traced(harness, bench, &case)?;
    harness.check(&case, report.hash, When::Now)?;
    let sample = Sample::of(&report);
    let found = report.failures.first().map(|failure| Found {
        failure: failure.clone(),
        run: 1,
        strategy: case.strategy(bench.strategy()).to_string(),
        case: case.recorded(&report),
        report: report.clone(),
        size: Size::default(),
        passing: None,
    });
    Ok(Exploration {
        runs: 1,
        failed: u64::from(found.is_some()),
        interleavings: 1,
        simulated: Duration::from_nanos(sample.nanos),
        found: found.into_iter().collect(),
        ..Exploration::default()
    })
}

fn traced(harness: &mut Harness<'_>, bench: &Bench, case: &Case) -> Result<RunReport, Stop> {
    let knowledge = match case.how {
        explore::How::Sampled => harness.learn()?,
        _ => Knowledge::default(),
    };
    let chooser = case.chooser(bench.strategy(), &knowledge);
    harness.run(case, chooser, Keep::Trace)
}

fn recordings(file: &TestFile) -> Result<Vec<(PathBuf, Recording)>, Stop> {
    let files = file
        .recording_files()
        .map_err(|error| Stop::Spec(error.to_string()))?;
    let mut recordings = Vec::new();
    for path in files {
        let recording = record::read(&path).map_err(|error| Stop::Spec(format!("{error:#}")))?;
        if recording.test == file.test.name {
            recordings.push((path, recording));
        }
    }
    Ok(recordings)
}

fn strategy(arguments: &TestArguments, file: &TestFile) -> anyhow::Result<StrategyKind> {
    match arguments.strategy {
        Some(strategy) => Ok(strategy),
        None => Ok(file.test.explore.strategy.parse()?),
    }
}

/// Real time for a test: without a word about it, only where nobody said how many runs there are to be.
fn budget(arguments: &TestArguments, file: &TestFile) -> Option<Duration> {
    let says_runs = arguments.runs.or(file.test.explore.runs).is_some();
    arguments.budget.or((!says_runs).then_some(BUDGET))
}

fn drawn_seed() -> Seed {
    let seed = testing::fresh_seeds().first();
    eprintln!("seed {}", text::seed(seed.number()));
    seed
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}
