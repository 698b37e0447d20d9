//! Semaphores, POSIX and System V.

use super::bindings::seedpod::ipc::semaphores;
use super::bindings::seedpod::ipc::types::{self, OpenFlags};
use super::{CallError, OpenHandle, ipc_name, name_access, open_how};
use crate::guest::Guest;
use seedpod_core::ipc::SemaphoreId;
use seedpod_core::sched::Access::{Add, Read, Write};
use seedpod_core::sched::ObjectKind::{QueueCount, Semaphore};
use seedpod_core::sched::Op;
use wasmtime::component::Resource;

impl Guest {
    fn semaphore_id(&self, semaphore: &Resource<OpenHandle>) -> Result<SemaphoreId, CallError> {
        let handle = self.table.get(semaphore)?.handle;
        Ok(self.ipc(|ipc, _| ipc.semaphore_id(handle))?)
    }

    async fn semaphore_post(&mut self, id: SemaphoreId, name: &str) -> Result<(), CallError> {
        let turn = self.enter(|_| Some(op("sem.post", id, name).touch(QueueCount, id.0, Add)));
        turn.await;
        let posted = self.ipc(|ipc, _| ipc.semaphore_post(id));
        self.leave(&posted);
        Ok(posted?)
    }

    async fn semaphore_wait(
        &mut self,
        id: SemaphoreId,
        name: &str,
        how: types::Blocking,
    ) -> Result<(), CallError> {
        let count = match how {
            types::Blocking::Never => Write,
            types::Blocking::Forever | types::Blocking::Until(_) | types::Blocking::Within(_) => {
                Add
            }
        };
        let waiting = op("sem.wait", id, name)
            .touch(Semaphore, id.0, Write)
            .touch(QueueCount, id.0, count);
        self.enter(|_| Some(waiting)).await;
        let blocking = self.ipc_blocking(how);
        let waited = self
            .ipc_wait(|ipc, by| ipc.semaphore_wait(by, id, blocking))
            .await;
        self.leave(&waited);
        waited.map(drop)
    }

    fn semaphore_name(&self, semaphore: &Resource<OpenHandle>) -> Result<String, CallError> {
        Ok(self.table.get(semaphore)?.name.clone())
    }
}

/// A post commutes with a wait that need not ask how many there are.
fn op(call: &'static str, id: SemaphoreId, name: &str) -> Op {
    let label = match name {
        "" => format!("sem:{}", id.0),
        name => format!("sem:{name}"),
    };
    Op {
        handed: true,
        ..Op::local(call).on(label)
    }
}

impl semaphores::HostSemaphore for Guest {
    async fn post(&mut self, semaphore: Resource<OpenHandle>) -> Result<(), CallError> {
        let (id, name) = (
            self.semaphore_id(&semaphore)?,
            self.semaphore_name(&semaphore)?,
        );
        self.semaphore_post(id, &name).await
    }

    async fn wait(
        &mut self,
        semaphore: Resource<OpenHandle>,
        how: types::Blocking,
    ) -> Result<(), CallError> {
        let (id, name) = (
            self.semaphore_id(&semaphore)?,
            self.semaphore_name(&semaphore)?,
        );
        self.semaphore_wait(id, &name, how).await
    }

    async fn value(&mut self, semaphore: Resource<OpenHandle>) -> wasmtime::Result<u32> {
        if let Ok(id) = self.semaphore_id(&semaphore) {
            self.enter(|_| Some(op("sem.value", id, "").touch(QueueCount, id.0, Read)))
                .await;
        }
        let handle = self.table.get(&semaphore)?.handle;
        Ok(self.ipc(|ipc, _| ipc.semaphore_value(ipc.semaphore_id(handle)?))?)
    }

    fn identity(&mut self, semaphore: Resource<OpenHandle>) -> wasmtime::Result<u64> {
        let handle = self.table.get(&semaphore)?.handle;
        Ok(self.ipc(|ipc, _| ipc.semaphore_id(handle))?.0)
    }

    fn drop(&mut self, semaphore: Resource<OpenHandle>) -> wasmtime::Result<()> {
        self.table.delete(semaphore)?;
        Ok(())
    }
}

impl semaphores::Host for Guest {
    async fn open(
        &mut self,
        name: String,
        how: OpenFlags,
        value: u32,
    ) -> Result<Resource<OpenHandle>, CallError> {
        let turn = self.enter(|_| Some(ipc_name("sem.open", "sem", &name, name_access(how))));
        turn.await;
        let opened = self.ipc(|ipc, by| ipc.semaphore_open(by, &name, open_how(how), value));
        self.leave(&opened);
        Ok(self.table.push(self.ipc_handle(opened?, name))?)
    }

    async fn unlink(&mut self, name: String) -> Result<(), CallError> {
        let turn = self.enter(|_| Some(ipc_name("sem.unlink", "sem", &name, Write)));
        turn.await;
        let unlinked = self.ipc(|ipc, _| ipc.semaphore_unlink(&name));
        self.leave(&unlinked);
        Ok(unlinked?)
    }

    fn create(&mut self, shared: bool, value: u32) -> Result<u64, CallError> {
        Ok(self
            .ipc(|ipc, by| ipc.semaphore_create(by, shared, value))?
            .0)
    }

    async fn post(&mut self, identity: u64) -> Result<(), CallError> {
        self.semaphore_post(SemaphoreId(identity), "").await
    }

    async fn wait(&mut self, identity: u64, how: types::Blocking) -> Result<(), CallError> {
        self.semaphore_wait(SemaphoreId(identity), "", how).await
    }

    async fn value(&mut self, identity: u64) -> Result<u32, CallError> {
        let id = SemaphoreId(identity);
        self.enter(|_| Some(op("sem.value", id, "").touch(QueueCount, id.0, Read)))
            .await;
        Ok(self.ipc(|ipc, _| ipc.semaphore_value(SemaphoreId(identity)))?)
    }

    async fn destroy(&mut self, identity: u64) -> Result<(), CallError> {
        let id = SemaphoreId(identity);
        let op = op("sem.destroy", id, "")
            .touch(Semaphore, identity, Write)
            .touch(QueueCount, identity, Write);
        self.enter(|_| Some(op)).await;
        let destroyed = self.ipc(|ipc, _| ipc.semaphore_destroy(id));
        self.leave(&destroyed);
        Ok(destroyed?)
    }
}
