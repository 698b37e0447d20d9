use super::program::{
    Call, Program, State, Task, crash, get, post, receive, run, send, set, update, wait,
};
use crate::sched::{
    Access, Chooser, Execution, Explorer, ObjectKind, Op, Prefix, Record, Step, TaskId, TaskNames,
    coverage,
};
use crate::seed::{Rng, Seed};
use expect_test::{Expect, expect};
use std::collections::BTreeSet;

/// The classes of all runs, and how many runs that took.
fn by_brute_force(program: &Program) -> (BTreeSet<u64>, u64) {
    let mut classes = BTreeSet::new();
    let runs = all_runs(program, |record| {
        classes.insert(coverage::class(&record.execution));
    });
    (classes, runs)
}

fn all_runs(program: &Program, mut visit: impl FnMut(&Record)) -> u64 {
    let mut left = vec![Prefix::default()];
    let mut runs = 0;
    while let Some(prefix) = left.pop() {
        runs += 1;
        assert!(runs < 200_000, "too large a program");
        let told = prefix.tasks.len();
        let (_, record) = run(program, Chooser::prefix(prefix));
        assert_eq!(record.divergence, None);
        visit(&record);
        let names = &record.execution.names;
        let steps = &record.execution.steps;
        for at in told..steps.len() {
            let before = steps[..at]
                .iter()
                .map(|step| names.name(step.task).to_owned());
            for other in steps[at]
                .ready
                .iter()
                .filter(|other| **other != steps[at].task)
            {
                let mut tasks: Vec<_> = before.clone().collect();
                tasks.push(names.name(*other).to_owned());
                left.push(Prefix {
                    tasks,
                    asleep: Vec::new(),
                });
            }
        }
        // A fault that did not happen could have happened at the end.
        if steps.len() >= told {
            for (task, _) in &record.execution.pending {
                let mut tasks: Vec<_> = steps
                    .iter()
                    .map(|step| names.name(step.task).to_owned())
                    .collect();
                tasks.push(names.name(*task).to_owned());
                left.push(Prefix {
                    tasks,
                    asleep: Vec::new(),
                });
            }
        }
    }
    runs
}

/// What a systematic exploration sees: classes, runs, and whether and when one failed first.
pub(super) struct Explored {
    pub(super) classes: BTreeSet<u64>,
    pub(super) runs: u64,
    pub(super) failed_first: Option<u64>,
}

pub(super) fn explore(program: &Program, mut visit: impl FnMut(&Record)) -> Explored {
    let mut explorer = Explorer::new(20_000);
    let mut explored = Explored {
        classes: BTreeSet::new(),
        runs: 0,
        failed_first: None,
    };
    while let Some(prefix) = explorer.next() {
        let (failed, record) = run(program, Chooser::prefix(prefix));
        assert_eq!(record.divergence, None);
        explorer.finished(&record.execution);
        explored.runs += 1;
        if failed {
            explored.failed_first.get_or_insert(explored.runs);
        }
        explored.classes.insert(coverage::class(&record.execution));
        visit(&record);
    }
    assert!(explorer.is_exhausted());
    explored
}

fn random_program(rng: &mut Rng) -> Program {
    let mut below = |bound: u64| rng.below(bound) as usize;
    let tasks = 2 + below(2);
    let calls_max = if tasks == 2 { 4 } else { 3 };
    let uses_locks = below(2) == 0;
    let uses_queues = below(2) == 0;
    let mut call = || -> Call {
        match below(8) {
            0 | 1 => get(below(2), 0),
            2 | 3 => {
                let add = below(5) as i64;
                set(below(2), move |registers| registers[0] + add)
            }
            4 if uses_locks => wait(below(2)),
            5 if uses_locks => post(below(2)),
            4 | 6 if uses_queues => send(below(2), |registers| registers[0]),
            5 | 7 if uses_queues => receive(below(2), 0),
            _ => update(below(2), |value, _| {
                *value += 1;
                super::program::Flow::Next
            }),
        }
    };
    let names = ["a", "b", "c"];
    let tasks: Vec<_> = names[..tasks]
        .iter()
        .enumerate()
        .map(|(index, name)| Task {
            name,
            calls: (0..1 + (calls_max - 1).max(index))
                .map(|_| call())
                .collect(),
        })
        .collect();
    let mut start = State::default();
    start.semaphores[0] = 1;
    Program {
        tasks,
        start,
        end: |_| true,
        may_wait: true,
    }
}

#[test]
fn sees_whatever_all_schedules_together_show() {
    let mut rng = Seed::new(4).rng();
    let (mut all, mut systematic, mut classes) = (0, 0, 0);
    for number in 0..120 {
        let mut program = random_program(&mut rng);
        if number % 2 == 1 {
            program = program.handing_over();
        }
        let (expected, runs) = by_brute_force(&program);
        let explored = explore(&program, |_| {});
        let missed = expected.difference(&explored.classes).count();
        assert_eq!(
            missed,
            0,
            "program {number}: {} of {}",
            missed,
            expected.len()
        );
        classes += expected.len();
        all += runs;
        systematic += explored.runs;
    }
    expect!["3195 runs instead of 76109 for 3195 classes"].assert_eq(&format!(
        "{systematic} runs instead of {all} for {classes} classes"
    ));
}

#[test]
fn a_fault_happens_at_every_point_where_it_can_make_a_difference() {
    use crate::sched::Access::Read;
    use crate::sched::ObjectKind::Container;
    let step = |variable| {
        let mut call = set(variable, |_| 1);
        call.op = call.op.touch(Container, 0, Read);
        call
    };
    let program = |faults: usize| Program {
        tasks: [Task {
            name: "worker",
            calls: (0..4).map(step).collect(),
        }]
        .into_iter()
        .chain(
            ["fault:crash worker", "fault:crash worker#2"]
                .map(|name| crash(name, 0))
                .into_iter()
                .take(faults),
        )
        .collect(),
        start: State::default(),
        end: |_| true,
        may_wait: false,
    };
    let check = |faults, expected: Expect| {
        let mut schedules = BTreeSet::new();
        let explored = explore(&program(faults), |record| {
            let steps = record.execution.steps.iter();
            let names = steps.map(|step| &record.execution.names.name(step.task)[..1]);
            schedules.insert(names.collect::<String>());
        });
        let schedules: Vec<_> = schedules.into_iter().collect();
        expected.assert_eq(&format!("{}: {}", explored.runs, schedules.join(" ")));
    };
    check(0, expect!["1: wwww"]);
    check(1, expect!["5: fwwww wfwwww wwfwwww wwwfwwww wwww"]);
    check(
        2,
        expect![
            "41: ffwwww fwfwwww fwwfwwww fwwwfwwww fwwww wffwwww wfwfwwww wfwwfwwww wfwwwfwwww wfwwww wwffwwww wwfwfwwww wwfwwfwwww wwfwwwfwwww wwfwwww wwwffwwww wwwfwfwwww wwwfwwfwwww wwwfwwwfwwww wwwfwwww wwww"
        ],
    );
}

/// A writes and B reads: either could be first, unless B waited for time to pass.
#[test]
fn what_follows_when_time_has_passed_comes_after_all_that_was_before() {
    let check = |after_idle, expected| {
        let mut names = TaskNames::default();
        let [a, b] = ["a", "b"].map(|name| names.add(name));
        let step = |task, access, after_idle, ready: &[TaskId]| Step {
            task,
            op: Op::local("x").touch(ObjectKind::Node, 0, access),
            blocked: false,
            handed: false,
            after_idle,
            ready: ready.to_vec(),
        };
        let at_first = if after_idle { vec![a] } else { vec![a, b] };
        let first = step(a, Access::Write, false, &at_first);
        let execution = Execution {
            steps: vec![first, step(b, Access::Read, after_idle, &[b])],
            pending: Vec::new(),
            names,
        };
        let mut explorer = Explorer::default();
        assert_eq!(explorer.next(), Some(Prefix::default()));
        explorer.finished(&execution);
        let next = explorer.next().map(|prefix| prefix.tasks.concat());
        assert_eq!(next.as_deref(), expected);
        assert!(
            !explorer.is_exhausted(),
            "one is left, or it could be at another time"
        );
        assert_eq!(explorer.is_timed(), after_idle);
    };
    check(false, Some("b"));
    check(true, None);
}

#[test]
fn a_run_that_does_not_do_as_told_proves_nothing() {
    let program = random_program(&mut Seed::new(1).rng());
    let mut explorer = Explorer::new(100);
    while explorer.next().is_some() {
        // Always the default order, whatever is asked for.
        let (_, record) = run(&program, Chooser::default_order());
        explorer.finished(&record.execution);
    }
    assert!(explorer.executions() > 1);
    assert!(!explorer.is_exhausted());
}
