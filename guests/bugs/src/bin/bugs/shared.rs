//! What the systems share: which code runs, how a role ends, and a few ways to use files and queues.

use seedpod_guest::ipc::{Create, Message, MessageQueue};
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Which code a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The one with the bug.
    Broken,
    /// The corrected one.
    Fixed,
}

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) fn fail<T>(reason: impl Into<String>) -> Outcome<T> {
    Err(reason.into().into())
}

pub(crate) fn unknown_role(role: &str) -> Outcome {
    fail(format!("there is no role {role}"))
}

/// Puts a whole file in place of another: who opens it sees the old content or the new one.
pub(crate) fn replace(path: &str, text: &str) -> io::Result<()> {
    let temporary = format!("{path}.new");
    fs::write(&temporary, text)?;
    fs::rename(temporary, path)
}

/// Adds a line to a file, in one write.
pub(crate) fn append(path: &str, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// A queue that whoever comes first creates.
pub(crate) fn queue(name: &str) -> Outcome<MessageQueue> {
    Ok(MessageQueue::create(name, Create::IfMissing, None)?)
}

pub(crate) fn send(queue: &MessageQueue, text: &str) -> Outcome {
    Ok(queue.send(text.as_bytes(), 0)?)
}

pub(crate) fn receive(queue: &MessageQueue) -> Outcome<String> {
    text(queue.receive()?)
}

pub(crate) fn text(message: Message) -> Outcome<String> {
    Ok(String::from_utf8(message.bytes)?)
}

/// Time since 1970 on the clock of this container.
pub(crate) fn wall_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
