//! Streams of files: always ready, because nothing here waits.

use super::{Open, Slot};
use crate::guest::PodCell;
use async_trait::async_trait;
use bytes::Bytes;
use seedpod_core::limits;
use seedpod_core::process::ProcessId;
use seedpod_core::volume::{Caller, DirEntry, Errno, Spot};
use std::collections::VecDeque;
use std::sync::Arc;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, OutputStream, StreamError, StreamResult};

/// Reads a file from an offset of its own.
pub(super) struct FileInput {
    pub(super) open: Arc<Open>,
    pub(super) offset: u64,
}

#[async_trait]
impl Pollable for FileInput {
    async fn ready(&mut self) {}
}

#[async_trait]
impl InputStream for FileInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let bytes = self.open.file.read_at(self.offset, size).map_err(failed)?;
        if bytes.is_empty() {
            return Err(StreamError::Closed);
        }
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }
}

/// Writes a file from an offset of its own, or at its end.
pub(super) struct FileOutput {
    pub(super) open: Arc<Open>,
    pub(super) offset: Option<u64>,
    pub(super) pod: Arc<PodCell>,
    pub(super) process: ProcessId,
}

#[async_trait]
impl Pollable for FileOutput {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for FileOutput {
    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(limits::FILE_IO_BYTES_MAX)
    }

    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let caller = Caller {
            process: Some(self.process),
            now: self.pod.wall_time(),
        };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let written = match &mut self.offset {
                None => self.open.file.append(caller, rest).map_err(failed)?,
                Some(offset) => {
                    let written = self
                        .open
                        .file
                        .write_at(caller, *offset, rest)
                        .map_err(failed)?;
                    *offset += written as u64;
                    written
                }
            };
            rest = &rest[written..];
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }
}

/// What `filesystem-error-code` later finds in the error.
fn failed(errno: Errno) -> StreamError {
    StreamError::LastOperationFailed(errno.into())
}

/// The entries of a directory, some at a time.
#[derive(Debug)]
pub struct DirectoryEntries {
    open: Arc<Open>,
    /// It buffers, so it counts as a file.
    _slot: Slot,
    batch: VecDeque<DirEntry>,
    /// The last name of the batch; none at the beginning.
    last: Option<String>,
    at_end: bool,
}

impl DirectoryEntries {
    pub(super) fn new(open: Arc<Open>, slot: Slot) -> Self {
        Self {
            open,
            _slot: slot,
            batch: VecDeque::new(),
            last: None,
            at_end: false,
        }
    }

    /// Where the directory is, when the next name has to be read from it and containers meet there.
    pub(super) fn to_be_read(&self) -> Option<Spot> {
        match self.batch.is_empty() && !self.at_end {
            true => self.open.file.spot(),
            false => None,
        }
    }

    pub(super) fn next(&mut self, caller: Caller) -> Result<Option<DirEntry>, Errno> {
        if self.batch.is_empty() && !self.at_end {
            self.batch = self
                .open
                .file
                .read_dir(caller, self.last.as_deref())?
                .into();
            match self.batch.back() {
                Some(entry) => self.last = Some(entry.name.clone()),
                None => self.at_end = true,
            }
        }
        Ok(self.batch.pop_front())
    }
}
