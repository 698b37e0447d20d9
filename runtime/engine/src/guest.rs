//! The data of one store: one process of a container.

use seedpod_core::kernel::Kernel;
use seedpod_core::process::ProcessId;
use seedpod_core::time::{Instant, WallTime};
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::ResourceTable;

/// Tells the time. The `host` world reads the machine's clock; the `sim` world its own.
pub trait Clock: Send + Sync {
    /// Nanoseconds since the world began.
    fn now(&self) -> Instant;
    /// Wall time when the world began.
    fn epoch(&self) -> WallTime;
}

/// What the containers of a pod share. One short lock, never held over an `await`, behind one function.
pub struct PodCell {
    kernel: Mutex<Kernel>,
    clock: Arc<dyn Clock>,
}

impl PodCell {
    /// Wraps a kernel.
    pub fn new(kernel: Kernel, clock: Arc<dyn Clock>) -> Self {
        Self {
            kernel: Mutex::new(kernel),
            clock,
        }
    }

    /// Calls into the kernel.
    pub fn with<R>(&self, call: impl FnOnce(&mut Kernel) -> R) -> R {
        // A panic below is contained to its pod; whoever asks next still gets an answer.
        call(&mut self.kernel.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The wall time.
    pub fn wall_time(&self) -> WallTime {
        self.clock.epoch().at(self.clock.now())
    }
}

/// One process of a container, as its host functions see it.
pub struct Guest {
    /// Resources the guest holds handles of.
    pub table: ResourceTable,
    /// What its pod shares.
    pub pod: Arc<PodCell>,
    /// Which process it is.
    pub process: ProcessId,
}

impl wasmtime_wasi_io::IoView for Guest {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}
