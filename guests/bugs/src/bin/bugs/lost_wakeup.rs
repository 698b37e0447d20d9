//! Lost wake-up: the consumer looks whether the job is there, and only then says that it waits for it.
//!
//! The producer wakes nobody if nobody waits. When it looks between the two steps of the consumer, it posts nothing, and
//! the consumer sleeps for ever.

use crate::shared::{Code, Outcome, unknown_role};
use seedpod_guest::ipc::{Create, Error, Semaphore, SharedMemory};

/// Where the flags are in the shared memory.
const READY: u32 = 0;
const WAITING: u32 = 1;

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    let flags = SharedMemory::create("/job", Create::IfMissing)?;
    flags.resize(2)?;
    let wake = Semaphore::create("/job", Create::IfMissing, 0)?;
    match role {
        "producer" => Ok(produce(&flags, &wake)?),
        "consumer" => Ok(consume(&flags, &wake, code)?),
        _ => unknown_role(role),
    }
}

fn produce(flags: &SharedMemory, wake: &Semaphore) -> Result<(), Error> {
    set(flags, READY)?;
    if is_set(flags, WAITING)? {
        wake.post()?;
    }
    println!("the job is there");
    Ok(())
}

fn consume(flags: &SharedMemory, wake: &Semaphore, code: Code) -> Result<(), Error> {
    match code {
        Code::Broken => {
            if !is_set(flags, READY)? {
                set(flags, WAITING)?;
                wake.wait()?;
            }
        }
        Code::Fixed => {
            set(flags, WAITING)?;
            if !is_set(flags, READY)? {
                wake.wait()?;
            }
        }
    }
    println!("the job is done");
    Ok(())
}

fn set(flags: &SharedMemory, flag: u32) -> Result<(), Error> {
    flags.write(flag, &[1])
}

fn is_set(flags: &SharedMemory, flag: u32) -> Result<bool, Error> {
    Ok(flags.read(flag, 1)? == [1])
}
