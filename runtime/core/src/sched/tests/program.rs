//! Small programs that meet in variables, queues and semaphores, and a run of them by a chooser.

use crate::sched::Access::{Add, Read, Write};
use crate::sched::ObjectKind::{Container, Node, QueueCount, QueueHead, QueueTail, Semaphore};
use crate::sched::{Chooser, Op, Ready, Record, TaskId, TaskNames};
use std::collections::VecDeque;

/// What tasks meet in.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) variables: [i64; 16],
    pub(super) semaphores: [i64; 8],
    pub(super) queues: [VecDeque<i64>; 4],
    /// Registers of the task that goes on.
    pub(super) registers: [i64; 4],
    pub(super) failed: bool,
}

/// How a task goes on after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    /// The call has to wait.
    Wait,
    Goto(usize),
    End,
    /// The invariant is broken.
    Fail,
    /// The container of the task with this number ends and starts over.
    Restart(usize),
}

pub(super) type Effect = Box<dyn Fn(&mut State) -> Flow>;

pub(super) struct Call {
    pub(super) op: Op,
    pub(super) effect: Effect,
}

pub(super) struct Task {
    pub(super) name: &'static str,
    pub(super) calls: Vec<Call>,
}

pub(super) struct Program {
    pub(super) tasks: Vec<Task>,
    pub(super) start: State,
    /// What must hold at the end, when all tasks have ended.
    pub(super) end: fn(&State) -> bool,
    /// Whether tasks that wait for ever are no failure.
    pub(super) may_wait: bool,
}

impl Program {
    /// Those who wait stand in line, and are handed what they wait for.
    pub(super) fn handing_over(mut self) -> Self {
        let calls = self.tasks.iter_mut().flat_map(|task| &mut task.calls);
        calls.for_each(|call| call.op.handed = true);
        self
    }
}

pub(super) fn call(op: Op, effect: impl Fn(&mut State) -> Flow + 'static) -> Call {
    let effect = Box::new(effect);
    Call { op, effect }
}

/// Reads a variable into a register, then goes on as `after` says.
pub(super) fn get_then(
    variable: usize,
    register: usize,
    after: impl Fn(&mut State) -> Flow + 'static,
) -> Call {
    call(
        Op::local("get").touch(Node, variable as u64, Read),
        move |state| {
            state.registers[register] = state.variables[variable];
            after(state)
        },
    )
}

pub(super) fn get(variable: usize, register: usize) -> Call {
    get_then(variable, register, |_| Flow::Next)
}

/// Writes what `value` makes of the registers.
pub(super) fn set(variable: usize, value: impl Fn(&[i64; 4]) -> i64 + 'static) -> Call {
    call(
        Op::local("set").touch(Node, variable as u64, Write),
        move |state| {
            state.variables[variable] = value(&state.registers);
            Flow::Next
        },
    )
}

/// Reads and writes in one.
pub(super) fn update(
    variable: usize,
    change: impl Fn(&mut i64, &mut [i64; 4]) -> Flow + 'static,
) -> Call {
    call(
        Op::local("update").touch(Node, variable as u64, Write),
        move |state| change(&mut state.variables[variable], &mut state.registers),
    )
}

pub(super) fn send(queue: usize, value: impl Fn(&[i64; 4]) -> i64 + 'static) -> Call {
    let op = Op::local("send")
        .touch(QueueTail, queue as u64, Write)
        .touch(QueueCount, queue as u64, Add);
    call(op, move |state| {
        let value = value(&state.registers);
        state.queues[queue].push_back(value);
        Flow::Next
    })
}

pub(super) fn receive(queue: usize, register: usize) -> Call {
    let op = Op::local("receive")
        .touch(QueueHead, queue as u64, Write)
        .touch(QueueCount, queue as u64, Add);
    call(op, move |state| match state.queues[queue].pop_front() {
        Some(value) => {
            state.registers[register] = value;
            Flow::Next
        }
        None => Flow::Wait,
    })
}

pub(super) fn post(semaphore: usize) -> Call {
    let op = Op::local("post").touch(QueueCount, 100 + semaphore as u64, Add);
    call(op, move |state| {
        state.semaphores[semaphore] += 1;
        Flow::Next
    })
}

pub(super) fn wait(semaphore: usize) -> Call {
    let op = Op::local("wait")
        .touch(Semaphore, semaphore as u64, Write)
        .touch(QueueCount, 100 + semaphore as u64, Add);
    call(op, move |state| {
        if state.semaphores[semaphore] == 0 {
            return Flow::Wait;
        }
        state.semaphores[semaphore] -= 1;
        Flow::Next
    })
}

/// A fault that makes a task start over.
pub(super) fn crash(name: &'static str, task: usize) -> Task {
    let op = Op::local("fault.crash").touch(Container, task as u64, Write);
    Task {
        name,
        calls: vec![call(op, move |_| Flow::Restart(task))],
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Ready,
    /// Since so many steps.
    Waiting(usize),
    /// Ready, and its call is done.
    Handed,
    Ended,
}

struct Running {
    id: TaskId,
    at: usize,
    mode: Mode,
    registers: [i64; 4],
}

/// Steps after which a program has run for too long.
const STEPS_MAX: usize = 2000;

/// Runs the program; says whether it failed, and what it did.
pub(super) fn run(program: &Program, mut chooser: Chooser) -> (bool, Record) {
    let mut names = TaskNames::default();
    let mut state = program.start.clone();
    let tasks = program.tasks.iter();
    let mut running: Vec<_> = tasks
        .map(|task| Running {
            id: names.add(task.name),
            at: 0,
            mode: Mode::Ready,
            registers: [0; 4],
        })
        .collect();
    let mut ready = Vec::new();
    let mut indices = Vec::new();
    while !state.failed && chooser.steps().len() < STEPS_MAX && !chooser.is_redundant() {
        ready.clear();
        indices.clear();
        for (index, (task, running)) in program.tasks.iter().zip(&running).enumerate() {
            if matches!(running.mode, Mode::Ready | Mode::Handed) {
                let op = &task.calls[running.at].op;
                ready.push(Ready {
                    task: running.id,
                    op,
                });
                indices.push(index);
            }
        }
        let Some(picked) = chooser.schedule(&ready, &names) else {
            break;
        };
        step(
            program,
            &mut running,
            &mut state,
            indices[picked],
            &mut chooser,
        );
    }
    let cut_short = state.failed || chooser.is_redundant();
    if !cut_short {
        let mut processes = program.tasks.iter().zip(&running);
        let waits = processes.any(|(task, running)| {
            running.mode != Mode::Ended && !task.calls[running.at].op.is_fault()
        });
        state.failed = match waits {
            true => !program.may_wait,
            false => !(program.end)(&state),
        };
    }
    let pending = if cut_short { ready } else { Vec::new() };
    (state.failed, chooser.finish(names, &pending))
}

fn step(
    program: &Program,
    running: &mut [Running],
    state: &mut State,
    index: usize,
    chooser: &mut Chooser,
) {
    let task = &program.tasks[index];
    let call = &task.calls[running[index].at];
    state.registers = running[index].registers;
    let flow = match running[index].mode {
        Mode::Handed => Flow::Next,
        _ => (call.effect)(state),
    };
    running[index].mode = Mode::Ready;
    running[index].registers = state.registers;
    match flow {
        Flow::Next => running[index].at += 1,
        Flow::Goto(to) => running[index].at = to,
        Flow::End => running[index].at = task.calls.len(),
        Flow::Wait => {
            running[index].mode = Mode::Waiting(chooser.steps().len());
            chooser.waited();
            return;
        }
        Flow::Fail => {
            state.failed = true;
            running[index].at = task.calls.len();
        }
        Flow::Restart(other) => {
            running[index].at = task.calls.len();
            if running[other].mode != Mode::Ended {
                (running[other].at, running[other].mode) = (0, Mode::Ready);
                running[other].registers = [0; 4];
            }
        }
    }
    if running[index].at >= task.calls.len() {
        running[index].mode = Mode::Ended;
    }
    wake(program, running, state);
}

/// Those whose calls need not wait any more are ready again, first those who have waited longest.
fn wake(program: &Program, running: &mut [Running], state: &mut State) {
    let waits = |running: &Running| match running.mode {
        Mode::Waiting(since) => Some(since),
        Mode::Ready | Mode::Handed | Mode::Ended => None,
    };
    let mut waiting: Vec<_> = (0..running.len())
        .filter_map(|index| Some((waits(&running[index])?, index)))
        .collect();
    waiting.sort_unstable();
    for (_, index) in waiting {
        let call = &program.tasks[index].calls[running[index].at];
        let mut after = State {
            registers: running[index].registers,
            ..state.clone()
        };
        if (call.effect)(&mut after) == Flow::Wait {
            continue;
        }
        running[index].mode = Mode::Ready;
        if call.op.handed {
            running[index].mode = Mode::Handed;
            running[index].registers = after.registers;
            *state = after;
        }
    }
}
