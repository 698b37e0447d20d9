//! What a test does to a pod, and what otherwise only a machine does.

use super::handle::{PodHandle, Request};
use seedpod_core::process::Signal;

/// When a container has no memory left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhaustion {
    /// At once: it is killed wherever it is.
    Now,
    /// When it next asks for more.
    NextGrowth,
}

impl PodHandle {
    /// Kills every process of a container, as SIGKILL does; its pod decides about a restart. Whether there was one.
    pub fn kill_container(&self, container: &str) -> bool {
        let killed = self.cell.with(|kernel| {
            let alive = kernel.processes.alive_in(container);
            for process in &alive {
                kernel.processes.signal(*process, Signal::KILL);
            }
            !alive.is_empty()
        });
        self.cell.notify();
        killed
    }

    /// Takes the memory away from a container that runs, which ends as `OOMKilled`. Whether it runs.
    pub fn exhaust_memory(&self, container: &str, when: Exhaustion) -> bool {
        let running = self.cell.containers().get(container).cloned();
        let Some(running) = running else {
            return false;
        };
        match when {
            Exhaustion::NextGrowth => {
                running.meters.memory.set_exhausted(true);
                true
            }
            Exhaustion::Now => {
                running.meters.memory.exceed();
                self.kill_container(container)
            }
        }
    }

    /// Takes back what [`Exhaustion::NextGrowth`] would do.
    pub fn restore_memory(&self, container: &str) {
        let running = self.cell.containers().get(container).cloned();
        if let Some(running) = running {
            running.meters.memory.set_exhausted(false);
        }
    }

    /// Restarts at once whatever waits for its back-off.
    pub fn end_back_offs(&self) {
        self.inbox.send(Request::EndBackOffs);
    }
}
