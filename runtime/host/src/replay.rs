//! `seedpod replay`: a recorded run, made again.

use crate::cli::ReplayArguments;
use crate::test::outcome::failure_report;
use crate::test::reports::Run;
use crate::test::{EXIT_FAILED, EXIT_INFRASTRUCTURE, EXIT_NONDETERMINISM, record};
use crate::{EXIT_USAGE, cache};
use anyhow::Context;
use seedpod::testing::{self, Bench, Compiler, TestFile};
use seedpod_core::sched::{Knowledge, StrategyKind};
use seedpod_sim::Keep;
use seedpod_sim::explore::{Case, Found, How, Recording, Size, Stop};
use seedpod_sim::report::text;
use seedpod_sim::run::RunReport;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) fn replay(arguments: &ReplayArguments) -> anyhow::Result<ExitCode> {
    let recording = record::read(&arguments.file)?;
    let file = test_of(&arguments.file, &recording)?;
    let differences = recording.fingerprint.differences(&file.fingerprint);
    for difference in &differences {
        eprintln!("{difference}");
    }
    if !differences.is_empty() && !arguments.force {
        eprintln!(
            "error: this is not what the run was recorded with, so it would be another run; --force makes it all the same"
        );
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let code = cache::code_folder(arguments.cache.cache_dir.as_deref());
    match again(arguments, &recording, file, code, differences.is_empty()) {
        Ok(code) => Ok(ExitCode::from(code)),
        Err(End::Stop(stop)) => {
            eprintln!("error: {stop}");
            Ok(ExitCode::from(match stop {
                Stop::Nondeterminism(_) => EXIT_NONDETERMINISM,
                Stop::Spec(_) => EXIT_USAGE,
                Stop::Infrastructure(_) => EXIT_INFRASTRUCTURE,
            }))
        }
        Err(End::Other(error)) => Err(error),
    }
}

enum End {
    Stop(Stop),
    Other(anyhow::Error),
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// The test that a recording is of.
fn test_of(path: &Path, recording: &Recording) -> anyhow::Result<TestFile> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let file: PathBuf = folder.join(&recording.file);
    let tests = testing::load(std::slice::from_ref(&file))
        .with_context(|| format!("{} is of {}", path.display(), file.display()))?;
    let mut tests = tests.into_iter();
    tests
        .find(|test| test.test.name == recording.test)
        .with_context(|| format!("there is no test {} in {}", recording.test, file.display()))
}

fn again(
    arguments: &ReplayArguments,
    recording: &Recording,
    file: TestFile,
    code: Option<PathBuf>,
    is_same: bool,
) -> Result<u8, End> {
    let engine = testing::engine(Compiler::Optimized, code)?;
    let bench = Bench::new(file, engine, StrategyKind::default());
    let bench = bench.map_err(|error| End::Other(error.into()))?;
    let case = Case {
        seed: recording.seed.number(),
        without: recording.without.clone(),
        how: How::Recorded(recording.choices.clone()),
    };
    let run = |keep| {
        let chooser = case.chooser(bench.strategy(), &Knowledge::default());
        bench.run(&case, chooser, keep)
    };
    let first = run(Keep::Trace)?;
    let mut alike = 1;
    for _ in 1..arguments.times {
        alike += u32::from(run(Keep::Schedule)?.hash == first.hash);
    }
    let failure = show(recording, &bench, &case, &first);
    let reported = Run {
        test: &recording.test,
        failure: failure.as_ref(),
        case: &case,
        report: &first,
    };
    arguments
        .reports
        .write(&bench, &reported)
        .map_err(End::Other)?;
    if arguments.times > 1 {
        eprintln!(
            "{alike} of {} replays left trace {:032x}",
            arguments.times, first.hash
        );
    }
    if let Some(divergence) = &first.schedule.divergence {
        eprintln!("the recording does not fit: {divergence}");
    }
    let same_trace = first.hash == recording.hash;
    if alike < arguments.times || (is_same && !same_trace) {
        eprintln!(
            "error: the trace was {:032x} when it was recorded, and is {:032x} now, although nothing has changed",
            recording.hash, first.hash
        );
        return Ok(EXIT_NONDETERMINISM);
    }
    Ok(if first.failures.is_empty() {
        0
    } else {
        EXIT_FAILED
    })
}

/// Prints what the run came to.
fn show(
    recording: &Recording,
    bench: &Bench,
    case: &Case,
    report: &RunReport,
) -> Option<seedpod_sim::report::FailureReport> {
    let mut failures = report.failures.iter();
    let wanted = failures.find(|failure| failure.property == recording.property);
    let Some(failure) = wanted.or(report.failures.first()) else {
        eprintln!("ok {}: the run no longer fails", recording.test);
        return None;
    };
    let found = Found {
        failure: failure.clone(),
        run: 1,
        strategy: recording.strategy.clone(),
        case: case.clone(),
        report: report.clone(),
        size: Size::default(),
        passing: None,
    };
    let shown = failure_report(bench.file(), &found, 1, None);
    eprint!("{}", text::failure(&shown));
    Some(shown)
}
