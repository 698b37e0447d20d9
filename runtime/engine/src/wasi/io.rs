//! `wasi:io` where somebody decides about the order of calls: before a stream that others can notice is read, written or
//! polled, one of them may go first. What is then done is the implementation of wasmtime.

use crate::calls::ErrorName;
use crate::guest::Guest;
use crate::meaning::Meaning;
use crate::scheduler::Turn;
use bindings::wasi::io::{error, poll, streams};
use seedpod_core::sched::Op;
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi_io::bindings::wasi::io as inner;
use wasmtime_wasi_io::poll::DynPollable;
use wasmtime_wasi_io::streams::{
    DynInputStream, DynOutputStream, Error, StreamError, StreamResult,
};

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/deps/io.wit",
        world: "wasi:io/imports",
        with: {
            "wasi:io/poll.pollable": wasmtime_wasi_io::poll::DynPollable,
            "wasi:io/streams.input-stream": wasmtime_wasi_io::streams::DynInputStream,
            "wasi:io/streams.output-stream": wasmtime_wasi_io::streams::DynOutputStream,
            "wasi:io/error.error": wasmtime_wasi_io::streams::Error,
        },
        imports: {
            default: async | trappable,
            "wasi:io/streams.[method]input-stream.subscribe": trappable,
            "wasi:io/streams.[method]output-stream.subscribe": trappable,
            "wasi:io/poll.[drop]pollable": trappable,
            "wasi:io/error.[drop]error": trappable,
            "wasi:io/error.[method]error.to-debug-string": trappable,
        },
        trappable_error_type: {
            "wasi:io/streams.stream-error" => wasmtime_wasi_io::streams::StreamError,
        },
        require_store_data_send: true,
    });
}

/// Registers `wasi:io` with turns.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    error::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    poll::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    streams::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl ErrorName for StreamError {
    fn name(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::LastOperationFailed(_) => "failed",
            Self::Trap(_) => "trap",
        }
    }
}

impl Guest {
    fn enter_stream<T>(
        &self,
        stream: &Resource<T>,
        op: impl FnOnce(&Meaning) -> Option<Op>,
    ) -> Turn {
        self.enter(|guest| op(guest.meanings.stream(stream.rep())?))
    }

    fn enter_read(&self, stream: &Resource<DynInputStream>) -> Turn {
        self.enter_stream(stream, |meaning| Some(meaning.read()))
    }

    fn enter_write(&self, stream: &Resource<DynOutputStream>) -> Turn {
        self.enter_stream(stream, |meaning| Some(meaning.write()))
    }

    fn enter_room(&self, stream: &Resource<DynOutputStream>) -> Turn {
        self.enter_stream(stream, Meaning::room)
    }

    fn enter_splice(
        &self,
        to: &Resource<DynOutputStream>,
        from: &Resource<DynInputStream>,
    ) -> Turn {
        self.enter(|guest| {
            let ops = [
                guest.meanings.stream(from.rep()).map(Meaning::read),
                guest.meanings.stream(to.rep()).map(Meaning::write),
            ];
            let mut both = Op::local("splice");
            for op in ops.into_iter().flatten() {
                both.label = op.label;
                both.touches.extend(op.touches);
            }
            (!both.touches.is_empty()).then_some(both)
        })
    }

    fn enter_poll(&self, pollables: &[u32]) -> Turn {
        self.enter(|guest| {
            let touches = guest.polled(pollables);
            (!touches.is_empty()).then(|| Op {
                touches,
                ..Op::local("poll")
            })
        })
    }

    /// How much of a read of a stream is done.
    fn part_of_read(&self, stream: &Resource<DynInputStream>, len: u64) -> u64 {
        match self.meanings.stream(stream.rep()) {
            Some(meaning) => {
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                self.part(meaning.read_call(), len) as u64
            }
            None => len,
        }
    }
}

fn count<T>(result: &StreamResult<T>, len: impl FnOnce(&T) -> u64) -> String {
    result
        .as_ref()
        .map_or_else(|_| String::new(), |done| format!("{} bytes", len(done)))
}

impl error::Host for Guest {}

impl error::HostError for Guest {
    fn to_debug_string(&mut self, error: Resource<Error>) -> Result<String> {
        inner::error::HostError::to_debug_string(&mut self.table, error)
    }

    fn drop(&mut self, error: Resource<Error>) -> Result<()> {
        inner::error::HostError::drop(&mut self.table, error)
    }
}

impl poll::Host for Guest {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        let numbers: Vec<u32> = pollables.iter().map(Resource::rep).collect();
        let turn = self.enter_poll(&numbers);
        turn.await;
        let ready = inner::poll::Host::poll(&mut self.table, pollables).await;
        let ready = ready.map(|ready| self.told(ready));
        let name = |ready: &Vec<u32>| format!("{ready:?}");
        self.leave_with(&outcome(&ready), || {
            ready.as_ref().map_or_else(|_| String::new(), name)
        });
        ready
    }
}

/// A failure of these functions is one of the guest's handling: it traps.
struct Trapped;

impl ErrorName for Trapped {
    fn name(&self) -> &'static str {
        "trap"
    }
}

fn outcome<T>(result: &Result<T>) -> Result<(), Trapped> {
    result.as_ref().map(|_| ()).map_err(|_| Trapped)
}

impl Guest {
    /// Some of what is ready is told, as the interface allows: the others are ready the next time.
    fn told(&self, mut ready: Vec<u32>) -> Vec<u32> {
        if ready.len() > 1
            && let Some((scheduler, task)) = self.scheduled()
        {
            let keep = scheduler.told(task, ready.len());
            let mut place = 0;
            ready.retain(|_| {
                place += 1;
                keep.contains(&(place - 1))
            });
        }
        ready
    }
}

impl poll::HostPollable for Guest {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        let turn = self.enter_poll(&[pollable.rep()]);
        turn.await;
        let ready = inner::poll::HostPollable::ready(&mut self.table, pollable).await;
        self.leave(&outcome(&ready));
        ready
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        let turn = self.enter_poll(&[pollable.rep()]);
        turn.await;
        let blocked = inner::poll::HostPollable::block(&mut self.table, pollable).await;
        self.leave(&outcome(&blocked));
        blocked
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.meanings.remove_pollable(pollable.rep());
        inner::poll::HostPollable::drop(&mut self.table, pollable)
    }
}

impl streams::Host for Guest {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        Ok(match error {
            StreamError::Closed => streams::StreamError::Closed,
            StreamError::LastOperationFailed(error) => {
                streams::StreamError::LastOperationFailed(self.table.push(error)?)
            }
            StreamError::Trap(error) => return Err(error),
        })
    }
}

impl streams::HostInputStream for Guest {
    async fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        let turn = self.enter_read(&stream);
        turn.await;
        let len = self.part_of_read(&stream, len);
        let read = inner::streams::HostInputStream::read(&mut self.table, stream, len);
        self.leave_with(&read, || count(&read, |bytes| bytes.len() as u64));
        read
    }

    async fn blocking_read(
        &mut self,
        stream: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<Vec<u8>> {
        let turn = self.enter_read(&stream);
        turn.await;
        let len = self.part_of_read(&stream, len);
        let table = &mut self.table;
        let read = inner::streams::HostInputStream::blocking_read(table, stream, len).await;
        self.leave_with(&read, || count(&read, |bytes| bytes.len() as u64));
        read
    }

    async fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        let turn = self.enter_read(&stream);
        turn.await;
        let len = self.part_of_read(&stream, len);
        let read = inner::streams::HostInputStream::skip(&mut self.table, stream, len);
        self.leave_with(&read, || count(&read, |len| *len));
        read
    }

    async fn blocking_skip(
        &mut self,
        stream: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let turn = self.enter_read(&stream);
        turn.await;
        let len = self.part_of_read(&stream, len);
        let table = &mut self.table;
        let read = inner::streams::HostInputStream::blocking_skip(table, stream, len).await;
        self.leave_with(&read, || count(&read, |len| *len));
        read
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> Result<Resource<DynPollable>> {
        let touches = self.meanings.readiness_of(stream.rep());
        let pollable = inner::streams::HostInputStream::subscribe(&mut self.table, stream)?;
        self.meanings.add_pollable(pollable.rep(), touches);
        Ok(pollable)
    }

    async fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<()> {
        self.meanings.remove_stream(stream.rep());
        inner::streams::HostInputStream::drop(&mut self.table, stream).await
    }
}

impl streams::HostOutputStream for Guest {
    async fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        let turn = self.enter_room(&stream);
        turn.await;
        let room = inner::streams::HostOutputStream::check_write(&mut self.table, stream);
        self.leave_with(&room, || count(&room, |len| *len));
        room
    }

    async fn write(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        let turn = self.enter_write(&stream);
        turn.await;
        let len = bytes.len() as u64;
        let written = inner::streams::HostOutputStream::write(&mut self.table, stream, bytes);
        self.leave_with(&written, || count(&written, |()| len));
        written
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> Result<Resource<DynPollable>> {
        let touches = self.meanings.readiness_of(stream.rep());
        let pollable = inner::streams::HostOutputStream::subscribe(&mut self.table, stream)?;
        self.meanings.add_pollable(pollable.rep(), touches);
        Ok(pollable)
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        let turn = self.enter_write(&stream);
        turn.await;
        let len = bytes.len() as u64;
        let table = &mut self.table;
        let written =
            inner::streams::HostOutputStream::blocking_write_and_flush(table, stream, bytes).await;
        self.leave_with(&written, || count(&written, |()| len));
        written
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        let turn = self.enter_write(&stream);
        turn.await;
        let table = &mut self.table;
        let written =
            inner::streams::HostOutputStream::blocking_write_zeroes_and_flush(table, stream, len)
                .await;
        self.leave_with(&written, || count(&written, |()| len));
        written
    }

    async fn write_zeroes(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        let turn = self.enter_write(&stream);
        turn.await;
        let written = inner::streams::HostOutputStream::write_zeroes(&mut self.table, stream, len);
        self.leave_with(&written, || count(&written, |()| len));
        written
    }

    async fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        let turn = self.enter_room(&stream);
        turn.await;
        let flushed = inner::streams::HostOutputStream::flush(&mut self.table, stream);
        self.leave(&flushed);
        flushed
    }

    async fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        let turn = self.enter_room(&stream);
        turn.await;
        let table = &mut self.table;
        let flushed = inner::streams::HostOutputStream::blocking_flush(table, stream).await;
        self.leave(&flushed);
        flushed
    }

    async fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let turn = self.enter_splice(&to, &from);
        turn.await;
        let len = self.part_of_read(&from, len);
        let moved = inner::streams::HostOutputStream::splice(&mut self.table, to, from, len);
        self.leave_with(&moved, || count(&moved, |len| *len));
        moved
    }

    async fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let turn = self.enter_splice(&to, &from);
        turn.await;
        let len = self.part_of_read(&from, len);
        let table = &mut self.table;
        let moved = inner::streams::HostOutputStream::blocking_splice(table, to, from, len).await;
        self.leave_with(&moved, || count(&moved, |len| *len));
        moved
    }

    async fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<()> {
        self.meanings.remove_stream(stream.rep());
        inner::streams::HostOutputStream::drop(&mut self.table, stream).await
    }
}
