//! Semaphores, POSIX and System V.

use super::bindings::seedpod::ipc::types::{self, OpenFlags};
use super::bindings::seedpod::ipc::{semaphores, system_v_semaphores};
use super::{CallError, OpenHandle, create, ipc_name, name_access, open_how, permissions};
use crate::guest::Guest;
use seedpod_core::ipc::{Blocking, SemaphoreId, SetOperation};
use seedpod_core::sched::Access::{Add, Read, Write};
use seedpod_core::sched::ObjectKind::{QueueCount, Semaphore};
use seedpod_core::sched::Op;
use std::time::Duration;
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

    fn destroy(&mut self, identity: u64) -> Result<(), CallError> {
        Ok(self.ipc(|ipc, _| ipc.semaphore_destroy(SemaphoreId(identity)))?)
    }
}

impl system_v_semaphores::Host for Guest {
    fn get(&mut self, key: i32, count: u32, how: OpenFlags, mode: u32) -> Result<i32, CallError> {
        Ok(self.ipc(|ipc, by| ipc.sem_get(by, key, count, create(how), mode))?)
    }

    async fn operate(
        &mut self,
        id: i32,
        operations: Vec<system_v_semaphores::Operation>,
        timeout: Option<u64>,
    ) -> Result<(), CallError> {
        let operations = operations.into_iter().map(|operation| SetOperation {
            number: operation.number,
            delta: operation.delta,
            no_wait: operation.no_wait,
            undo: operation.undo,
        });
        let operations = operations.collect();
        let blocking = timeout.map_or(Blocking::Forever, |nanos| {
            Blocking::Until(self.pod.now() + Duration::from_nanos(nanos))
        });
        self.ipc_wait(|ipc, by| ipc.sem_operate(by, id, operations, blocking))
            .await?;
        Ok(())
    }

    fn values(&mut self, id: i32) -> Result<Vec<u16>, CallError> {
        Ok(self.ipc(|ipc, _| ipc.sem_values(id))?)
    }

    fn set_values(&mut self, id: i32, values: Vec<u16>) -> Result<(), CallError> {
        Ok(self.ipc(|ipc, by| ipc.sem_set_values(by, id, &values))?)
    }

    fn describe(
        &mut self,
        id: i32,
        number: u32,
    ) -> Result<system_v_semaphores::Semaphore, CallError> {
        let semaphore = self.ipc(|ipc, _| ipc.sem_describe(id, number))?;
        Ok(system_v_semaphores::Semaphore {
            value: semaphore.value,
            last_process: self.ipc_pid(semaphore.last_process),
            waiting_for_more: semaphore.waiting_for_more,
            waiting_for_zero: semaphore.waiting_for_zero,
        })
    }

    fn set_value(&mut self, id: i32, number: u32, value: i32) -> Result<(), CallError> {
        Ok(self.ipc(|ipc, by| ipc.sem_set_value(by, id, number, value))?)
    }

    fn status(&mut self, id: i32) -> Result<system_v_semaphores::SetStatus, CallError> {
        let status = self.ipc(|ipc, _| ipc.sem_status(id))?;
        Ok(system_v_semaphores::SetStatus {
            permissions: permissions(status.permissions),
            operated_at: self.ipc_seconds(status.operated_at),
            changed_at: self.ipc_seconds(Some(status.changed_at)),
            semaphores: status.semaphores,
        })
    }

    fn set(&mut self, id: i32, mode: u32) -> Result<(), CallError> {
        Ok(self.ipc(|ipc, by| ipc.sem_set(by, id, mode))?)
    }

    fn remove(&mut self, id: i32) -> Result<(), CallError> {
        Ok(self.ipc(|ipc, _| ipc.sem_remove(id))?)
    }
}
