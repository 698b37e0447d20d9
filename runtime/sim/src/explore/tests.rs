//! Explorations of small models, through the chooser that real runs have.

use super::*;
use expect_test::{Expect, expect};
use seedpod_core::podtest::FailureKind;
use seedpod_core::sched::{Access, ChoiceKind, ObjectKind, Op, Ready, TaskNames};
use seedpod_core::time::Instant;
use std::fmt::Write as _;

/// Tasks that do their steps one after the other, each on a shared counter.
#[derive(Clone, Copy, Debug)]
enum Model {
    /// Two read the counter, then write what they have read and one more: the last one may not know of the first.
    LostUpdate,
    /// Two add to it at once.
    Atomic,
    /// As `LostUpdate`, but wrong in any order.
    Broken,
    /// As `LostUpdate`, with a coin that somebody throws behind the chooser's back.
    Leaky,
    /// As `LostUpdate`, and only when something goes wrong that takes luck, too.
    Unlucky,
}

#[derive(Clone, Copy)]
enum Call {
    Read,
    Write,
    Add,
}

impl Model {
    fn program(self) -> &'static [Call] {
        match self {
            Self::Atomic => &[Call::Add],
            Self::LostUpdate | Self::Broken | Self::Leaky | Self::Unlucky => {
                &[Call::Read, Call::Write]
            }
        }
    }
}

struct Fake {
    model: Model,
    seeds: Seeds,
    strategy: StrategyKind,
    /// Makes samples in batches, the last first.
    ahead: bool,
    ready: std::collections::BTreeMap<u64, Sample>,
    runs: u64,
    checks: u64,
    budget: u64,
}

impl Runner for Fake {
    fn run(&mut self, _case: &Case, mut chooser: Chooser, _keep: Keep) -> Result<RunReport, Stop> {
        self.runs += 1;
        let mut names = TaskNames::default();
        let tasks = [names.add("one"), names.add("two")];
        let unlucky = match self.model {
            Model::Unlucky => chooser.choose(ChoiceKind::Short, 7, "luck") == 3,
            _ => true,
        };
        let (mut counter, mut read, mut done) = (0, [0; 2], [0; 2]);
        let mut trace = Vec::new();
        loop {
            let next: Vec<(usize, Call, Op)> = (0..2)
                .filter_map(|task| {
                    let call = *self.model.program().get(done[task])?;
                    let (name, access) = match call {
                        Call::Read => ("fs.read", Access::Read),
                        Call::Write => ("fs.write", Access::Write),
                        Call::Add => ("sem.post", Access::Add),
                    };
                    Some((
                        task,
                        call,
                        Op::local(name).touch(ObjectKind::Node, 1, access),
                    ))
                })
                .collect();
            let ready: Vec<Ready<'_>> = next
                .iter()
                .map(|(task, _, op)| Ready {
                    task: tasks[*task],
                    op,
                })
                .collect();
            if ready.is_empty() {
                break;
            }
            let Some(picked) = chooser.schedule(&ready, &names) else {
                break;
            };
            let (task, call, op) = &next[picked];
            done[*task] += 1;
            match call {
                Call::Read => read[*task] = counter,
                Call::Write => counter = read[*task] + 1,
                Call::Add => counter += 1,
            }
            trace.push(TraceEvent {
                number: trace.len() as u64,
                nanos: trace.len() as u64,
                task: names.name(tasks[*task]).to_owned(),
                kind: op.call.to_owned(),
                ..TraceEvent::default()
            });
        }
        let lost = counter < 2 && unlucky || matches!(self.model, Model::Broken);
        let failure = Failure {
            property: "sum".to_owned(),
            kind: FailureKind::Finally,
            message: format!("the counter is {counter}"),
            at: Instant::default(),
            event: trace.len() as u64 - 1,
        };
        if let (Model::Leaky, Some(last)) = (self.model, trace.last_mut()) {
            last.fuel = self.runs;
        }
        let met = (counter < 2).then(|| "overwritten".to_owned());
        Ok(RunReport {
            failures: lost.then_some(failure).into_iter().collect(),
            hash: crate::report::jsonl::hash(&trace),
            trace,
            schedule: chooser.finish(names.clone(), &[]),
            names,
            virtual_time: Duration::from_secs(1),
            sometimes: met.into_iter().collect(),
        })
    }

    fn sample(&mut self, number: u64, knowledge: &Knowledge) -> Result<Sample, Stop> {
        let last = if self.ahead { number + 16 } else { number };
        for number in (number..=last).rev() {
            if self.ready.contains_key(&number) || (self.ahead && number < last - 16) {
                continue;
            }
            let case = Case::sampled(self.seeds.of(number));
            let chooser = case.chooser(self.strategy, knowledge);
            let report = self.run(&case, chooser, Keep::Schedule)?;
            self.ready.insert(number, Sample::of(&report));
        }
        let sample = self.ready.remove(&number);
        sample.ok_or_else(|| Stop::Infrastructure(format!("run {number} is missing")))
    }

    fn check(&mut self, _case: &Case, _hash: u128, _when: When) -> Result<(), Stop> {
        self.checks += 1;
        Ok(())
    }

    fn finish_checks(&mut self) -> Result<(), Stop> {
        Ok(())
    }

    fn keep_going(&mut self) -> bool {
        self.runs < self.budget
    }

    fn keep_shrinking(&mut self, made: u32) -> bool {
        made < 100
    }

    fn progress(&mut self, _exploration: &Exploration) {}
}

fn settings() -> Settings {
    Settings {
        seeds: Seeds::derived(Seed::new(1)),
        strategy: StrategyKind::Portfolio,
        runs: 1000,
        systematic: 100,
        failures: 1,
        until_saturated: true,
        checked_per_million: 50_000,
        sometimes: BTreeSet::new(),
        workload: Vec::new(),
    }
}

fn explored(model: Model, settings: &Settings, recordings: &[Recording], ahead: bool) -> String {
    let mut fake = Fake {
        model,
        seeds: settings.seeds,
        strategy: settings.strategy,
        ahead,
        ready: std::collections::BTreeMap::new(),
        runs: 0,
        checks: 0,
        budget: 5000,
    };
    let exploration = match explore(settings, recordings, &mut fake) {
        Ok(exploration) => exploration,
        Err(stop) => return format!("{stop}\n"),
    };
    let Exploration {
        runs,
        failed,
        interleavings,
        simulated,
        ended,
        ..
    } = &exploration;
    let mut text = format!(
        "{runs} runs, {failed} failed, {interleavings} interleavings, {}s, {} checks, {ended:?}\n",
        simulated.as_secs(),
        fake.checks
    );
    for found in &exploration.found {
        let Size {
            switches,
            switches_before,
            ..
        } = found.size;
        let order: Vec<_> = found
            .report
            .trace
            .iter()
            .map(|event| format!("{} {}", event.task, event.kind))
            .collect();
        let passing = if found.passing.is_some() {
            ", passes without the last"
        } else {
            ""
        };
        let _infallible = writeln!(
            text,
            "{} in run {} by {}: {switches} of {switches_before} switches{passing}: {}",
            found.failure.property,
            found.run,
            found.strategy,
            order.join(", ")
        );
    }
    if !exploration.unmet.is_empty() {
        let _infallible = writeln!(text, "unmet {:?}", exploration.unmet);
    }
    if !exploration.stale.is_empty() {
        let _infallible = writeln!(text, "stale {:?}", exploration.stale);
    }
    text
}

fn check(model: Model, settings: &Settings, expected: &Expect) {
    let text = explored(model, settings, &[], false);
    expected.assert_eq(&text);
    assert_eq!(
        explored(model, settings, &[], true),
        text,
        "who makes the samples, and in what order, makes no difference"
    );
}

#[test]
fn a_race_is_found_and_made_small() {
    check(
        Model::LostUpdate,
        &settings(),
        &expect![[r#"
            5 runs, 1 failed, 2 interleavings, 5s, 3 checks, Failures
            sum in run 5 by surw: 1 of 1 switches, passes without the last: one fs.read, two fs.read, two fs.write, one fs.write
        "#]],
    );
    let systematic = Settings {
        systematic: 0,
        ..settings()
    };
    check(
        Model::LostUpdate,
        &systematic,
        &expect![[r#"
        4 runs, 1 failed, 2 interleavings, 4s, 3 checks, Failures
        sum in run 4 by surw: 1 of 1 switches, passes without the last: one fs.read, two fs.read, two fs.write, one fs.write
    "#]],
    );
}

#[test]
fn where_nothing_is_new_it_ends() {
    check(
        Model::Atomic,
        &settings(),
        &expect![[r#"
        50 runs, 0 failed, 1 interleavings, 50s, 2 checks, Saturated
    "#]],
    );
    let systematic = Settings {
        strategy: StrategyKind::Systematic,
        ..settings()
    };
    check(
        Model::Atomic,
        &systematic,
        &expect![[r#"
        3 runs, 0 failed, 1 interleavings, 3s, 1 checks, Exhausted
    "#]],
    );
    let all = Settings {
        until_saturated: false,
        runs: 300,
        ..settings()
    };
    check(
        Model::Atomic,
        &all,
        &expect![[r#"
        300 runs, 0 failed, 1 interleavings, 300s, 18 checks, Runs
    "#]],
    );
}

#[test]
fn what_fails_in_the_default_order_is_not_explored() {
    check(
        Model::Broken,
        &settings(),
        &expect![[r#"
        2 runs, 2 failed, 1 interleavings, 2s, 1 checks, Failures
        sum in run 1 by default: 0 of 0 switches: one fs.read, one fs.write, two fs.read, two fs.write
    "#]],
    );
}

#[test]
fn a_run_that_is_not_the_same_again_ends_everything() {
    expect![[r#"
        the run of seed 0x1d0f3a6a08000000 left trace bfb38923cb697b35825ba6a91c6fd936 at first and 3cb4b802bcc9d917ba380d378328bb26 the second time, in the same process:
        3 events are equal, then the next differs in fuel
                 0  +0.000000s  one fs.read
                 1  +0.000000s  one fs.write
                 2  +0.000000s  two fs.read
        the first run
          -      3  +0.000000s  two fs.write
        the second run
          +      3  +0.000000s  two fs.write

    "#]].assert_eq(&explored(Model::Leaky, &settings(), &[], false));
}

#[test]
fn what_no_run_meets_is_said() {
    let sometimes = |names: &[&str]| Settings {
        sometimes: names.iter().map(|name| (*name).to_owned()).collect(),
        ..settings()
    };
    check(
        Model::Atomic,
        &sometimes(&["overwritten"]),
        &expect![[r#"
        50 runs, 0 failed, 1 interleavings, 50s, 2 checks, Saturated
        unmet {"overwritten"}
    "#]],
    );
    check(
        Model::Unlucky,
        &sometimes(&["overwritten"]),
        &expect![[r#"
            9 runs, 1 failed, 3 interleavings, 9s, 3 checks, Failures
            sum in run 9 by pct:3: 1 of 1 switches, passes without the last: one fs.read, two fs.read, two fs.write, one fs.write
        "#]],
    );
}

#[test]
fn the_same_failure_counts_once() {
    let many = Settings {
        failures: 5,
        until_saturated: false,
        runs: 200,
        ..settings()
    };
    check(
        Model::LostUpdate,
        &many,
        &expect![[r#"
            200 runs, 85 failed, 4 interleavings, 200s, 17 checks, Runs
            sum in run 5 by surw: 1 of 1 switches, passes without the last: one fs.read, two fs.read, two fs.write, one fs.write
        "#]],
    );
}

#[test]
fn recordings_come_first() {
    let choice = |pick, label: &str| Choice {
        kind: ChoiceKind::Schedule,
        arity: 2,
        pick,
        label: label.to_owned(),
    };
    let recording = |choices: Vec<Choice>| Recording {
        test: "x".to_owned(),
        file: "x.yaml".to_owned(),
        seed: Seed::new(5),
        strategy: "pos".to_owned(),
        property: "sum".to_owned(),
        hash: 0,
        without: BTreeSet::new(),
        fingerprint: Fingerprint::default(),
        choices,
    };
    let check = |recordings: &[Recording], expected: &Expect| {
        expected.assert_eq(&explored(Model::LostUpdate, &settings(), recordings, false));
    };
    let fails = recording(vec![choice(0, "one"), choice(1, "two")]);
    let stale = recording(vec![choice(1, "three")]);
    check(
        std::slice::from_ref(&fails),
        &expect![[r#"
        3 runs, 1 failed, 2 interleavings, 3s, 3 checks, Failures
        sum in run 3 by recorded: 1 of 1 switches, passes without the last: one fs.read, two fs.read, two fs.write, one fs.write
    "#]],
    );
    check(
        &[stale, fails],
        &expect![[r#"
        4 runs, 1 failed, 2 interleavings, 4s, 3 checks, Failures
        sum in run 4 by recorded: 1 of 1 switches, passes without the last: one fs.read, two fs.read, two fs.write, one fs.write
        stale [0]
    "#]],
    );
}
