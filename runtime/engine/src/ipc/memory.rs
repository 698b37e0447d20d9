//! Shared memory, POSIX and System V.

use super::bindings::seedpod::ipc::types::OpenFlags;
use super::bindings::seedpod::ipc::{shared_memory, system_v_memory};
use super::{CallError, OpenHandle, create, open_how, permissions};
use crate::guest::Guest;
use seedpod_core::ipc::Run;
use wasmtime::component::Resource;

impl shared_memory::HostObject for Guest {
    fn exchange(
        &mut self,
        object: Resource<OpenHandle>,
        offset: u32,
        length: u32,
        since: u64,
        changed: Vec<shared_memory::Run>,
    ) -> Result<shared_memory::News, CallError> {
        let handle = self.table.get(&object)?.handle;
        let changed = changed.into_iter().map(|run| Run {
            offset: run.offset,
            bytes: run.bytes,
        });
        let changed: Vec<Run> = changed.collect();
        let range = (offset, length);
        let news = self.ipc(|ipc, _| ipc.memory_exchange(handle, range, since, &changed))?;
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

    fn read(
        &mut self,
        object: Resource<OpenHandle>,
        offset: u32,
        length: u32,
    ) -> Result<Vec<u8>, CallError> {
        let handle = self.table.get(&object)?.handle;
        Ok(self.ipc(|ipc, _| ipc.memory_read(handle, offset, length))?)
    }

    fn write(
        &mut self,
        object: Resource<OpenHandle>,
        offset: u32,
        bytes: Vec<u8>,
    ) -> Result<(), CallError> {
        let handle = self.table.get(&object)?.handle;
        Ok(self.ipc(|ipc, _| ipc.memory_write(handle, &Run { offset, bytes }))?)
    }

    fn size(&mut self, object: Resource<OpenHandle>) -> wasmtime::Result<u32> {
        let handle = self.table.get(&object)?.handle;
        Ok(self.ipc(|ipc, _| ipc.memory_size(handle))?)
    }

    fn resize(&mut self, object: Resource<OpenHandle>, size: u64) -> Result<(), CallError> {
        let handle = self.table.get(&object)?.handle;
        Ok(self.ipc(|ipc, _| ipc.memory_resize(handle, size))?)
    }

    fn drop(&mut self, object: Resource<OpenHandle>) -> wasmtime::Result<()> {
        self.table.delete(object)?;
        Ok(())
    }
}

impl shared_memory::Host for Guest {
    fn open(&mut self, name: String, how: OpenFlags) -> Result<Resource<OpenHandle>, CallError> {
        let handle = self.ipc(|ipc, by| ipc.memory_open(by, &name, open_how(how)))?;
        Ok(self.table.push(self.ipc_handle(handle, name))?)
    }

    fn unlink(&mut self, name: String) -> Result<(), CallError> {
        Ok(self.ipc(|ipc, _| ipc.memory_unlink(&name))?)
    }
}

impl system_v_memory::Host for Guest {
    fn get(&mut self, key: i32, size: u32, how: OpenFlags, mode: u32) -> Result<i32, CallError> {
        Ok(self.ipc(|ipc, by| ipc.shm_get(by, key, size, create(how), mode))?)
    }

    fn attach(&mut self, id: i32, read_only: bool) -> Result<Resource<OpenHandle>, CallError> {
        let handle = self.ipc(|ipc, by| ipc.shm_attach(by, id, read_only))?;
        Ok(self.table.push(self.ipc_handle(handle, id.to_string()))?)
    }

    fn status(&mut self, id: i32) -> Result<system_v_memory::SegmentStatus, CallError> {
        let status = self.ipc(|ipc, _| ipc.shm_status(id))?;
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

    fn set(&mut self, id: i32, mode: u32) -> Result<(), CallError> {
        Ok(self.ipc(|ipc, by| ipc.shm_set(by, id, mode))?)
    }

    fn remove(&mut self, id: i32) -> Result<(), CallError> {
        Ok(self.ipc(|ipc, _| ipc.shm_remove(id))?)
    }
}
