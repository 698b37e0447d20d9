//! What containers use: memory and CPU time, each against its own limit and that of the pod.

use crate::engine::Engine;
use crate::guest::{PodCell, Usage};
use crate::ticker::ShortSlices;
use seedpod_core::cpu::{Bandwidth, PERIOD, Stat};
use seedpod_core::limits::{CONTAINER_MEMORY_DEFAULT, INSTANCES_PER_PROCESS, TABLE_ELEMENTS};
use seedpod_core::spec::{ResourceList, Resources};
use seedpod_core::time::{Instant, TimerId};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// What is counted of a container or of a pod.
pub(crate) struct Meters {
    pub(crate) memory: Arc<MemoryMeter>,
    pub(crate) cpu: Arc<CpuMeter>,
}

/// What all containers of a pod use together, where the pod has limits of its own.
pub(crate) struct PodMeters {
    memory: Option<Arc<MemoryMeter>>,
    cpu: Option<Arc<CpuMeter>>,
    engine: Engine,
}

impl PodMeters {
    pub(crate) fn new(resources: Option<&Resources>, engine: Engine, now: Instant) -> Self {
        let limits = resources.map(|resources| resources.limits);
        let limits = limits.unwrap_or_default();
        let memory = limits.memory.map(|limit| MemoryMeter::new(limit, None));
        let cpu = limits
            .cpu_m
            .map(|limit| CpuMeter::new(Some(limit), None, &engine, now));
        Self {
            memory: memory.map(Arc::new),
            cpu: cpu.map(Arc::new),
            engine,
        }
    }

    /// The limits of a running container have changed.
    pub(crate) fn resize(&self, meters: &Meters, limits: &ResourceList, now: Instant) {
        let memory = limits.memory.unwrap_or(CONTAINER_MEMORY_DEFAULT);
        meters.memory.limit.store(memory, Ordering::Release);
        meters.cpu.set_limit(limits.cpu_m, &self.engine, now);
    }

    /// For a new instance of a container.
    pub(crate) fn container(&self, limits: &ResourceList, now: Instant) -> Arc<Meters> {
        let memory = limits.memory.unwrap_or(CONTAINER_MEMORY_DEFAULT);
        Arc::new(Meters {
            memory: Arc::new(MemoryMeter::new(memory, self.memory.clone())),
            cpu: Arc::new(CpuMeter::new(
                limits.cpu_m,
                self.cpu.clone(),
                &self.engine,
                now,
            )),
        })
    }
}

/// Linear memory of a container, or of all containers of a pod.
pub(crate) struct MemoryMeter {
    limit: AtomicU64,
    used: AtomicU64,
    exceeded: AtomicBool,
    /// There is nothing left, whatever the limit.
    exhausted: AtomicBool,
    pod: Option<Arc<Self>>,
}

impl MemoryMeter {
    /// `limit` in bytes. What is used counts for `pod` too.
    pub(crate) fn new(limit: u64, pod: Option<Arc<Self>>) -> Self {
        Self {
            limit: AtomicU64::new(limit),
            used: AtomicU64::new(0),
            exceeded: AtomicBool::new(false),
            exhausted: AtomicBool::new(false),
            pod,
        }
    }

    /// Whether a process asked for more than there is.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Acquire)
    }

    /// Whether the next process that asks for more gets nothing.
    pub(crate) fn set_exhausted(&self, exhausted: bool) {
        self.exhausted.store(exhausted, Ordering::Release);
    }

    /// Somebody else has taken what a process has: it is killed for that.
    pub(crate) fn exceed(&self) {
        self.exceeded.store(true, Ordering::Release);
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// The smaller limit, in bytes.
    pub(crate) fn limit(&self) -> u64 {
        let pod = self.pod.as_ref().map_or(u64::MAX, |pod| pod.limit());
        self.limit.load(Ordering::Acquire).min(pod)
    }

    fn grow(&self, bytes: u64) -> Result<(), OutOfMemory> {
        let used = self
            .used
            .fetch_add(bytes, Ordering::AcqRel)
            .saturating_add(bytes);
        let limit = self.limit.load(Ordering::Acquire);
        let own = match used > limit || self.exhausted.load(Ordering::Acquire) {
            true => Err(OutOfMemory { limit }),
            false => Ok(()),
        };
        let all = own.and_then(|()| self.pod.as_ref().map_or(Ok(()), |pod| pod.grow(bytes)));
        if all.is_err() {
            self.used.fetch_sub(bytes, Ordering::AcqRel);
            self.exceeded.store(true, Ordering::Release);
        }
        all
    }

    fn shrink(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
        if let Some(pod) = &self.pod {
            pod.shrink(bytes);
        }
    }
}

/// The container exceeded its memory limit, or the pod's.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("memory limit of {limit} bytes exceeded")]
pub(crate) struct OutOfMemory {
    limit: u64,
}

/// Linear memory and tables of one process.
pub(crate) struct ProcessMeter {
    container: Arc<MemoryMeter>,
    usage: Arc<Usage>,
    table_bytes: u64,
}

impl ProcessMeter {
    /// `usage` is what `ps` shows.
    pub(crate) fn new(container: Arc<MemoryMeter>, usage: Arc<Usage>) -> Self {
        Self {
            container,
            usage,
            table_bytes: 0,
        }
    }
}

impl wasmtime::ResourceLimiter for ProcessMeter {
    /// Growing beyond the limit of the container ends it, as the kernel's OOM killer would: Linux never refuses `brk`.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let bytes = desired.saturating_sub(current) as u64;
        self.container.grow(bytes)?;
        self.usage.memory.fetch_add(bytes, Ordering::Relaxed);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS || maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let bytes = (desired.saturating_sub(current) as u64).saturating_mul(TABLE_ELEMENT_BYTES);
        self.container.grow(bytes)?;
        self.table_bytes += bytes;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_PER_PROCESS
    }

    fn memories(&self) -> usize {
        INSTANCES_PER_PROCESS
    }

    fn tables(&self) -> usize {
        INSTANCES_PER_PROCESS
    }
}

/// A pointer, on every machine alike.
const TABLE_ELEMENT_BYTES: u64 = 8;

impl Drop for ProcessMeter {
    fn drop(&mut self) {
        let memory = self.usage.memory.swap(0, Ordering::Relaxed);
        self.container.shrink(memory + self.table_bytes);
    }
}

/// CPU time of a container, or of all containers of a pod.
pub(crate) struct CpuMeter {
    /// `None` without a limit.
    limit: Mutex<Option<CpuLimit>>,
    /// Nanoseconds.
    used: AtomicU64,
    /// The last step was none: its process had to wait for the next period.
    parked: AtomicBool,
    pod: Option<Arc<Self>>,
}

struct CpuLimit {
    bandwidth: Bandwidth,
    _slices: Option<ShortSlices>,
}

impl CpuLimit {
    fn new(bandwidth: Bandwidth, engine: &Engine) -> Self {
        let can_throttle = bandwidth.quota() < PERIOD;
        Self {
            _slices: can_throttle.then(|| engine.short_slices()).flatten(),
            bandwidth,
        }
    }
}

impl CpuMeter {
    /// `limit_m` in thousandths of a core. What is used counts for `pod` too.
    fn new(limit_m: Option<u64>, pod: Option<Arc<Self>>, engine: &Engine, now: Instant) -> Self {
        let limit = limit_m.map(|limit| CpuLimit::new(Bandwidth::new(limit, now), engine));
        Self {
            limit: Mutex::new(limit),
            used: AtomicU64::new(0),
            parked: AtomicBool::new(false),
            pod,
        }
    }

    fn set_limit(&self, limit_m: Option<u64>, engine: &Engine, now: Instant) {
        let mut limit = self.lock();
        let before = limit.take();
        *limit = limit_m.map(|limit_m| {
            let bandwidth = match before {
                None => Bandwidth::new(limit_m, now),
                Some(CpuLimit { mut bandwidth, .. }) => {
                    bandwidth.set_limit(limit_m, now);
                    bandwidth
                }
            };
            CpuLimit::new(bandwidth, engine)
        });
    }

    /// One of its processes has had a step of `time` until `now`. Whether it ran.
    pub(crate) fn account(&self, now: Instant, time: Duration) -> bool {
        if self.parked.swap(false, Ordering::Relaxed) {
            return false;
        }
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.used.fetch_add(nanos, Ordering::Relaxed);
        if let Some(limit) = &mut *self.lock() {
            limit.bandwidth.charge(now, time);
        }
        if let Some(pod) = &self.pod {
            pod.account(now, time);
        }
        true
    }

    /// CPU time used so far.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    /// Its own quota in a period, and what became of it.
    pub(crate) fn limit(&self) -> Option<(Duration, Stat)> {
        let limit = self.lock();
        let bandwidth = &limit.as_ref()?.bandwidth;
        Some((bandwidth.quota(), bandwidth.stat()))
    }

    fn throttled_until(&self, now: Instant) -> Option<Instant> {
        let own = match &mut *self.lock() {
            Some(limit) => limit.bandwidth.throttled_until(now),
            None => None,
        };
        let pod = self.pod.as_ref().and_then(|pod| pod.throttled_until(now));
        own.max(pod)
    }

    fn lock(&self) -> MutexGuard<'_, Option<CpuLimit>> {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a process of a container only while the container has CPU time left.
pub(crate) async fn within_limit<T>(
    pod: Arc<PodCell>,
    cpu: Arc<CpuMeter>,
    process: impl Future<Output = T>,
) -> T {
    let mut process = pin!(process);
    let mut pause = Pause { pod, timer: None };
    poll_fn(|cx| match cpu.throttled_until(pause.pod.now()) {
        Some(until) => {
            cpu.parked.store(true, Ordering::Relaxed);
            pause.sleep(until, cx);
            Poll::Pending
        }
        None => process.as_mut().poll(cx),
    })
    .await
}

/// A process that waits for the next period. Whatever else wakes it meanwhile, it sees then.
struct Pause {
    pod: Arc<PodCell>,
    timer: Option<(Instant, TimerId)>,
}

impl Pause {
    fn sleep(&mut self, until: Instant, cx: &Context<'_>) {
        self.pod.with(|kernel| match self.timer {
            Some((at, id)) if at == until => kernel.timers.update(until, id, cx.waker()),
            _ => self.timer = Some((until, kernel.timers.register(until, cx.waker().clone()))),
        });
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some((at, id)) = self.timer {
            self.pod.with(|kernel| kernel.timers.cancel(at, id));
        }
    }
}
