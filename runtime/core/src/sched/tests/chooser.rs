use super::models::models;
use super::program::{Program, State, Task, get, run, set};
use crate::sched::{
    Access, Choice, ChoiceKind, Chooser, Deviation, Knowledge, ObjectKind, Op, Plan, Ready, Record,
    StrategyKind, TaskNames,
};
use crate::seed::Seed;
use expect_test::{Expect, expect};

/// Two tasks that each do three calls.
fn program() -> Program {
    let task = |name| Task {
        name,
        calls: vec![get(0, 0), set(0, |registers| registers[0] + 1), get(1, 1)],
    };
    Program {
        tasks: vec![task("a"), task("b")],
        start: State::default(),
        end: |state| state.variables[0] == 2,
        may_wait: false,
    }
}

fn schedule(record: &Record) -> String {
    let names = &record.execution.names;
    let steps = record.execution.steps.iter();
    steps.map(|step| names.name(step.task)).collect()
}

fn check_plan(deviations: &[(&str, u32, &str)], expected: &Expect) {
    let deviations = deviations.iter().map(|(task, own, instead)| Deviation {
        task: (*task).into(),
        own: *own,
        instead: (*instead).into(),
    });
    let plan = Plan {
        deviations: deviations.collect(),
        ..Plan::default()
    };
    let (failed, record) = run(&program(), Chooser::plan(plan.clone()));
    expected.assert_eq(&format!("{} {failed}", schedule(&record)));
    assert_eq!(record.plan, plan, "what was planned is what differs");
}

#[test]
fn a_plan_says_where_the_schedule_leaves_the_default_order() {
    check_plan(&[], &expect!["aaabbb false"]);
    check_plan(&[("a", 0, "b")], &expect!["bbbaaa false"]);
    check_plan(&[("a", 1, "b")], &expect!["abbbaa true"]);
    check_plan(&[("a", 1, "b"), ("b", 1, "a")], &expect!["abaabb true"]);
    check_plan(
        &[("a", 1, "b"), ("b", 1, "a"), ("a", 2, "b")],
        &expect!["ababba true"],
    );
}

#[test]
fn a_log_and_a_plan_repeat_a_run() {
    for model in models() {
        let program = &model.program;
        let mut knowledge = Knowledge::default();
        for seed in 0..10 {
            for kind in ["random", "sticky", "pos", "surw", "pct:3"] {
                let kind: StrategyKind = kind.parse().unwrap();
                let seeded = || Chooser::seeded(Seed::new(seed), kind, &knowledge);
                let (failed, first) = run(program, seeded());
                let check = |chooser| {
                    let (again, record) = run(program, chooser);
                    assert_eq!(again, failed);
                    assert_eq!(record.execution, first.execution);
                    assert_eq!(record.log, first.log);
                    assert_eq!(record.plan, first.plan);
                    assert_eq!(record.divergence, None);
                };
                check(seeded());
                check(Chooser::replay(first.log.clone()));
                check(Chooser::plan(first.plan.clone()));
                if seed == 4 {
                    knowledge.observe(&first.execution);
                }
            }
        }
    }
}

/// Two tasks that look at something for ever, and a fault.
fn ready_forever(ops: &[Op; 3]) -> ([Ready<'_>; 3], TaskNames) {
    let mut names = TaskNames::default();
    let tasks = ["a", "b", "fault:crash a"].map(|name| names.add(name));
    let ready = |index: usize| Ready {
        task: tasks[index],
        op: &ops[index],
    };
    ([ready(0), ready(1), ready(2)], names)
}

#[test]
fn everybody_has_a_turn_in_the_quiet_end_and_faults_have_none() {
    for kind in ["random", "sticky", "pos", "surw", "pct:3"] {
        let look = || Op::local("look").touch(ObjectKind::Node, 0, Access::Read);
        let crash = Op::local("fault.crash").touch(ObjectKind::Container, 0, Access::Write);
        let ops = [look(), look(), crash];
        let (ready, names) = ready_forever(&ops);
        let mut chooser =
            Chooser::seeded(Seed::new(3), kind.parse().unwrap(), &Knowledge::default());
        chooser.settle();
        let picked: Vec<_> = (0..200)
            .filter_map(|_| chooser.schedule(&ready, &names))
            .collect();
        let turns = [0, 1, 2].map(|index| picked.iter().filter(|pick| **pick == index).count());
        assert!(
            turns[0] > 50 && turns[1] > 50 && turns[2] == 0,
            "{kind} {turns:?}"
        );
    }
}

#[test]
fn faults_alone_happen_now_or_let_time_pass() {
    let crash = || Op::local("fault.crash").touch(ObjectKind::Container, 0, Access::Write);
    let mut names = TaskNames::default();
    let op = crash();
    let ready = [Ready {
        task: names.add("fault:crash a"),
        op: &op,
    }];
    let mut chooser = Chooser::default_order();
    assert_eq!(chooser.schedule(&ready, &names), None);
    let mut now = 0;
    for seed in 0..100 {
        let kind = StrategyKind::Pos;
        let mut chooser = Chooser::seeded(Seed::new(seed), kind, &Knowledge::default());
        let picked = chooser.schedule(&ready, &names);
        now += usize::from(picked.is_some());
        let Record { log, plan, .. } = chooser.finish(names.clone(), &[]);
        assert_eq!(plan.deviations.len(), usize::from(picked.is_some()));
        assert_eq!(Chooser::replay(log).schedule(&ready, &names), picked);
        assert_eq!(Chooser::plan(plan).schedule(&ready, &names), picked);
    }
    assert!((30..70).contains(&now), "{now} of 100");
}

#[test]
fn a_log_of_another_run_is_told_at_the_first_difference() {
    let (_, record) = run(&program(), Chooser::plan(Plan::default()));
    let check = |change: fn(&mut Vec<Choice>), expected: Expect| {
        let mut log = record.log.clone();
        change(&mut log);
        let (_, record) = run(&program(), Chooser::replay(log));
        let divergence = record
            .divergence
            .clone()
            .map_or("none".to_owned(), |divergence| {
                format!(
                    "{}: {} | {}",
                    divergence.index, divergence.expected, divergence.found
                )
            });
        expected.assert_eq(&format!("{} {divergence}", schedule(&record)));
    };
    check(|_| {}, expect![[r#"aaabbb none"#]]);
    check(|log| log.truncate(1), expect![[r#"aaabbb none"#]]);
    check(
        |log| log[1].pick = 1,
        expect![[r#"aaabbb 1: Schedule "a" (1 of 2) | Schedule "b" (1 of 2)"#]],
    );
    check(
        |log| log[2].arity = 3,
        expect![[r#"aaabbb 2: Schedule "a" (0 of 3) | Schedule "a" (0 of 2)"#]],
    );
    check(
        |log| log[0].kind = ChoiceKind::Pod,
        expect![[r#"aaabbb 0: Pod "a" (0 of 2) | Schedule "a" (0 of 2)"#]],
    );
}

#[test]
fn each_kind_of_decision_has_a_stream_of_its_own() {
    let new = || Chooser::seeded(Seed::new(1), StrategyKind::Pos, &Knowledge::default());
    let draw = |chooser: &mut Chooser| {
        let draws = (0..20).map(|_| chooser.choose(ChoiceKind::Latency, 1000, "a"));
        draws.collect::<Vec<_>>()
    };
    let expected = draw(&mut new());
    let mut other = new();
    other.chance(ChoiceKind::Net, 500_000, "loss");
    other.choose(ChoiceKind::Fault, 9, "which");
    assert_eq!(draw(&mut other), expected);
    assert_eq!(other.log().len(), 22);
    assert_eq!(other.choose(ChoiceKind::Disk, 1, "one possibility"), 0);
    assert!(!other.chance(ChoiceKind::Disk, 0, "no possibility"));
    assert_eq!(other.log().len(), 22);
}

#[test]
fn the_default_order_takes_no_chances() {
    let mut chooser = Chooser::seeded(
        Seed::new(1),
        StrategyKind::Portfolio.for_run(0),
        &Knowledge::default(),
    );
    assert!((0..100).all(|_| chooser.choose(ChoiceKind::Fault, 2, "a") == 0));
    assert!(!chooser.chance(ChoiceKind::Fault, 999_999, "b"));
}

#[test]
fn a_task_that_looks_at_what_does_not_change_gives_way() {
    let poll = super::program::get_then(0, 0, |state| match state.registers[0] {
        0 => super::program::Flow::Goto(0),
        _ => super::program::Flow::Next,
    });
    let program = Program {
        tasks: vec![
            Task {
                name: "poller",
                calls: vec![poll],
            },
            Task {
                name: "setter",
                calls: vec![set(0, |_| 1)],
            },
        ],
        start: State::default(),
        end: |_| true,
        may_wait: false,
    };
    let (failed, record) = run(&program, Chooser::default_order());
    assert!(!failed);
    assert_eq!(record.execution.steps.len(), 10);
}

#[test]
fn a_task_that_never_waits_does_not_starve_others() {
    let change = || Op::local("change").touch(ObjectKind::Node, 0, Access::Write);
    let ops = [change(), change(), change()];
    let (ready, names) = ready_forever(&ops);
    let mut chooser = Chooser::default_order();
    let turns = (0..1000).filter_map(|_| chooser.schedule(&ready[..2], &names));
    let turns: Vec<_> = turns.collect();
    let lengths = turns.chunk_by(|one, two| one == two).map(<[_]>::len);
    assert_eq!(lengths.max(), Some(64));
}

#[test]
fn strategies_are_named() {
    for name in [
        "default",
        "random",
        "sticky",
        "pos",
        "surw",
        "pct:1",
        "pct:16",
        "portfolio",
        "systematic",
    ] {
        assert_eq!(name.parse::<StrategyKind>().unwrap().to_string(), name);
    }
    expect![[r#"there is no strategy "pct:0"; use default, random, sticky, pos, surw, portfolio, systematic, or pct:N with N from 1 to 16"#]]
    .assert_eq(&"pct:0".parse::<StrategyKind>().unwrap_err().to_string());
}
