//! Which runs are made, in what order, and when it is enough.

use super::minimise::minimise;
use super::{
    Case, Ended, Exploration, Found, How, Recording, Runner, Sample, Settings, Size, Stop, When,
};
use crate::Keep;
use crate::report;
use crate::run::RunReport;
use seedpod_core::limits::MINIMISED_ALIKE_MAX;
use seedpod_core::podtest::Failure;
use seedpod_core::sched::{
    Chooser, Coverage, Execution, Explorer, Knowledge, StrategyKind, coverage,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The first sampled run; those before are the default order, twice.
const FIRST_SAMPLE: u64 = 2;
/// Largest pods for which the systematic search is worth its runs.
const SYSTEMATIC_TASKS_MAX: usize = 8;
const SYSTEMATIC_CALLS_MAX: usize = 100;
/// Samples that each have a run of the systematic search beside them: most bugs take fewer.
const SYSTEMATIC_FIRST: u64 = 32;
/// Then one in so many has.
const SYSTEMATIC_EVERY: u64 = 4;

/// Makes many runs of a test. Recordings are those of its earlier failures.
///
/// # Errors
/// When a run could not be made, or left two different traces.
pub fn explore(
    settings: &Settings,
    recordings: &[Recording],
    runner: &mut dyn Runner,
) -> Result<Exploration, Stop> {
    let explorer = match settings.strategy {
        StrategyKind::Portfolio | StrategyKind::Systematic => {
            Some(Explorer::new(settings.systematic))
        }
        _ => None,
    };
    let mut search = Search {
        explorer,
        decides_more: false,
        settings,
        runner,
        result: Exploration::default(),
        knowledge: Knowledge::default(),
        interleavings: Coverage::default(),
        seen: Coverage::default(),
        met: BTreeSet::new(),
        alike: BTreeMap::new(),
        signatures: BTreeSet::new(),
    };
    if search.default_order()? {
        search.recordings(recordings)?;
        search.rest()?;
    }
    search.runner.finish_checks()?;
    Ok(search.finish())
}

struct Search<'a> {
    settings: &'a Settings,
    runner: &'a mut dyn Runner,
    result: Exploration,
    knowledge: Knowledge,
    /// Until the systematic search has ended.
    explorer: Option<Explorer>,
    /// Whether its runs decided about more than the order of tasks.
    decides_more: bool,
    interleavings: Coverage,
    /// Interleavings together with everything else that was decided.
    seen: Coverage,
    met: BTreeSet<String>,
    /// How many failures of a property were made smaller.
    alike: BTreeMap<String, usize>,
    signatures: BTreeSet<(String, u64)>,
}

impl Search<'_> {
    /// The first two runs. Whether they pass.
    fn default_order(&mut self) -> Result<bool, Stop> {
        let case = Case::first(self.settings.seeds);
        let chooser = case.chooser(self.settings.strategy, &self.knowledge);
        let first = self.runner.run(&case, chooser, Keep::Trace)?;
        self.knowledge.observe(&first.schedule.execution);
        self.count(&Sample::of(&first));
        self.runner.check(&case, first.hash, When::Later)?;
        if self.settings.runs > 1 {
            let chooser = case.chooser(self.settings.strategy, &self.knowledge);
            let second = self.runner.run(&case, chooser, Keep::Trace)?;
            self.count(&Sample::of(&second));
            if second.hash != first.hash {
                return Err(different(&case, &first, &second));
            }
        }
        let Some(failure) = first.failures.first().cloned() else {
            return Ok(true);
        };
        self.result.failed = self.result.runs;
        self.result.ended = Ended::Failures;
        self.result.found.push(Found {
            failure,
            run: 1,
            strategy: "default".to_owned(),
            case: case.recorded(&first),
            report: first,
            size: Size::default(),
            passing: None,
        });
        Ok(false)
    }

    /// Earlier failures, whatever the budget is: as far as their choices still fit.
    fn recordings(&mut self, recordings: &[Recording]) -> Result<(), Stop> {
        for (position, recording) in recordings.iter().enumerate() {
            if self.result.found.len() >= self.settings.failures {
                self.result.ended = Ended::Failures;
                return Ok(());
            }
            let case = Case {
                seed: recording.seed.number(),
                without: recording.without.clone(),
                how: How::Recorded(recording.choices.clone()),
            };
            let chooser = case.chooser(self.settings.strategy, &self.knowledge);
            let report = self.runner.run(&case, chooser, Keep::Schedule)?;
            self.count(&Sample::of(&report));
            if report.schedule.divergence.is_some() {
                self.result.stale.push(position);
            }
            let case = case.recorded(&report);
            self.look_at(&case, &report, "recorded")?;
        }
        Ok(())
    }

    /// The next order that can make a difference, where they are few enough to go through all.
    fn systematic(&mut self) -> Result<(), Stop> {
        let Some(mut explorer) = self.explorer.take() else {
            return Ok(());
        };
        let Some(prefix) = explorer.next() else {
            if self.is_systematic() && explorer.is_exhausted() && !self.decides_more {
                self.result.ended = Ended::Exhausted;
            }
            return Ok(());
        };
        let case = Case::first(self.settings.seeds);
        let report = self
            .runner
            .run(&case, Chooser::prefix(prefix), Keep::Schedule)?;
        explorer.finished(&report.schedule.execution);
        self.count(&Sample::of(&report));
        self.decides_more |= decides_more_than_order(&report);
        if self.is_systematic() || is_small(&report.schedule.execution) {
            self.explorer = Some(explorer);
        }
        let case = case.recorded(&report);
        self.check_some(&case, report.hash)?;
        self.look_at(&case, &report, "systematic")
    }

    /// The systematic search and samples, by turns: one of them finds what the other does not.
    fn rest(&mut self) -> Result<(), Stop> {
        while self.is_systematic() && self.explorer.is_some() {
            if self.is_over() {
                return Ok(());
            }
            self.systematic()?;
        }
        let mut number = FIRST_SAMPLE;
        while self.result.ended != Ended::Exhausted && !self.is_over() {
            self.sample(number)?;
            let is_turn = number < SYSTEMATIC_FIRST || number.is_multiple_of(SYSTEMATIC_EVERY);
            number += 1;
            if is_turn && self.explorer.is_some() {
                if self.is_over() {
                    return Ok(());
                }
                self.systematic()?;
            }
        }
        Ok(())
    }

    fn is_systematic(&self) -> bool {
        self.settings.strategy == StrategyKind::Systematic
    }

    fn sample(&mut self, number: u64) -> Result<(), Stop> {
        let case = Case::sampled(self.settings.seeds.of(number));
        let sample = self.runner.sample(number, &self.knowledge)?;
        self.count(&sample);
        self.check_some(&case, sample.hash())?;
        if sample.failed.is_none() {
            return Ok(());
        }
        let strategy = case.strategy(self.settings.strategy);
        let chooser = case.chooser(self.settings.strategy, &self.knowledge);
        let report = self.runner.run(&case, chooser, Keep::Schedule)?;
        if report.hash != sample.hash() {
            return Err(Stop::Nondeterminism(format!(
                "the run of seed {:#018x} left trace {:032x} once and {:032x} the next time",
                case.seed,
                sample.hash(),
                report.hash
            )));
        }
        self.look_at(&case, &report, &strategy.to_string())
    }

    /// Whether there are enough runs, and why.
    fn is_over(&mut self) -> bool {
        let ended = if self.result.found.len() >= self.settings.failures {
            Ended::Failures
        } else if self.result.runs >= self.settings.runs {
            Ended::Runs
        } else if !self.runner.keep_going() {
            Ended::Budget
        } else if self.settings.until_saturated && self.seen.is_saturated() {
            Ended::Saturated
        } else {
            return false;
        };
        self.result.ended = ended;
        true
    }

    /// Takes note of a run.
    fn count(&mut self, sample: &Sample) {
        self.result.runs += 1;
        self.result.simulated = self
            .result
            .simulated
            .saturating_add(Duration::from_nanos(sample.nanos));
        self.met.extend(sample.sometimes.iter().cloned());
        let is_new = self.interleavings.add(sample.class);
        self.result.interleavings += u64::from(is_new);
        self.seen
            .add(sample.class.rotate_left(32) ^ sample.decisions);
        self.runner.progress(&self.result);
    }

    fn check_some(&mut self, case: &Case, hash: u128) -> Result<(), Stop> {
        let mut rng = case.seed().fork("check").rng();
        let is_sample = match &case.how {
            How::Sampled => rng.below(1_000_000) < u64::from(self.settings.checked_per_million),
            // All of these have one seed: their number decides.
            How::Recorded(_) | How::Default => {
                let every = 1_000_000 / u64::from(self.settings.checked_per_million).max(1);
                self.settings.checked_per_million > 0 && self.result.runs.is_multiple_of(every)
            }
        };
        if is_sample {
            self.runner.check(case, hash, When::Later)?;
        }
        Ok(())
    }

    /// Makes a failing run smaller, unless there are enough like it.
    fn look_at(&mut self, case: &Case, report: &RunReport, strategy: &str) -> Result<(), Stop> {
        let Some(failure) = report.failures.first().cloned() else {
            return Ok(());
        };
        self.result.failed += 1;
        let run = self.result.runs;
        let alike = self.alike.entry(failure.property.clone()).or_default();
        if *alike >= self.settings.failures.saturating_add(MINIMISED_ALIKE_MAX) {
            return Ok(());
        }
        *alike += 1;
        self.runner.check(case, report.hash, When::Now)?;
        let minimal = minimise(
            self.runner,
            case,
            report,
            &failure.property,
            &self.settings.workload,
        )?;
        self.result.replays += u64::from(minimal.size.replays);
        let signature = (
            failure.property.clone(),
            coverage::class(&minimal.report.schedule.execution),
        );
        if !self.signatures.insert(signature) {
            return Ok(());
        }
        self.runner
            .check(&minimal.case, minimal.report.hash, When::Now)?;
        let failure = failure_of(&minimal.report, &failure);
        self.result.found.push(Found {
            failure,
            run,
            strategy: strategy.to_owned(),
            case: minimal.case,
            report: minimal.report,
            size: minimal.size,
            passing: minimal.passing,
        });
        Ok(())
    }

    fn finish(mut self) -> Exploration {
        let cut_short = self.result.ended == Ended::Failures;
        if !cut_short {
            let missing = self.settings.sometimes.difference(&self.met);
            self.result.unmet = missing.cloned().collect();
        }
        self.result
    }
}

/// The same failure as it shows in a smaller run.
fn failure_of(report: &RunReport, like: &Failure) -> Failure {
    let mut failures = report.failures.iter();
    let found = failures.find(|failure| failure.property == like.property);
    found.unwrap_or(like).clone()
}

fn is_small(execution: &Execution) -> bool {
    let calls = execution
        .steps
        .iter()
        .filter(|step| !step.op.touches.is_empty());
    let tasks: BTreeSet<_> = execution.steps.iter().map(|step| step.task).collect();
    tasks.len() <= SYSTEMATIC_TASKS_MAX && calls.count() <= SYSTEMATIC_CALLS_MAX
}

fn decides_more_than_order(report: &RunReport) -> bool {
    let schedule = seedpod_core::sched::ChoiceKind::Schedule;
    report.schedule.log.iter().any(|one| one.kind != schedule)
}

fn different(case: &Case, first: &RunReport, second: &RunReport) -> Stop {
    let text = match report::diff(&first.trace, &second.trace) {
        Some(difference) => difference.text(["the first run", "the second run"]),
        None => String::new(),
    };
    Stop::Nondeterminism(format!(
        "the run of seed {:#018x} left trace {:032x} at first and {:032x} the second time, in the same process:\n{text}",
        case.seed, first.hash, second.hash
    ))
}
