//! One process from its start to its end.

use crate::capture::Ran;
use crate::description::Description;
use crate::guest::{Container, Guest, PodCell, ProcessStart, Usage};
use crate::meaning::Meanings;
use crate::meters::ProcessMeter;
use crate::program::{LoadError, Program};
use crate::session::ExitSender;
use crate::settings::Slice;
use bytes::Bytes;
use seedpod_core::limits::RESOURCES_PER_PROCESS;
use seedpod_core::pod::{ContainerId, HookKind, ProbeKind};
use seedpod_core::process::{ExitStatus, ProcessId, Signal};
use seedpod_core::sched::TaskId;
use seedpod_core::seed::Seed;
use std::cell::Cell;
use std::future::poll_fn;
use std::sync::{Arc, PoisonError};
use std::task::{Poll, ready};
use wasmtime::component::ResourceTable;
use wasmtime::{CallHook, Store, StoreContextMut, Trap};
use wasmtime_wasi::I32Exit;

/// A process that is in the table and has to be started.
pub(crate) struct Spawn {
    pub(crate) process: ProcessId,
    pub(crate) container: Arc<Container>,
    /// The WebAssembly to run.
    pub(crate) program: Bytes,
    pub(crate) start: ProcessStart,
    /// Who wants to know how it ends.
    pub(crate) on_end: OnEnd,
}

/// Who wants to know how a process ends, besides its parent.
#[derive(Default)]
pub(crate) enum OnEnd {
    /// Nobody.
    #[default]
    Nothing,
    /// A probe of its container.
    Probe(ProbeRun, Ran),
    /// A hook of its container.
    Hook(HookRun, Ran),
    /// Somebody who runs a command in its container.
    Session(ExitSender),
}

/// One run of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProbeRun {
    pub(crate) container: ContainerId,
    pub(crate) attempt: u32,
    pub(crate) probe: ProbeKind,
}

/// One run of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HookRun {
    pub(crate) container: ContainerId,
    pub(crate) attempt: u32,
    pub(crate) hook: HookKind,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProcessEnd {
    pub(crate) status: ExitStatus,
    /// What went wrong, where the status alone does not say: the text of a trap.
    pub(crate) message: Option<String>,
    /// Whether it exceeded the memory limit of its container.
    pub(crate) out_of_memory: bool,
}

impl ProcessEnd {
    fn with(status: ExitStatus) -> Self {
        Self {
            status,
            message: None,
            out_of_memory: false,
        }
    }
}

/// Runs a process, and whatever programs replace its first one, to the end.
pub(crate) async fn run(
    pod: Arc<PodCell>,
    mut spawn: Spawn,
    usage: Arc<Usage>,
    seed: Seed,
    task: Option<TaskId>,
) -> ProcessEnd {
    loop {
        // The bytes go as soon as there is code.
        let bytes = std::mem::take(&mut spawn.program);
        let program = match pod.engine.program(bytes).await {
            Ok(program) => program,
            Err(error) => return not_executable(&pod, &spawn.start, &error).await,
        };
        let (end, replacement) =
            run_program(&pod, spawn, &program, usage.clone(), seed, task).await;
        match replacement {
            Some(next) => spawn = next,
            None => return end,
        }
        // A program that only executes itself never uses up a slice.
        yield_now().await;
    }
}

/// A shell says 126 of a file that it found and cannot run.
async fn not_executable(pod: &PodCell, start: &ProcessStart, error: &LoadError) -> ProcessEnd {
    let name = start.program.arguments.first().map_or("", String::as_str);
    let message = format!("{name}: cannot execute: {error}\n");
    if let Some(stderr) = start.descriptors.get(&2) {
        write_all(stderr, message.as_bytes()).await;
    }
    tracing::debug!(now = %pod.now(), %error, "cannot execute {name}");
    ProcessEnd {
        message: Some(error.to_string()),
        ..ProcessEnd::with(ExitStatus::Exited(126))
    }
}

/// Lets others have their turn.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn write_all(description: &Description, mut bytes: &[u8]) {
    poll_fn(|cx| {
        while !bytes.is_empty() {
            match ready!(description.poll_write(bytes, cx.waker())) {
                Ok(count) if count > 0 => bytes = &bytes[count..],
                // Nobody reads this; there is nobody left to tell.
                Ok(_) | Err(_) => break,
            }
        }
        Poll::Ready(())
    })
    .await;
}

async fn run_program(
    pod: &Arc<PodCell>,
    spawn: Spawn,
    program: &Program,
    usage: Arc<Usage>,
    seed: Seed,
    task: Option<TaskId>,
) -> (ProcessEnd, Option<Spawn>) {
    *usage
        .standard
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = spawn.start.standard();
    let memory = spawn.container.meters.memory.clone();
    let mut table = ResourceTable::new();
    table.set_max_capacity(RESOURCES_PER_PROCESS);
    let guest = Guest {
        table,
        pod: pod.clone(),
        container: spawn.container,
        process: spawn.process,
        task,
        fuel_charged: 0,
        in_call: Cell::default(),
        meanings: Meanings::default(),
        start: spawn.start,
        open_files: Arc::default(),
        output_streams: Arc::default(),
        random: pod.world().random(seed),
        meter: ProcessMeter::new(memory.clone(), usage),
        replacement: None,
    };
    let mut store = Store::new(program.pre.engine(), guest);
    store.limiter(|guest| &mut guest.meter);
    if task.is_some() {
        store.call_hook(charge_fuel);
    }
    let result = match set_slice(&mut store, pod.engine.slice()) {
        Ok(()) => call_run(&mut store, program).await,
        Err(error) => Err(error),
    };
    let turn = store.data().enter_end();
    turn.await;
    store.data().leave_done();
    let replacement = store.data_mut().replacement.take();
    (end_of(result, memory.is_exceeded()), replacement)
}

async fn call_run(store: &mut Store<Guest>, program: &Program) -> wasmtime::Result<Result<(), ()>> {
    let command = program.pre.instantiate_async(&mut *store).await?;
    command.wasi_cli_run().call_run(store).await
}

/// Tells the scheduler before each host call what the guest has used, so that it knows what time it is.
fn charge_fuel(mut store: StoreContextMut<'_, Guest>, hook: CallHook) -> wasmtime::Result<()> {
    if matches!(hook, CallHook::CallingHost) {
        // Without fuel, the call alone takes time.
        let used = store.get_fuel().map_or(0, |left| FUEL - left);
        let guest = store.data_mut();
        let since = used - std::mem::replace(&mut guest.fuel_charged, used);
        if let Some((scheduler, task)) = guest.scheduled() {
            scheduler.charge(task, since);
        }
    }
    Ok(())
}

/// What a guest has, which is never used up.
const FUEL: u64 = u64::MAX;

fn set_slice(store: &mut Store<Guest>, slice: Slice) -> wasmtime::Result<()> {
    match slice {
        Slice::Time(_) => {
            store.set_epoch_deadline(1);
            store.epoch_deadline_async_yield_and_update(1);
            Ok(())
        }
        Slice::Fuel(fuel) => {
            store.set_fuel(FUEL)?;
            store.fuel_async_yield_interval(Some(fuel))
        }
    }
}

fn end_of(result: wasmtime::Result<Result<(), ()>>, out_of_memory: bool) -> ProcessEnd {
    let error = match result {
        Ok(Ok(())) => return ProcessEnd::with(ExitStatus::Exited(0)),
        Ok(Err(())) => return ProcessEnd::with(ExitStatus::Exited(1)),
        Err(error) => error,
    };
    if let Some(I32Exit(code)) = error.downcast_ref() {
        // Linux keeps the low eight bits (_exit(2)).
        return ProcessEnd::with(ExitStatus::Exited(code.to_le_bytes()[0]));
    }
    if out_of_memory {
        let status = ExitStatus::Signaled(Signal::KILL);
        return ProcessEnd {
            status,
            message: Some(error.root_cause().to_string()),
            out_of_memory,
        };
    }
    // A trap is what a bad memory access, a division by zero or abort() is on Linux.
    let signal = match error.downcast_ref::<Trap>() {
        Some(Trap::MemoryOutOfBounds | Trap::StackOverflow) => Signal::SEGV,
        Some(Trap::IntegerDivisionByZero | Trap::IntegerOverflow) => Signal::FPE,
        _ => Signal::ABRT,
    };
    ProcessEnd {
        message: Some(error.root_cause().to_string()),
        ..ProcessEnd::with(ExitStatus::Signaled(signal))
    }
}
