//! Shared memory, POSIX and System V.

use super::bindings::seedpod::ipc::types::OpenFlags;
use super::bindings::seedpod::ipc::{shared_memory, system_v_memory};
use super::{
    CallError, OpenHandle, create, id_of, id_op, ipc_name, key_freed, key_op, name_access,
    open_how, permissions,
};
use crate::guest::Guest;
use crate::scheduler::Turn;
use seedpod_core::ipc::Run;
use seedpod_core::sched::Access::{Add, Read, Write};
use seedpod_core::sched::ObjectKind::Memory;
use seedpod_core::sched::{Access, Op};
use wasmtime::component::Resource;

impl shared_memory::HostObject for Guest {
    async fn exchange(
        &mut self,
        object: Resource<OpenHandle>,
        offset: u32,
        length: u32,
        since: u64,
        changed: Vec<shared_memory::Run>,
    ) -> Result<shared_memory::News, CallError> {
        let access = if changed.is_empty() { Read } else { Write };
        let turn = self.enter_memory("shm.exchange", &object, access);
        turn.await;
        let handle = self.table.get(&object)?.handle;
        let changed = changed.into_iter().map(|run| Run {
            offset: run.offset,
            bytes: run.bytes,
        });
        let changed: Vec<Run> = changed.collect();
        let range = (offset, length);
        let news = self.ipc(|ipc, _| ipc.memory_exchange(handle, range, since, &changed));
        self.leave(&news);
        let news = news?;
        let runs = news.runs.into_iter();
        Ok(shared_memory::News {
            version: news.version,
            runs: runs
                .map(|run| shared_memory::Run {
                    offset: run.offset,
                    bytes: run.bytes,
                })
                .collect(),
        })
    }

    async fn read(
        &mut self,
        object: Resource<OpenHandle>,
        offset: u32,
        length: u32,
    ) -> Result<Vec<u8>, CallError> {
        let turn = self.enter_memory("shm.read", &object, Read);
        turn.await;
        let handle = self.table.get(&object)?.handle;
        let result = self.ipc(|ipc, _| ipc.memory_read(handle, offset, length));
        self.leave(&result);
        Ok(result?)
    }

    async fn write(
        &mut self,
        object: Resource<OpenHandle>,
        offset: u32,
        bytes: Vec<u8>,
    ) -> Result<(), CallError> {
        let turn = self.enter_memory("shm.write", &object, Write);
        turn.await;
        let handle = self.table.get(&object)?.handle;
        let result = self.ipc(|ipc, _| ipc.memory_write(handle, &Run { offset, bytes }));
        self.leave(&result);
        Ok(result?)
    }

    async fn size(&mut self, object: Resource<OpenHandle>) -> wasmtime::Result<u32> {
        let turn = self.enter_memory("shm.size", &object, Read);
        turn.await;
        let handle = self.table.get(&object)?.handle;
        let result = self.ipc(|ipc, _| ipc.memory_size(handle));
        self.leave(&result);
        Ok(result?)
    }

    async fn resize(&mut self, object: Resource<OpenHandle>, size: u64) -> Result<(), CallError> {
        let turn = self.enter_memory("shm.resize", &object, Write);
        turn.await;
        let handle = self.table.get(&object)?.handle;
        let result = self.ipc(|ipc, _| ipc.memory_resize(handle, size));
        self.leave(&result);
        Ok(result?)
    }

    fn drop(&mut self, object: Resource<OpenHandle>) -> wasmtime::Result<()> {
        self.table.delete(object)?;
        Ok(())
    }
}

impl shared_memory::Host for Guest {
    async fn open(
        &mut self,
        name: String,
        how: OpenFlags,
    ) -> Result<Resource<OpenHandle>, CallError> {
        let access = match how.contains(OpenFlags::TRUNCATE) {
            true => Write,
            false => name_access(how),
        };
        let turn = self.enter(|_| Some(ipc_name("shm.open", "shm", &name, access)));
        turn.await;
        let opened = self.ipc(|ipc, by| ipc.memory_open(by, &name, open_how(how)));
        self.leave(&opened);
        Ok(self.table.push(self.ipc_handle(opened?, name))?)
    }

    async fn unlink(&mut self, name: String) -> Result<(), CallError> {
        let turn = self.enter(|_| Some(ipc_name("shm.unlink", "shm", &name, Write)));
        turn.await;
        let unlinked = self.ipc(|ipc, _| ipc.memory_unlink(&name));
        self.leave(&unlinked);
        Ok(unlinked?)
    }
}

impl system_v_memory::Host for Guest {
    async fn get(
        &mut self,
        key: i32,
        size: u32,
        how: OpenFlags,
        mode: u32,
    ) -> Result<i32, CallError> {
        let turn = self.enter(|_| key_op("shmget", "shmkey", key, how));
        turn.await;
        let got = self.ipc(|ipc, by| ipc.shm_get(by, key, size, create(how), mode));
        self.leave(&got);
        Ok(got?)
    }

    async fn attach(
        &mut self,
        id: i32,
        read_only: bool,
    ) -> Result<Resource<OpenHandle>, CallError> {
        self.enter(|_| Some(segment("shmat", id, Add))).await;
        let attached = self.ipc(|ipc, by| ipc.shm_attach(by, id, read_only));
        self.leave(&attached);
        let handle = attached?;
        Ok(self.table.push(self.ipc_handle(handle, id.to_string()))?)
    }

    async fn status(&mut self, id: i32) -> Result<system_v_memory::SegmentStatus, CallError> {
        self.enter(|_| Some(segment("shmctl.stat", id, Read))).await;
        let status = self.ipc(|ipc, _| ipc.shm_status(id));
        self.leave(&status);
        let status = status?;
        Ok(system_v_memory::SegmentStatus {
            permissions: permissions(status.permissions),
            size: status.size,
            attached_at: self.ipc_seconds(status.attached_at),
            detached_at: self.ipc_seconds(status.detached_at),
            changed_at: self.ipc_seconds(Some(status.changed_at)),
            creator: self.ipc_pid(Some(status.creator)),
            last_process: self.ipc_pid(status.last_process),
            attached: status.attached,
            removed: status.removed,
        })
    }

    async fn set(&mut self, id: i32, mode: u32) -> Result<(), CallError> {
        self.enter(|_| Some(segment("shmctl.set", id, Write))).await;
        let set = self.ipc(|ipc, by| ipc.shm_set(by, id, mode));
        self.leave(&set);
        Ok(set?)
    }

    async fn remove(&mut self, id: i32) -> Result<(), CallError> {
        let key = self.ipc(|ipc, _| ipc.shm_status(id).map(|status| status.permissions.key));
        let op = key_freed(segment("shmctl.rmid", id, Write), "shmkey", key);
        self.enter(|_| Some(op)).await;
        let removed = self.ipc(|ipc, _| ipc.shm_remove(id));
        self.leave(&removed);
        Ok(removed?)
    }
}

impl Guest {
    /// Stands before a call on the bytes of an object.
    fn enter_memory(
        &self,
        call: &'static str,
        object: &Resource<OpenHandle>,
        access: Access,
    ) -> Turn {
        self.enter(|guest| {
            let open = guest.table.get(object).ok()?;
            let number = guest.ipc(|ipc, _| ipc.memory_number(open.handle)).ok()?;
            let op = Op::local(call).on(format!("shm:{}", open.name));
            Some(op.touch(Memory, number, access))
        })
    }
}

/// A call on a System V segment, apart from its bytes.
fn segment(call: &'static str, id: i32, access: Access) -> Op {
    id_op(call, "shmid", id).touch(Memory, id_of("shmid", id), access)
}
