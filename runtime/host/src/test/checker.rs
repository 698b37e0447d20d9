//! The self-check: runs are made again by a process that differs from this one in everything that must not matter, and
//! must leave the same traces.

use super::process::{Inbox, Message, Start, Worker};
use super::protocol::{Preparation, Reply, Request};
use seedpod_core::trace::TraceEvent;
use seedpod_sim::explore::{Case, Stop};
use std::collections::VecDeque;

/// Runs that the process has not answered yet, at most; then we wait for it.
const PENDING_MAX: usize = 64;

/// The other process, and what it has not answered yet.
pub(crate) struct Checker {
    worker: Worker,
    inbox: Inbox,
    pending: VecDeque<(Case, u128)>,
}

/// A run that left another trace there.
pub(crate) struct Mismatch {
    pub(crate) case: Case,
    pub(crate) here: u128,
    pub(crate) there: u128,
}

impl Checker {
    pub(crate) fn start(start: &Start, preparation: Preparation) -> Result<Self, Stop> {
        let inbox = Inbox::new();
        let mut worker = Worker::start(start, 0, &inbox)?;
        worker.send(&Request::Prepare(preparation));
        Ok(Self {
            worker,
            inbox,
            pending: VecDeque::new(),
        })
    }

    /// Has a run made again. Answers for it or for earlier ones, as far as answers are there.
    pub(crate) fn check(&mut self, case: &Case, hash: u128) -> Result<Option<Mismatch>, Stop> {
        self.worker.send(&Request::Run {
            case: case.clone(),
            trace: false,
        });
        self.pending.push_back((case.clone(), hash));
        while self.pending.len() > PENDING_MAX {
            if let Some(mismatch) = self.next()? {
                return Ok(Some(mismatch));
            }
        }
        while let Some((_, message)) = self.inbox.take() {
            if let Some(mismatch) = self.receive(message)? {
                return Ok(Some(mismatch));
            }
        }
        Ok(None)
    }

    /// Waits for all answers.
    pub(crate) fn finish(&mut self) -> Result<Option<Mismatch>, Stop> {
        while !self.pending.is_empty() {
            if let Some(mismatch) = self.next()? {
                return Ok(Some(mismatch));
            }
        }
        Ok(None)
    }

    /// The trace that a run leaves there. Other answers that are still under way are passed over.
    pub(crate) fn trace(&mut self, case: &Case) -> Result<Vec<TraceEvent>, Stop> {
        self.worker.send(&Request::Run {
            case: case.clone(),
            trace: true,
        });
        loop {
            match self.inbox.wait()? {
                (_, Message::Reply(Reply::Ran { trace: None, .. })) => {}
                (
                    _,
                    Message::Reply(Reply::Ran {
                        trace: Some(trace), ..
                    }),
                ) => return Ok(trace),
                (_, message) => {
                    self.receive(message)?;
                }
            }
        }
    }

    fn next(&mut self) -> Result<Option<Mismatch>, Stop> {
        let (_, message) = self.inbox.wait()?;
        self.receive(message)
    }

    fn receive(&mut self, message: Message) -> Result<Option<Mismatch>, Stop> {
        match message {
            Message::Reply(Reply::Ran { hash, .. }) => {
                let there = (u128::from(hash.0) << 64) | u128::from(hash.1);
                let (case, here) = self.pending.pop_front().ok_or_else(unasked)?;
                Ok((here != there).then_some(Mismatch { case, here, there }))
            }
            Message::Reply(Reply::Failed(reason)) => Err(reason.into()),
            Message::Reply(Reply::Sample { .. }) => Err(unasked()),
            Message::End(why) => {
                let seed = self.pending.front().map_or(0, |(case, _)| case.seed);
                let status = self.worker.ended().map(|status| format!(" ({status})"));
                Err(Stop::Infrastructure(format!(
                    "the process that checks runs failed in the run of seed {seed:#018x}: {why}{}",
                    status.unwrap_or_default()
                )))
            }
        }
    }
}

fn unasked() -> Stop {
    Stop::Infrastructure("the process that checks runs has answered what nobody asked".to_owned())
}
