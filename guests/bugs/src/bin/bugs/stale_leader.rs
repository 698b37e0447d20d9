//! Stale leader: a leader looks whether its lease still holds, and then writes.
//!
//! A leader that is paused in between writes after its successor has taken over. The correction checks the epoch of the
//! lease and writes in one step, so that a successor fences it off.

use crate::shared::{Code, Outcome, append, fail, unknown_role, wall_time};
use seedpod_guest::ipc::{Create, Semaphore, SharedMemory};
use std::fs;
use std::io::ErrorKind;
use std::thread::sleep;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(2);
const JOURNAL: &str = "/shared/journal";
const ENTRIES: u32 = 4;

/// Who leads, until when: in shared memory, and changed only under its mutex.
struct Lease {
    memory: SharedMemory,
    mutex: Semaphore,
}

struct Term {
    epoch: u64,
    expires: Duration,
}

pub(crate) fn run(name: &str, code: Code) -> Outcome {
    if !["a", "b"].contains(&name) {
        return unknown_role(name);
    }
    let lease = Lease {
        memory: SharedMemory::create("/lease", Create::IfMissing)?,
        mutex: Semaphore::create("/lease", Create::IfMissing, 1)?,
    };
    lease.memory.resize(16)?;
    let mine = lease.acquire()?;
    lead(name, &lease, &mine, code)?;
    check()?;
    lease.release(&mine)
}

/// Writes its entries, as long as it leads.
fn lead(name: &str, lease: &Lease, mine: &Term, code: Code) -> Outcome {
    for entry in 1..=ENTRIES {
        let line = format!("{} {name} {entry}", mine.epoch);
        let leads = match code {
            Code::Broken => {
                let leads = wall_time() < mine.expires;
                if leads {
                    append(JOURNAL, &line)?;
                }
                leads
            }
            Code::Fixed => {
                lease.mutex.wait()?;
                let leads = lease.current()?.epoch == mine.epoch;
                if leads {
                    append(JOURNAL, &line)?;
                }
                lease.mutex.post()?;
                leads
            }
        };
        if !leads {
            println!("lost the lease of epoch {}", mine.epoch);
            break;
        }
    }
    Ok(())
}

impl Lease {
    /// Waits until the lease is free or has expired, and takes it.
    fn acquire(&self) -> Outcome<Term> {
        loop {
            self.mutex.wait()?;
            let (last, now) = (self.current()?, wall_time());
            if last.expires <= now {
                let mine = Term {
                    epoch: last.epoch + 1,
                    expires: now + LEASE,
                };
                self.write(&mine)?;
                self.mutex.post()?;
                return Ok(mine);
            }
            self.mutex.post()?;
            sleep(last.expires.saturating_sub(now));
        }
    }

    fn release(&self, mine: &Term) -> Outcome {
        self.mutex.wait()?;
        if self.current()?.epoch == mine.epoch {
            let expires = Duration::ZERO;
            self.write(&Term { expires, ..*mine })?;
        }
        Ok(self.mutex.post()?)
    }

    fn current(&self) -> Outcome<Term> {
        let bytes = self.memory.read(0, 16)?;
        let (epoch, expires) = bytes.split_at(8);
        Ok(Term {
            epoch: u64::from_le_bytes(epoch.try_into()?),
            expires: Duration::from_nanos(u64::from_le_bytes(expires.try_into()?)),
        })
    }

    fn write(&self, term: &Term) -> Outcome {
        let expires = u64::try_from(term.expires.as_nanos())?;
        let bytes = [term.epoch.to_le_bytes(), expires.to_le_bytes()].concat();
        Ok(self.memory.write(0, &bytes)?)
    }
}

/// Nobody writes after his successor.
fn check() -> Outcome {
    let journal = match fs::read_to_string(JOURNAL) {
        // Paused until its successor led, which has not written yet.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    let epochs: Vec<&str> = journal
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    if epochs.is_sorted() {
        Ok(())
    } else {
        fail(format!("a stale leader wrote: epochs {epochs:?}"))
    }
}
