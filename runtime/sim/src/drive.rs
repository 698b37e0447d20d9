//! What happens to pods from outside while a test runs: messages, requests, programs, files, signals, other manifests.
//!
//! Nothing here waits. Whoever runs the test asks [`Driver::poll`] after every step of the simulation and lets time pass at
//! most to [`Driver::next_deadline`]; a step that cannot be done yet is tried again then.

mod connection;
mod work;

use crate::{Properties, Simulation};
use seedpod_core::podtest::{Drive, Failure, FailureKind, PodTest, Start};
use seedpod_core::time::Instant;
use std::time::Duration;
use work::{Progress, Work};

/// The steps of one run.
pub(crate) struct Driver {
    steps: Vec<Step>,
}

struct Step {
    drive: Drive,
    state: State,
}

enum State {
    Waiting,
    Active { began: Instant, work: Box<Work> },
    Done,
}

/// What steps act on.
pub(crate) struct Stage<'a> {
    pub(crate) simulation: &'a mut Simulation,
    pub(crate) properties: &'a mut Properties,
    pub(crate) test: &'a PodTest,
}

impl Driver {
    pub(crate) fn new(test: &PodTest) -> Self {
        let steps = test.drive.iter().map(|drive| Step {
            drive: drive.clone(),
            state: State::Waiting,
        });
        Self {
            steps: steps.collect(),
        }
    }

    /// Whether every step has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.steps
            .iter()
            .all(|step| matches!(step.state, State::Done))
    }

    /// Until when nothing is to be done unless a pod does something.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let deadlines = self.steps.iter().filter_map(|step| match &step.state {
            State::Waiting => match step.drive.start {
                Start::At(time) => Some(Instant::ZERO + time),
                Start::AfterPrevious => None,
            },
            State::Active { began, work } => {
                let timeout = *began + step.drive.within;
                Some(work.next().map_or(timeout, |next| next.min(timeout)))
            }
            State::Done => None,
        });
        deadlines.filter(|deadline| *deadline > now).min()
    }

    /// Does what can be done now. Steps that did not get what they expect fail.
    pub(crate) fn poll(&mut self, stage: &mut Stage<'_>) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut previous_is_done = true;
        for step in &mut self.steps {
            failures.extend(step.advance(stage, previous_is_done));
            previous_is_done = matches!(step.state, State::Done);
        }
        failures
    }
}

impl Step {
    fn advance(&mut self, stage: &mut Stage<'_>, previous_is_done: bool) -> Option<Failure> {
        let now = stage.simulation.now();
        if matches!(self.state, State::Waiting) {
            let is_due = match self.drive.start {
                Start::AfterPrevious => previous_is_done,
                Start::At(time) => now >= Instant::ZERO + time,
            };
            if !is_due {
                return None;
            }
            self.state = State::Active {
                began: now,
                work: Box::new(Work::new(&self.drive, stage.test, now)),
            };
        }
        let State::Active { began, work } = &mut self.state else {
            return None;
        };
        let message = match work.advance(&self.drive, stage) {
            Progress::Pending(why) => {
                let passed = now.saturating_since(*began);
                if passed < self.drive.within {
                    return None;
                }
                late(self.drive.within, &why)
            }
            Progress::Done => {
                self.state = State::Done;
                return None;
            }
            Progress::Failed(message) => message,
        };
        self.state = State::Done;
        Some(Failure {
            property: format!("drive {} {}", self.drive.number, self.drive.action.word()),
            kind: FailureKind::Drive,
            message,
            at: now,
            event: 0,
        })
    }
}

fn late(within: Duration, why: &str) -> String {
    format!("not done within {within:?}: {why}")
}
