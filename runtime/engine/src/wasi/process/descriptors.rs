//! `seedpod:process/descriptors`: what stands behind descriptors.

use super::wit::descriptors;
use super::{Answer, Error, Handle};
use crate::description::{Description, DescriptionError};
use crate::guest::Guest;
use crate::meaning::Meaning;
use crate::scheduler::Turn;
use crate::wasi::filesystem::Use;
use async_trait::async_trait;
use seedpod_core::process::Signal;
use seedpod_core::sched::Op;
use seedpod_core::volume::{At, FileType, Follow, OpenFlags};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

impl descriptors::Host for Guest {
    fn pipe(&mut self) -> Answer<(Resource<Handle>, Resource<Handle>)> {
        let Ok((reader, writer)) = self.pod.with(|kernel| kernel.processes.pipe()) else {
            return Ok(Err(Error::Limit));
        };
        let reader = self
            .table
            .push(Handle(Arc::new(Description::PipeReader(reader))))?;
        let writer = self
            .table
            .push(Handle(Arc::new(Description::PipeWriter(writer))))?;
        Ok(Ok((reader, writer)))
    }

    async fn open(
        &mut self,
        path: String,
        how: descriptors::OpenFlags,
    ) -> Answer<Resource<Handle>> {
        let turn = self.enter_absolute("fs.open", &path, Use::of(open_flags(how)));
        turn.await;
        let opened = self.open_description(&path, how);
        self.leave(&opened);
        match opened {
            Ok(description) => Ok(Ok(self.table.push(Handle(description))?)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn inherited(&mut self, number: u32) -> wasmtime::Result<Option<Resource<Handle>>> {
        let description = self.start.descriptors.get(&number).cloned();
        Ok(description
            .map(|description| self.table.push(Handle(description)))
            .transpose()?)
    }
}

impl descriptors::HostDescription for Guest {
    async fn read(&mut self, handle: Resource<Handle>, max: u32) -> Answer<Vec<u8>> {
        let description = self.table.get(&handle)?.0.clone();
        let turn = self.enter_description(&description, |meaning| Some(meaning.read()));
        turn.await;
        let max = self.part("pipe.read", (max as usize).min(READ_BYTES_MAX));
        let result = self
            .interruptible(|waker| description.poll_read(max, waker))
            .await;
        let read = result.and_then(|read| read.map_err(Error::from));
        self.leave_with(&read, || {
            let len = read.as_ref().map_or(0, bytes::Bytes::len);
            format!("{len} bytes")
        });
        Ok(read.map(Vec::from))
    }

    async fn write(&mut self, handle: Resource<Handle>, bytes: Vec<u8>) -> Answer<()> {
        let description = self.table.get(&handle)?.0.clone();
        let turn = self.enter_description(&description, |meaning| Some(meaning.write()));
        turn.await;
        let written = self.write_all(&description, &bytes).await;
        self.leave_with(&written, || format!("{} bytes", bytes.len()));
        Ok(written)
    }

    fn subscribe_read(
        &mut self,
        handle: Resource<Handle>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        let description = self.table.get(&handle)?.0.clone();
        let polled = self.readiness_of(&description);
        let readable = self.table.push(Readable(description))?;
        let pollable = subscribe(&mut self.table, readable)?;
        self.meanings.add_pollable(pollable.rep(), polled);
        Ok(pollable)
    }

    fn subscribe_write(
        &mut self,
        handle: Resource<Handle>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        let description = self.table.get(&handle)?.0.clone();
        let polled = self.readiness_of(&description);
        let writable = self.table.push(Writable(description))?;
        let pollable = subscribe(&mut self.table, writable)?;
        self.meanings.add_pollable(pollable.rep(), polled);
        Ok(pollable)
    }

    fn duplicate(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Resource<Handle>> {
        let description = self.table.get(&handle)?.0.clone();
        Ok(self.table.push(Handle(description))?)
    }

    fn kind(&mut self, handle: Resource<Handle>) -> wasmtime::Result<descriptors::Kind> {
        Ok(match &*self.table.get(&handle)?.0 {
            Description::Null => descriptors::Kind::Null,
            // What containerd gives to a probe is a pipe too.
            Description::PipeReader(_) | Description::PipeWriter(_) | Description::Capture(_) => {
                descriptors::Kind::Pipe
            }
            Description::Terminal(_) => descriptors::Kind::Terminal,
            Description::Log(..) => descriptors::Kind::Log,
            Description::File(file, _) if file.kind() == FileType::Directory => {
                descriptors::Kind::Directory
            }
            Description::File(..) => descriptors::Kind::File,
        })
    }

    async fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        let description = self.table.get(&handle)?.0.clone();
        let turn = self.enter_description(&description, Meaning::close);
        turn.await;
        drop(description);
        self.table.delete(handle)?;
        self.leave_done();
        Ok(())
    }
}

/// How much one read can return.
const READ_BYTES_MAX: usize = 64 << 10;

impl Guest {
    async fn write_all(&mut self, description: &Description, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            // POSIX: a write that a signal interrupts half-way reports success for the part; ours is all or nothing, so
            // it goes on.
            match poll_fn(|cx| description.poll_write(rest, cx.waker())).await {
                Ok(0) => return Err(Error::Io),
                Ok(count) => rest = &rest[count..],
                Err(error) => {
                    if error == DescriptionError::BrokenPipe {
                        self.pod
                            .with(|kernel| kernel.processes.signal(self.process, Signal::PIPE));
                        self.survive().await;
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Stands before a read or write of a description, which others may hold too.
    fn enter_description(
        &self,
        description: &Description,
        op: impl FnOnce(&Meaning) -> Option<Op>,
    ) -> Turn {
        self.enter(|guest| op(&guest.meaning_of(description)?))
    }

    fn open_description(
        &self,
        path: &str,
        how: descriptors::OpenFlags,
    ) -> Result<Arc<Description>, Error> {
        let flags = open_flags(how);
        let file = self
            .container
            .files
            .open(self.caller(), At::Root, path, flags)?;
        Ok(self
            .described(file.device())
            .unwrap_or_else(|| Arc::new(Description::File(file, self.pod.clone()))))
    }

    /// Waits for `poll`, or until a caught signal is pending.
    async fn interruptible<T>(
        &mut self,
        mut poll: impl FnMut(&Waker) -> Poll<T>,
    ) -> Result<T, Error> {
        let (pod, process) = (self.pod.clone(), self.process);
        poll_fn(|cx| match poll(cx.waker()) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => pod
                .with(|kernel| kernel.processes.poll_signal(process, cx.waker()))
                .map(|()| Err(Error::Interrupted)),
        })
        .await
    }
}

fn open_flags(how: descriptors::OpenFlags) -> OpenFlags {
    let has = |flag| how.contains(flag);
    OpenFlags {
        read: has(descriptors::OpenFlags::READ),
        write: has(descriptors::OpenFlags::WRITE),
        append: has(descriptors::OpenFlags::APPEND),
        create: has(descriptors::OpenFlags::CREATE),
        exclusive: has(descriptors::OpenFlags::EXCLUSIVE),
        truncate: has(descriptors::OpenFlags::TRUNCATE),
        directory: false,
        follow: Follow::Yes,
        mode: 0o644,
    }
}

struct Readable(Arc<Description>);

#[async_trait]
impl Pollable for Readable {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_readable(cx.waker())).await;
    }
}

struct Writable(Arc<Description>);

#[async_trait]
impl Pollable for Writable {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_writable(cx.waker()).map(|_| ())).await;
    }
}
