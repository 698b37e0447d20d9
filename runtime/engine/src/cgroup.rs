//! `/sys/fs/cgroup` of a container, as runtimes of languages read their limits from it (cgroup v2).

use crate::guest::PodCell;
use crate::meters::Meters;
use bytes::Bytes;
use seedpod_core::cpu::PERIOD;
use seedpod_core::limits::PROCESSES_PER_POD;
use seedpod_core::volume::{Caller, DirEntry, FileType, Synthetic, SyntheticNode};
use std::sync::Arc;

/// The control group of one instance of a container.
pub(crate) struct Cgroup {
    pub(crate) cell: Arc<PodCell>,
    /// Name of the container.
    pub(crate) container: String,
    pub(crate) meters: Arc<Meters>,
}

const FILES: [&str; 7] = [
    "cgroup.controllers",
    "cpu.max",
    "cpu.stat",
    "memory.current",
    "memory.max",
    "pids.current",
    "pids.max",
];

impl Synthetic for Cgroup {
    fn node(&self, _caller: Caller, path: &str) -> Option<SyntheticNode> {
        let text = match path {
            "" => {
                let entry = |name: &str| DirEntry {
                    name: name.to_owned(),
                    kind: FileType::Regular,
                };
                return Some(SyntheticNode::Directory(FILES.map(entry).into()));
            }
            "cgroup.controllers" => "cpu memory pids\n".to_owned(),
            "cpu.max" => self.cpu_max(),
            "cpu.stat" => self.cpu_stat(),
            "memory.current" => format!("{}\n", self.meters.memory.used()),
            "memory.max" => format!("{}\n", self.meters.memory.limit()),
            "pids.current" => {
                let alive = |kernel: &mut seedpod_core::kernel::Kernel| {
                    kernel.processes.alive_in(&self.container).len()
                };
                format!("{}\n", self.cell.with(alive))
            }
            "pids.max" => format!("{PROCESSES_PER_POD}\n"),
            _ => return None,
        };
        Some(SyntheticNode::File(Bytes::from(text)))
    }
}

impl Cgroup {
    fn cpu_max(&self) -> String {
        let period = PERIOD.as_micros();
        match self.meters.cpu.limit() {
            Some((quota, _)) => format!("{} {period}\n", quota.as_micros()),
            None => format!("max {period}\n"),
        }
    }

    fn cpu_stat(&self) -> String {
        let used = self.meters.cpu.used().as_micros();
        let (_, stat) = self.meters.cpu.limit().unwrap_or_default();
        format!(
            "usage_usec {used}\nuser_usec {used}\nsystem_usec 0\nnr_periods {}\nnr_throttled {}\nthrottled_usec {}\n",
            stat.periods,
            stat.throttled,
            stat.throttled_time.as_micros()
        )
    }
}
