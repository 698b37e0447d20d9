//! Visibility timeout: a job that a worker has taken is invisible to others for two seconds.
//!
//! A worker that is paused for longer finishes a job that somebody else has done meanwhile. The correction settles the job
//! only with the receipt of whoever took it last.

use crate::shared::{Code, Outcome, append, fail, unknown_role, wall_time};
use seedpod_guest::ipc::{Create, Semaphore, SharedMemory};
use std::fs;
use std::thread::sleep;
use std::time::Duration;

const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(2);
const WORK: Duration = Duration::from_millis(300);
const LEDGER: &str = "/shared/ledger";

/// The queue of one job: in shared memory, and changed only under its mutex.
struct Queue {
    memory: SharedMemory,
    mutex: Semaphore,
}

#[derive(Clone, Copy)]
struct Job {
    /// Who may settle it: grows with every worker that takes it.
    receipt: u64,
    visible_from: Duration,
    is_done: bool,
}

pub(crate) fn run(worker: &str, code: Code) -> Outcome {
    if !["worker-a", "worker-b"].contains(&worker) {
        return unknown_role(worker);
    }
    let queue = Queue {
        memory: SharedMemory::create("/jobs", Create::IfMissing)?,
        mutex: Semaphore::create("/jobs", Create::IfMissing, 1)?,
    };
    queue.memory.resize(24)?;
    while let Some(receipt) = queue.take()? {
        sleep(WORK);
        if code == Code::Broken {
            charge(worker)?;
        }
        queue.mutex.wait()?;
        let job = queue.job()?;
        if job.receipt == receipt {
            if code == Code::Fixed {
                charge(worker)?;
            }
            let is_done = true;
            queue.write(Job { is_done, ..job })?;
        }
        queue.mutex.post()?;
    }
    Ok(())
}

fn charge(worker: &str) -> Outcome {
    append(LEDGER, &format!("order 7 charged by {worker}"))?;
    match fs::read_to_string(LEDGER)?.lines().count() {
        1 => Ok(()),
        times => fail(format!("order 7 is charged {times} times")),
    }
}

impl Queue {
    /// Takes the job as soon as it is visible, and returns the receipt; none once it is done.
    fn take(&self) -> Outcome<Option<u64>> {
        loop {
            self.mutex.wait()?;
            let (job, now) = (self.job()?, wall_time());
            let receipt = job.receipt + 1;
            let is_visible = !job.is_done && job.visible_from <= now;
            if is_visible {
                let visible_from = now + VISIBILITY_TIMEOUT;
                self.write(Job {
                    receipt,
                    visible_from,
                    is_done: false,
                })?;
            }
            self.mutex.post()?;
            if job.is_done {
                return Ok(None);
            }
            if is_visible {
                return Ok(Some(receipt));
            }
            sleep(job.visible_from.saturating_sub(now));
        }
    }

    fn job(&self) -> Outcome<Job> {
        let bytes = self.memory.read(0, 24)?;
        let number = |from: usize| -> Outcome<u64> {
            let bytes = bytes.get(from..from + 8).ok_or("the queue is cut off")?;
            Ok(u64::from_le_bytes(bytes.try_into()?))
        };
        Ok(Job {
            receipt: number(0)?,
            visible_from: Duration::from_nanos(number(8)?),
            is_done: number(16)? == 1,
        })
    }

    fn write(&self, job: Job) -> Outcome {
        let visible_from = u64::try_from(job.visible_from.as_nanos())?;
        let numbers = [job.receipt, visible_from, u64::from(job.is_done)];
        let bytes = numbers.map(u64::to_le_bytes).concat();
        Ok(self.memory.write(0, &bytes)?)
    }
}
