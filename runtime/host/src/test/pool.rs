//! Sampled runs, made by several worker processes and handed over in the order of their numbers.

use super::process::{Inbox, Message, Start, Worker};
use super::protocol::{Preparation, Reply, Request};
use seedpod_sim::explore::{Sample, Stop};
use std::collections::{BTreeMap, VecDeque};

/// Runs dealt at a time: enough that a worker does not wait for the next, few enough that all end at about the same time.
const DEAL_RUNS: u64 = 8;
/// Deals that a worker has at a time.
const DEALS: u64 = 2;

/// Worker processes and what they are at.
pub(crate) struct Pool {
    workers: Vec<(Worker, VecDeque<u64>)>,
    inbox: Inbox,
    /// Runs that nobody has yet begin here.
    next: u64,
    ready: BTreeMap<u64, Sample>,
}

impl Pool {
    /// Starts `jobs` workers for the runs from `from` on.
    pub(crate) fn start(
        start: &Start,
        preparation: &Preparation,
        jobs: usize,
        from: u64,
    ) -> Result<Self, Stop> {
        let inbox = Inbox::new();
        let mut workers = Vec::new();
        for index in 0..jobs {
            let mut worker = Worker::start(start, index, &inbox)?;
            worker.send(&Request::Prepare(preparation.clone()));
            workers.push((worker, VecDeque::new()));
        }
        Ok(Self {
            workers,
            inbox,
            next: from,
            ready: BTreeMap::new(),
        })
    }

    /// The run of this number, which must be the one after the last that was taken.
    pub(crate) fn take(&mut self, number: u64) -> Result<Sample, Stop> {
        loop {
            if let Some(sample) = self.ready.remove(&number) {
                return Ok(sample);
            }
            self.deal(number);
            let (index, message) = self.inbox.wait()?;
            self.receive(index, message)?;
        }
    }

    /// Gives runs to whoever has few, as long as they are not far ahead of what was taken.
    fn deal(&mut self, taken: u64) {
        let ahead = DEAL_RUNS * DEALS * 4 * self.workers.len() as u64;
        for (worker, runs) in &mut self.workers {
            while (runs.len() as u64) <= DEAL_RUNS * (DEALS - 1) && self.next < taken + ahead {
                let (from, to) = (self.next, self.next + DEAL_RUNS);
                worker.send(&Request::Sample { from, to });
                runs.extend(from..to);
                self.next = to;
            }
        }
    }

    fn receive(&mut self, index: usize, message: Message) -> Result<(), Stop> {
        let (worker, runs) = &mut self.workers[index];
        match message {
            Message::Reply(Reply::Sample { number, sample }) => {
                runs.retain(|run| *run != number);
                self.ready.insert(number, sample);
                Ok(())
            }
            Message::Reply(Reply::Failed(reason)) => Err(reason.into()),
            Message::Reply(Reply::Ran { .. }) => Err(Stop::Infrastructure(
                "a worker has answered what nobody asked".to_owned(),
            )),
            Message::End(why) => {
                let run = runs.front().copied().unwrap_or(self.next);
                let status = worker.ended().map(|status| format!(" ({status})"));
                Err(Stop::Infrastructure(format!(
                    "worker process {index} failed in run {run}: {why}{}",
                    status.unwrap_or_default()
                )))
            }
        }
    }
}
