//! What came of one test: as text, as a report, as an exit code.

use super::{EXIT_FAILED, EXIT_INFRASTRUCTURE, EXIT_NONDETERMINISM, record};
use crate::EXIT_USAGE;
use seedpod::testing::TestFile;
use seedpod_core::podtest::{Defaults, Failure, PropertyKind};
use seedpod_core::trace::TraceEvent;
use seedpod_sim::explore::{Ended, Exploration, Found, Recording, Seeds, Stop};
use seedpod_sim::report::{
    Decisive, FailureReport, Minimised, PropertyReport, TestReport, Trouble, Verdict, text,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// See the module.
pub(crate) struct Outcome {
    report: TestReport,
    /// All failures, in the order they were found.
    failures: Vec<FailureReport>,
    ended: Ended,
    failed: u64,
    spec: Option<String>,
    warnings: Vec<String>,
}

/// What a test was asked for.
pub(crate) struct Asked {
    pub(crate) strategy: String,
    pub(crate) seeds: Seeds,
    /// Runs that there were to be, if that was said.
    pub(crate) runs: Option<u64>,
    pub(crate) elapsed: Duration,
    /// Earlier failures, in the order they were replayed.
    pub(crate) recordings: Vec<(PathBuf, Recording)>,
}

impl Outcome {
    /// Records what failed, and puts together what is known.
    pub(crate) fn new(file: &TestFile, asked: &Asked, result: Result<Exploration, Stop>) -> Self {
        let mut outcome = Self {
            report: TestReport {
                test: file.test.name.clone(),
                seed: asked.seeds.first().number(),
                strategy: asked.strategy.clone(),
                fingerprint: fingerprint(file),
                elapsed: asked.elapsed,
                ..TestReport::default()
            },
            failures: Vec::new(),
            ended: Ended::Runs,
            failed: 0,
            spec: None,
            warnings: Vec::new(),
        };
        match result {
            Ok(exploration) => outcome.fill(file, asked, &exploration),
            Err(Stop::Spec(text)) => outcome.spec = Some(text),
            Err(Stop::Nondeterminism(text)) => {
                outcome.report.troubles.push(Trouble::Nondeterminism(text));
            }
            Err(Stop::Infrastructure(text)) => {
                outcome.report.troubles.push(Trouble::Infrastructure(text));
            }
        }
        outcome
    }

    fn fill(&mut self, file: &TestFile, asked: &Asked, exploration: &Exploration) {
        self.report.runs = exploration.runs;
        self.report.interleavings = exploration.interleavings;
        self.report.simulated = exploration.simulated;
        self.ended = exploration.ended;
        self.failed = exploration.failed;
        let stale = exploration.stale.iter();
        for (path, _) in stale.filter_map(|position| asked.recordings.get(*position)) {
            self.warnings.push(format!(
                "{} no longer fits the test: from some choice on, the default order was taken",
                path.display()
            ));
        }
        for found in &exploration.found {
            let choices = match record::write(file, found) {
                Ok(path) => Some(path.display().to_string()),
                Err(error) => {
                    self.warnings.push(format!("{error:#}"));
                    None
                }
            };
            let runs = asked.runs.unwrap_or(exploration.runs);
            let report = failure_report(file, found, runs, choices);
            self.failures.push(report);
        }
        self.report.properties = verdicts(file, exploration, &self.failures);
    }

    /// All failures, in the order they were found.
    pub(crate) fn failures(&self) -> &[FailureReport] {
        &self.failures
    }

    pub(crate) fn code(&self) -> u8 {
        let troubles = &self.report.troubles;
        let is = |wanted: fn(&Trouble) -> bool| troubles.iter().any(wanted);
        let passes = |property: &PropertyReport| matches!(property.verdict, Verdict::Held);
        if is(|trouble| matches!(trouble, Trouble::Infrastructure(_))) {
            EXIT_INFRASTRUCTURE
        } else if is(|trouble| matches!(trouble, Trouble::Nondeterminism(_))) {
            EXIT_NONDETERMINISM
        } else if self.spec.is_some() {
            EXIT_USAGE
        } else if self.report.properties.iter().all(passes) {
            0
        } else {
            EXIT_FAILED
        }
    }

    /// For the terminal: one line that sums up, then what went wrong.
    pub(crate) fn text(&self) -> String {
        let mut text = self.summary();
        for warning in &self.warnings {
            let _infallible = writeln!(text, "  warning: {warning}");
        }
        if let Some(spec) = &self.spec {
            let _infallible = writeln!(text, "{}", text::printable(spec));
        }
        for trouble in &self.report.troubles {
            let (word, message) = match trouble {
                Trouble::Nondeterminism(message) => ("NONDETERMINISM", message),
                Trouble::Infrastructure(message) => ("INFRASTRUCTURE", message),
            };
            let _infallible = writeln!(text, "{word} {}: {}", self.report.test, message.trim_end());
        }
        for failure in &self.failures {
            text.push('\n');
            text += &text::failure(failure);
        }
        for property in &self.report.properties {
            if matches!(property.verdict, Verdict::Unmet) {
                let _infallible = writeln!(
                    text,
                    "FAIL {} / {}   met in none of {} runs: the test does not reach what it means to test",
                    self.report.test, property.property, self.report.runs
                );
            }
        }
        text
    }

    fn summary(&self) -> String {
        let TestReport {
            test,
            runs,
            interleavings,
            simulated,
            elapsed,
            strategy,
            seed,
            ..
        } = &self.report;
        let word = match self.code() {
            0 => "ok",
            _ => "FAILED",
        };
        if *runs == 0 {
            return format!("{word} {test}\n");
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = *runs as f64 / elapsed.as_secs_f64().max(1e-6);
        let ended = match self.ended {
            Ended::Runs | Ended::Failures => "",
            Ended::Budget => ", budget used up",
            Ended::Saturated => ", nothing new any more",
            Ended::Exhausted => ", which are all",
        };
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        format!(
            "{word} {test}: {runs} run{}{failed} in {:.2}s ({rate:.0}/s), {interleavings} interleaving{}{ended}, {:.1} simulated seconds, \
             {strategy}, seed {}\n",
            plural(*runs),
            elapsed.as_secs_f64(),
            plural(*interleavings),
            simulated.as_secs_f64(),
            text::seed(*seed)
        )
    }

    pub(crate) fn into_report(self) -> TestReport {
        let mut report = self.report;
        if let Some(spec) = self.spec {
            report.troubles.push(Trouble::Infrastructure(spec));
        }
        report
    }
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

pub(crate) fn fingerprint(file: &TestFile) -> Vec<(String, String)> {
    let entries = file.fingerprint.entries();
    entries
        .map(|(name, value)| {
            let short = value.strip_prefix("sha256:").unwrap_or(value);
            let short = short.get(..12).unwrap_or(short);
            (name.to_owned(), short.to_owned())
        })
        .collect()
}

/// `never half`, `deadlock`: the kind, and the name if it has one.
fn title(kind: &str, property: &str) -> String {
    match property.split(' ').next() {
        Some(first) if first == kind => property.to_owned(),
        Some(_) | None => format!("{kind} {property}"),
    }
}

pub(crate) fn failure_report(
    file: &TestFile,
    found: &Found,
    runs: u64,
    choices: Option<String>,
) -> FailureReport {
    let Failure {
        property,
        kind,
        message,
        at,
        event,
    } = &found.failure;
    let mut message = message.clone();
    if found.is_broken() {
        message += "\nit fails in the default order and without faults: this is broken, not racy";
    }
    FailureReport {
        test: file.test.name.clone(),
        property: title(kind.word(), property),
        message,
        seed: found.case.seed,
        run: found.run,
        runs,
        at: *at,
        event: *event,
        strategy: found.strategy.clone(),
        fingerprint: fingerprint(file),
        minimised: (found.size.replays > 0).then_some(Minimised {
            switches: found.size.switches,
            switches_before: found.size.switches_before,
            faults: found.size.faults,
            faults_before: found.size.faults_before,
            replays: found.size.replays,
        }),
        decisive: found
            .passing
            .as_deref()
            .and_then(|passing| decisive(&found.report.trace, passing)),
        trace: found.report.trace.clone(),
        choices,
    }
}

/// Where a run that fails and one that passes part.
fn decisive(failing: &[TraceEvent], passing: &[TraceEvent]) -> Option<Decisive> {
    let at = failing
        .iter()
        .zip(passing)
        .take_while(|(one, two)| one == two)
        .count();
    let after = failing.get(at)?;
    let others = failing[..at].iter().rev();
    let before = others
        .filter(|event| !event.task.is_empty() && !is_said(event))
        .find(|event| event.task != after.task)?;
    Some(Decisive {
        before: before.number,
        after: after.number,
        instead: passing.get(at).cloned(),
    })
}

/// Whether it tells of something that was done, and is nothing that anybody did.
fn is_said(event: &TraceEvent) -> bool {
    matches!(event.kind.as_str(), "event" | "status" | "log")
}

/// One line a property: as the test has them, then those that are on without being written, then any other that failed.
fn verdicts(
    file: &TestFile,
    exploration: &Exploration,
    failures: &[FailureReport],
) -> Vec<PropertyReport> {
    let mut failed: BTreeMap<String, Vec<FailureReport>> = BTreeMap::new();
    for failure in failures {
        let same = failed.entry(failure.property.clone()).or_default();
        same.push(failure.clone());
    }
    let mut properties = Vec::new();
    for property in &file.test.properties {
        let title = title(property.kind.word(), &property.name);
        let unmet = matches!(property.kind, PropertyKind::Sometimes(_))
            && exploration.unmet.contains(&property.name);
        let verdict = match failed.remove(&title) {
            Some(failures) => Verdict::Failed(failures),
            None if unmet => Verdict::Unmet,
            None => Verdict::Held,
        };
        properties.push(PropertyReport {
            property: title,
            verdict,
        });
    }
    for word in on_by_default(&file.test.defaults) {
        let is_of = |title: &String| title.split(' ').next() == Some(word);
        if !failed.keys().any(is_of) {
            properties.push(PropertyReport {
                property: word.to_owned(),
                verdict: Verdict::Held,
            });
        }
    }
    properties.extend(
        failed
            .into_iter()
            .map(|(property, failures)| PropertyReport {
                property,
                verdict: Verdict::Failed(failures),
            }),
    );
    properties
}

fn on_by_default(defaults: &Defaults) -> Vec<&'static str> {
    use seedpod_core::podtest::{FailureKind, Verdict};
    let on = [
        (FailureKind::Trap, defaults.trap == Verdict::Fail),
        (FailureKind::Deadlock, defaults.deadlock == Verdict::Fail),
        (FailureKind::Livelock, defaults.livelock.is_some()),
        (FailureKind::RestartLoop, defaults.restart_loop.is_some()),
    ];
    on.into_iter()
        .filter(|(_, on)| *on)
        .map(|(kind, _)| kind.word())
        .collect()
}
