//! `seedpod:process/signals`: how a process learns of signals.

use super::touches::own;
use super::wit::signals;
use super::{Answer, Error};
use crate::guest::{Guest, PodCell};
use crate::meaning::Polled;
use async_trait::async_trait;
use seedpod_core::process::{Disposition, ProcessId, Signal};
use seedpod_core::sched::Access::{Read, Write};
use std::future::poll_fn;
use std::sync::Arc;
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

impl signals::Host for Guest {
    async fn handle(&mut self, signal: u8, disposition: signals::Disposition) -> Answer<()> {
        let Some(signal) =
            Signal::new(signal).filter(|signal| !matches!(*signal, Signal::KILL | Signal::STOP))
        else {
            return Ok(Err(Error::Invalid));
        };
        let disposition = match disposition {
            signals::Disposition::Default => Disposition::Default,
            signals::Disposition::Ignore => Disposition::Ignore,
            signals::Disposition::Catch => Disposition::Catch,
        };
        let turn = self.enter_own("sigaction", Write);
        turn.await;
        self.pod.with(|kernel| {
            kernel
                .processes
                .handle_signal(self.process, signal, disposition);
        });
        self.leave_done();
        self.survive().await;
        Ok(Ok(()))
    }

    async fn take(&mut self) -> wasmtime::Result<Option<u8>> {
        let turn = self.enter_own("sigtake", Write);
        turn.await;
        let taken = self
            .pod
            .with(|kernel| kernel.processes.take_signal(self.process));
        self.leave_done();
        Ok(taken.map(Signal::number))
    }

    fn subscribe(&mut self) -> wasmtime::Result<Resource<DynPollable>> {
        let pending = self.table.push(SignalPending {
            pod: self.pod.clone(),
            process: self.process,
        })?;
        let pollable = subscribe(&mut self.table, pending)?;
        if self.scheduled().is_some() {
            let touches = vec![own(self.process, Read)];
            self.meanings
                .add_pollable(pollable.rep(), Polled::Objects(touches));
        }
        Ok(pollable)
    }
}

struct SignalPending {
    pod: Arc<PodCell>,
    process: ProcessId,
}

#[async_trait]
impl Pollable for SignalPending {
    async fn ready(&mut self) {
        poll_fn(|cx| {
            self.pod
                .with(|kernel| kernel.processes.poll_signal(self.process, cx.waker()))
        })
        .await;
    }
}
