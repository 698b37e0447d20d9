//! Makes a failing run as small as it gets, and makes sure that it can be replayed.

use super::{Case, How, Runner, Size, Stop};
use crate::Keep;
use crate::run::RunReport;
use seedpod_core::limits::MINIMISING_RUNS_MAX;
use seedpod_core::podtest::ItemId;
use seedpod_core::sched::{Chooser, Plan, Shrinker};
use seedpod_core::trace::TraceEvent;
use std::collections::{BTreeMap, BTreeSet};

/// The smallest run that fails alike.
pub(super) struct Minimal {
    pub(super) case: Case,
    pub(super) report: RunReport,
    pub(super) size: Size,
    pub(super) passing: Option<Vec<TraceEvent>>,
}

/// Leaves out faults, steps of the drive (`workload`, by number) and context switches, one after the other, as long as the
/// same property fails.
pub(super) fn minimise(
    runner: &mut dyn Runner,
    case: &Case,
    report: &RunReport,
    property: &str,
    workload: &[u32],
) -> Result<Minimal, Stop> {
    let before = &report.schedule.plan;
    let mut shrink = Shrink {
        runner,
        case,
        property,
        replays: 0,
        is_broken_without: BTreeMap::new(),
    };
    if let Some((plan, passing)) = shrink.smallest(before, workload)?
        && let Some(best) = shrink.fails(&plan, Keep::Trace)?
    {
        let passing = passing.map(|passing| shrink.passing(passing)).transpose()?;
        let size = size(before, &plan, shrink.replays);
        let recorded = Case {
            without: without(case, &plan),
            ..case.recorded(&best)
        };
        if let Some(replayed) = replay(shrink.runner, &recorded, &best, property)? {
            return Ok(Minimal {
                case: recorded,
                report: replayed,
                size,
                passing: passing.flatten(),
            });
        }
    }
    let size = size(before, before, shrink.replays);
    let recorded = case.recorded(report);
    match replay(shrink.runner, &recorded, report, property)? {
        Some(replayed) => Ok(Minimal {
            case: recorded,
            report: replayed,
            size,
            passing: None,
        }),
        None => Err(Stop::Nondeterminism(format!(
            "the run of seed {:#018x} failed ({property}), but its recorded choices do not give the same run again",
            case.seed
        ))),
    }
}

struct Shrink<'a> {
    runner: &'a mut dyn Runner,
    case: &'a Case,
    property: &'a str,
    replays: u32,
    /// Whether the test fails in the default order too, without these items: then the property says nothing any more.
    is_broken_without: BTreeMap<BTreeSet<ItemId>, bool>,
}

impl Shrink<'_> {
    /// The smallest plan that fails, and one next to it that passes; `None` when not even the whole one fails.
    fn smallest(
        &mut self,
        plan: &Plan,
        workload: &[u32],
    ) -> Result<Option<(Plan, Option<Plan>)>, Stop> {
        let mut shrinker = Shrinker::new(plan.clone(), workload.to_vec(), MINIMISING_RUNS_MAX);
        while self.runner.keep_shrinking(self.replays) {
            let Some(candidate) = shrinker.next_candidate() else {
                break;
            };
            let failed = self.fails(&candidate, Keep::Schedule)?;
            shrinker.result(failed.as_ref().map(|report| &report.schedule));
        }
        let passing = shrinker.decisive().map(|decisive| decisive.passing.clone());
        Ok(shrinker
            .is_reproduced()
            .then(|| (shrinker.best().clone(), passing)))
    }

    /// The run of a plan, if it fails alike.
    fn fails(&mut self, plan: &Plan, keep: Keep) -> Result<Option<RunReport>, Stop> {
        let without = without(self.case, plan);
        if self.is_broken(&without)? {
            return Ok(None);
        }
        let report = self.run(plan.clone(), without, keep)?;
        let fails = report
            .failures
            .iter()
            .any(|failure| failure.property == self.property);
        Ok(fails.then_some(report))
    }

    fn is_broken(&mut self, without: &BTreeSet<ItemId>) -> Result<bool, Stop> {
        if *without == self.case.without {
            return Ok(false);
        }
        if let Some(known) = self.is_broken_without.get(without) {
            return Ok(*known);
        }
        let report = self.run(Plan::default(), without.clone(), Keep::Schedule)?;
        let broken = !report.failures.is_empty();
        self.is_broken_without.insert(without.clone(), broken);
        Ok(broken)
    }

    fn run(
        &mut self,
        plan: Plan,
        without: BTreeSet<ItemId>,
        keep: Keep,
    ) -> Result<RunReport, Stop> {
        self.replays += 1;
        let case = Case {
            without,
            ..self.case.clone()
        };
        self.runner.run(&case, Chooser::plan(plan), keep)
    }

    /// The trace of the run of a plan that passes.
    fn passing(&mut self, plan: Plan) -> Result<Option<Vec<TraceEvent>>, Stop> {
        let without = without(self.case, &plan);
        let report = self.run(plan, without, Keep::Trace)?;
        Ok(report.failures.is_empty().then_some(report.trace))
    }
}

/// Runs recorded choices again; the run, if it is the same and fails alike.
fn replay(
    runner: &mut dyn Runner,
    case: &Case,
    like: &RunReport,
    property: &str,
) -> Result<Option<RunReport>, Stop> {
    let How::Recorded(choices) = &case.how else {
        return Ok(None);
    };
    let chooser = Chooser::replay(choices.clone());
    let report = runner.run(case, chooser, Keep::Trace)?;
    let fails = report
        .failures
        .iter()
        .any(|failure| failure.property == property);
    Ok((fails && report.hash == like.hash).then_some(report))
}

fn without(case: &Case, plan: &Plan) -> BTreeSet<ItemId> {
    let dropped = plan.dropped.iter().map(|number| ItemId::Drive(*number));
    case.without.iter().copied().chain(dropped).collect()
}

fn size(before: &Plan, after: &Plan, replays: u32) -> Size {
    let count = |plan: &Plan| {
        let faults = plan.deviations.iter().filter(|one| one.is_fault()).count();
        let switches = plan.deviations.len() - faults;
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        (number(switches), number(faults))
    };
    let (switches_before, faults_before) = count(before);
    let (switches, faults) = count(after);
    Size {
        switches,
        switches_before,
        faults,
        faults_before,
        replays,
    }
}
