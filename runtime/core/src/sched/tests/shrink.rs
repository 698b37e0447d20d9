use super::models::models;
use super::program::{Program, run};
use crate::sched::{ChoiceKind, TaskNames};
use crate::sched::{
    Chooser, Deviation, IDLE, Knowledge, PickKey, Plan, Record, Shrinker, StrategyKind,
};
use crate::seed::Seed;
use expect_test::{Expect, expect};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The first failing run of a strategy.
fn failing(program: &Program, kind: StrategyKind) -> Option<Record> {
    let (_, record) = run(program, Chooser::default_order());
    let mut knowledge = Knowledge::default();
    knowledge.observe(&record.execution);
    let mut runs = (0..3000).map(|seed| {
        let chooser = Chooser::seeded(Seed::new(seed), kind, &knowledge);
        run(program, chooser)
    });
    runs.find_map(|(failed, record)| failed.then_some(record))
}

fn shrink(program: &Program, plan: Plan) -> Shrinker {
    let mut shrinker = Shrinker::new(plan, Vec::new(), 1000);
    while let Some(candidate) = shrinker.next_candidate() {
        let (failed, record) = run(program, Chooser::plan(candidate));
        shrinker.result(failed.then_some(&record));
    }
    shrinker
}

/// The call, as `task number call`.
fn describe(record: &Record, (task, own): &(String, u32)) -> String {
    let found = record.execution.find(task, *own);
    let call = found.map_or("none", |(_, step)| step.op.call);
    format!("{task} {own} {call}")
}

#[test]
fn failing_runs_get_as_small_as_their_bugs() {
    let mut table = String::new();
    for model in models() {
        let program = &model.program;
        let Some(record) = failing(program, StrategyKind::Random) else {
            continue;
        };
        let before = record.plan.deviations.len();
        let shrinker = shrink(program, record.plan);
        assert!(shrinker.is_reproduced());
        let best = shrinker.best().clone();
        let (failed, _) = run(program, Chooser::plan(best.clone()));
        assert!(failed);
        for index in 0..best.deviations.len() {
            let mut smaller = best.clone();
            smaller.deviations.remove(index);
            assert!(
                !run(program, Chooser::plan(smaller)).0,
                "{}: {index} may go",
                model.name
            );
        }
        let decisive = shrinker.decisive().map_or("-".to_owned(), |decisive| {
            let (failed, passing) = run(program, Chooser::plan(decisive.passing.clone()));
            assert!(!failed, "{}: what passes must pass", model.name);
            let [first, second] = [&decisive.first, &decisive.second];
            format!(
                "{} < {}",
                describe(&passing, first),
                describe(&passing, second)
            )
        });
        let after = best.deviations.len();
        let replays = shrinker.replays();
        let _ = writeln!(
            table,
            "{}: {before} -> {after} in {replays}: {decisive}",
            model.name
        );
    }
    expect![[r#"
        lost wake-up: 3 -> 1 in 12: producer 9 bell < consumer 6 bell
        start-up race: 1 -> 1 in 8: consumer 18 get < producer 1 set
        port race: 8 -> 1 in 16: sidecar 6 update < api 4 update
        partial write: 7 -> 1 in 12: sidecar 4 get < writer 5 set
        lock file: 5 -> 3 in 18: two 10 update < one 11 update
        lost update: 11 -> 1 in 16: two 4 get < one 9 set
        two locks: 3 -> 1 in 11: two 4 wait < one 5 wait
        three locks: 6 -> 2 in 16: three 4 wait < two 5 wait
        reordered messages: 5 -> 1 in 12: updates 2 send < creates 3 send
        crash before ack: 11 -> 1 in 16: fault:crash worker 0 fault.crash < worker 2 update
        stale leader: 4 -> 4 in 10: clock 6 update < old 6 set
        read twice: 3 -> 1 in 11: reader 5 get < writer 5 set
        four windows: 9 -> 7 in 35: two 6 get < one 10 set
    "#]]
    .assert_eq(&table);
}

/// A run as it would be recorded, of nothing but its plan.
fn record_of(plan: &Plan) -> Record {
    let mut record = Chooser::plan(Plan::default()).finish(TaskNames::default(), &[]);
    record.plan = plan.clone();
    record.deviated_at = vec![0; plan.deviations.len()];
    record
}

/// Shrinks a plan of faults at idle moments, workload and picks, of which some are needed.
fn check(fails: impl Fn(&Plan) -> bool, expected: &Expect) {
    let deviations = (0..6).map(|own| Deviation {
        task: IDLE.into(),
        own,
        instead: format!("fault:crash worker#{own}").into(),
    });
    let key = |number: u32| PickKey {
        kind: ChoiceKind::Latency,
        label: "link".to_owned(),
        nth: number,
    };
    let picks: BTreeMap<_, _> = (0..5).map(|number| (key(number), 1000)).collect();
    let plan = Plan {
        deviations: deviations.collect(),
        picks,
        ..Plan::default()
    };
    let mut shrinker = Shrinker::new(plan, (0..10).collect(), 300);
    while let Some(candidate) = shrinker.next_candidate() {
        let record = record_of(&candidate);
        shrinker.result(fails(&candidate).then_some(&record));
    }
    let Plan {
        deviations,
        picks,
        dropped,
    } = shrinker.best();
    let faults: Vec<_> = deviations.iter().map(|deviation| deviation.own).collect();
    let picks: Vec<_> = picks.iter().map(|(key, pick)| (key.nth, pick)).collect();
    let kept: Vec<_> = (0..10).filter(|step| !dropped.contains(step)).collect();
    let replays = shrinker.replays();
    expected.assert_eq(&format!(
        "faults {faults:?} workload {kept:?} picks {picks:?} in {replays}"
    ));
}

#[test]
fn faults_workload_and_numbers_get_smaller() {
    let has = |plan: &Plan, own| plan.deviations.iter().any(|fault| fault.own == own);
    let pick = |plan: &Plan, nth| {
        let mut picks = plan.picks.iter();
        picks
            .find(|(key, _)| key.nth == nth)
            .map_or(0, |(_, pick)| *pick)
    };
    check(|_| true, &expect!["faults [] workload [] picks [] in 4"]);
    check(
        |_| false,
        &expect![
            "faults [0, 1, 2, 3, 4, 5] workload [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] picks [(0, 1000), (1, 1000), (2, 1000), (3, 1000), (4, 1000)] in 1"
        ],
    );
    check(
        |plan| has(plan, 2) && has(plan, 4),
        &expect!["faults [2, 4] workload [] picks [] in 18"],
    );
    check(
        |plan| !plan.dropped.contains(&7),
        &expect!["faults [] workload [7] picks [] in 12"],
    );
    check(
        |plan| pick(plan, 3) >= 250,
        &expect!["faults [] workload [] picks [(3, 250)] in 28"],
    );
    check(
        |plan| pick(plan, 3) > 1 && pick(plan, 0) > 999 && !plan.dropped.contains(&0),
        &expect!["faults [] workload [0] picks [(0, 1000), (3, 2)] in 59"],
    );
    // With nothing left out it takes both, but only one without a step of the workload.
    check(
        |plan| has(plan, 0) && (has(plan, 1) || plan.dropped.contains(&3)),
        &expect!["faults [0] workload [] picks [] in 15"],
    );
}
