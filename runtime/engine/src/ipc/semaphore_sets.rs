//! System V semaphore sets.

use super::bindings::seedpod::ipc::system_v_semaphores;
use super::bindings::seedpod::ipc::types::OpenFlags;
use super::{CallError, create, id_of, id_op, key_freed, key_op, permissions};
use crate::guest::Guest;
use seedpod_core::ipc::{Blocking, SetOperation};
use seedpod_core::sched::Access::{Add, Read, Write};
use seedpod_core::sched::ObjectKind::Semaphore;
use seedpod_core::sched::{Access, Op};
use std::time::Duration;

impl system_v_semaphores::Host for Guest {
    async fn get(
        &mut self,
        key: i32,
        count: u32,
        how: OpenFlags,
        mode: u32,
    ) -> Result<i32, CallError> {
        let turn = self.enter(|_| key_op("semget", "semkey", key, how));
        turn.await;
        let got = self.ipc(|ipc, by| ipc.sem_get(by, key, count, create(how), mode));
        self.leave(&got);
        Ok(got?)
    }

    async fn operate(
        &mut self,
        id: i32,
        operations: Vec<system_v_semaphores::Operation>,
        timeout: Option<u64>,
    ) -> Result<(), CallError> {
        let op = operate_op(id, &operations, timeout);
        self.enter(|_| Some(op)).await;
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
        let operated = self
            .ipc_wait(|ipc, by| ipc.sem_operate(by, id, operations, blocking))
            .await;
        self.leave(&operated);
        operated.map(drop)
    }

    async fn values(&mut self, id: i32) -> Result<Vec<u16>, CallError> {
        self.enter(|_| Some(whole("semctl.getall", id, Read))).await;
        let values = self.ipc(|ipc, _| ipc.sem_values(id));
        self.leave(&values);
        Ok(values?)
    }

    async fn set_values(&mut self, id: i32, values: Vec<u16>) -> Result<(), CallError> {
        self.enter(|_| Some(whole("semctl.setall", id, Write)))
            .await;
        let set = self.ipc(|ipc, by| ipc.sem_set_values(by, id, &values));
        self.leave(&set);
        Ok(set?)
    }

    async fn describe(
        &mut self,
        id: i32,
        number: u32,
    ) -> Result<system_v_semaphores::Semaphore, CallError> {
        self.enter(|_| Some(whole("semctl.getval", id, Read))).await;
        let semaphore = self.ipc(|ipc, _| ipc.sem_describe(id, number));
        self.leave(&semaphore);
        let semaphore = semaphore?;
        Ok(system_v_semaphores::Semaphore {
            value: semaphore.value,
            last_process: self.ipc_pid(semaphore.last_process),
            waiting_for_more: semaphore.waiting_for_more,
            waiting_for_zero: semaphore.waiting_for_zero,
        })
    }

    async fn set_value(&mut self, id: i32, number: u32, value: i32) -> Result<(), CallError> {
        self.enter(|_| Some(whole("semctl.setval", id, Write)))
            .await;
        let set = self.ipc(|ipc, by| ipc.sem_set_value(by, id, number, value));
        self.leave(&set);
        Ok(set?)
    }

    async fn status(&mut self, id: i32) -> Result<system_v_semaphores::SetStatus, CallError> {
        self.enter(|_| Some(whole("semctl.stat", id, Read))).await;
        let status = self.ipc(|ipc, _| ipc.sem_status(id));
        self.leave(&status);
        let status = status?;
        Ok(system_v_semaphores::SetStatus {
            permissions: permissions(status.permissions),
            operated_at: self.ipc_seconds(status.operated_at),
            changed_at: self.ipc_seconds(Some(status.changed_at)),
            semaphores: status.semaphores,
        })
    }

    async fn set(&mut self, id: i32, mode: u32) -> Result<(), CallError> {
        self.enter(|_| Some(whole("semctl.set", id, Write))).await;
        let set = self.ipc(|ipc, by| ipc.sem_set(by, id, mode));
        self.leave(&set);
        Ok(set?)
    }

    async fn remove(&mut self, id: i32) -> Result<(), CallError> {
        let key = self.ipc(|ipc, _| ipc.sem_status(id).map(|status| status.permissions.key));
        let op = key_freed(whole("semctl.rmid", id, Write), "semkey", key);
        self.enter(|_| Some(op)).await;
        let removed = self.ipc(|ipc, _| ipc.sem_remove(id));
        self.leave(&removed);
        Ok(removed?)
    }
}

/// A call on a whole set: what it does not share with anybody is one object, and so are the values.
fn whole(call: &'static str, id: i32, access: Access) -> Op {
    let object = id_of("semset", id);
    id_op(call, "semset", id).touch(Semaphore, object, access)
}

/// Operations that only add commute with their like.
fn operate_op(id: i32, operations: &[system_v_semaphores::Operation], timeout: Option<u64>) -> Op {
    let only_adds = operations.iter().all(|operation| operation.delta > 0);
    let access = if only_adds && timeout.is_none() {
        Add
    } else {
        Write
    };
    Op {
        handed: true,
        ..whole("semop", id, access)
    }
}
