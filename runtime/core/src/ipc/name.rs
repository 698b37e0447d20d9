//! Names of POSIX objects, and what open(2) flags mean for them.

use super::Error;
use crate::limits::IPC_NAME_BYTES;
use std::collections::BTreeMap;

/// What to do about an object that does not exist, or does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// It must exist.
    No,
    /// Make it if it is missing: `O_CREAT`, `IPC_CREAT`.
    IfMissing,
    /// It must not exist: with `O_EXCL`, `IPC_EXCL`.
    Exclusive,
}

/// The flags of an open call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenHow {
    /// For reading.
    pub read: bool,
    /// For writing.
    pub write: bool,
    /// Whether to make it.
    pub create: Create,
    /// `O_TRUNC`
    pub truncate: bool,
    /// `O_NONBLOCK`
    pub non_block: bool,
}

/// Which object each name stands for.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, u64>);

/// What an open call has to do.
pub(super) enum Found {
    Existing(u64),
    Missing,
}

impl Names {
    pub(super) fn find(&self, name: &str, create: Create) -> Result<Found, Error> {
        check(name)?;
        match (self.0.get(name), create) {
            (Some(_), Create::Exclusive) => Err(Error::Exist),
            (Some(id), Create::No | Create::IfMissing) => Ok(Found::Existing(*id)),
            (None, Create::No) => Err(Error::NoEntry),
            (None, Create::IfMissing | Create::Exclusive) => Ok(Found::Missing),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    pub(super) fn insert(&mut self, name: &str, id: u64) {
        self.0.insert(name.to_owned(), id);
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<u64, Error> {
        check(name)?;
        self.0.remove(name).ok_or(Error::NoEntry)
    }
}

/// The rules of mq_overview(7): a slash, then no other.
fn check(name: &str) -> Result<(), Error> {
    let Some(rest) = name.strip_prefix('/') else {
        return Err(Error::Invalid);
    };
    if rest.contains('/') {
        return Err(Error::Access);
    }
    match rest.len() {
        0 => Err(Error::NoEntry),
        1..=IPC_NAME_BYTES if !matches!(rest, "." | "..") => Ok(()),
        1..=IPC_NAME_BYTES => Err(Error::Access),
        _ => Err(Error::NameTooLong),
    }
}
