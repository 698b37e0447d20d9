//! What is known of a pod while it runs and after: its last status, the end of its log, its events.

use crate::logs::PodLogs;
use seedpod_core::limits::{EVENTS_KEPT, LOG_BYTES_KEPT};
use seedpod_core::pod::event_log::{CountedEvent, EventLog};
use seedpod_core::pod::{PodEvent, Status};
use seedpod_core::time::{Instant, WallTime};
use seedpod_engine::world::{LogLine, Output};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Everything one pod has said.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) logs: Journal<LogLine>,
    pub(crate) events: Journal<PodEvent>,
    counted: Mutex<EventLog>,
    /// [`Instant::ZERO`].
    started: std::time::Instant,
    status: watch::Sender<Latest>,
    files: Option<Files>,
}

/// Where logs are kept instead of in memory.
#[derive(Debug)]
struct Files {
    logs: Arc<PodLogs>,
    /// That of [`Instant::ZERO`].
    epoch: WallTime,
}

/// The last status, and whether there will be another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latest {
    pub(crate) status: Option<Status>,
    pub(crate) ended: bool,
}

impl Record {
    /// With `files`, logs are kept there, and not in memory.
    pub(crate) fn new(
        started: std::time::Instant,
        files: Option<(Arc<PodLogs>, WallTime)>,
    ) -> Arc<Self> {
        let files = files.map(|(logs, epoch)| Files { logs, epoch });
        if let Some(files) = &files {
            files.logs.begin();
        }
        let log_bytes = if files.is_some() { 0 } else { LOG_BYTES_KEPT };
        Arc::new(Self {
            logs: Journal::new(log_bytes),
            events: Journal::new(EVENTS_KEPT),
            counted: Mutex::default(),
            started,
            status: watch::Sender::default(),
            files,
        })
    }

    pub(crate) fn take(&self, output: &Output) {
        match output {
            Output::Log(line) => match &self.files {
                Some(files) => files.logs.take(line, files.epoch.at(line.at)),
                None => self
                    .logs
                    .push(line.clone(), line.bytes.len() + LINE_OVERHEAD_BYTES),
            },
            Output::Event(event) => {
                self.counted().add(event.clone(), self.now());
                self.events.push(event.clone(), 1);
            }
            Output::Status(status) => {
                if let Some(files) = &self.files {
                    files.logs.note(status);
                }
                self.status
                    .send_modify(|latest| latest.status = Some((**status).clone()));
            }
        }
    }

    /// The pod is gone.
    pub(crate) fn end(&self, status: Status) {
        self.logs.close();
        self.events.close();
        if let Some(files) = &self.files {
            files.logs.end();
        }
        self.status.send_modify(|latest| {
            *latest = Latest {
                status: Some(status),
                ended: true,
            }
        });
    }

    /// The events as the apiserver would have them.
    pub(crate) fn counted_events(&self) -> Vec<CountedEvent> {
        self.counted().events(self.now()).cloned().collect()
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }

    fn counted(&self) -> MutexGuard<'_, EventLog> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn latest(&self) -> Latest {
        self.status.borrow().clone()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Latest> {
        self.status.subscribe()
    }
}

/// What an empty line costs, so that line feeds alone cannot grow the journal without bound.
const LINE_OVERHEAD_BYTES: usize = 128;

/// The newest entries of a list that only grows.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    state: Mutex<JournalState<T>>,
    changed: watch::Sender<()>,
    limit: usize,
}

#[derive(Debug)]
struct JournalState<T> {
    entries: VecDeque<(T, usize)>,
    /// Sum of the costs of `entries`.
    cost: usize,
    /// Entries forgotten before the first of `entries`.
    forgotten: u64,
    closed: bool,
}

impl<T: Clone> Journal<T> {
    fn new(limit: usize) -> Self {
        let state = JournalState {
            entries: VecDeque::new(),
            cost: 0,
            forgotten: 0,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            limit,
        }
    }

    fn push(&self, entry: T, cost: usize) {
        let mut state = self.lock();
        state.entries.push_back((entry, cost));
        state.cost += cost;
        while state.cost > self.limit
            && let Some((_, cost)) = state.entries.pop_front()
        {
            state.cost -= cost;
            state.forgotten += 1;
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// The entries that are kept and wanted.
    pub(crate) fn kept(&self, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let state = self.lock();
        let kept = state.entries.iter().map(|(entry, _)| entry);
        kept.filter(|entry| wanted(entry)).cloned().collect()
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, JournalState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry with this number, or the first one after it that is kept, with its number; `Err` says whether there
    /// will be one.
    fn get(&self, number: u64) -> Result<(u64, T), Ended> {
        let state = self.lock();
        let number = number.max(state.forgotten);
        let index = usize::try_from(number - state.forgotten).unwrap_or(usize::MAX);
        match state.entries.get(index) {
            Some((entry, _)) => Ok((number, entry.clone())),
            None => Err(if state.closed { Ended::Yes } else { Ended::No }),
        }
    }

    /// The next entry, if it is there already.
    pub(crate) fn try_next(&self, position: &mut u64) -> Option<T> {
        let (number, entry) = self.get(*position).ok()?;
        *position = number + 1;
        Some(entry)
    }

    /// Reads from the oldest entry that is kept.
    pub(crate) async fn next(&self, position: &mut u64) -> Option<T> {
        let mut changed = self.changed.subscribe();
        loop {
            match self.get(*position) {
                Ok((number, entry)) => {
                    *position = number + 1;
                    return Some(entry);
                }
                Err(Ended::Yes) => return None,
                // The sender lives in `self`, so that this only returns after a change.
                Err(Ended::No) => drop(changed.changed().await),
            }
        }
    }
}

enum Ended {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_is_late_goes_on_with_what_is_kept() {
        let journal = Journal::new(3);
        (0..5).for_each(|entry| journal.push(entry, 1));
        let mut position = 0;
        assert_eq!(journal.next(&mut position).await, Some(2));
        journal.close();
        assert_eq!(journal.next(&mut position).await, Some(3));
        assert_eq!(journal.next(&mut position).await, Some(4));
        assert_eq!(journal.next(&mut position).await, None);
    }

    #[tokio::test]
    async fn a_reader_waits_for_the_next_entry() {
        let journal = Arc::new(Journal::new(3));
        let reader = tokio::spawn({
            let journal = journal.clone();
            async move { journal.next(&mut 0).await }
        });
        tokio::task::yield_now().await;
        journal.push("late", 1);
        assert_eq!(reader.await.unwrap(), Some("late"));
    }
}
