//! `seedpod:process/signals`: how a process learns of signals.

use super::wit::signals;
use super::{Answer, Error};
use crate::guest::{Guest, PodCell};
use async_trait::async_trait;
use seedpod_core::process::{Disposition, ProcessId, Signal};
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
        self.pod.with(|kernel| {
            kernel
                .processes
                .handle_signal(self.process, signal, disposition);
        });
        self.survive().await;
        Ok(Ok(()))
    }

    fn take(&mut self) -> wasmtime::Result<Option<u8>> {
        Ok(self
            .pod
            .with(|kernel| kernel.processes.take_signal(self.process))
            .map(Signal::number))
    }

    fn subscribe(&mut self) -> wasmtime::Result<Resource<DynPollable>> {
        let pending = self.table.push(SignalPending {
            pod: self.pod.clone(),
            process: self.process,
        })?;
        subscribe(&mut self.table, pending)
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
