//! `seedpod run --simulate`: pods in virtual time, once.

use crate::cache;
use crate::cli::{Reports, RunArguments};
use crate::run::EXIT_TIMEOUT;
use crate::test::reports::Run;
use crate::test::{EXIT_FAILED, EXIT_INFRASTRUCTURE};
use seedpod::spec::Objects;
use seedpod::testing::{self, Bench, Compiler, TestFile};
use seedpod_core::podtest::PodTest;
use seedpod_core::sched::StrategyKind;
use seedpod_core::trace::TraceEvent;
use seedpod_sim::Keep;
use seedpod_sim::explore::{Case, Seeds, Stop};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Virtual time after which pods that have not ended are left.
const LIMIT: Duration = Duration::from_secs(600);

pub(crate) fn simulate(
    arguments: &RunArguments,
    objects: Objects,
    folder: &Path,
) -> anyhow::Result<ExitCode> {
    let test = PodTest {
        limit: arguments.timeout.unwrap_or(LIMIT),
        settle: Duration::ZERO,
        ..PodTest::new("simulation")
    };
    let pods: Vec<String> = objects
        .pods
        .iter()
        .map(|pod| pod.meta.name.clone())
        .collect();
    let file = TestFile::of(test, objects, folder)?;
    let code = cache::code_folder(arguments.cache_dir.as_deref());
    let engine = testing::engine(Compiler::Optimized, code)?;
    let mut bench = Bench::new(file, engine, StrategyKind::Portfolio)?;
    let case = match arguments.seed {
        Some(seed) => Case::sampled(seed),
        None => Case::first(bench.file().seeds()),
    };
    let report = match bench.run_case(Seeds::containing(case.seed()), &case, Keep::Trace) {
        Ok(report) => report,
        Err(stop @ Stop::Spec(_)) => return Err(stop.into()),
        Err(stop) => {
            eprintln!("error: {stop}");
            return Ok(ExitCode::from(EXIT_INFRASTRUCTURE));
        }
    };
    print_logs(&report.trace, &pods)?;
    for failure in &report.failures {
        eprintln!("{failure}");
    }
    let reports = Reports {
        trace: arguments.trace.clone(),
        pcap: arguments.pcap.clone(),
        ..Reports::default()
    };
    let run = Run {
        test: "simulation",
        failure: None,
        case: &case,
        report: &report,
    };
    reports.write(&bench, &run)?;
    let code = match () {
        () if !report.failures.is_empty() => EXIT_FAILED,
        () => code_of(&report.trace, pods.len()),
    };
    Ok(ExitCode::from(code))
}

/// As `run` prints them, which has the name of the pod too.
fn print_logs(trace: &[TraceEvent], pods: &[String]) -> io::Result<()> {
    let mut text = String::new();
    for event in trace.iter().filter(|event| event.kind == "log") {
        let name = match pods {
            [pod] => format!("{pod}/{}", event.task),
            _ => event.task.clone(),
        };
        text += &format!("[{name}] {}\n", event.detail);
    }
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// As `run` exits, by the last phase of each pod.
fn code_of(trace: &[TraceEvent], pods: usize) -> u8 {
    let mut phases = BTreeMap::new();
    for event in trace.iter().filter(|event| event.kind == "status") {
        phases.insert(event.task.as_str(), event.detail.as_str());
    }
    let count = |phase: &str| phases.values().filter(|last| **last == phase).count();
    if count("Succeeded") == pods {
        0
    } else if count("Failed") > 0 {
        EXIT_FAILED
    } else {
        EXIT_TIMEOUT
    }
}
