//! Thirteen small bugs between containers, as they are known from practice, and how many runs each strategy needs to find
//! them. What a strategy is worth is measured here: figures only change when an algorithm does.

use super::explorer::explore;
use super::program::{
    Call, Flow, Program, State, Task, call, crash, get, get_then, post, receive, run, send, set,
    update, wait,
};
use crate::sched::Access::{Add, Read, Write};
use crate::sched::ObjectKind::{Container, QueueCount, QueueHead, Semaphore};
use crate::sched::{Chooser, Knowledge, Op, StrategyKind};
use crate::seed::Seed;
use expect_test::expect;
use std::fmt::Write as _;

pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) program: Program,
}

fn model(name: &'static str, tasks: Vec<Task>, end: fn(&State) -> bool) -> Model {
    let program = Program {
        tasks,
        start: State::default(),
        end,
        may_wait: false,
    };
    Model { name, program }
}

fn task(name: &'static str, calls: Vec<Vec<Call>>) -> Task {
    let calls = calls.into_iter().flatten().collect();
    Task { name, calls }
}

/// Calls that matter to nobody else, though others could notice them.
fn elsewhere(variable: usize, calls: usize) -> Vec<Call> {
    (0..calls)
        .map(|_| update(8 + variable, |_, _| Flow::Next))
        .collect()
}

fn one(call: Call) -> Vec<Call> {
    vec![call]
}

/// A consumer looks at a flag and then waits for news of it, which nobody repeats.
fn lost_wakeup() -> Model {
    const FLAG: usize = 0;
    const WAITS: usize = 1;
    let bell = || Op {
        handed: true,
        ..Op::local("bell").touch(Semaphore, 9, Write)
    };
    let listen = call(bell(), |state| {
        state.variables[WAITS] = 1;
        match state.semaphores[0] {
            0 => Flow::Wait,
            _ => Flow::Next,
        }
    });
    let ring = call(bell(), |state| {
        state.semaphores[0] += state.variables[WAITS];
        Flow::Next
    });
    let look = get_then(FLAG, 0, |state| match state.registers[0] {
        0 => Flow::Next,
        _ => Flow::End,
    });
    model(
        "lost wake-up",
        vec![
            task("consumer", vec![elsewhere(0, 5), one(look), one(listen)]),
            task(
                "producer",
                vec![
                    elsewhere(1, 8),
                    one(set(FLAG, |_| 1)),
                    one(ring),
                    elsewhere(1, 4),
                ],
            ),
        ],
        |_| true,
    )
}

/// A consumer takes for granted what a producer makes first thing.
fn startup_race() -> Model {
    let open = get_then(0, 0, |state| match state.registers[0] {
        0 => Flow::Fail,
        _ => Flow::Next,
    });
    model(
        "start-up race",
        vec![
            task(
                "producer",
                vec![elsewhere(0, 1), one(set(0, |_| 1)), elsewhere(0, 6)],
            ),
            task(
                "consumer",
                vec![elsewhere(1, 18), one(open), elsewhere(1, 2)],
            ),
        ],
        |_| true,
    )
}

/// A port is found free, let go, announced, and bound: by then it is another's.
fn port_race() -> Model {
    const PORT: usize = 0;
    let take = |owner: i64| {
        update(PORT, move |port, registers| {
            registers[1] = i64::from(*port != 0);
            if *port == 0 {
                *port = owner;
            }
            match (owner, registers[1]) {
                (1, 1) => Flow::Fail,
                _ => Flow::Next,
            }
        })
    };
    let release = update(PORT, |port, _| {
        *port = 0;
        Flow::Next
    });
    let dial = get_then(PORT, 0, |_| Flow::Next);
    model(
        "port race",
        vec![
            task(
                "api",
                vec![
                    elsewhere(0, 4),
                    one(take(1)),
                    one(release),
                    one(set(1, |_| 1)),
                    one(take(1)),
                    elsewhere(0, 3),
                ],
            ),
            task(
                "sidecar",
                vec![
                    elsewhere(1, 6),
                    one(take(2)),
                    one(get(1, 0)),
                    one(dial),
                    elsewhere(1, 3),
                ],
            ),
        ],
        |_| true,
    )
}

/// A file is written in two parts where it stands.
fn partial_write() -> Model {
    let read = || {
        get_then(0, 0, |state| match state.registers[0] {
            1 => Flow::Fail,
            _ => Flow::Next,
        })
    };
    model(
        "partial write",
        vec![
            task(
                "writer",
                vec![
                    elsewhere(0, 4),
                    one(set(0, |_| 1)),
                    one(set(0, |_| 2)),
                    elsewhere(0, 4),
                ],
            ),
            task(
                "sidecar",
                vec![
                    elsewhere(1, 4),
                    one(read()),
                    elsewhere(1, 2),
                    one(read()),
                    elsewhere(1, 2),
                ],
            ),
        ],
        |_| true,
    )
}

/// A lock file is looked for, and made if it is not there.
fn lock_file() -> Model {
    let worker = |name, at| {
        let look = get_then(0, 0, |state| match state.registers[0] {
            0 => Flow::Next,
            _ => Flow::End,
        });
        let enter = update(1, |owners, _| {
            *owners += 1;
            match *owners {
                1 => Flow::Next,
                _ => Flow::Fail,
            }
        });
        let leave = update(1, |owners, _| {
            *owners -= 1;
            Flow::Next
        });
        task(
            name,
            vec![
                elsewhere(at, 8),
                one(look),
                one(set(0, |_| 1)),
                one(enter),
                one(leave),
                one(set(0, |_| 0)),
                elsewhere(at, 4),
            ],
        )
    };
    model(
        "lock file",
        vec![worker("one", 0), worker("two", 1)],
        |_| true,
    )
}

/// Two workers read a counter and write it back.
fn lost_update() -> Model {
    let worker = |name, at| {
        let count = || vec![get(0, 0), set(0, |registers| registers[0] + 1)];
        task(
            name,
            vec![
                elsewhere(at, 4),
                count(),
                elsewhere(at, 2),
                count(),
                elsewhere(at, 4),
            ],
        )
    };
    model(
        "lost update",
        vec![worker("one", 0), worker("two", 1)],
        |state| state.variables[0] == 4,
    )
}

fn with_locks(mut model: Model, locks: usize) -> Model {
    model.program.start.semaphores[..locks].fill(1);
    model.program = model.program.handing_over();
    model
}

fn locks(name: &'static str, at: usize, first: usize, second: usize) -> Task {
    task(
        name,
        vec![
            elsewhere(at, 4),
            one(wait(first)),
            one(wait(second)),
            elsewhere(at, 1),
            one(post(second)),
            one(post(first)),
            elsewhere(at, 3),
        ],
    )
}

/// Two take two locks in either order.
fn two_locks() -> Model {
    let tasks = vec![locks("one", 0, 0, 1), locks("two", 1, 1, 0)];
    with_locks(model("two locks", tasks, |_| true), 2)
}

/// Three take three locks in a circle.
fn three_locks() -> Model {
    let tasks = vec![
        locks("one", 0, 0, 1),
        locks("two", 1, 1, 2),
        locks("three", 2, 2, 0),
    ];
    with_locks(model("three locks", tasks, |_| true), 3)
}

/// What happened first takes the longer way.
fn reordered_messages() -> Model {
    let relay = |name, from, at, calls| {
        task(
            name,
            vec![
                one(receive(from, 0)),
                elsewhere(at, calls),
                one(send(2, |registers| registers[0])),
            ],
        )
    };
    let apply = call(
        Op::local("receive")
            .touch(QueueHead, 2, Write)
            .touch(QueueCount, 2, Add),
        |state| match state.queues[2].pop_front() {
            None => Flow::Wait,
            Some(1) => Flow::Next,
            Some(_) => Flow::Fail,
        },
    );
    model(
        "reordered messages",
        vec![
            task(
                "source",
                vec![
                    elsewhere(0, 3),
                    one(send(0, |_| 1)),
                    elsewhere(0, 1),
                    one(send(1, |_| 2)),
                ],
            ),
            relay("creates", 0, 1, 2),
            relay("updates", 1, 2, 1),
            task(
                "sink",
                vec![elsewhere(3, 2), one(apply), one(receive(2, 0))],
            ),
        ],
        |_| true,
    )
}

/// A worker dies after it has done what it was told, and before it says so.
fn crash_before_ack() -> Model {
    const EFFECTS: usize = 0;
    const ACKED: usize = 1;
    let of_worker = |mut call: Call| {
        call.op = call.op.touch(Container, 1, Read);
        call
    };
    let take = |job: i64| {
        get_then(ACKED, 0, move |state| match state.registers[0] {
            acked if acked > job => Flow::Goto(3 * (job as usize + 1)),
            _ => Flow::Next,
        })
    };
    let effect = || {
        update(EFFECTS, |effects, _| {
            *effects += 1;
            Flow::Next
        })
    };
    let ack = || {
        update(ACKED, |acked, _| {
            *acked += 1;
            Flow::Next
        })
    };
    let mut calls = Vec::new();
    for job in 0..4 {
        calls.extend([take(job), effect(), ack()].map(of_worker));
    }
    let mut done = update(10, |_, _| Flow::End);
    done.op = done.op.touch(Container, 1, Read);
    calls.push(done);
    model(
        "crash before ack",
        vec![
            task("producer", vec![elsewhere(0, 8)]),
            Task {
                name: "worker",
                calls,
            },
            crash("fault:crash worker", 1),
        ],
        |state| state.variables[EFFECTS] == 4,
    )
}

/// A leader checks its lease, pauses, and writes when the lease is another's.
fn stale_leader() -> Model {
    const LEASE: usize = 0;
    const DATA: usize = 1;
    let leads = |who: i64| {
        get_then(LEASE, 0, move |state| match state.registers[0] == who {
            true => Flow::Next,
            false => Flow::End,
        })
    };
    let expire = update(LEASE, |lease, _| {
        *lease = 0;
        Flow::Next
    });
    let mut model = model(
        "stale leader",
        vec![
            task(
                "old",
                vec![
                    elsewhere(0, 4),
                    one(leads(1)),
                    elsewhere(0, 1),
                    one(set(DATA, |_| 1)),
                ],
            ),
            task("clock", vec![elsewhere(1, 6), one(expire)]),
            task(
                "new",
                vec![
                    elsewhere(2, 5),
                    one(leads(0)),
                    one(set(LEASE, |_| 2)),
                    one(set(DATA, |_| 2)),
                    elsewhere(2, 2),
                ],
            ),
        ],
        |state| state.variables[LEASE] != 2 || state.variables[DATA] == 2,
    );
    model.program.start.variables[LEASE] = 1;
    model
}

/// A pair is read, and its first half once more to be sure; it has changed and changed back.
fn read_twice() -> Model {
    let last = get_then(0, 2, |state| {
        let [first, second, again, _] = state.registers;
        match first == again && first != second {
            true => Flow::Fail,
            false => Flow::Next,
        }
    });
    let write = |value: i64| vec![set(0, move |_| value), set(1, move |_| value)];
    model(
        "read twice",
        vec![
            task(
                "writer",
                vec![elsewhere(0, 4), write(1), write(0), elsewhere(0, 4)],
            ),
            task(
                "reader",
                vec![
                    elsewhere(1, 4),
                    vec![get(0, 0), get(1, 1), last],
                    elsewhere(1, 4),
                ],
            ),
        ],
        |_| true,
    )
}

/// Four short moments have to be met, one after the other.
fn four_windows() -> Model {
    let open = |window: i64| vec![set(0, move |_| window), set(0, |_| 0)];
    let meet = |window: i64| {
        get_then(0, 0, move |state| {
            match (state.registers[0] == window, window) {
                (true, 4) => Flow::Fail,
                (true, _) => Flow::Next,
                (false, _) => Flow::End,
            }
        })
    };
    model(
        "four windows",
        vec![
            task(
                "one",
                vec![elsewhere(0, 3), open(1), open(2), open(3), open(4)],
            ),
            task("two", vec![elsewhere(1, 3), (1..=4).map(meet).collect()]),
        ],
        |_| true,
    )
}

pub(super) fn models() -> Vec<Model> {
    vec![
        lost_wakeup(),
        startup_race(),
        port_race(),
        partial_write(),
        lock_file(),
        lost_update(),
        two_locks(),
        three_locks(),
        reordered_messages(),
        crash_before_ack(),
        stale_leader(),
        read_twice(),
        four_windows(),
    ]
}

const STRATEGIES: [StrategyKind; 8] = [
    StrategyKind::Random,
    StrategyKind::Sticky,
    StrategyKind::Pct { depth: 2 },
    StrategyKind::Pct { depth: 3 },
    StrategyKind::Pct { depth: 4 },
    StrategyKind::Pos,
    StrategyKind::Surw,
    StrategyKind::Portfolio,
];

/// Runs of each strategy until the first failure, the default order not counted, and no more than `runs_max`.
fn runs_to_failure(program: &Program, kind: StrategyKind, master: u64, runs_max: u64) -> u64 {
    let (failed, record) = run(program, Chooser::default_order());
    assert!(!failed, "it fails in the default order");
    let mut knowledge = Knowledge::default();
    knowledge.observe(&record.execution);
    let seed = Seed::new(master);
    let fails = |number: &u64| {
        let seed = seed.fork(&number.to_string());
        let kind = kind.for_run(1 + number);
        run(program, Chooser::seeded(seed, kind, &knowledge)).0
    };
    (1..runs_max).find(fails).unwrap_or(runs_max)
}

fn table(masters: u64, runs_max: u64) -> String {
    let mut table = format!("{:<18}", "");
    for kind in STRATEGIES {
        let _ = write!(table, " {:>9}", kind.to_string());
    }
    table.push_str("  systematic\n");
    let models = models();
    let mut logs = [0.0; STRATEGIES.len()];
    for model in &models {
        let _ = write!(table, "{:<18}", model.name);
        for (kind, log) in STRATEGIES.into_iter().zip(&mut logs) {
            let runs =
                (0..masters).map(|master| runs_to_failure(&model.program, kind, master, runs_max));
            let mean = runs.sum::<u64>() as f64 / masters as f64;
            *log += mean.ln() / models.len() as f64;
            let _ = write!(table, " {mean:>9.1}");
        }
        let explored = explore(&model.program, |_| {});
        let first = explored.failed_first.unwrap_or(0);
        let _ = writeln!(table, "  {first}/{}", explored.runs);
    }
    let _ = write!(table, "{:<18}", "geometric mean");
    for log in logs {
        let _ = write!(table, " {:>9.1}", log.exp());
    }
    table
}

/// Means of few samples, cut off early: coarse, but equal on every machine.
#[test]
fn strategies_find_bugs_in_so_many_runs() {
    expect![[r#"
                              random    sticky     pct:2     pct:3     pct:4       pos      surw portfolio  systematic
        lost wake-up             6.1     121.7      12.6      15.9      11.9      10.2       6.9      10.7  2/3
        start-up race            2.6       1.2       3.7       2.9       3.2       2.4       2.3       1.8  2/2
        port race                1.9       1.1       1.4       1.5       1.8       1.7       1.4       1.7  2/12
        partial write            3.5      83.8       8.8       4.9       3.6       4.8       1.7       3.8  2/5
        lock file                4.0     177.4     200.0      99.5      28.1       5.2       5.1       6.7  6/18
        lost update              1.2       8.3       4.8       3.0       2.1       1.3       1.1       1.3  2/34
        two locks                1.8      19.1      13.3       6.4       6.0       2.6       2.7       3.2  2/3
        three locks              5.8      58.4      27.2      11.6       7.4      10.6       3.7       9.2  4/7
        reordered messages       3.0       1.9       2.8       2.8       1.6       2.6       1.8       2.7  2/2
        crash before ack         4.8      19.5       5.0       5.7       4.0       6.7      10.5       6.6  3/14
        stale leader            56.0     181.8      48.1      32.3      34.7      22.3      25.5      45.6  4/7
        read twice               4.7      59.7       6.2       6.1       5.6       6.2       4.7       4.9  2/12
        four windows           188.1     200.0     200.0     200.0     200.0     200.0     184.3     200.0  20/24
        geometric mean           5.5      25.3      12.4       9.4       7.3       6.1       4.9       6.3"#]].assert_eq(&table(10, 200));
}
