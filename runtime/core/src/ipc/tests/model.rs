//! Random calls against a model that is as simple as the rules.

use super::machine::Machine;
use crate::ipc::{Attempt, Blocking, Create, Error, Message, MqueueLimits, OpenHow, SetOperation};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::task::{Poll, Waker};

const PROCESSES: std::ops::RangeInclusive<char> = 'a'..='f';

#[derive(Clone, Debug)]
enum QueueCall {
    Send(char, u32),
    Receive(char),
    Cancel(char),
}

fn queue_call() -> impl Strategy<Value = QueueCall> {
    prop_oneof![
        5 => (prop::char::range('a', 'f'), 0..4_u32).prop_map(|(who, priority)| QueueCall::Send(who, priority)),
        5 => prop::char::range('a', 'f').prop_map(QueueCall::Receive),
        1 => prop::char::range('a', 'f').prop_map(QueueCall::Cancel),
    ]
}

/// A queue as mq_overview(7) tells it: a list, searched for the best message.
#[derive(Default)]
struct QueueModel {
    max: usize,
    messages: Vec<(u32, String)>,
    senders: Vec<(char, u32, String)>,
    receivers: Vec<char>,
    /// What each process that no longer waits was told.
    told: BTreeMap<char, Message>,
}

impl QueueModel {
    fn send(&mut self, who: char, priority: u32, text: String) -> bool {
        if !self.receivers.is_empty() {
            let receiver = self.receivers.remove(0);
            self.told.insert(receiver, message(priority, &text));
        } else if self.messages.len() < self.max {
            self.messages.push((priority, text));
        } else {
            self.senders.push((who, priority, text));
            return false;
        }
        true
    }

    fn receive(&mut self, who: char) -> Option<Message> {
        let best = self.messages.iter().map(|(priority, _)| *priority).max();
        let Some(best) = best else {
            self.receivers.push(who);
            return None;
        };
        let position = self.messages.iter().position(|(p, _)| *p == best).unwrap();
        let (priority, text) = self.messages.remove(position);
        if !self.senders.is_empty() {
            let (sender, priority, text) = self.senders.remove(0);
            self.messages.push((priority, text));
            self.told.insert(sender, Message::default());
        }
        Some(message(priority, &text))
    }

    fn cancel(&mut self, who: char) {
        self.senders.retain(|(sender, _, _)| *sender != who);
        self.receivers.retain(|receiver| *receiver != who);
        self.told.remove(&who);
    }
}

fn message(priority: u32, text: &str) -> Message {
    Message {
        bytes: text.as_bytes().to_vec(),
        tag: priority as i32,
    }
}

proptest! {
    #[test]
    fn a_queue_is_its_model(max in 1..4_usize, calls in prop::collection::vec(queue_call(), 0..200)) {
        let mut machine = Machine::default();
        let mut model = QueueModel { max, ..QueueModel::default() };
        let how = OpenHow { read: true, write: true, create: Create::IfMissing, truncate: false, non_block: false };
        let limits = MqueueLimits { messages: max as u32, message_bytes: 16 };
        let handles: BTreeMap<char, _> = PROCESSES
            .map(|who| (who, machine.ipc.mq_open(machine.caller(who), "/q", how, Some(limits)).unwrap()))
            .collect();
        let mut waiting = BTreeMap::new();
        for (number, call) in calls.into_iter().enumerate() {
            let text = number.to_string();
            match call {
                QueueCall::Send(who, priority) if !waiting.contains_key(&who) => {
                    let bytes = text.as_bytes().to_vec();
                    let attempt = machine.ipc.mq_send(machine.caller(who), handles[&who], bytes, priority, Blocking::Forever).unwrap();
                    let done = model.send(who, priority, text);
                    prop_assert_eq!(attempt == Attempt::Done(Message::default()), done);
                    if let Attempt::Blocked(id) = attempt { waiting.insert(who, id); }
                }
                QueueCall::Receive(who) if !waiting.contains_key(&who) => {
                    let attempt = machine.ipc.mq_receive(machine.caller(who), handles[&who], 16, Blocking::Forever).unwrap();
                    let expected = model.receive(who);
                    match attempt {
                        Attempt::Done(message) => prop_assert_eq!(Some(message), expected),
                        Attempt::Blocked(id) => { prop_assert_eq!(None, expected); waiting.insert(who, id); }
                    }
                }
                QueueCall::Cancel(who) => {
                    if let Some(id) = waiting.remove(&who) {
                        machine.ipc.cancel(&mut machine.timers, id);
                        model.cancel(who);
                    }
                }
                QueueCall::Send(..) | QueueCall::Receive(_) => {}
            }
            let now = machine.caller('a').now;
            for who in PROCESSES {
                let Some(id) = waiting.get(&who).copied() else { continue };
                match machine.ipc.poll_wait(&mut machine.timers, now, id, Waker::noop()) {
                    Poll::Ready(outcome) => {
                        waiting.remove(&who);
                        prop_assert_eq!(outcome.ok(), model.told.remove(&who));
                    }
                    Poll::Pending => prop_assert!(!model.told.contains_key(&who), "{} waits and should not", who),
                }
            }
            let attributes = machine.ipc.mq_attributes(handles[&'a']).unwrap();
            prop_assert_eq!(attributes.messages as usize, model.messages.len());
            prop_assert!(model.messages.len() <= max);
        }
    }

    #[test]
    fn a_set_is_its_model(calls in prop::collection::vec(set_call(), 0..120)) {
        let mut machine = Machine::default();
        let mut model = SetModel::default();
        let id = machine.ipc.sem_get(machine.caller('a'), 0, SEMAPHORES as u32, Create::No, 0o600).unwrap();
        let mut waiting = BTreeMap::new();
        for call in calls {
            match call {
                SetCall::Operate(who, operations) if !waiting.contains_key(&who) => {
                    let attempt = machine.ipc.sem_operate(machine.caller(who), id, operations.clone(), Blocking::Forever);
                    let outcome = match attempt {
                        Ok(Attempt::Done(_)) => Some(Ok(())),
                        Ok(Attempt::Blocked(wait)) => { waiting.insert(who, wait); None }
                        Err(error) => Some(Err(error)),
                    };
                    prop_assert_eq!(outcome, model.operate(who, operations));
                }
                SetCall::Operate(..) => {}
                SetCall::Exit(who) => {
                    if let Some(wait) = waiting.remove(&who) {
                        machine.ipc.cancel(&mut machine.timers, wait);
                    }
                    machine.ipc.handle_process_exit(machine.caller(who));
                    model.exit(who);
                }
            }
            let now = machine.caller('a').now;
            for who in PROCESSES {
                let Some(wait) = waiting.get(&who).copied() else { continue };
                match machine.ipc.poll_wait(&mut machine.timers, now, wait, Waker::noop()) {
                    Poll::Ready(outcome) => {
                        waiting.remove(&who);
                        prop_assert_eq!(Some(outcome.map(|_| ())), model.told.remove(&who));
                    }
                    Poll::Pending => prop_assert!(!model.told.contains_key(&who), "{} waits and should not", who),
                }
            }
            let values: Vec<i32> = machine.ipc.sem_values(id).unwrap().into_iter().map(i32::from).collect();
            prop_assert_eq!(&values[..], &model.values[..]);
        }
    }
}

const SEMAPHORES: usize = 2;

#[derive(Clone, Debug)]
enum SetCall {
    Operate(char, Vec<SetOperation>),
    Exit(char),
}

fn set_call() -> impl Strategy<Value = SetCall> {
    let operation = (
        0..SEMAPHORES as u16,
        -2..=2_i16,
        prop::bool::weighted(0.2),
        any::<bool>(),
    );
    let operation = operation.prop_map(|(number, delta, no_wait, undo)| SetOperation {
        number,
        delta,
        no_wait,
        undo,
    });
    prop_oneof![
        8 => (prop::char::range('a', 'f'), prop::collection::vec(operation, 1..4))
            .prop_map(|(who, operations)| SetCall::Operate(who, operations)),
        1 => prop::char::range('a', 'f').prop_map(SetCall::Exit),
    ]
}

/// A set as semop(2) tells it: try a copy, keep it if all went well, then look again who can go on.
#[derive(Default)]
struct SetModel {
    values: [i32; SEMAPHORES],
    undo: BTreeMap<char, [i32; SEMAPHORES]>,
    waiting: Vec<(char, Vec<SetOperation>)>,
    told: BTreeMap<char, Result<(), Error>>,
}

impl SetModel {
    fn attempt(&mut self, who: char, operations: &[SetOperation]) -> Option<Result<(), Error>> {
        let mut values = self.values;
        let mut undo = self.undo.get(&who).copied().unwrap_or_default();
        for operation in operations {
            let (at, delta) = (usize::from(operation.number), i32::from(operation.delta));
            let blocked = if delta == 0 {
                values[at] != 0
            } else {
                values[at] + delta < 0
            };
            match blocked {
                true if operation.no_wait => return Some(Err(Error::Again)),
                true => return None,
                false => values[at] += delta,
            }
            if operation.undo {
                undo[at] -= delta;
            }
        }
        self.values = values;
        self.undo.insert(who, undo);
        Some(Ok(()))
    }

    fn operate(&mut self, who: char, operations: Vec<SetOperation>) -> Option<Result<(), Error>> {
        let outcome = self.attempt(who, &operations);
        if outcome.is_none() {
            self.waiting.push((who, operations));
        }
        self.settle();
        outcome
    }

    fn settle(&mut self) {
        let waits_for_zero = |operations: &[SetOperation]| operations.iter().all(|o| o.delta == 0);
        loop {
            let order = (0..self.waiting.len()).filter(|at| waits_for_zero(&self.waiting[*at].1));
            let others = (0..self.waiting.len()).filter(|at| !waits_for_zero(&self.waiting[*at].1));
            let order: Vec<usize> = order.chain(others).collect();
            let next = order.into_iter().find_map(|at| {
                let (who, operations) = self.waiting[at].clone();
                Some((at, self.attempt(who, &operations)?))
            });
            let Some((at, outcome)) = next else { return };
            let (who, _) = self.waiting.remove(at);
            self.told.insert(who, outcome);
        }
    }

    fn exit(&mut self, who: char) {
        self.waiting.retain(|(waiter, _)| *waiter != who);
        self.told.remove(&who);
        for (value, undo) in self
            .values
            .iter_mut()
            .zip(self.undo.remove(&who).unwrap_or_default())
        {
            *value = (*value + undo).max(0);
        }
        self.settle();
    }
}
